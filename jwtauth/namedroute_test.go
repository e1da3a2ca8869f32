package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"
)

// namedRoutes are the named routes that guard what stands after their invoke, and
// who passes: any user, or an admin.
var namedRoutes = map[string]struct{ routes, passes string }{
	"a guard alone":               {"&(auth) {\njwt_auth\n}", "user"},
	"token server and guard":      {"&(auth) {\ntoken_server\njwt_auth\n}", "user"},
	"guard and token server":      {"&(auth) {\njwt_auth admin\ntoken_server\n}", "admin"},
	"two guards":                  {"&(auth) {\njwt_auth\njwt_auth admin\n}", "admin"},
	"three guards":                {"&(auth) {\njwt_auth\njwt_auth {\nscope write\n}\njwt_auth {\nroles all admin editor\n}\n}", "admin"},
	"header first":                {"&(auth) {\nheader X-Site a\njwt_auth\n}", "user"},
	"vars first":                  {"&(auth) {\nvars a b\njwt_auth admin\n}", "admin"},
	"many first":                  {"&(auth) {\nvars a b\nheader X-Site a\nroot /srv\nencode gzip\ntoken_server\njwt_auth\n}", "user"},
	"a snippet":                   {"(guard) {\njwt_auth {args[0]}\n}\n&(auth) {\nheader X-Site a\nimport guard admin\n}", "admin"},
	"a snippet of several":        {"(guard) {\nheader X-Site a\ntoken_server\njwt_auth\n}\n&(auth) {\nimport guard\n}", "user"},
	"route":                       {"&(auth) {\nroute {\ntoken_server\njwt_auth\n}\n}", "user"},
	"route next to a guard":       {"&(auth) {\nheader X-Site a\njwt_auth\nroute {\njwt_auth admin\n}\n}", "admin"},
	"route in another order":      {"&(auth) {\nroute {\nheader X-Site a\njwt_auth admin\n}\n}", "admin"},
	"handle with a matcher":       {"&(auth) {\nheader X-Site a\nhandle /in/* {\njwt_auth admin\n}\n}", "admin"},
	"handle alone":                {"&(auth) {\nhandle {\nvars a b\njwt_auth\n}\n}", "user"},
	"a matcher on the guard":      {"&(auth) {\nvars a b\njwt_auth /in/* admin\n}", "admin"},
	"nested":                      {"&(inner) {\nvars a b\njwt_auth\n}\n&(auth) {\ninvoke inner\n}", "user"},
	"nested, with a guard":        {"&(inner) {\nvars a b\njwt_auth\n}\n&(auth) {\njwt_auth admin\ninvoke inner\n}", "admin"},
	"nested, the inner one alone": {"&(inner) {\njwt_auth admin\n}\n&(auth) {\nheader /in/* X-Site a\ninvoke inner\n}", "admin"},
}

// TestNamedRouteGuards: a guard in a named route guards what comes after invoke.
// Caddy keeps only the first handler of a named route whose directives all are
// without a matcher.
func TestNamedRouteGuards(t *testing.T) {
	for name, test := range namedRoutes {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + test.routes + "\n" + s.site("invoke auth\nrespond secret"))
			alice, bob := s.signIn("alice", "write"), s.signIn("bob")
			s.get("/in/x").want(t, http.StatusUnauthorized)
			s.get("/in/x", bearer("rubbish")).want(t, http.StatusUnauthorized)
			s.get("/in/x", bearer(alice.Access)).wantBody(t, http.StatusOK, "secret")
			if test.passes == "admin" {
				s.get("/in/x", bearer(bob.Access)).want(t, http.StatusForbidden)
			} else {
				s.get("/in/x", bearer(bob.Access)).wantBody(t, http.StatusOK, "secret")
			}
			if strings.Contains(test.routes, "token_server") {
				s.form("/token", "username=alice&password=secret").want(t, http.StatusOK)
			}
		})
	}
}

// TestNamedRouteClears: identity headers and the session cookie are kept from the
// upstream there, too.
func TestNamedRouteClears(t *testing.T) {
	for name, routes := range map[string]string{
		"optional":             "&(auth) {\nvars a b\njwt_auth {\noptional\nset_header X-User {http.auth.user.id}\n}\n}",
		"optional, two":        "&(auth) {\njwt_auth {\noptional\n}\njwt_auth {\noptional\nset_header X-User {http.auth.user.id}\n}\n}",
		"an unguarded path":    "&(auth) {\nvars a b\njwt_auth /in/* {\nset_header X-User {http.auth.user.id}\n}\n}",
		"optional, in a route": "&(auth) {\nroute {\nvars a b\njwt_auth {\noptional\nset_header X-User {http.auth.user.id}\n}\n}\n}",
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			u := s.newUpstream()
			s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + routes + "\n" + s.site("invoke auth\nreverse_proxy <UPSTREAM>"))
			alice := s.signIn("alice")
			s.get("/x", header("X-User", "root"), cookie("jwtauth="+alice.CookieValue), header("Connection", "Upgrade"), header("Upgrade", "h2c")).want(t, http.StatusOK)
			r := u.take()
			if r == nil {
				t.Fatal("the request did not come to the upstream")
			}
			if user := r.Header.Get("X-User"); user == "root" || r.Header.Get("Cookie") != "" || r.Header.Get("Upgrade") != "" {
				t.Errorf("the upstream saw %v", r.Header)
			}
		})
	}
}
