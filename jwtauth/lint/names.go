package lint

import (
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"
)

// Name is a handler as a person would write it in a Caddyfile, with the paths of its
// route. It is "" for the block of a site, and shows no value that may be a secret.
func Name(route caddyhttp.Route, handler caddyhttp.MiddlewareHandler) string {
	if ours := oursOf(handler); ours != nil {
		if guard := ours.Guards(); guard != nil {
			return guard.Name
		}
		if server := ours.Serves(); server != nil {
			return server.Name
		}
	}
	name := directiveOf(handler)
	if _, isBlock := handler.(*caddyhttp.Subroute); isBlock && len(route.MatcherSets) > 0 && onlyHosts(route) {
		return ""
	}
	if paths, ok := pathsOf(route.MatcherSets); ok {
		name += " " + strings.Join(paths, " ")
	} else if matchers, known := matchersOf(route); !onlyHosts(route) && (matchers != "" || !known) {
		name += " (with a matcher)"
	}
	return name
}

func directiveOf(handler caddyhttp.MiddlewareHandler) string {
	switch h := handler.(type) {
	case *caddyhttp.Subroute:
		return "handle"
	case *caddyhttp.Invoke:
		return "invoke " + h.Name
	case *caddyhttp.StaticResponse:
		switch {
		case h.Abort:
			return "abort"
		case h.Headers["Location"] != nil:
			return "redir"
		}
		return "respond"
	case *caddyauth.Authentication:
		if len(h.Providers) == 1 && h.Providers["http_basic"] != nil {
			return "basic_auth"
		}
	case caddyhttp.StaticResponse:
		return "automatic https"
	case *caddyhttp.StaticError:
		return "error"
	case *headers.Handler, headers.Handler:
		return "header"
	case *rewrite.Rewrite:
		if h.StripPathPrefix != "" {
			return "uri strip_prefix " + h.StripPathPrefix
		}
		return "rewrite"
	}
	if module, ok := handler.(caddy.Module); ok {
		return module.CaddyModule().ID.Name()
	}
	return "a handler"
}
