// Package caddyjwtauth brings the whole of jwtauth into a Caddy binary: its
// modules, its Caddyfile directives and its commands. It is what
// `xcaddy build --with github.com/caddy-jwtauth/caddy-jwtauth` imports, and has
// nothing of its own.
package caddyjwtauth

import (
	_ "github.com/caddy-jwtauth/caddy-jwtauth/caddyfile"
	_ "github.com/caddy-jwtauth/caddy-jwtauth/cmd"
	_ "github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)
