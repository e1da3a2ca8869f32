package jwtauth_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// forgeries are ways to send an upstream a user name in a header of one's own.
var forgeries = []struct {
	name string
	send []option
}{
	{"as it is", []option{header("X-User", "forged")}},
	{"lower case", []option{header("x-user", "forged")}},
	{"mixed case", []option{header("x-USER", "forged")}},
	{"underscore", []option{header("X_User", "forged")}},
	{"underscore in capitals", []option{header("X_USER", "forged")}},
	{"dot", []option{header("X.User", "forged")}},
	{"tilde, which CGI of some servers folds too", []option{header("X~User", "forged")}},
	{"plus", []option{header("X+User", "forged")}},
	{"twice", []option{header("X-User", "forged"), header("X-User", "other")}},
	{"in two spellings", []option{header("X-User", "forged"), header("X_User", "forged")}},
	{"named in Connection", []option{header("X-User", "forged"), header("Connection", "X-User")}},
	{"named in Connection in lower case", []option{header("X-User", "forged"), header("Connection", "x-user, keep-alive")}},
	{"named in the second Connection", []option{
		header("X-User", "forged"), header("Connection", "keep-alive"), header("Connection", "X-User"),
	}},
	{"named in Connection among others", []option{header("Connection", "close,\tX-User ,X-Roles")}},
	{"another guard's", []option{header("X-Other", "forged"), header("X_Other", "forged"), header("X-Roles", "admin")}},
	{"empty", []option{header("X-User", "")}},
}

// identityOf returns what of a request an upstream could take for identity.
func identityOf(r *http.Request) map[string][]string {
	found := make(map[string][]string)
	for name, values := range r.Header {
		folded := strings.ToLower(strings.NewReplacer("_", "-", ".", "-", "~", "-", "+", "-").Replace(name))
		switch folded {
		case "x-user", "x-roles", "x-other":
			found[folded] = append(found[folded], values...)
		}
	}
	return found
}

func (u *upstream) wantIdentity(t *testing.T, want map[string][]string) {
	t.Helper()
	r := u.take()
	if r == nil {
		t.Error("the upstream was not asked")
		return
	}
	if got := identityOf(r); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: the upstream was told %v, want %v", r.URL.Path, got, want)
	}
}

func nobody() map[string][]string { return map[string][]string{} }

// expectedHeaders allow-lists spellings that Caddy drops by itself: the guard
// must not rely on that.
var expectedHeaders = []string{
	"", "expected_underscore_headers X_User X_Other X_Roles", "expected_dot_headers X.User X.Other",
}

const identitySite = `
	try_files /missing /optional /users {path}
	jwt_auth /users/* {
		set_header X-User {http.auth.user.id}
		set_header X-Roles {http.auth.user.roles}
	}
	jwt_auth /users/other/* {
		set_header X-Other {http.auth.user.claims.tenant}
	}
	jwt_auth /optional {
		optional
		set_header X-User {http.auth.user.id}
	}
	reverse_proxy <UPSTREAM>
`

func TestNoClientSendsIdentityHeaders(t *testing.T) {
	for _, expected := range expectedHeaders {
		t.Run(expected, func(t *testing.T) {
			s := newServer(t)
			u := s.newUpstream()
			s.load("{\n<GLOBAL>\nservers {\n" + expected + "\n}\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(identitySite))
			alice, bob := s.signIn("alice"), s.signIn("bob")
			for _, forgery := range forgeries {
				for _, test := range []struct {
					path string
					who  []option
					want map[string][]string
				}{
					{"/users/x", []option{bearer(alice.Access)}, map[string][]string{"x-user": {"alice"}, "x-roles": {"admin,editor"}}},
					{"/users/x", []option{bearer(bob.Access)}, map[string][]string{"x-user": {"bob"}, "x-roles": {"user"}}},
					{"/users/other/x", []option{bearer(alice.Access)}, map[string][]string{
						"x-user": {"alice"}, "x-roles": {"admin,editor"}, "x-other": {"acme"},
					}},
					// bob has no such claim: the header is removed, not left to the client.
					{"/users/other/x", []option{bearer(bob.Access)}, map[string][]string{"x-user": {"bob"}, "x-roles": {"user"}}},
					{"/optional", []option{bearer(alice.Access)}, map[string][]string{"x-user": {"alice"}}},
					{"/optional", nil, nobody()},
					{"/optional", []option{cookie("jwtauth=rubbish")}, nobody()},
					{"/unguarded", nil, nobody()},
					{"/unguarded", []option{bearer(alice.Access)}, nobody()},
				} {
					s.get(test.path, append(slices.Clone(forgery.send), test.who...)...).want(t, http.StatusOK)
					u.wantIdentity(t, test.want)
					if t.Failed() {
						t.Fatalf("%s on %s", forgery.name, test.path)
					}
				}
				s.get("/users/x", forgery.send...).wantNothingPresented(t)
				if u.take() != nil {
					t.Errorf("%s: a refused request reached the upstream", forgery.name)
				}
			}
			s.wantQuietLog()
		})
	}
}

// TestIdentityHeadersOfRefusedRequests: what handle_errors passes on says nothing
// about who is asking, whichever guard refused.
func TestIdentityHeadersOfRefusedRequests(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	s.load(`{
		<GLOBAL>
		servers {
			expected_underscore_headers X_User X_Other
		}
		jwtauth {
			store memory
			<USERS>
		}
	}
	` + s.site(`
		jwt_auth /first/second/* admin {
			errors site
			set_header X-Other {http.auth.user.id}
		}
		jwt_auth /first/* {
			errors site
			set_header X-User {http.auth.user.id}
			set_header X-Roles {http.auth.user.roles}
		}
		jwt_auth /plain/* {
			errors site
		}
		handle_errors {
			rewrite * /error
			reverse_proxy <UPSTREAM>
		}
		reverse_proxy <UPSTREAM>
	`))
	bob := s.signIn("bob")
	for _, forgery := range forgeries {
		for _, test := range []struct {
			path      string
			who       []option
			challenge string
		}{
			{"/first/x", nil, challengeNothing},
			{"/first/x", []option{bearer("rubbish")}, challengeInvalid},
			{"/first/second/x", nil, challengeNothing},
			{"/first/second/x", []option{bearer(bob.Access)}, challengeRole},
			{"/plain/x", nil, challengeNothing},
			{"/plain/x", []option{cookie("jwtauth=rubbish")}, challengeInvalid},
		} {
			// The status is the upstream's now.
			s.get(test.path, append(slices.Clone(forgery.send), test.who...)...).wantHeader(t, "WWW-Authenticate", ofGuard(test.challenge))
			r := u.take()
			if r == nil {
				t.Fatalf("%s on %s: handle_errors did not run", forgery.name, test.path)
			}
			if got := identityOf(r); len(got) > 0 || r.URL.Path != "/error" || r.Header.Get("Cookie") != "" {
				t.Errorf("%s on %s: the upstream was told %v at %s", forgery.name, test.path, got, r.URL.Path)
			}
		}
	}
	s.wantQuietLog()
}

// TestRefusalTakesBackIdentity: a guard let the request pass and said who it is,
// a later one refuses. What handles the error is not told who it would have been.
func TestRefusalTakesBackIdentity(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(`
		route {
			jwt_auth {
				set_header X-User {http.auth.user.id}
			}
			jwt_auth admin {
				errors site
			}
			reverse_proxy <UPSTREAM>
		}
		handle_errors {
			rewrite * /error?id={http.auth.user.id}
			reverse_proxy <UPSTREAM>
		}
	`))
	s.get("/x", bearer(s.signIn("bob").Access)).wantHeader(t, "WWW-Authenticate", ofGuard(challengeRole))
	r := u.take()
	if r == nil || len(identityOf(r)) > 0 || r.URL.RawQuery != "id=" {
		t.Errorf("the upstream got %v", r)
	}
	s.get("/x", bearer(s.signIn("alice").Access)).want(t, http.StatusOK)
	u.wantIdentity(t, map[string][]string{"x-user": {"alice"}})
}

// TestIdentityHeadersOfInterceptedAnswers: intercept passes a request on that this
// module has answered. The upstream sees of it what one of handle_errors sees.
func TestIdentityHeadersOfInterceptedAnswers(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(`
		route {
			intercept {
				@refused status 4xx
				handle_response @refused {
					reverse_proxy <UPSTREAM>
				}
			}
			token_server
			jwt_auth {
				set_header X-User {http.auth.user.id}
			}
			jwt_auth /admin/* admin {
				set_header X-Other {http.auth.user.id}
				set_header X-Roles {http.auth.user.roles}
			}
			respond ok
		}
	`))
	bob := s.signIn("bob")
	for _, forgery := range forgeries {
		for path, who := range map[string][]option{
			"/token": nil, "/account/missing": nil, "/x": nil, "/admin/x": {bearer(bob.Access)},
		} {
			options := append(slices.Clone(forgery.send), header("X-Other", "root"), header("Connection", "Upgrade"), header("Upgrade", "h2c"), header("X-Http-Method", "DELETE"))
			// The answer has two lengths, since intercept leaves the first where it is.
			_, _ = s.try(http.MethodGet, path, "", append(options, who...)...)
			r := u.take()
			if r == nil {
				t.Fatalf("%s on %s: intercept did not run", forgery.name, path)
			}
			if got := identityOf(r); len(got) > 0 || r.Header.Get("Cookie") != "" || r.Header.Get("Upgrade") != "" || r.Header.Get("X-Http-Method") != "" {
				t.Errorf("%s on %s: the upstream was told %v of %v", forgery.name, path, got, r.Header)
			}
		}
	}
}

// TestErrorsBeforeTheGuard: Caddy runs handle_errors without any handler of the
// site for requests that it refuses itself, so that block needs a guard of its
// own where it passes requests on.
func TestErrorsBeforeTheGuard(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(`
		try_files {path} =404
		jwt_auth /users/* {
			set_header X-User {http.auth.user.id}
		}
		reverse_proxy <UPSTREAM>
		handle_errors {
			jwt_auth {
				optional
				set_header X-User {http.auth.user.id}
			}
			rewrite * /error
			reverse_proxy <UPSTREAM>
		}
	`))
	for _, request := range []string{
		"GET /users/x HTTP/1.1\r\nHost:\r\nX-User: forged\r\nCookie: jwtauth=stolen\r\n\r\n",
		strings.Repeat("X", 33) + " /users/x HTTP/1.1\r\nHost: a\r\nX-User: forged\r\nX_User: forged\r\nCookie: jwtauth=stolen\r\n\r\n",
		"GET /missing HTTP/1.1\r\nHost: a\r\nX-User: forged\r\nX_User: forged\r\nCookie: jwtauth=stolen\r\n\r\n",
	} {
		if _, err := s.raw(request); err != nil {
			t.Fatalf("%q: %v", request, err)
		}
		r := u.take()
		if r == nil || r.URL.Path != "/error" {
			t.Fatalf("%q: handle_errors did not run", request)
		}
		if got := identityOf(r); len(got) > 0 || r.Header.Get("Cookie") != "" {
			t.Errorf("%q: the upstream was told %v and %q", request, got, r.Header.Get("Cookie"))
		}
	}
}

// TestIdentityHeadersInTrailers: a header that comes after the body is one to
// some servers.
func TestIdentityHeadersInTrailers(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(identitySite))
	for _, path := range []string{"/unguarded", "/optional"} {
		a, err := s.raw("POST " + path + " HTTP/1.1\r\nHost: a\r\nTrailer: X-User\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"2\r\nhi\r\n0\r\nX-User: forged\r\n\r\n")
		if err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", a.Response, err)
		}
		r := u.take()
		if r == nil || len(identityOf(r)) > 0 || len(r.Trailer.Values("X-User")) > 0 {
			t.Errorf("%s: the upstream was told %v, and %v in trailers", path, identityOf(r), r.Trailer)
		}
	}
}

// TestConnectionHeaderIsLeftAlone: only our names are taken out of it.
func TestConnectionHeaderIsLeftAlone(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(identitySite))
	alice := s.signIn("alice")
	// X-Hop is hop-by-hop as its sender says: the proxy has to drop it.
	s.get("/users/x", bearer(alice.Access), header("X-Hop", "1"), header("X-End", "1"), header("Connection", "X-Hop, X-User")).want(t, 200)
	r := u.take()
	if r.Header.Get("X-Hop") != "" || r.Header.Get("X-End") != "1" || r.Header.Get("X-User") != "alice" {
		t.Errorf("the upstream got %v", r.Header)
	}
}

// hostileUsers have names and claims that want to be more than text. A placeholder
// in them is never resolved, a line break never ends a header.
const hostileUsers = `{"users": [
	{"username": "dave", "password_hash": "` + secretHash + `", "full_name": "{env.JWTAUTH_TEST_SECRET}", "claims": {
		"placeholder": "{env.JWTAUTH_TEST_SECRET}",
		"nested": "{http.auth.user.claims.{env.JWTAUTH_TEST_SECRET}}",
		"file": "{file./etc/hostname}",
		"lines": "a\r\nX-Roles: admin",
		"newline": "a\nX-Roles: admin",
		"nul": "a\u0000b",
		"list": ["{env.JWTAUTH_TEST_SECRET}", 1],
		"number": 42,
		"float": 1.5,
		"yes": true,
		"none": null,
		"umlaut": "ä",
		"empty": ""
	}},
	{"username": "{env.JWTAUTH_TEST_SECRET}", "password_hash": "` + secretHash + `", "roles": ["{env.JWTAUTH_TEST_SECRET}"]}
]}`

func TestClaimsAreNeverExpandedAgain(t *testing.T) {
	t.Setenv("JWTAUTH_TEST_SECRET", "s3cr3t-of-the-server")
	s := newServer(t)
	s.files(map[string]string{"users.json": hostileUsers})
	u := s.newUpstream()
	claims := []string{
		"placeholder", "nested", "file", "lines", "newline", "nul", "list", "number", "float", "yes", "none", "umlaut", "empty", "missing",
	}
	var set strings.Builder
	for _, claim := range claims {
		fmt.Fprintf(&set, "set_header X-Claim-%s {http.auth.user.claims.%s}\n", claim, claim)
	}
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\nusers_file <ROOT>/users.json\n}\n}\n" + s.site(`
		jwt_auth {
			set_header X-Id "id={http.auth.user.id};"
			set_header X-Name {http.auth.user.full_name}
			set_header X-Roles {http.auth.user.roles}
			`+set.String()+`
		}
		header X-Seen {http.auth.user.claims.placeholder}
		@text path /text
		respond @text "{http.auth.user.claims.placeholder} {http.auth.user.full_name} {http.auth.user.claims.lines}"
		reverse_proxy <UPSTREAM>
	`))
	const secret = "{env.JWTAUTH_TEST_SECRET}"
	want := map[string]string{
		"placeholder": secret, "nested": "{http.auth.user.claims." + secret + "}", "file": "{file./etc/hostname}",
		"list": `["` + secret + `",1]`, "number": "42", "float": "1.5", "yes": "true", "umlaut": "ä",
	}
	dave := s.signIn("dave")
	for name, presented := range map[string]option{
		"token": bearer(dave.Access), "cookie": cookie(dave.CookieName + "=" + dave.CookieValue),
	} {
		s.get("/x", presented, header("X-Roles", "admin")).want(t, http.StatusOK)
		r := u.take()
		if got := r.Header.Get("X-Id"); got != "id=dave;" {
			t.Errorf("%s: id %q", name, got)
		}
		if got := r.Header.Get("X-Name"); got != secret {
			t.Errorf("%s: full name %q", name, got)
		}
		for _, claim := range claims {
			if got := r.Header.Values("X-Claim-" + claim); strings.Join(got, "|") != want[claim] {
				t.Errorf("%s: claim %s is %q, want %q", name, claim, got, want[claim])
			}
		}
		if got := r.Header.Values("X-Roles"); len(got) > 0 {
			t.Errorf("%s: a claim with a line break, or the client, made the header X-Roles: %q", name, got)
		}
		s.get("/text", presented).wantBody(t, http.StatusOK, secret+" "+secret+" a\r\nX-Roles: admin")
	}
	odd := s.signIn(secret)
	s.get("/x", bearer(odd.Access)).want(t, http.StatusOK)
	if r := u.take(); r.Header.Get("X-Id") != "id="+secret+";" || r.Header.Get("X-Roles") != secret {
		t.Errorf("a user name or role was expanded: %v", r.Header)
	}
	if strings.Contains(s.log(), "s3cr3t-of-the-server") {
		t.Error("the log holds the secret")
	}
}
