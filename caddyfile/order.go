package caddyfile

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

// What the usual order of directives promises, and an `order` line can break.
var (
	// changePaths are directives after which a path is the one that is served: a guard
	// before them would match another one.
	changePaths = []string{"rewrite", "uri", "try_files"}
	// answer are directives after which a guard or a token server would never be reached.
	answer = []string{
		"invoke", "handle", "handle_path", "route", "abort", "error", "respond", "metrics", "reverse_proxy", "php_fastcgi",
		"file_server", "acme_server",
	}
)

// checkOrder refuses `order` lines by which the directives of this module would not do
// what they say.
func checkOrder(h httpcaddyfile.Helper) error {
	order, ok := h.Option("order").([]string)
	if !ok { // no such line
		return nil
	}
	at := func(directive string) int { return slices.Index(order, directive) }
	guard, server := at("jwt_auth"), at("token_server")
	for _, directive := range changePaths {
		if guard < at(directive) {
			return h.Errf("an `order` line puts %[1]s after jwt_auth, so that a guard would match the path before %[1]s changes it: remove the line, or put jwt_auth after %[1]s", directive)
		}
	}
	for _, directive := range []string{"rewrite", "try_files", "jwt_auth"} {
		if place := at(directive); place >= 0 && place < server {
			return h.Errf("an `order` line puts token_server after %[1]s, so that its paths, such as /token and /login, would be %[2]s: remove the line, or put token_server before %[1]s", directive,
				map[bool]string{true: "guarded", false: "rewritten"}[directive == "jwt_auth"])
		}
	}
	for _, directive := range answer {
		place := at(directive)
		for _, ours := range []string{"token_server", "jwt_auth"} {
			if place >= 0 && place < at(ours) {
				return h.Errf("an `order` line puts %[2]s after %[1]s, which answers or has an order of its own, so that %[2]s would not be reached: remove the line, or put %[2]s before %[1]s", directive, ours)
			}
		}
	}
	return nil
}
