package jwtauth

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/host"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
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
		s.walk(server.Routes, nil, listenPorts(server.Listen))
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

// walk notes the guards below hosts, which is nil where any host comes here.
func (s *sites) walk(routes caddyhttp.RouteList, hosts, ports []string) {
	for _, route := range routes {
		below := hosts
		if narrower, ok := routeHosts(route); ok {
			if hosts == nil {
				// A host that is told apart within a site is of that site.
				for _, host := range narrower {
					s.named[host] = true
				}
			}
			below = narrower
		}
		for _, handler := range route.Handlers {
			switch h := handler.(type) {
			case *caddyhttp.Subroute:
				s.walk(h.Routes, below, ports)
			case *JWTAuth:
				for _, host := range below {
					s.guarded[h.realm] = append(s.guarded[h.realm], guardedHost{host, ports})
				}
			}
		}
	}
}

// routeHosts are the hosts that a route is for; false where it does not say.
func routeHosts(route caddyhttp.Route) (hosts []string, ok bool) {
	for _, set := range route.MatcherSets {
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
