package jwtauth

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/lint"
)

// checkRoutes goes through the routes of the http app, which have been provisioned by the
// time our app starts. What cannot be meant is refused; the rest is told in the log.
func (a *App) checkRoutes() error {
	result, ok := a.lint()
	if !ok {
		return nil
	}
	var errs []error
	for _, f := range result.Findings {
		if f.Severity == lint.Error {
			errs = append(errs, fmt.Errorf("%s: %s (%s): %s", siteOf(f), f.Where, f.Rule, f.Text))
			continue
		}
		a.logger.Warn(f.Text, zap.String("rule", f.Rule), zap.String("where", f.Where), zap.String("server", f.Server), zap.Strings("hosts", f.Hosts))
	}
	a.sites = sitesOf(result)
	return errors.Join(errs...)
}

// lint is false where there is no http app.
func (a *App) lint() (lint.Result, bool) {
	app, err := a.ctx.AppIfConfigured("http")
	if err != nil {
		return lint.Result{}, false
	}
	servers, ok := app.(*caddyhttp.App)
	if !ok {
		return lint.Result{}, false
	}
	return lint.Check(servers), true
}

func siteOf(f lint.Finding) string {
	return cmp.Or(strings.Join(f.Hosts, ", "), "server "+f.Server)
}

// Guards implements [lint.Ours].
func (g *JWTAuth) Guards() *lint.Guard {
	return &lint.Guard{
		Handler: g, Name: g.written, Realm: g.realm.name, Sets: g.match.sets,
		Optional: g.Optional, ErrorsToSite: g.Errors == errorsToSite, Login: cmp.Or(g.Login, loginRedirect), Headers: g.names,
	}
}

// Serves implements [lint.Ours].
func (*JWTAuth) Serves() *lint.TokenServer { return nil }

// Guards implements [lint.Ours].
func (*TokenServer) Guards() *lint.Guard { return nil }

// Serves implements [lint.Ours].
func (t *TokenServer) Serves() *lint.TokenServer {
	return &lint.TokenServer{BasePath: t.BasePath, Sets: t.match.sets}
}

// Guards implements [lint.Ours].
func (p *Provider) Guards() *lint.Guard {
	return &lint.Guard{Name: "authentication", Realm: p.realm.name, Login: loginOff}
}

// Serves implements [lint.Ours].
func (*Provider) Serves() *lint.TokenServer { return nil }

// Interface guards
var (
	_ lint.Ours = (*JWTAuth)(nil)
	_ lint.Ours = (*TokenServer)(nil)
	_ lint.Ours = (*Provider)(nil)
)
