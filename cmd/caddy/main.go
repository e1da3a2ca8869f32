// Command caddy is Caddy with its standard modules and jwtauth.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-jwtauth/caddy-jwtauth"
)

func main() { caddycmd.Main() }
