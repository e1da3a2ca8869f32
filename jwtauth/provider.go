package jwtauth

import (
	"net/http"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
)

func init() {
	caddy.RegisterModule(Provider{})
}

// Provider lets Caddy's own `authentication` handler take access tokens and
// session cookies of a realm, for JSON configs that combine it with other
// providers. That handler knows no roles and answers every refusal with 401;
// where that is not enough, use the handler `jwt_auth`.
//
// The metric of refusals counts where this is the handler's only provider. Among
// several, none is told what came of the request, so none counts.
type Provider struct {
	// The realm. Default: `default`.
	Realm string `json:"realm,omitempty"`

	realm *Realm
	guard guard.Guard
	// only is set where the handler has no other provider.
	only bool
}

// CaddyModule returns the Caddy module information.
func (Provider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.authentication.providers.jwtauth",
		New: func() caddy.Module { return new(Provider) },
	}
}

// Provision finds the realm.
func (p *Provider) Provision(ctx caddy.Context) error {
	if lineage := ctx.Modules(); len(lineage) > 1 {
		handler, ok := lineage[len(lineage)-2].(*caddyauth.Authentication)
		p.only = ok && len(handler.ProvidersRaw) == 1
	}
	var err error
	if p.realm, err = realmOf(ctx, p.Realm); err != nil {
		return err
	}
	p.guard = guard.Guard{
		Realm: p.realm.name, Origin: http.NewCrossOriginProtection(),
		Sources: []guard.Source{{From: guard.FromHeader}, {From: guard.FromCookie}},
	}
	return nil
}

// Authenticate implements [caddyauth.Authenticator]. A visitor without a valid credential
// is no error: the handler would log it as one.
func (p *Provider) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	state := stateOf(r)
	state.Clean(r, p.realm.parsed.upgrade, nil)
	in, err := p.realm.future.Await(r.Context())
	if err != nil {
		return caddyauth.User{}, false, err
	}
	d := p.guard.Decide(r, &state.Request, in)
	if d.Refusal != nil {
		if p.only {
			p.realm.metrics.Refused(guard.Reason(d.Refusal))
		}
		w.Header().Set("WWW-Authenticate", oauth2.NotAuthenticated().ByGuard(p.realm.name).Challenge)
		return caddyauth.User{}, false, nil
	}
	state.Accept(in, d)
	return caddyauth.User{ID: d.Principal.Username, Metadata: map[string]string{
		"roles":   strings.Join(d.Principal.Roles, ","),
		"scope":   strings.Join(d.Principal.Scopes, " "),
		"session": d.Principal.Session,
	}}, true, nil
}

// Interface guards
var (
	_ caddy.Provisioner       = (*Provider)(nil)
	_ caddyauth.Authenticator = (*Provider)(nil)
)
