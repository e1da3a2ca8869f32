// Command caddy is Caddy with its standard modules and jwtauth.
package main

import (
	// Time zones, for systems without a database of them; Caddy's own main has it, too.
	_ "time/tzdata"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-jwtauth/caddy-jwtauth"
)

func main() { caddycmd.Main() }
