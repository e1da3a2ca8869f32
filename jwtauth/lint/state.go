package lint

import (
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// state is what is known of the requests that come to a place in a list of routes.
type state struct {
	// all is set once every request has passed a handler of this module, and same has
	// the matchers of which that is true.
	all  bool
	same map[string]bool
	// guards and servers are those that every request has passed, whether or not they
	// are for it; some are guards that some requests have passed.
	guards, some []*Guard
	servers      []*TokenServer
	// answered names the directive after which no request comes here, "" for none.
	answered string
	// stripped are the prefixes that were taken off the path, and changed is set once the
	// path was changed in any way.
	stripped []string
	changed  bool
	// authenticated is set once some requests have passed a handler that finds out who is
	// asking, of any module.
	authenticated bool
}

func newState() *state { return &state{same: make(map[string]bool)} }

// enter is the state within a route.
func (s *state) enter(route caddyhttp.Route) *state {
	matchers, known := matchersOf(route)
	in := s.copy()
	in.all, in.same = s.all || known && s.same[matchers], make(map[string]bool)
	return in
}

// leave notes what a route has done to all requests, or to those that it matches.
func (s *state) leave(route caddyhttp.Route, in *state) {
	if !route.Terminal { // as those of whole sites are: no request that it matches goes on
		s.some, s.authenticated = in.some, in.authenticated
	}
	if forAll(route) {
		s.guards, s.servers, s.answered, s.stripped, s.changed = in.guards, in.servers, in.answered, in.stripped, in.changed
	}
	matchers, known := matchersOf(route)
	switch {
	case s.all || !in.all || known && s.same[matchers]:
	case forAll(route):
		s.all = true
	case known:
		s.same[matchers] = true
	}
}

func (s *state) copy() *state {
	c := *s
	c.same = maps.Clone(s.same)
	c.guards, c.some, c.servers, c.stripped = slices.Clip(s.guards), slices.Clip(s.some), slices.Clip(s.servers), slices.Clip(s.stripped)
	return &c
}
