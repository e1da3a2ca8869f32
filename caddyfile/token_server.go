package caddyfile

import (
	"cmp"

	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
)

func init() {
	httpcaddyfile.RegisterDirective("token_server", parseTokenServer)
	// Before method, and so before rewrite and try_files, so that the catch-all
	// of a single-page site cannot take its paths.
	httpcaddyfile.RegisterDirectiveOrder("token_server", httpcaddyfile.Before, "method")
}

// parseTokenServer sets up a token server from Caddyfile tokens. Syntax:
//
//	token_server [<matcher>] {
//	    realm     <name>
//	    base_path <path>
//	    errors    rfc6749
//	    cors      <origins...>
//	    title     <text>
//	    logo      <path>
//	    theme     <folder>
//	    pages     off
//	}
//
// `cors` may be repeated. A matcher of paths that are none of its own is an error.
//
// It carries its matcher itself, and keeps the session cookie out of every request of
// the block that is passed on.
func parseTokenServer(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // consume directive name
	if err := cmp.Or(checkOrder(h), checkKept(h), checkDropped(h)); err != nil {
		return nil, err
	}
	matcher, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, h.WrapErr(err)
	}
	h.Next()
	if h.NextArg() {
		return nil, h.Errf("token_server takes a matcher and a block, and %q is neither", h.Val())
	}
	server := new(jwtauth.TokenServer)
	b := newBlock(h.Dispenser)
	for h.NextBlock(0) {
		option := h.Val()
		switch option {
		case "realm":
			server.Realm, err = parseRealm(h, b)
		case "base_path":
			if server.BasePath, err = b.one("a path, such as /auth"); err == nil {
				if err := oauth2.CheckBasePath(server.BasePath); err != nil {
					return nil, h.WrapErr(err)
				}
			}
		case "errors":
			server.Errors, err = b.one("the word rfc6749")
		case "cors":
			server.CORS, err = b.origins(server.CORS)
		case "title":
			server.Title, err = b.one("the name of the site")
		case "logo":
			server.Logo, err = b.one("the path of an image")
		case "theme":
			server.Theme, err = b.one("a folder")
		case "pages":
			server.Pages, err = b.one("the word off")
		default:
			err = b.unknown("token_server", "realm, base_path, errors, cors, title, logo, theme, pages")
		}
		if err != nil {
			return nil, err
		}
		if err := b.flat(option, 1); err != nil {
			return nil, err
		}
	}
	if err := server.Validate(); err != nil {
		return nil, h.WrapErr(err)
	}
	if matcher, err = serverMatcher(h, matcher, server); err != nil {
		return nil, err
	}
	if len(matcher) > 0 {
		server.MatcherSetsRaw = caddyhttp.RawMatcherSets{matcher}
	}
	return route(h, server), nil
}

// Interface guards
var _ httpcaddyfile.UnmarshalFunc = parseTokenServer
