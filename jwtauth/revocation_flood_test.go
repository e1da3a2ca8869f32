package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// TestRevocationFloodAtTheGuard: where a user revokes more than there is room for,
// everything that the user has ends, tokens and cookies that the guard knows among
// them, and stays so over a reload and a restart. What begins then works at once.
func TestRevocationFloodAtTheGuard(t *testing.T) {
	s := newServer(t)
	load := func(title string) {
		s.load("{\n<GLOBAL>\njwtauth {\nstore bolt <DIR>/realm.db\n<USERS>\n}\n}\n" +
			s.site("token_server {\ntitle "+title+"\n}\njwt_auth /in\nrespond /in {http.auth.user.id}"))
	}
	load("One")
	bob, single, own, other := s.signIn("bob"), s.signIn("alice"), s.signIn("alice"), s.signIn("alice")
	credentials := func(in jwtauth.SignedIn) []option {
		return []option{bearer(in.Access), cookie("jwtauth=" + in.CookieValue)}
	}
	passes := func(in jwtauth.SignedIn, user string) {
		t.Helper()
		for _, credential := range credentials(in) {
			s.get("/in", credential).wantBody(t, http.StatusOK, user)
			s.get("/users/me", credential).want(t, http.StatusOK)
		}
	}
	for range 2 { // the second time the guard knows them
		passes(own, "alice")
		passes(other, "alice")
		passes(single, "alice")
	}
	if err := jwtauth.FillRevocations(jwtauth.DefaultRealm, own.SID, 1); err != nil {
		t.Fatal(err)
	}
	// There is room for one more.
	s.form("/revoke", "token="+single.Access).want(t, http.StatusOK)
	s.get("/in", bearer(single.Access)).wantInvalidToken(t)
	passes(own, "alice")
	passes(other, "alice")
	s.form("/revoke", "token="+own.Access).want(t, http.StatusOK)

	// The first is of the same second as the end, or nearly so.
	fresh := []jwtauth.SignedIn{s.signIn("alice")}
	check := func(when string) {
		t.Helper()
		for _, in := range []jwtauth.SignedIn{own, other, single} {
			for _, credential := range credentials(in) {
				s.get("/in", credential).wantInvalidToken(t)
				s.get("/users/me", credential).wantInvalidToken(t)
			}
			s.form("/refresh", "refresh_token="+in.Refresh).want(t, http.StatusUnauthorized)
			// What is dead ends nothing that is alive.
			s.form("/revoke", "token="+in.Access).want(t, http.StatusOK)
		}
		for _, in := range fresh {
			passes(in, "alice")
		}
		passes(bob, "bob")
		if t.Failed() {
			t.Fatal(when)
		}
	}
	check("at once")
	fresh = append(fresh, s.signIn("alice"))
	check("with another sign-in")
	load("Two")
	check("after a reload")
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	load("Three")
	check("after a restart")

	// It happens again: the one before is replaced, and what it ended stays ended.
	old := fresh
	s.form("/revoke", "token="+old[0].Access).want(t, http.StatusOK)
	fresh = []jwtauth.SignedIn{s.signIn("alice")}
	for _, in := range old {
		for _, credential := range credentials(in) {
			s.get("/in", credential).wantInvalidToken(t)
		}
	}
	check("after the second time")
	if n := strings.Count(s.log(), "all sessions of the user have ended"); n != 1 {
		t.Errorf("said %d times in the log", n)
	}
}
