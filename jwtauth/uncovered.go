package jwtauth

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/intercept"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// uncoveredProxy is a reverse_proxy that requests reach without passing a handler of this
// module: forged identity headers, session cookies and protocol upgrades reach its
// upstream as the client sent them.
type uncoveredProxy struct {
	hosts     []string // nil for all
	upstreams []string
}

// checkRoutes looks at the provisioned routes of every server that has guards. It
// warns of each uncovered proxy, and refuses a named route that has a handler of
// this module and that nothing invokes: Caddy drops all but the first handler of a
// named route whose directives are without a matcher (v2.11.9), an invoke too.
func (a *App) checkRoutes() error {
	app, err := a.ctx.AppIfConfigured("http")
	if err != nil {
		return nil // there is none
	}
	servers, ok := app.(*caddyhttp.App)
	if !ok {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(servers.Servers)) {
		walk := newCoverWalk(servers.Servers[name])
		if err := walk.server(); err != nil {
			return fmt.Errorf("server %s: %w", name, err)
		}
		if !walk.guards {
			continue
		}
		for _, warning := range walk.warnings {
			a.logger.Warn(warning.text, zap.String("server", name), zap.Strings("hosts", warning.hosts), zap.String("realm", warning.realm))
		}
		for _, proxy := range walk.uncovered {
			a.logger.Warn("a reverse_proxy of a server with guards has no handler of this module before it, so identity headers, session cookies and protocol upgrades reach its upstream as clients send them: write token_server, or jwt_auth with the option optional, in its block",
				zap.String("server", name), zap.Strings("hosts", proxy.hosts), zap.Strings("upstreams", proxy.upstreams))
		}
	}
	return nil
}

// coverWalk goes through the routes of a server as requests do.
type coverWalk struct {
	named     map[string]*caddyhttp.Route
	routes    caddyhttp.RouteList
	errors    caddyhttp.RouteList
	invoked   map[string]bool
	guards    bool // a guard was met
	ours      bool // a handler of this module was met
	uncovered []uncoveredProxy
	warnings  []guardWarning
}

// guardWarning is about a guard that does not do what it seems to say.
type guardWarning struct {
	text  string
	hosts []string // nil for all
	realm string
}

const (
	warnRouteMatcher = "a jwt_auth stands in a route with a matcher, so identity headers, session cookies and protocol upgrades of all other requests stay as clients send them: move the matcher into the handler, as its `match`"
	warnWiderFirst   = "a jwt_auth never refuses a request as it says, in its realm, login or errors, since another one that governs all of its requests stands before it: write the narrower guard first"
)

func newCoverWalk(server *caddyhttp.Server) *coverWalk {
	w := &coverWalk{named: server.NamedRoutes, routes: server.Routes, invoked: make(map[string]bool)}
	if server.Errors != nil {
		w.errors = server.Errors.Routes
	}
	return w
}

func (w *coverWalk) server() error {
	w.list(w.routes, &cover{same: make(map[string]bool)}, nil, nil)
	// Requests that Caddy refuses before any route has run, for their method or Host,
	// come to the error routes as clients sent them.
	w.list(w.errors, &cover{same: make(map[string]bool)}, nil, nil)
	for _, name := range slices.Sorted(maps.Keys(w.named)) {
		if w.invoked[name] {
			continue
		}
		dropped := &coverWalk{named: w.named, invoked: make(map[string]bool)}
		if dropped.list(caddyhttp.RouteList{*w.named[name]}, new(cover), nil, nil); dropped.ours {
			return fmt.Errorf("a handler of jwtauth stands in the named route %s, which nothing invokes. Perhaps Caddy has dropped the invoke: it keeps only the first handler of a named route whose directives all are without a matcher. Put all of them into one `handle` block, invoke %s from the site itself, or remove it", name, name)
		}
	}
	return nil
}

// cover is what is known of the requests that come to a place in a list of routes.
type cover struct {
	// all is set once every request has passed a handler of this module, and same
	// has the matchers of which that is true.
	all  bool
	same map[string]bool
	// guards are those that every request has passed, whether or not they are for it.
	guards []*JWTAuth
}

// list goes through routes one after the other. c is changed by each.
func (w *coverWalk) list(routes caddyhttp.RouteList, c *cover, hosts, within []string) {
	for _, route := range routes {
		below := hosts
		if narrower, ok := hostsOf(route.MatcherSets); ok {
			below = narrower
		}
		matchers, known := matchersOf(route)
		here := &cover{all: c.all || known && c.same[matchers], same: make(map[string]bool), guards: slices.Clip(c.guards)}
		before := here.all
		for _, handler := range route.Handlers {
			if guard, ok := handler.(*JWTAuth); ok && matchers != "" && !onlyHosts(route) {
				w.warn(warnRouteMatcher, guard, below)
			}
			w.handler(handler, here, below, within)
		}
		if known && matchers == "" && route.Group == "" {
			c.guards = here.guards
		}
		switch {
		case before || !here.all:
		case known && matchers == "" && route.Group == "":
			c.all = true
		case known && c.same != nil:
			c.same[matchers] = true
		}
	}
}

// handler goes on where a handler has routes of its own. within are the named routes
// that it stands in.
func (w *coverWalk) handler(handler caddyhttp.MiddlewareHandler, c *cover, hosts, within []string) {
	switch h := handler.(type) {
	case *JWTAuth:
		w.guards, w.ours, c.all = true, true, true
		if slices.ContainsFunc(c.guards, h.isHiddenBy) {
			w.warn(warnWiderFirst, h, hosts)
		}
		c.guards = append(c.guards, h)
	case *TokenServer:
		w.ours, c.all = true, true
	case *caddyauth.Authentication:
		for _, provider := range h.Providers {
			if _, ok := provider.(*Provider); ok {
				w.guards, w.ours, c.all = true, true, true
			}
		}
	case *caddyhttp.Subroute:
		before := &cover{all: c.all, same: maps.Clone(c.same), guards: slices.Clip(c.guards)}
		w.list(h.Routes, c, hosts, within)
		if h.Errors != nil {
			w.list(h.Errors.Routes, before, hosts, within)
		}
	case *caddyhttp.Invoke:
		route := w.named[h.Name]
		if route == nil || slices.Contains(within, h.Name) {
			return
		}
		w.invoked[h.Name] = true
		w.list(caddyhttp.RouteList{*route}, c, hosts, append(slices.Clone(within), h.Name))
	case *reverseproxy.Handler:
		if !c.all {
			proxy := uncoveredProxy{hosts: hosts}
			for _, upstream := range h.Upstreams {
				proxy.upstreams = append(proxy.upstreams, upstream.Dial)
			}
			w.uncovered = append(w.uncovered, proxy)
		}
		w.responses(h.HandleResponse, c, hosts, within)
	case *intercept.Intercept:
		w.responses(h.HandleResponse, c, hosts, within)
	}
}

// responses goes through routes that run for some answers only, so that what they
// do covers nothing that comes after them.
func (w *coverWalk) responses(handlers []caddyhttp.ResponseHandler, c *cover, hosts, within []string) {
	for _, handler := range handlers {
		w.list(handler.Routes, &cover{all: c.all, same: make(map[string]bool)}, hosts, within)
	}
}

func (w *coverWalk) warn(text string, guard *JWTAuth, hosts []string) {
	w.warnings = append(w.warnings, guardWarning{text, hosts, guard.realm.name})
}

// isHiddenBy reports a guard before this one that refuses each request that this one
// could refuse, and does so in another way.
func (g *JWTAuth) isHiddenBy(before *JWTAuth) bool {
	login := func(g *JWTAuth) string { return cmp.Or(g.Login, loginRedirect) }
	differs := g.realm != before.realm || login(g) != login(before) || g.Errors != before.Errors
	return differs && !g.Optional && !before.Optional && before.match.covers(&g.match)
}

// covers reports whether it is certain that m matches what other matches. It knows paths
// alone.
func (m *matching) covers(other *matching) bool {
	if len(m.sets) == 0 {
		return true
	}
	wide, ok := m.onlyPaths()
	narrow, alsoOK := other.onlyPaths()
	if !ok || !alsoOK {
		return false
	}
	return !slices.ContainsFunc(narrow, func(path string) bool {
		return !slices.ContainsFunc(wide, func(pattern string) bool {
			prefix, isPrefix := strings.CutSuffix(pattern, "*")
			return path == pattern || isPrefix && !strings.Contains(prefix, "*") && strings.HasPrefix(path, prefix)
		})
	})
}

// onlyPaths are the paths of a matcher that asks for nothing else.
func (m *matching) onlyPaths() (paths []string, ok bool) {
	for _, set := range m.sets {
		if len(set) != 1 {
			return nil, false
		}
		path, isPath := set[0].(*caddyhttp.MatchPath)
		if !isPath {
			return nil, false
		}
		paths = append(paths, *path...)
	}
	return paths, len(paths) > 0
}

// onlyHosts reports a route that is for hosts, whatever the rest of the request.
func onlyHosts(route caddyhttp.Route) bool {
	for _, set := range route.MatcherSets {
		for _, matcher := range set {
			if _, isHost := matcher.(*caddyhttp.MatchHost); !isHost {
				return false
			}
		}
	}
	return true
}

// matchersOf is equal for routes that match the same requests, and "" for one that
// matches every request. It reports false where that cannot be said.
func matchersOf(route caddyhttp.Route) (text string, known bool) {
	if len(route.MatcherSets) == 1 && len(route.MatcherSets[0]) == 1 {
		// That of our handlers in named routes.
		if not, ok := route.MatcherSets[0][0].(*caddyhttp.MatchNot); ok && len(not.MatcherSets) == 0 {
			return "", true
		}
	}
	for _, set := range route.MatcherSets {
		text += "\n"
		for _, matcher := range set {
			module, ok := matcher.(caddy.Module)
			config, err := json.Marshal(matcher)
			if err != nil || !ok {
				return "", false
			}
			text += string(module.CaddyModule().ID) + string(config)
		}
	}
	return text, true
}
