package caddyfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Of a named route whose directives all are without a matcher Caddy keeps the
// first handler alone and drops the others (v2.11.9, extractNamedRoutes): `invoke`
// would then pass requests on without the guard.

// always is a matcher that matches every request and that no other directive
// writes. In a named route our handlers carry it, so that Caddy keeps all of it.
var always = caddy.ModuleMap{"not": json.RawMessage("[]")}

// route is the route of a handler of ours, which carries its matcher itself.
func route(h httpcaddyfile.Helper, handler caddyhttp.MiddlewareHandler) []httpcaddyfile.ConfigValue {
	if h.IsNamedRoute() {
		return h.NewRoute(always, handler)
	}
	return h.NewRoute(nil, handler)
}

// checkDropped refuses a Caddyfile with a named route of which Caddy has dropped an
// invoke that led to a handler of ours. Named routes come before sites, so a
// directive of a site can see what has become of all of them.
func checkDropped(h httpcaddyfile.Helper) error {
	if h.IsNamedRoute() {
		return nil
	}
	routes, invokes := namedRoutes(h)
	for _, name := range slices.Sorted(maps.Keys(invokes)) {
		for _, invoked := range invokes[name] {
			if !strings.Contains(routes[name], invokeOf(invoked)) && leadsToOurs(routes, invokes, invoked, nil) {
				return h.Errf("Caddy has dropped `invoke %[1]s` from the named route %[2]s, and with it a handler of jwtauth: it keeps only the first handler of a named route whose directives all are without a matcher. Put all of its directives into one `handle` block, or invoke %[1]s from the site itself", invoked, name)
			}
		}
	}
	return nil
}

// namedRoutes are the handlers of each named route, as JSON, and the names of those
// that it was written to invoke. Both are among the options of Caddy's adapter, under
// names that its documentation does not promise: the tests of this package say so
// where another Caddy has others.
func namedRoutes(h httpcaddyfile.Helper) (routes map[string]string, invokes map[string][]string) {
	kept, _ := h.Option("named_routes").(map[string]*caddyhttp.Route)
	invokes, _ = h.Option("named_route_invokes").(map[string][]string)
	routes = make(map[string]string, len(kept))
	for name, route := range kept {
		for _, handler := range route.HandlersRaw {
			routes[name] += string(handler)
		}
	}
	return routes, invokes
}

// invokeOf is how Caddy writes the handler that invokes a named route.
func invokeOf(name string) string {
	quoted, _ := json.Marshal(name) // a string has no error
	return `{"handler":"invoke","name":` + string(quoted) + `}`
}

// leadsToOurs reports a named route in which, or in one that it invokes, a handler
// of this module stands.
func leadsToOurs(routes map[string]string, invokes map[string][]string, name string, within []string) bool {
	if slices.Contains(within, name) {
		return false
	}
	for _, handler := range []string{"jwt_auth", "token_server"} {
		if strings.Contains(routes[name], `"handler":"`+handler+`"`) {
			return true
		}
	}
	return slices.ContainsFunc(invokes[name], func(next string) bool {
		return leadsToOurs(routes, invokes, next, append(slices.Clone(within), name))
	})
}

// checkKept refuses a handler within another directive of a named route, such as
// `handle`, where Caddy might drop that one: the matcher of ours is inside it.
func checkKept(h httpcaddyfile.Helper) error {
	if !h.IsNamedRoute() {
		return nil
	}
	directives := namedRouteDirectives(h)
	if len(directives) < 2 || slices.ContainsFunc(directives, keepsAll) {
		return nil
	}
	return h.Errf("no directive of this named route has a matcher, and of such a named route Caddy keeps the first handler and drops the others, with %[1]s perhaps: write %[1]s at the top of the named route, or give one of its directives a matcher", h.Val())
}

// keepsAll reports a directive that makes a route of its own in any case.
func keepsAll(directive []string) bool {
	if slices.Contains([]string{"jwt_auth", "token_server", "rewrite", "handle_path"}, directive[0]) {
		return true
	}
	// A path alone may be an argument, as in `root /srv`.
	return len(directive) > 2 && (strings.HasPrefix(directive[1], "/") || strings.HasPrefix(directive[1], "@"))
}

// namedRouteDirectives are the words of the directives at the top of the named
// route in which h stands. Caddy keeps the block to itself.
func namedRouteDirectives(h httpcaddyfile.Helper) (directives [][]string) {
	segments := reflect.ValueOf(h).FieldByName("parentBlock").FieldByName("Segments")
	if !segments.IsValid() {
		return nil // another Caddy: the tests of this package say so
	}
	depth, last := 0, ""
	for i := range segments.Len() {
		for j := range segments.Index(i).Len() {
			token := segments.Index(i).Index(j)
			text := token.FieldByName("Text").String()
			brace := ""
			if token.FieldByName("wasQuoted").Int() == 0 {
				brace = text
			}
			if brace == "}" {
				depth--
			}
			if depth == 1 && brace != "}" {
				// Tokens of one line are of one directive, and one import.
				line := fmt.Sprint(token.FieldByName("File"), token.FieldByName("Line"), token.FieldByName("imports"))
				if line != last {
					directives, last = append(directives, nil), line
				}
				directives[len(directives)-1] = append(directives[len(directives)-1], text)
			}
			if brace == "{" {
				depth++
			}
		}
	}
	return slices.DeleteFunc(directives, func(directive []string) bool { return strings.HasPrefix(directive[0], "@") })
}
