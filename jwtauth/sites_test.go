package jwtauth

import (
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/lint"
)

// routeFor is a route that is for hosts, one list for each matcher set, and for
// something else.
func routeFor(sets [][]string, handlers ...caddyhttp.MiddlewareHandler) caddyhttp.Route {
	route := caddyhttp.Route{Handlers: handlers}
	for _, hosts := range sets {
		path := caddyhttp.MatchPath{"/private/*"}
		set := caddyhttp.MatcherSet{&path}
		if hosts != nil {
			names := caddyhttp.MatchHost(hosts)
			set = append(set, &names)
		}
		route.MatcherSets = append(route.MatcherSets, set)
	}
	return route
}

// on is a route for hosts, as a site block makes it.
func on(hosts []string, handlers ...caddyhttp.MiddlewareHandler) caddyhttp.Route {
	return routeFor([][]string{hosts}, handlers...)
}

func block(routes ...caddyhttp.Route) *caddyhttp.Subroute { return &caddyhttp.Subroute{Routes: routes} }

func walked(listen []string, routes ...caddyhttp.Route) sites {
	server := &caddyhttp.Server{Listen: listen, Routes: routes}
	return sitesOf(lint.Check(&caddyhttp.App{Servers: map[string]*caddyhttp.Server{"site": server}}))
}

// ends reports whether a sign-in that was asked for at one origin may end at
// another.
func (s sites) ends(t *testing.T, realm *Realm, asked, origin string) bool {
	t.Helper()
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	return s.returnsTo(realm, httptest.NewRequest("POST", asked+"/login", nil), u)
}

// A sign-in ends at hosts that a guard of the realm is written for, wherever in
// the config it stands, and at no host that only happens to be there.
func TestWhereASignInMayEnd(t *testing.T) {
	realm, other := &Realm{CookieDomain: "example.com"}, &Realm{CookieDomain: "example.com"}
	guard, another := &JWTAuth{realm: realm}, &JWTAuth{realm: other}
	docs, files := []string{"docs.example.com"}, []string{"files.example.com"}
	wildcard := []string{"*.example.com"}
	for _, tc := range []struct {
		name   string
		routes []caddyhttp.Route
		origin string
		want   bool
	}{
		{"site with a guard", []caddyhttp.Route{on(docs, guard)}, "https://docs.example.com", true},
		{"capitals", []caddyhttp.Route{on([]string{"Docs.Example.com"}, guard)}, "https://DOCS.example.com", true},
		{"guard in a block", []caddyhttp.Route{on(docs, block(caddyhttp.Route{Handlers: []caddyhttp.MiddlewareHandler{guard}}))}, "https://docs.example.com", true},
		{"guard in blocks of blocks", []caddyhttp.Route{on(docs, block(routeFor([][]string{nil}, block(routeFor([][]string{nil}, guard)))))}, "https://docs.example.com", true},
		{"guard behind another handler", []caddyhttp.Route{on(docs, &caddyhttp.Subroute{}, guard)}, "https://docs.example.com", true},
		{"site without a guard", []caddyhttp.Route{on(docs, guard), on(files)}, "https://files.example.com", false},
		{"site with a guard of another realm", []caddyhttp.Route{on(docs, another)}, "https://docs.example.com", false},
		{"no such site", []caddyhttp.Route{on(docs, guard)}, "https://evil.example.com", false},
		{"host of a route of a block", []caddyhttp.Route{on(wildcard, block(on(docs, guard)))}, "https://docs.example.com", true},
		{"other host of that block", []caddyhttp.Route{on(wildcard, block(on(docs, guard)))}, "https://evil.example.com", false},
		{"one of several hosts", []caddyhttp.Route{on([]string{"docs.example.com", "files.example.com"}, guard)}, "https://files.example.com", true},
		{"one of several sets", []caddyhttp.Route{routeFor([][]string{docs, files}, guard)}, "https://files.example.com", true},
		{"a set that any host matches", []caddyhttp.Route{routeFor([][]string{docs, nil}, guard)}, "https://files.example.com", false},
		{"any host", []caddyhttp.Route{{Handlers: []caddyhttp.MiddlewareHandler{guard}}}, "https://docs.example.com", false},

		{"wildcard", []caddyhttp.Route{on(wildcard, guard)}, "https://docs.example.com", true},
		{"wildcard, its own name", []caddyhttp.Route{on(wildcard, guard)}, "https://example.com", false},
		{"wildcard, two labels", []caddyhttp.Route{on(wildcard, guard)}, "https://a.docs.example.com", false},
		{"wildcard, no label", []caddyhttp.Route{on(wildcard, guard)}, "https://.example.com", false},
		{"wildcard, a host with a site of its own", []caddyhttp.Route{on(wildcard, guard), on(files)}, "https://files.example.com", false},
		{"wildcard, the same in the other order", []caddyhttp.Route{on(files), on(wildcard, guard)}, "https://files.example.com", false},
		{"wildcard, a host with a guarded site of its own", []caddyhttp.Route{on(files, guard), on(wildcard, guard)}, "https://files.example.com", true},
		// The way in which one certificate serves many hosts: a block for each
		// host within that of the wildcard, whose guard is before them all.
		{"wildcard, a host that a block within is for", []caddyhttp.Route{on(wildcard, block(
			caddyhttp.Route{Handlers: []caddyhttp.MiddlewareHandler{guard}}, on(docs, &caddyhttp.Subroute{}),
		))}, "https://docs.example.com", true},

		{"http", []caddyhttp.Route{on(docs, guard)}, "http://docs.example.com", false},
		{"another scheme", []caddyhttp.Route{on(docs, guard)}, "ftp://docs.example.com", false},
		{"outside of the domain", []caddyhttp.Route{on([]string{"docs.example.org"}, guard)}, "https://docs.example.org", false},
		{"ends like the domain", []caddyhttp.Route{on([]string{"evilexample.com"}, guard)}, "https://evilexample.com", false},
		{"the domain itself", []caddyhttp.Route{on([]string{"example.com"}, guard)}, "https://example.com", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := walked([]string{":443"}, tc.routes...)
			if got := s.ends(t, realm, "https://auth.example.com", tc.origin); got != tc.want {
				t.Errorf("%s: %v; guarded %v, named %v", tc.origin, got, s.guarded[realm], s.named)
			}
		})
	}
}

// Nothing but this Caddy is to get who signed in: a port has to be one of its own.
func TestPortsASignInMayEndAt(t *testing.T) {
	realm := &Realm{CookieDomain: "example.com"}
	for _, tc := range []struct {
		name, asked, origin string
		listen              []string
		want                bool
	}{
		{"the usual one", "https://auth.example.com", "https://docs.example.com", []string{":443"}, true},
		{"the usual one, written", "https://auth.example.com", "https://docs.example.com:443", []string{":443"}, true},
		{"another one", "https://auth.example.com", "https://docs.example.com:8443", []string{":443"}, false},
		{"the one listened at", "https://auth.example.com", "https://docs.example.com:8443", []string{":8443"}, true},
		{"one of a range", "https://auth.example.com", "https://docs.example.com:8445", []string{"127.0.0.1:8443-8446"}, true},
		{"behind the range", "https://auth.example.com", "https://docs.example.com:8447", []string{":8443-8446"}, false},
		{"one of several", "https://auth.example.com", "https://docs.example.com:9443", []string{":8443", "udp/:9443"}, true},
		{"mapped, as that of the request", "https://auth.example.com:4430", "https://docs.example.com:4430", []string{":443"}, true},
		{"mapped to the usual one", "https://auth.example.com", "https://docs.example.com", []string{":8443"}, true},
		{"none behind the colon", "https://auth.example.com", "https://docs.example.com:", []string{":8443"}, true},
		{"a socket", "https://auth.example.com", "https://docs.example.com:80", []string{"unix//run/caddy.sock", ":443"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := walked(tc.listen, on([]string{"docs.example.com"}, &JWTAuth{realm: realm}))
			if got := s.ends(t, realm, tc.asked, tc.origin); got != tc.want {
				t.Errorf("%v, listening at %v", got, tc.listen)
			}
		})
	}
}

// On the developer's machine http is enough; elsewhere it is not.
func TestLocalhostASignInMayEndAt(t *testing.T) {
	realm := &Realm{CookieDomain: "app.localhost"}
	s := walked([]string{":8080"}, on([]string{"docs.app.localhost"}, &JWTAuth{realm: realm}))
	for origin, want := range map[string]bool{
		"http://docs.app.localhost:8080": true,
		"http://docs.app.localhost":      false,
		"http://docs.app.localhost:9090": false,
		"https://docs.app.localhost":     false,
	} {
		if got := s.ends(t, realm, "http://auth.app.localhost:8080", origin); got != want {
			t.Errorf("%s: %v", origin, got)
		}
	}
}

// A cookie that is not shared signs in nobody elsewhere.
func TestNoOtherHostWithoutACookieDomain(t *testing.T) {
	realm := &Realm{}
	s := walked([]string{":443"}, on([]string{"docs.example.com", "auth.example.com"}, &JWTAuth{realm: realm}))
	if s.ends(t, realm, "https://auth.example.com", "https://docs.example.com") {
		t.Error("sent to a host that does not get the cookie")
	}
}
