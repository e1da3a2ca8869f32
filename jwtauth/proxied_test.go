package jwtauth_test

import (
	"net/http"
	"testing"
)

// TestPlainCookieBehindProxyOnPages: a site whose proxy hides its host gets no weak
// cookie, and a page that says what to set instead of a loop.
func TestPlainCookieBehindProxyOnPages(t *testing.T) {
	s := start(t, `
		token_server
		jwt_auth /private/*
		respond "in"
	`)
	origin, via := header("Origin", "https://example.com"), header("Via", "1.1 proxy")
	there := []option{navigate(), host("127.0.0.1:8080")}
	const says = "proxy_set_header Host $host"
	for name, sign := range map[string]option{"origin": origin, "via": via, "forwarded": header("X-Forwarded-For", "192.0.2.1")} {
		with := append([]option{sign}, there...)
		a := s.get("/login", with...).wantPage(t, http.StatusBadRequest, says)
		b := s.form("/login", "username=alice&password=secret&keep=1", with...).wantPage(t, http.StatusBadRequest, says)
		c := s.get("/login?check=1", with...).wantPage(t, http.StatusBadRequest, says)
		for _, got := range []answer{a, b, c} {
			if len(got.setCookies()) > 0 {
				t.Errorf("%s: cookies are set: %q", name, got.setCookies())
			}
		}
		// A cookie without a prefix counts for nothing there.
		s.get("/private/x", append(with, cookie("jwtauth="+s.signIn("alice").CookieValue))...).want(t, http.StatusSeeOther)
		s.get("/private/x", append(with, cookie("__Host-jwtauth="+s.signIn("alice").CookieValue))...).wantBody(t, http.StatusOK, "in")
	}
	if n := len(s.fill("alice", "secret", there...).Value); n == 0 {
		t.Error("a sign-in on this machine fails")
	}
}
