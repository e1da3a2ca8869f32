package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

func TestGuardRules(t *testing.T) {
	s := start(t, `
		jwt_auth /any
		jwt_auth /admin admin
		jwt_auth /either nobody admin
		jwt_auth /list {
			roles any nobody user
		}
		jwt_auth /both {
			roles all admin editor
		}
		jwt_auth /all-and-any user {
			roles all admin
		}
		jwt_auth /scope {
			scope read write
		}
		jwt_auth /claim {
			claim tenant globex acme
		}
		jwt_auth /together admin {
			scope read
			claim tenant acme
		}
		jwt_auth /twice admin
		jwt_auth /twice {
			scope write
		}
		respond "in"
	`)
	alice, bob := s.signIn("alice", "read", "write"), s.signIn("bob", "read")
	unscoped := s.signIn("alice")
	writeChallenge := challengeRole + `, scope="read write"`
	for _, test := range []struct {
		path      string
		who       jwtauth.SignedIn
		challenge string // "" for one who passes
	}{
		{"/any", alice, ""},
		{"/any", bob, ""},
		{"/admin", alice, ""},
		{"/admin", bob, challengeRole},
		{"/either", alice, ""},
		{"/either", bob, challengeRole},
		{"/list", alice, challengeRole},
		{"/list", bob, ""},
		{"/both", alice, ""},
		{"/both", bob, challengeRole},
		{"/all-and-any", alice, challengeRole}, // not a user
		{"/all-and-any", bob, challengeRole},   // not an admin
		{"/scope", alice, ""},
		{"/scope", unscoped, writeChallenge},
		{"/scope", bob, writeChallenge}, // all that is needed, not only what is missing
		{"/claim", alice, ""},
		{"/claim", bob, challengeRole},
		{"/together", alice, ""},
		{"/together", unscoped, challengeRole + `, scope="read"`},
		{"/together", bob, challengeRole},
		{"/twice", alice, ""},
		{"/twice", unscoped, challengeRole + `, scope="write"`},
		{"/twice", bob, challengeRole},
		{"/unguarded", bob, ""},
	} {
		for name, presented := range map[string]option{
			"token": bearer(test.who.Access), "cookie": cookie(test.who.CookieName + "=" + test.who.CookieValue),
		} {
			a := s.get(test.path, presented)
			if test.challenge == "" {
				a.wantBody(t, http.StatusOK, "in")
			} else {
				a.wantRefusal(t, http.StatusForbidden, test.challenge, "insufficient_scope", "Forbidden")
			}
			if t.Failed() {
				t.Fatalf("%s by %s", test.path, name)
			}
		}
	}
	s.get("/any").wantNothingPresented(t)
	s.get("/scope").wantNothingPresented(t)
	s.get("/unguarded").wantBody(t, http.StatusOK, "in")
	s.wantQuietLog()
}

func TestGuardAnswersEveryMethod(t *testing.T) {
	s := start(t, `
		jwt_auth /private
		respond "in"
	`)
	alice := s.signIn("alice")
	for _, method := range []string{
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "X", "get", strings.Repeat("X", 32),
	} {
		s.do(method, "/private").wantNothingPresented(t)
		s.do(method, "/private", bearer("rubbish")).wantInvalidToken(t)
		s.do(method, "/private", bearer(alice.Access)).want(t, http.StatusOK)
	}
	a, err := s.raw("CONNECT /private HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	if err != nil || a.StatusCode != http.StatusUnauthorized {
		t.Errorf("CONNECT: %v %v", a.Response, err)
	}
	s.wantQuietLog()
}

func TestGuardSources(t *testing.T) {
	s := start(t, `
		jwt_auth /default
		jwt_auth /header {
			source header
		}
		jwt_auth /cookie {
			source cookie
		}
		jwt_auth /query {
			source query token
		}
		jwt_auth /query-then-header {
			source query token
			source header
		}
		jwt_auth /cookie-then-header {
			source cookie
			source header
		}
		jwt_auth /optional-query {
			optional
			source query token
		}
		respond "{http.auth.user.id}"
	`)
	alice, bob := s.signIn("alice"), s.signIn("bob")
	head, bad := bearer(alice.Access), bearer("rubbish")
	mine, dead := cookie("jwtauth="+bob.CookieValue), cookie("jwtauth=rubbish")
	const nothing, invalid = "nothing presented", "invalid token"
	for _, test := range []struct {
		name, path string
		send       []option
		want       string // the user's name, or nothing or invalid
	}{
		{"header", "/default", []option{head}, "alice"},
		{"cookie", "/default", []option{mine}, "bob"},
		{"header before cookie", "/default", []option{mine, head}, "alice"},
		{"bad header before good cookie", "/default", []option{mine, bad}, invalid},
		{"good header before dead cookie", "/default", []option{dead, head}, "alice"},
		{"another scheme is nothing", "/default", []option{header("Authorization", "Basic YWxpY2U6c2VjcmV0")}, nothing},
		{"another scheme beside a cookie", "/default", []option{mine, header("Authorization", "Digest x")}, "bob"},
		{"an empty header is nothing", "/default", []option{header("Authorization", "")}, nothing},
		{"an empty header beside a cookie", "/default", []option{header("Authorization", ""), mine}, "bob"},
		{"query where it is no source", "/default?token=" + alice.Access + "&access_token=" + alice.Access, nil, nothing},
		{"header alone", "/header", []option{head}, "alice"},
		{"header alone does not read cookies", "/header", []option{mine}, nothing},
		{"cookie alone", "/cookie", []option{mine}, "bob"},
		{"cookie alone does not read headers", "/cookie", []option{head}, nothing},
		{"cookie alone with a bad header", "/cookie", []option{mine, bad}, "bob"},
		{"query", "/query?token=" + alice.Access, nil, "alice"},
		{"query among others", "/query?a=1&token=" + alice.Access + "&b=2", nil, "alice"},
		{"query alone does not read headers", "/query", []option{head}, nothing},
		{"query of another name", "/query?access_token=" + alice.Access, nil, nothing},
		{"query of another case", "/query?Token=" + alice.Access, nil, nothing},
		{"two query tokens", "/query?token=" + alice.Access + "&token=" + alice.Access, nil, invalid},
		{"a query token and an empty one", "/query?token=" + alice.Access + "&token=", nil, invalid},
		{"empty query token", "/query?token=", nil, nothing},
		{"bad query token", "/query?token=rubbish", nil, invalid},
		{"query token with an escape too few", "/query?token=%zz", nil, nothing},
		{"query token with a NUL", "/query?token=%00" + alice.Access, nil, invalid},
		{"query, then header: query", "/query-then-header?token=" + bob.Access, []option{head}, "bob"},
		{"query, then header: header", "/query-then-header", []option{head}, "alice"},
		{"query, then header: bad query", "/query-then-header?token=x", []option{head}, invalid},
		{"cookie, then header: cookie", "/cookie-then-header", []option{head, mine}, "bob"},
		{"cookie, then header: header", "/cookie-then-header", []option{head}, "alice"},
		{"cookie, then header: dead cookie", "/cookie-then-header", []option{head, dead}, invalid},
		{"optional query: none", "/optional-query", nil, ""},
		{"optional query: bad", "/optional-query?token=x", nil, invalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := s.get(test.path, test.send...)
			switch test.want {
			case nothing:
				a.wantNothingPresented(t)
			case invalid:
				a.wantInvalidToken(t)
			default:
				a.wantBody(t, http.StatusOK, test.want)
				private := "private, no-cache"
				if strings.Contains(test.path, "query") {
					private = "private" // RFC 6750 §2.3
				}
				a.wantHeader(t, "Cache-Control", private)
			}
		})
	}
	s.wantQuietLog()
}

func TestOptionalGuard(t *testing.T) {
	s := start(t, `
		jwt_auth /optional {
			optional
		}
		jwt_auth /site {
			optional
			errors site
		}
		respond "[{http.auth.user.id}{http.auth.user.roles}{http.auth.user.session}{http.auth.user.email}{http.auth.user.full_name}{http.auth.user.scope}{http.auth.user.claims.tenant}{http.auth.jwt_auth.error}]"
	`)
	bob := s.signIn("bob")
	s.get("/optional").wantBody(t, http.StatusOK, "[]")
	s.get("/unguarded").wantBody(t, http.StatusOK, "[]")
	s.get("/optional", cookie("jwtauth=rubbish")).wantBody(t, http.StatusOK, "[]")
	s.get("/optional", header("Authorization", "Basic x")).wantBody(t, http.StatusOK, "[]")
	s.get("/optional", bearer(bob.Access)).wantBody(t, http.StatusOK, "[bobuser"+bob.SID+"]")
	s.get("/optional", bearer("rubbish")).wantInvalidToken(t)
	s.get("/optional", bearer(bob.Refresh)).wantInvalidToken(t)
	s.get("/optional", header("Authorization", "Bearer")).wantInvalidToken(t)
	s.get("/optional", bearer("a"), bearer("b")).want(t, http.StatusBadRequest)
	s.get("/site", bearer("rubbish")).wantHeader(t, "WWW-Authenticate", ofGuard(challengeInvalid)).want(t, http.StatusUnauthorized)
	s.wantQuietLog()
}

// TestErrorsSite: the site answers, with the status and the headers of the refusal.
func TestErrorsSite(t *testing.T) {
	s := start(t, `
		jwt_auth /site/* admin {
			errors site
		}
		jwt_auth /site/write/* {
			scope write
			errors site
		}
		jwt_auth /own/* admin
		jwt_auth /in
		respond "in"
		handle_errors {
			respond "{http.error.status_code} <{http.auth.jwt_auth.error}> <{http.auth.user.id}>"
		}
	`)
	alice, bob := s.signIn("alice"), s.signIn("bob")
	for _, test := range []struct {
		path, challenge, body string
		status                int
		send                  []option
	}{
		{"/site/x", ofGuard(challengeNothing), "401 <401: not signed in> <>", 401, nil},
		{"/site/x", ofGuard(challengeInvalid), "401 <401 invalid_token: access token is invalid: malformed> <>", 401, []option{bearer("rubbish")}},
		{"/site/x", ofGuard(challengeInvalid), "401 <401 invalid_token: not a token of this realm> <>", 401, []option{cookie("jwtauth=rubbish")}},
		{"/site/x", ofGuard(challengeRole), "403 <403 insufficient_scope: denied by policy: role missing> <>", 403, []option{bearer(bob.Access)}},
		{"/site/x", `Bearer realm="default", error="invalid_request"`, "400 <400 invalid_request> <>", 400, []option{bearer("a"), bearer("b")}},
		{"/site/write/x", ofGuard(challengeRole + `, scope="write"`), "403 <403 insufficient_scope: denied by policy: scope missing: write> <>", 403,
			[]option{bearer(alice.Access)}},
		{"/site/x", "", "403 <403 invalid_request: cross-origin request detected from Sec-Fetch-Site header> <>", 403,
			[]option{cookie("jwtauth=" + alice.CookieValue), header("Sec-Fetch-Site", "cross-site")}},
	} {
		s.do("POST", test.path, test.send...).wantBody(t, test.status, test.body).
			wantHeader(t, "WWW-Authenticate", test.challenge).wantHeader(t, "Cache-Control", "no-store")
	}
	s.get("/site/x", bearer(alice.Access)).wantBody(t, http.StatusOK, "in")
	// Without the option the guard answers, whatever handle_errors would do.
	s.get("/own/x").wantNothingPresented(t)
	s.get("/own/x", bearer(bob.Access)).wantForbidden(t)
	s.get("/in", header("Accept", "text/html"), header("Sec-Fetch-Mode", "navigate")).wantNothingPresented(t)
	s.wantQuietLog()
}

// TestGuardReadsNoBody: a request is refused before its body came, and one that
// passes has its body whole.
func TestGuardReadsNoBody(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site("test_probe\njwt_auth /in/*\nreverse_proxy <UPSTREAM>"))
	alice := s.signIn("alice")
	for _, credential := range [][]option{nil, {bearer("rubbish")}, {cookie("jwtauth=" + alice.CookieValue), header("Sec-Fetch-Site", "cross-site")}} {
		probe.reads.Store(0)
		s.doBody("POST", "/in/x", "hello", credential...)
		if n := probe.reads.Load(); n > 0 {
			t.Errorf("the guard read the body %d times", n)
		}
	}
	if u.take() != nil {
		t.Error("a refused request reached the upstream")
	}
	// A token in the body is none (RFC 6750 §2.2 is for others).
	s.form("/in/x", "access_token="+alice.Access).wantNothingPresented(t)
	body := strings.Repeat("x", 100_000)
	s.doBody("POST", "/in/x", body, bearer(alice.Access)).want(t, http.StatusOK)
	if r := u.take(); r == nil || r.ContentLength != int64(len(body)) {
		t.Errorf("the upstream got %v", r)
	}
}

// TestUserInAccessLog: who asked is in the log, and what they showed is not.
func TestUserInAccessLog(t *testing.T) {
	s := start(t, `
		log
		jwt_auth /in/*
		respond "in"
	`)
	alice := s.signIn("alice")
	s.get("/in/header", bearer(alice.Access)).want(t, http.StatusOK)
	s.get("/in/cookie", cookie("jwtauth="+alice.CookieValue)).want(t, http.StatusOK)
	s.get("/in/nobody").want(t, http.StatusUnauthorized)
	log := s.log()
	for path, user := range map[string]string{"/in/header": "alice", "/in/cookie": "alice", "/in/nobody": ""} {
		found := false
		for line := range strings.Lines(log) {
			if strings.Contains(line, `"http.log.access`) && strings.Contains(line, `"uri":"`+path+`"`) {
				found = strings.Contains(line, `"user_id":"`+user+`"`)
			}
		}
		if !found {
			t.Errorf("%s: no access log with user_id %q", path, user)
		}
	}
	for _, secret := range []string{alice.Access, alice.CookieValue} {
		if strings.Contains(log, secret) {
			t.Error("the access log holds a credential")
		}
	}
}
