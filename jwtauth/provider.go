package jwtauth

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
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

	guard JWTAuth
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
	p.guard.Realm = p.Realm
	if lineage := ctx.Modules(); len(lineage) > 1 {
		handler, ok := lineage[len(lineage)-2].(*caddyauth.Authentication)
		p.only = ok && len(handler.ProvidersRaw) == 1
	}
	return p.guard.Provision(ctx)
}

// Authenticate implements [caddyauth.Authenticator]. A visitor without a valid
// credential is no error: the handler would log it as one.
func (p *Provider) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	state := stateOf(r)
	cookies := state.clean(r, p.guard.realm, nil)
	realm, err := p.guard.realm.await(r.Context())
	if err != nil {
		return caddyauth.User{}, false, err
	}
	v := p.guard.authenticate(r, realm, cookies)
	if v.refusal != nil || v.principal == nil {
		if v.refusal == nil {
			v.refusal = oauth2.NotAuthenticated()
		}
		if p.only {
			p.guard.realm.metrics.refusal(v.refusal)
		}
		w.Header().Set("WWW-Authenticate", "Bearer")
		return caddyauth.User{}, false, nil
	}
	principal := v.principal
	state.principal, state.realm = principal, realm
	return caddyauth.User{ID: principal.Username, Metadata: map[string]string{
		"roles":   strings.Join(principal.Roles, ","),
		"scope":   strings.Join(principal.Scopes, " "),
		"session": principal.Session,
	}}, true, nil
}

// Interface guards
var (
	_ caddy.Provisioner       = (*Provider)(nil)
	_ caddyauth.Authenticator = (*Provider)(nil)
)
