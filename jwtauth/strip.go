package jwtauth

import (
	"errors"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(strip{})
}

// strip stood next to guards that had their matcher in their route. It is here so that a
// config that has it says what to write.
type strip struct{}

// CaddyModule returns the Caddy module information.
func (strip) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.jwt_auth_strip",
		New: func() caddy.Module { return new(strip) },
	}
}

// UnmarshalJSON reads any config, so that it is Provision that refuses it.
func (*strip) UnmarshalJSON([]byte) error { return nil }

// Provision refuses the handler.
func (*strip) Provision(caddy.Context) error {
	return errors.New(`there is no handler jwt_auth_strip any more, since jwt_auth and token_server do its work themselves: remove it, and move the matcher of each jwt_auth and token_server from its route into the handler, as in {"handle": [{"handler": "jwt_auth", "match": [{"path": ["/private/*"]}]}]}`)
}

// Interface guards
var _ caddy.Provisioner = (*strip)(nil)
