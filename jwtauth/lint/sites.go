package lint

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// describe adds the line of a handler to its site.
func (w *walk) describe(v *visit) {
	line := Line{Where: strings.Join(v.trail, " > ")}
	switch {
	case v.guard != nil:
		line.Kind, line.Realm, line.Who, line.SignIn = KindGuard, v.guard.Realm, v.guard.Who, signInOf(v)
	case v.tokenServer != nil:
		line.Kind, line.Realm, line.Who = KindTokenServer, v.tokenServer.Realm, "everyone"
		line.SignIn = v.tokenServer.SignIn
	case answers(v.handler):
		line.Kind, line.Who = KindAnswer, whoGets(v)
	default:
		return
	}
	same := func(s Site) bool { return s.Server == w.server && slices.Equal(s.Hosts, v.hosts) }
	i := slices.IndexFunc(w.result.Sites, same)
	if i < 0 {
		i = len(w.result.Sites)
		w.result.Sites = append(w.result.Sites, Site{Server: w.server, Listen: w.listen, Hosts: v.hosts, Addresses: w.addresses(v.hosts)})
	}
	if site := &w.result.Sites[i]; !slices.Contains(site.Lines, line) {
		site.Lines = append(site.Lines, line)
	}
}

// answers reports a handler that answers with something of the site.
func answers(handler caddyhttp.MiddlewareHandler) bool {
	switch h := handler.(type) {
	case *caddyhttp.StaticResponse:
		return !h.Abort
	case *fileserver.FileServer, *reverseproxy.Handler:
		return true
	}
	return false
}

// whoGets says who gets the answer of a handler.
func whoGets(v *visit) string {
	if v.state.answered != "" && v.state.answered != v.name {
		return "no one: " + v.state.answered + " answers before"
	}
	var all, some []string
	for _, guard := range v.state.some {
		switch {
		case guard.Optional:
		case covers(guard.Sets, v.route.MatcherSets) && slices.Contains(v.state.guards, guard):
			all = append(all, guard.Who)
		default:
			some = append(some, guard.Name)
		}
	}
	switch {
	case len(all) > 0:
		return strings.Join(slices.Compact(all), ", and ")
	case len(some) > 0:
		return "everyone outside " + strings.Join(slices.Compact(some), ", ")
	}
	return "everyone"
}
