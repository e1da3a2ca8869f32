package jwtauth

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/host"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/lint"
)

// sites are the hosts of the config. A sign-in on one of them may end on another one that
// has a guard of the same realm, and on no other host.
type sites struct {
	// guarded are the hosts with a guard of a realm, some with a wildcard.
	guarded map[*Realm][]guardedHost
	// named are all hosts that have a site of their own.
	named map[string]bool
	// signIn are the URLs of the sign-in pages of realms.
	signIn map[string][]string
}

type guardedHost struct {
	name  string
	ports []string
}

// sitesOf are the hosts of the guards that were found. A guard of Caddy's own
// authentication handler sends no one to sign in.
func sitesOf(found lint.Result) sites {
	s := sites{guarded: make(map[*Realm][]guardedHost), named: found.Named, signIn: make(map[string][]string)}
	for _, site := range found.Sites {
		for _, line := range site.Lines {
			if line.Kind != lint.KindTokenServer || line.SignIn == "" {
				continue
			}
			for _, address := range site.Addresses {
				s.signIn[line.Realm] = append(s.signIn[line.Realm], address+line.SignIn)
			}
		}
	}
	for _, g := range found.Guards {
		guard, ok := g.Handler.(*JWTAuth)
		if !ok {
			continue
		}
		for _, host := range g.Hosts {
			s.guarded[guard.realm] = append(s.guarded[guard.realm], guardedHost{host, g.Ports})
		}
	}
	return s
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
