package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/intercept"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/templates"
)

// walk goes through the routes of a server.
type walk struct {
	result *Result
	server string
	listen []string
	named  map[string]*caddyhttp.Route
	ports  []string
	plain  bool // see speaksPlainHTTP
	// addresses are those of hosts of the server.
	addresses func(hosts []string) []string

	invoked  map[string]invocation
	guards   bool // a guard was met
	ours     bool // a handler of this module was met
	findings []Finding
	// headers are the names of the request headers that guards set.
	headers []string
	// templates is set once a handler of templates was met; local are the places of
	// guards that leave out requests of this machine.
	templates bool
	local     []place
}

// invocation is how a named route is reached.
type invocation struct{ byRoutes, byErrors bool }

// place is where a handler stands.
type place struct {
	// hosts are those of the requests that come here, nil for all.
	hosts []string
	// within are the named routes, and trail the directives, that it stands in.
	within, trail []string
	// errors is set in error routes; response and intercepted in those that run once there
	// is an answer, of reverse_proxy and of intercept.
	errors, response, intercepted bool
	// grouped is set within a group of routes of which one runs (`handle`) in a named
	// route.
	grouped bool
	// goesOn is set where the error routes of the block do not end the request.
	goesOn bool
}

func (p place) in(directive string) place {
	if directive != "" {
		p.trail = append(slices.Clip(p.trail), directive)
	}
	return p
}

// visit is a handler at a place, as the rules see it.
type visit struct {
	*walk
	place
	// name is the handler's directive, the last of the trail.
	name    string
	state   *state
	route   caddyhttp.Route
	handler caddyhttp.MiddlewareHandler
	// guard and tokenServer are what a handler of this module is.
	guard       *Guard
	tokenServer *TokenServer
}

func (w *walk) run(server *caddyhttp.Server) {
	w.list(server.Routes, newState(), place{})
	if server.Errors != nil {
		// Requests that Caddy refuses before any route has run, for their method or Host,
		// come to the error routes as clients sent them.
		w.list(server.Errors.Routes, newState(), place{errors: true, trail: []string{"handle_errors"}})
	}
	for _, name := range slices.Sorted(maps.Keys(w.named)) {
		w.namedRoute(name)
	}
	if w.templates {
		for _, at := range w.local {
			w.find(ruleTemplatesLocal, at, "httpInclude of templates asks for other pages from 127.0.0.1, which this guard leaves out, so that a page that anyone may see can show what the guard is for: leave 127.0.0.1 out of the list, or keep templates out of this site")
		}
	}
	if !w.guards {
		// Without a guard only what is about a handler of ours counts.
		w.findings = slices.DeleteFunc(w.findings, func(f Finding) bool { return f.Severity == Warning || f.Rule == "user-too-early" })
	}
	w.result.Findings = append(w.result.Findings, w.findings...)
}

// namedRoute looks at a named route that the routes of the server do not lead to.
func (w *walk) namedRoute(name string) {
	if _, ok := w.invoked[name]; ok {
		return
	}
	dropped := &walk{result: &Result{Named: make(map[string]bool)}, named: w.named, addresses: w.addresses, invoked: make(map[string]invocation)}
	if dropped.list(caddyhttp.RouteList{*w.named[name]}, newState(), place{}); dropped.ours {
		w.find(ruleUninvoked, place{trail: []string{"&(" + name + ")"}}, fmt.Sprintf("a handler of jwtauth stands in the named route %s, which nothing invokes. Perhaps Caddy has dropped the invoke: it keeps only the first handler of a named route whose directives all are without a matcher. Put all of them into one `handle` block, invoke %s from the site itself, or remove it", name, name))
	}
}

func (w *walk) find(r rule, at place, text string) {
	f := Finding{Rule: r.name, Severity: r.severity, Server: w.server, Hosts: at.hosts, Where: strings.Join(at.trail, " > "), Text: text}
	same := func(g Finding) bool { return g.Rule == f.Rule && g.Where == f.Where && slices.Equal(g.Hosts, f.Hosts) }
	if !slices.ContainsFunc(w.findings, same) {
		w.findings = append(w.findings, f)
	}
}

// list goes through routes one after the other. s is changed by each.
func (w *walk) list(routes caddyhttp.RouteList, s *state, at place) {
	groups := make(map[string]bool)
	for _, route := range routes {
		below := at
		below.hosts = w.narrow(at.hosts, route.MatcherSets)
		below.grouped = at.grouped || route.Group != "" && len(at.within) > 0
		if !groups[route.Group] {
			// The first of a group is asked as if it were in none.
			groups[route.Group], route.Group = true, ""
		}
		in := s.enter(route)
		for _, handler := range route.Handlers {
			w.handler(route, handler, in, below)
		}
		s.leave(route, in)
	}
}

// handler applies the rules to a handler, notes what it does to requests, and goes on
// where it has routes of its own.
func (w *walk) handler(route caddyhttp.Route, handler caddyhttp.MiddlewareHandler, s *state, at place) {
	name := Name(route, handler)
	v := &visit{walk: w, name: name, state: s, route: route, handler: handler, place: at.in(name)}
	if ours := oursOf(handler); ours != nil {
		v.guard, v.tokenServer = ours.Guards(), ours.Serves()
	}
	for _, r := range rules {
		if r.finds == nil {
			continue
		}
		if text := r.finds(v); text != "" {
			w.find(r, v.place, text)
		}
	}
	w.note(v)
	w.describe(v)

	switch h := handler.(type) {
	case *caddyhttp.Subroute:
		before := s.copy()
		inner := v.place
		if h.Errors != nil {
			errors := before.copy()
			w.list(h.Errors.Routes, errors, place{hosts: at.hosts, within: at.within, trail: append(slices.Clip(v.trail), "handle_errors"), errors: true, response: at.response, intercepted: at.intercepted})
			inner.goesOn = errors.answered == ""
		}
		w.list(h.Routes, s, inner)
	case *caddyhttp.Invoke:
		to := w.named[h.Name]
		if to == nil || slices.Contains(at.within, h.Name) {
			return
		}
		how := w.invoked[h.Name]
		how.byErrors, how.byRoutes = how.byErrors || at.errors, how.byRoutes || !at.errors
		w.invoked[h.Name] = how
		inner := v.place
		inner.within = append(slices.Clip(at.within), h.Name)
		w.list(caddyhttp.RouteList{*to}, s, inner)
	case *reverseproxy.Handler:
		inner := v.place
		inner.response = true
		w.responses(h.HandleResponse, s, inner)
	case *intercept.Intercept:
		inner := v.place
		inner.intercepted = true
		w.responses(h.HandleResponse, s, inner)
	}
}

// responses goes through routes that run for some answers only, so that what they do says
// nothing of what comes after them.
func (w *walk) responses(handlers []caddyhttp.ResponseHandler, s *state, at place) {
	at = at.in("handle_response")
	for _, handler := range handlers {
		in := s.copy()
		in.same, in.answered = make(map[string]bool), ""
		w.list(handler.Routes, in, at)
	}
}

// note is what a handler does to the requests that pass it.
func (w *walk) note(v *visit) {
	s := v.state
	if v.guard != nil {
		w.guards = true
		w.headers = append(w.headers, v.guard.Headers...)
		s.guards, s.some = append(s.guards, v.guard), append(s.some, v.guard)
		if leavesOutLocal(v.guard.Sets) {
			w.local = append(w.local, v.place)
		}
		hosts := w.narrow(v.hosts, v.guard.Sets)
		w.result.Guards = append(w.result.Guards, Found{v.guard, hosts, w.ports})
	}
	if _, ok := v.handler.(*caddyauth.Authentication); ok || v.guard != nil {
		s.authenticated = true
	}
	if v.tokenServer != nil {
		s.servers = append(s.servers, v.tokenServer)
	}
	if v.guard != nil || v.tokenServer != nil {
		w.ours, s.all = true, true
	}
	switch h := v.handler.(type) {
	case *rewrite.Rewrite:
		if changesPath(h) {
			s.changed, s.servers = true, nil // those before were asked for another path
		}
		if h.StripPathPrefix != "" {
			s.stripped = append(s.stripped, h.StripPathPrefix)
		}
	case *caddyhttp.StaticResponse, *caddyhttp.StaticError:
		s.answered = v.name
	case *reverseproxy.Handler:
		// One that looks at responses may go on, as forward_auth does.
		if len(h.HandleResponse) == 0 {
			s.answered = v.name
		}
	case *templates.Templates:
		w.result.Templates, w.templates = true, true
	case *fileserver.FileServer:
		if !h.PassThru {
			s.answered = v.name
		}
	}
}

// oursOf is what a handler of this module says, nil for one that is none. Caddy's own
// authentication handler is one if it has our provider.
func oursOf(handler caddyhttp.MiddlewareHandler) Ours {
	if ours, ok := handler.(Ours); ok {
		return ours
	}
	if a, ok := handler.(*caddyauth.Authentication); ok {
		for _, provider := range a.Providers {
			if ours, ok := provider.(Ours); ok {
				return ours
			}
		}
	}
	return nil
}

// narrow are the hosts of the requests that come from hosts and match sets.
func (w *walk) narrow(hosts []string, sets caddyhttp.MatcherSets) []string {
	narrower, ok := hostsOf(sets)
	if !ok {
		return hosts
	}
	if hosts == nil {
		// A host that is told apart within a site is of that site.
		for _, host := range narrower {
			w.result.Named[host] = true
		}
	}
	return narrower
}
