package jwtauth

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(Strip{})
}

// Strip removes from every request what only this module may say: the identity headers
// that a guard of the site sets, unless a guard has set them for this request; the
// session cookies of all realms; headers that name another method, such as
// X-HTTP-Method-Override; and an Upgrade to a protocol that is neither websocket nor
// named by the realm. The Caddyfile directives
// `jwt_auth` and `token_server` add it to their site; in JSON it stands, without
// a matcher, before the handlers that pass requests on.
type Strip struct {
	// Any realm of the config; the session cookies of all of them are removed.
	// Default: `default`.
	Realm string `json:"realm,omitempty"`
	// The names of the identity headers.
	Headers []string `json:"headers,omitempty"`

	realm *Realm
}

// CaddyModule returns the Caddy module information.
func (Strip) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.jwt_auth_strip",
		New: func() caddy.Module { return new(Strip) },
	}
}

// Provision finds the realm.
func (s *Strip) Provision(ctx caddy.Context) error {
	realm, err := realmOf(ctx, s.Realm)
	if err != nil {
		return err
	}
	s.realm = realm
	for i, name := range s.Headers {
		s.Headers[i] = http.CanonicalHeaderKey(name)
	}
	realm.app.addIdentityHeaders(s.Headers)
	return nil
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (s *Strip) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	state := stateOf(r)
	state.Clean(r, s.realm.parsed.upgrade, s.Headers)
	return state.pass(w, r, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Strip)(nil)
	_ caddyhttp.MiddlewareHandler = (*Strip)(nil)
)
