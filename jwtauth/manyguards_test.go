package jwtauth_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

func init() { caddy.RegisterModule(between{}) }

// between is a handler of another module. It does what the test wants before it passes a
// request on, and keeps what it sees of the answer, as a cache does.
type between struct{}

var (
	doBetween   atomic.Pointer[func()]
	seenBetween atomic.Pointer[http.Header]
)

func (between) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.test_between", New: func() caddy.Module { return new(between) }}
}

func (between) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if do := doBetween.Load(); do != nil {
		(*do)()
	}
	return next.ServeHTTP(&betweenWriter{&caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}, r)
}

type betweenWriter struct {
	*caddyhttp.ResponseWriterWrapper
}

func (w *betweenWriter) WriteHeader(status int) {
	seen := w.Header().Clone()
	seenBetween.Store(&seen)
	w.ResponseWriterWrapper.WriteHeader(status)
}

const (
	plainGuard  = `{"handle": [{"handler": "jwt_auth"}]},`
	betweenStep = `{"handle": [{"handler": "test_between"}]},`
	showUser    = `{"handle": [{"handler": "static_response", "status_code": 200, "body": "user {http.auth.user.id}"}]}`
)

// TestGuardsRunInFileOrder: the first refusal answers.
func TestGuardsRunInFileOrder(t *testing.T) {
	s := start(t, `
		token_server
		jwt_auth /a/b/* {
			scope publish
			login off
		}
		jwt_auth owner
		jwt_auth /a/* admin
		jwt_auth /a/b/c/* nothing
		respond in
		handle_errors {
			respond "reason {http.auth.jwt_auth.error}"
		}`)
	alice, bob := s.signIn("alice"), s.signIn("bob")
	for path, missing := range map[string]string{"/a/b/c/x": `scope="publish"`, "/a/x": "a role", "/x": "a role"} {
		a := s.get(path, bearer(bob.Access)).want(t, http.StatusForbidden)
		if got := strings.Contains(a.Header.Get("WWW-Authenticate"), `scope="publish"`); got != strings.HasPrefix(missing, "scope") {
			t.Errorf("%s: refused with %v, want %s", path, a.Header["Www-Authenticate"], missing)
		}
	}
	// A person is sent to sign in by the whole-site guard, and not below /a/b.
	s.get("/a/b/x", navigate()).want(t, http.StatusUnauthorized)
	s.get("/a/x", navigate()).want(t, http.StatusSeeOther)
	s.get("/a/b/c/x", bearer(alice.Access)).want(t, http.StatusForbidden)
}

// TestGuardsOfSeveralUsers: guards of one realm agree on who is asking; the last one of
// all says who it is.
func TestGuardsOfSeveralUsers(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	s.load(`{
		<GLOBAL>
		jwtauth {
			store memory
			<USERS>
		}
		jwtauth staff {
			store memory
			<USERS>
		}
	}
	` + s.site(`
		jwt_auth {
			source header
			set_header X-User {http.auth.user.id}
		}
		jwt_auth /staff/* {
			realm staff
			source cookie
			set_header X-Other {http.auth.user.id}
		}
		jwt_auth /staff/both/* {
			source query again
			set_header X-Roles {http.auth.user.id}
		}
		jwt_auth /cookie/* {
			source cookie
		}
		jwt_auth /optional/* {
			source cookie
			optional
			set_header X-Other {http.auth.user.id}
		}
		jwt_auth /foreign/* {
			realm staff
			source cookie
			optional
			set_header X-Other {http.auth.user.id}
		}
		header >X-Asking {http.auth.user.id}
		reverse_proxy <UPSTREAM>`))
	alice, bob, staff := s.signIn("alice"), s.signIn("bob"), s.signInTo("staff", "bob")
	asAlice, asBob := cookie("jwtauth="+alice.CookieValue), cookie("jwtauth="+bob.CookieValue)
	asStaff := cookie("jwtauth_staff=" + staff.CookieValue)
	for _, test := range []struct {
		path   string
		with   []option
		status int
		asking string
		told   map[string][]string
	}{
		{"/x", nil, http.StatusOK, "alice", map[string][]string{"x-user": {"alice"}}},
		{"/cookie/x", []option{asAlice}, http.StatusOK, "alice", map[string][]string{"x-user": {"alice"}}},
		{"/cookie/x", []option{asBob}, http.StatusUnauthorized, "", nil},
		{"/cookie/x", nil, http.StatusUnauthorized, "", nil},
		{"/staff/x", []option{asStaff}, http.StatusOK, "bob", map[string][]string{"x-user": {"alice"}, "x-other": {"bob"}}},
		{"/staff/x", []option{asBob}, http.StatusUnauthorized, "", nil},
		{"/staff/both/x?again=" + alice.Access, []option{asStaff}, http.StatusOK, "alice", map[string][]string{"x-user": {"alice"}, "x-other": {"bob"}, "x-roles": {"alice"}}},
		{"/staff/both/x?again=" + bob.Access, []option{asStaff}, http.StatusUnauthorized, "", nil},
		// A guard that finds no user changes nothing, and says nothing of its own.
		{"/optional/x", nil, http.StatusOK, "alice", map[string][]string{"x-user": {"alice"}}},
		{"/optional/x", []option{cookie("jwtauth=dead")}, http.StatusOK, "alice", map[string][]string{"x-user": {"alice"}}},
		{"/optional/x", []option{asAlice}, http.StatusOK, "alice", map[string][]string{"x-user": {"alice"}, "x-other": {"alice"}}},
		{"/optional/x", []option{asBob}, http.StatusUnauthorized, "", nil},
		{"/foreign/x", nil, http.StatusOK, "alice", map[string][]string{"x-user": {"alice"}}},
		{"/foreign/x", []option{asStaff}, http.StatusOK, "bob", map[string][]string{"x-user": {"alice"}, "x-other": {"bob"}}},
	} {
		with := append([]option{bearer(alice.Access), header("X-Other", "forged"), header("X_Other", "forged")}, test.with...)
		a := s.get(test.path, with...).want(t, test.status).wantHeader(t, "X-Asking", test.asking)
		if test.told != nil {
			u.wantIdentity(t, test.told)
		} else if u.take() != nil {
			t.Errorf("%s: the request passed", test.path)
		}
		if t.Failed() {
			t.Fatalf("%s: %d %s", test.path, a.StatusCode, a.Body)
		}
	}
}

// TestVerdictIsAskedAnew: a guard takes over what the one before it found, unless that
// has changed since.
func TestVerdictIsAskedAnew(t *testing.T) {
	s := newServer(t)
	if err := s.tryRoutes(`{"handle": [{"handler": "token_server"}]},` + plainGuard + betweenStep + plainGuard + showUser); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { doBetween.Store(nil) })
	for name, as := range map[string]func(jwtauth.SignedIn) option{
		"token":  func(in jwtauth.SignedIn) option { return bearer(in.Access) },
		"cookie": func(in jwtauth.SignedIn) option { return cookie("jwtauth=" + in.CookieValue) },
	} {
		in := s.signIn("alice")
		doBetween.Store(nil)
		s.get("/", as(in)).wantBody(t, http.StatusOK, "user alice")
		end := func() { s.form("/revoke", "token="+in.Refresh).want(t, http.StatusOK) }
		doBetween.Store(&end)
		if a := s.get("/", as(in)); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: a session that ended between two guards: %d %s", name, a.StatusCode, a.Body)
		}
	}
}

// TestCacheBetweenHandlers: what stands between two of our handlers sees what an answer
// says of caching, or a cache would give one user's answer to the next.
func TestCacheBetweenHandlers(t *testing.T) {
	for name, routes := range map[string]string{
		"after a token server": `{"handle": [{"handler": "token_server"}]},` + betweenStep + plainGuard,
		"after a guard":        plainGuard + betweenStep + plainGuard,
		"after both":           `{"handle": [{"handler": "token_server"}]},` + plainGuard + betweenStep + plainGuard,
		"a guard elsewhere":    `{"handle": [{"handler": "jwt_auth", "match": [{"path": ["/elsewhere"]}]}]},` + betweenStep + plainGuard,
		"two guards after it":  `{"handle": [{"handler": "token_server"}]},` + betweenStep + plainGuard + plainGuard,
	} {
		s := newServer(t)
		if err := s.tryRoutes(routes + showUser); err != nil {
			t.Fatal(err)
		}
		in := s.signIn("alice")
		seenBetween.Store(nil)
		a := s.get("/", bearer(in.Access)).wantBody(t, http.StatusOK, "user alice")
		seen := seenBetween.Load()
		if seen == nil || seen.Get("Cache-Control") != "private, no-cache" || seen.Get("Vary") != "Authorization, Cookie" {
			t.Errorf("%s: seen in between: %v", name, seen)
		}
		a.wantHeader(t, "Cache-Control", "private, no-cache").wantHeader(t, "Vary", "Authorization, Cookie")
		s.stop()
	}
}
