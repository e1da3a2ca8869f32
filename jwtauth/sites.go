package jwtauth

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/intercept"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/host"
)

// sites are the hosts of the config. A sign-in on one of them may end on another one that
// has a guard of the same realm, and on no other host.
type sites struct {
	// guarded are the hosts with a guard of a realm, some with a wildcard.
	guarded map[*Realm][]guardedHost
	// named are all hosts that have a site of their own.
	named map[string]bool
}

type guardedHost struct {
	name  string
	ports []string
}

// findSites walks through the routes of the http app, which have been
// provisioned by the time our app starts.
func findSites(ctx caddy.Context) sites {
	s := sites{guarded: make(map[*Realm][]guardedHost), named: make(map[string]bool)}
	app, err := ctx.AppIfConfigured("http")
	if err != nil {
		return s
	}
	servers, ok := app.(*caddyhttp.App)
	if !ok {
		return s
	}
	for _, server := range servers.Servers {
		w := siteWalk{sites: &s, named: server.NamedRoutes, ports: listenPorts(server.Listen)}
		w.list(server.Routes, nil, nil)
		if server.Errors != nil {
			w.list(server.Errors.Routes, nil, nil)
		}
	}
	return s
}

func listenPorts(addresses []string) (ports []string) {
	for _, text := range addresses {
		address, err := caddy.ParseNetworkAddress(text)
		if err != nil {
			continue
		}
		for i := range min(address.PortRangeSize(), 16) {
			ports = append(ports, strconv.FormatUint(uint64(address.StartPort+i), 10))
		}
	}
	return ports
}

// siteWalk goes through the routes of a server.
type siteWalk struct {
	*sites
	named map[string]*caddyhttp.Route
	ports []string
}

// list notes the guards below hosts, which is nil where any host comes here. within are
// the named routes that it stands in.
func (w siteWalk) list(routes caddyhttp.RouteList, hosts, within []string) {
	for _, route := range routes {
		below := w.narrow(hosts, route.MatcherSets)
		for _, handler := range route.Handlers {
			w.handler(handler, below, within)
		}
	}
}

func (w siteWalk) handler(handler caddyhttp.MiddlewareHandler, hosts, within []string) {
	switch h := handler.(type) {
	case *JWTAuth:
		for _, host := range w.narrow(hosts, h.match.sets) {
			w.guarded[h.realm] = append(w.guarded[h.realm], guardedHost{host, w.ports})
		}
	case *caddyhttp.Subroute:
		w.list(h.Routes, hosts, within)
		if h.Errors != nil {
			w.list(h.Errors.Routes, hosts, within)
		}
	case *caddyhttp.Invoke:
		if route := w.named[h.Name]; route != nil && !slices.Contains(within, h.Name) {
			w.list(caddyhttp.RouteList{*route}, hosts, append(slices.Clone(within), h.Name))
		}
	case *reverseproxy.Handler:
		w.responses(h.HandleResponse, hosts, within)
	case *intercept.Intercept:
		w.responses(h.HandleResponse, hosts, within)
	}
}

func (w siteWalk) responses(handlers []caddyhttp.ResponseHandler, hosts, within []string) {
	for _, handler := range handlers {
		w.list(handler.Routes, hosts, within)
	}
}

// narrow are the hosts of the requests that come from hosts and match sets.
func (w siteWalk) narrow(hosts []string, sets caddyhttp.MatcherSets) []string {
	narrower, ok := hostsOf(sets)
	if !ok {
		return hosts
	}
	if hosts == nil {
		// A host that is told apart within a site is of that site.
		for _, host := range narrower {
			w.sites.named[host] = true
		}
	}
	return narrower
}

// hostsOf are the hosts that matchers ask for; false where they do not say.
func hostsOf(sets caddyhttp.MatcherSets) (hosts []string, ok bool) {
	for _, set := range sets {
		found := false
		for _, matcher := range set {
			if m, isHost := matcher.(*caddyhttp.MatchHost); isHost {
				found = true
				for _, host := range *m {
					hosts = append(hosts, strings.ToLower(host))
				}
			}
		}
		if !found {
			return nil, false
		}
	}
	return hosts, len(hosts) > 0
}

// returnsTo reports an origin that a sign-in may end at: https, or http on this
// machine, a host that shares the realm's cookie and that a guard of the realm is
// written for, and a port at which Caddy serves it.
func (s sites) returnsTo(realm *Realm, r *http.Request, origin *url.URL) bool {
	name := strings.ToLower(origin.Hostname())
	if origin.Scheme != "https" && !(origin.Scheme == "http" && host.IsLoopback(name)) {
		return false
	}
	if realm.CookieDomain == "" || !host.Within(name, realm.CookieDomain) {
		return false
	}
	port := host.Port(origin)
	// Where ports are mapped on the way here, as by a container, that of this
	// request is known to lead to Caddy.
	own := host.Port(&url.URL{Scheme: origin.Scheme, Host: r.Host})
	return slices.ContainsFunc(s.guarded[realm], func(g guardedHost) bool {
		return s.covers(g.name, name) && (port == own || slices.Contains(g.ports, port))
	})
}

// covers reports whether requests for a host come to a site. A wildcard covers
// one label, and no host that has a site of its own.
func (s sites) covers(pattern, host string) bool {
	if pattern == host {
		return true
	}
	parent, ok := strings.CutPrefix(pattern, "*.")
	label, rest, _ := strings.Cut(host, ".")
	return ok && label != "" && rest == parent && !s.named[host]
}
