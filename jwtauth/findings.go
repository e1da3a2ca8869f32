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
	result, ok := a.Lint()
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
	if result.Templates {
		a.includes.on.Store(true)
	}
	return errors.Join(errs...)
}

// Lint goes through the routes of the config that the app is of. It is false where there
// is no http app.
func (a *App) Lint() (lint.Result, bool) {
	servers, ok := a.httpApp()
	if !ok {
		return lint.Result{}, false
	}
	return lint.Check(servers), true
}

func (a *App) httpApp() (*caddyhttp.App, bool) {
	app, err := a.ctx.AppIfConfigured("http")
	if err != nil {
		return nil, false
	}
	servers, ok := app.(*caddyhttp.App)
	return servers, ok
}

func siteOf(f lint.Finding) string {
	return cmp.Or(strings.Join(f.Hosts, ", "), "server "+f.Server)
}

// Guards implements [lint.Ours].
func (g *JWTAuth) Guards() *lint.Guard {
	return &lint.Guard{
		Handler: g, Name: g.written, Realm: g.realm.name, Sets: g.match.sets,
		Optional: g.Optional, ErrorsToSite: g.Errors == errorsToSite, Login: cmp.Or(g.Login, loginRedirect), Headers: g.names,
		CookieDomain: g.realm.parsed.realm.CookieDomain,
		Who:          g.who(),
	}
}

// who says who may pass, for people.
func (g *JWTAuth) who() string {
	if g.Optional {
		return "everyone, signed in or not"
	}
	var rules []string
	if g.Roles != nil && !g.Roles.anyone() {
		if len(g.Roles.Any) > 0 {
			rules = append(rules, "role "+strings.Join(g.Roles.Any, " or "))
		}
		if len(g.Roles.All) > 0 {
			rules = append(rules, "role "+strings.Join(g.Roles.All, " and "))
		}
	}
	if len(g.Scope) > 0 {
		rules = append(rules, "scope "+strings.Join(g.Scope, " and "))
	}
	for _, claim := range g.Claims {
		rules = append(rules, "claim "+claim.Name+" "+strings.Join(claim.Values, " or "))
	}
	if len(rules) == 0 {
		rules = append(rules, "every signed-in user")
	}
	who := strings.Join(rules, ", and ")
	if g.Preflight == preflightPass {
		who += " (preflights pass)"
	}
	return who
}

// Serves implements [lint.Ours].
func (*JWTAuth) Serves() *lint.TokenServer { return nil }

// Guards implements [lint.Ours].
func (*TokenServer) Guards() *lint.Guard { return nil }

// Serves implements [lint.Ours].
func (t *TokenServer) Serves() *lint.TokenServer {
	server := &lint.TokenServer{
		Name: writtenAs("token_server", t.MatcherSetsRaw), Realm: t.realm.name, BasePath: t.BasePath, Sets: t.match.sets,
	}
	if t.closed != nil {
		server.SignIn = t.closed.Pages.SignInPath("")
	}
	return server
}

// Guards implements [lint.Ours].
func (p *Provider) Guards() *lint.Guard {
	return &lint.Guard{Name: "authentication", Realm: p.realm.name, Login: loginOff, Who: "every signed-in user"}
}

// Serves implements [lint.Ours].
func (*Provider) Serves() *lint.TokenServer { return nil }

// Interface guards
var (
	_ lint.Ours = (*JWTAuth)(nil)
	_ lint.Ours = (*TokenServer)(nil)
	_ lint.Ours = (*Provider)(nil)
)
