package jwtauth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// TestProgramsEndNoBrowser: a program that signs in again and again ends its own sessions,
// those that were used last not, and none of the browser; each is an event.
func TestProgramsEndNoBrowser(t *testing.T) {
	s := startWith(t, "store memory\npassword_hash {\nslots 4\n}\n<USERS>", "token_server\njwt_auth\nrespond in")
	browser := s.form("/login", "username=alice&password=secret", navigate()).want(t, http.StatusSeeOther).sessionCookie(t)
	signIn := func() string {
		tokens := s.form("/token", "username=alice&password=secret").want(t, http.StatusOK).json(t)
		return tokens["refresh_token"].(string)
	}
	used, idle := signIn(), signIn()
	var tokens []string
	for range 98 {
		tokens = append(tokens, signIn())
	}
	used = s.form("/refresh", "refresh_token="+used).want(t, http.StatusOK).json(t)["refresh_token"].(string)
	if log := s.log(); strings.Contains(log, "too_many") {
		t.Fatal("a session has ended before there were too many")
	}
	signIn()
	s.form("/refresh", "refresh_token="+idle).want(t, http.StatusUnauthorized)
	for _, token := range slices.Concat([]string{used}, tokens[:3]) {
		s.form("/refresh", "refresh_token="+token).want(t, http.StatusOK)
	}
	s.get("/in", browser, navigate()).wantBody(t, http.StatusOK, "in")
	ended := 0
	for line := range strings.Lines(s.log()) {
		if strings.Contains(line, `"logger":"jwtauth.audit","msg":"session_revoked"`) && strings.Contains(line, `"reason":"too_many"`) {
			ended++
		}
	}
	if ended != 1 {
		t.Errorf("%d sessions are said to have ended", ended)
	}
	_, list := jwtauth.AskAdmin("GET", "/jwtauth/default/sessions?user=alice", "")
	if n := strings.Count(list, `"id":`); n != 101 {
		t.Errorf("%d sessions", n)
	}
}
