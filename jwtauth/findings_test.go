package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestUncoveredProxy: each reverse_proxy that requests reach past all of our
// handlers is told at start, and no other.
func TestUncoveredProxy(t *testing.T) {
	const up = "reverse_proxy 127.0.0.1:9\n"
	for name, test := range map[string]struct {
		routes, site string
		warnings     int
	}{
		"guarded":                     {"", "jwt_auth\n" + up, 0},
		"guarded in part":             {"", "jwt_auth /in/*\n" + up, 0},
		"a token server":              {"", "token_server\njwt_auth /in/*\n" + up, 0},
		"no guard at all":             {"", up, 0},
		"a token server elsewhere":    {"", "handle /a/* {\ntoken_server\n}\n" + up, 0},
		"a sibling handle":            {"", "handle /a/* {\njwt_auth\n" + up + "}\nhandle {\n" + up + "}", 1},
		"sibling handles":             {"", "handle /a/* {\njwt_auth\n" + up + "}\nhandle /b/* {\n" + up + "}\nhandle {\n" + up + "}", 2},
		"a token server before both":  {"", "token_server\nhandle /a/* {\njwt_auth\n" + up + "}\nhandle {\n" + up + "}", 0},
		"a route":                     {"", "route {\njwt_auth\n" + up + "}", 0},
		"a route for some":            {"", "route /a/* {\njwt_auth\n}\n" + up, 1},
		"error routes":                {"", "jwt_auth\nrespond x\nhandle_errors {\n" + up + "}", 1},
		"guarded error routes":        {"", "jwt_auth\nrespond x\nhandle_errors {\ntoken_server\n" + up + "}", 0},
		"error routes of a handle":    {"", "handle /a/* {\njwt_auth {\nerrors site\n}\n}\nrespond x\nhandle_errors {\n" + up + "}", 1},
		"handle_response":             {"", "jwt_auth\nreverse_proxy 127.0.0.1:9 {\nhandle_response {\n" + up + "}\n}", 0},
		"handle_response, no guard":   {"", "handle /a/* {\njwt_auth\n}\nhandle {\nreverse_proxy 127.0.0.1:9 {\nhandle_response {\n" + up + "}\n}\n}", 2},
		"intercept":                   {"", "handle /a/* {\njwt_auth\n}\nintercept {\nhandle_response {\n" + up + "}\n}\nrespond x", 1},
		"a named route guards":        {"&(auth) {\nvars a b\njwt_auth\n}\n", "invoke auth\n" + up, 0},
		"a named route proxies":       {"&(app) {\n" + up + "}\n", "jwt_auth\ninvoke app", 0},
		"a named route proxies twice": {"&(app) {\n" + up + "}\n", "handle /a/* {\njwt_auth\ninvoke app\n}\nhandle {\ninvoke app\n}", 1},
		"a named route for some":      {"&(auth) {\njwt_auth\n}\n", "handle /a/* {\ninvoke auth\n" + up + "}\nhandle {\n" + up + "}", 1},
		"another site":                {"http://other.localhost:<PORT> {\nbind 127.0.0.1\n" + up + "}\n", "jwt_auth\n" + up, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n}\n}\n" + test.routes + s.site(test.site))
			if n := strings.Count(s.log(), "a reverse_proxy of a server with guards"); n != test.warnings {
				t.Errorf("%d warnings, want %d", n, test.warnings)
			}
		})
	}
}

// TestUncoveredErrorRoutes: Caddy answers a method that is none by the error routes,
// before any handler of the site, so that a proxy there needs one of its own.
func TestUncoveredErrorRoutes(t *testing.T) {
	for own, warnings := range map[string]int{"": 1, "token_server": 0, "jwt_auth {\noptional\n}": 0} {
		s := newServer(t)
		u := s.newTunnelServer()
		s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n}\n}\n" + s.site("jwt_auth\nrespond x\nhandle_errors {\n"+own+"\nreverse_proxy <TUNNEL>\n}"))
		if n := strings.Count(s.log(), "a reverse_proxy of a server with guards"); n != warnings {
			t.Errorf("%q: %d warnings, want %d", own, n, warnings)
		}
		res, _ := s.connect(strings.Repeat("X", 33) + " /x HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: h2c")
		if switched := res.StatusCode == http.StatusSwitchingProtocols; switched != (warnings > 0) {
			t.Errorf("%q: status %d with %d warnings", own, res.StatusCode, warnings)
		}
		if len(u.take()) == 0 {
			t.Errorf("%q: handle_errors did not run", own)
		}
	}
}

// TestUncoveredProxyJSON: in JSON a guard may stand in a route with a matcher, and
// covers what has the same one. With its own matcher it covers everything.
func TestUncoveredProxyJSON(t *testing.T) {
	const (
		guard = `{"match": [{"path": ["/in/*"]}], "handle": [{"handler": "jwt_auth"}]},`
		some  = `{"match": [{"path": ["/in/*"]}], "handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "127.0.0.1:9"}]}]}`
		all   = `{"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "127.0.0.1:9"}]}]}`
		own   = `{"handle": [{"handler": "jwt_auth", "match": [{"path": ["/in/*"]}]}]},`
		// Caddy's own handler, with the provider of this module.
		provider = `{"handle": [{"handler": "authentication", "providers": {"jwtauth": {}}}]},`
	)
	for routes, warnings := range map[string]int{
		guard + some: 0, guard + all: 1, guard + some + "," + all: 1, own + all: 0, own + guard + all: 0, guard + own + all: 0,
		provider + all: 0,
	} {
		s := newServer(t)
		if err := s.tryRoutes(routes); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(s.log(), "a reverse_proxy of a server with guards"); n != warnings {
			t.Errorf("%s: %d warnings, want %d", routes, n, warnings)
		}
	}
}

// TestNamedRouteDropped: a guard whose invoke Caddy has dropped is an error, since
// what comes after it would be open to everybody.
func TestNamedRouteDropped(t *testing.T) {
	for name, test := range map[string]struct {
		routes, site string
		refused      bool
	}{
		"the invoke after a header":    {"&(auth) {\njwt_auth\n}\n&(outer) {\nheader X-Site a\ninvoke auth\n}\n", "invoke outer\nrespond secret", true},
		"the same with a token server": {"&(auth) {\ntoken_server\n}\n&(outer) {\nheader X-Site a\ninvoke auth\n}\n", "invoke outer\nrespond secret", true},
		"in a route":                   {"&(auth) {\njwt_auth\n}\n&(outer) {\nheader X-Site a\nroute {\ninvoke auth\n}\n}\n", "invoke outer\nrespond secret", true},
		"invoked elsewhere":            {"&(auth) {\njwt_auth\n}\n&(outer) {\nheader X-Site a\ninvoke auth\n}\n", "invoke outer\nhandle /a {\ninvoke auth\n}\nrespond secret", false},
		"kept by a matcher":            {"&(auth) {\njwt_auth\n}\n&(outer) {\nheader /* X-Site a\ninvoke auth\n}\n", "invoke outer\nrespond secret", false},
		"no handler of ours":           {"&(auth) {\nheader X-A b\n}\n&(outer) {\nheader X-Site a\ninvoke auth\n}\n", "invoke outer\nrespond secret", false},
		"in an error route":            {"&(auth) {\njwt_auth\n}\n", "error 500\nhandle_errors {\ninvoke auth\nrespond secret\n}", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			err := s.tryLoad("{\n<GLOBAL>\njwtauth {\nstore memory\n}\n}\n" + test.routes + s.site(test.site))
			if (err != nil) != test.refused {
				t.Fatalf("error %v, want one: %v", err, test.refused)
			}
			if test.refused && !strings.Contains(err.Error(), "the named route auth, which nothing invokes") {
				t.Errorf("error %v", err)
			}
		})
	}
}
