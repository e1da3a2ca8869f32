package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
)

const (
	firstKey  = "signing_key HS256 first-secret-of-at-least-32-bytes\n"
	secondKey = "signing_key HS256 second-secret-of-at-least-32-bytes\n"
)

// reload runs a site in front of a realm with other options.
func (s *server) reload(realm, site string) {
	s.t.Helper()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n" + realm + "\n}\n}\n" + s.site(site))
}

const knownSite = "token_server\njwt_auth /in\njwt_auth /query {\nsource query t\n}\nrespond {http.auth.user.id}"

// A token is known after it was verified, and asked for its revocation each time.
func TestKnownTokensAreAskedForTheirRevocation(t *testing.T) {
	s := start(t, knownSite)
	alice := s.signIn("alice")
	for range 3 {
		s.get("/in", bearer(alice.Access)).wantBody(t, http.StatusOK, "alice")
		s.get("/in", cookie("jwtauth="+alice.CookieValue)).wantBody(t, http.StatusOK, "alice")
		s.get("/query?t="+alice.Access).wantBody(t, http.StatusOK, "alice")
	}
	if tokens, cookies := jwtauth.Known("default"); tokens != 1 || cookies != 1 {
		t.Errorf("%d tokens and %d cookies are known", tokens, cookies)
	}
	// What is known as the one is not taken for the other.
	s.get("/in", bearer(alice.CookieValue)).wantInvalidToken(t)
	s.get("/in", cookie("jwtauth="+alice.Access)).wantInvalidToken(t)
	// Nor is a header taken for the token within it.
	for _, scheme := range []string{"Bearer\t", "Bearer " + alice.Access + ",", "Basic "} {
		s.do("GET", "/in", header("Authorization", scheme+alice.Access)).want(t, http.StatusUnauthorized)
	}
	s.form("/revoke", "token="+alice.Access).want(t, http.StatusOK)
	s.get("/in", bearer(alice.Access)).wantInvalidToken(t)
	s.get("/query?t=" + alice.Access).wantInvalidToken(t)

	again := s.signIn("alice")
	for range 3 {
		s.get("/in", bearer(again.Access)).want(t, http.StatusOK)
	}
	s.form("/revoke", "token="+again.Refresh).want(t, http.StatusOK)
	s.get("/in", bearer(again.Access)).wantInvalidToken(t)
}

// What is known outlives a reload, unless the reload changes what is valid.
func TestKnownTokensAndReloads(t *testing.T) {
	s := newServer(t)
	s.reload(firstKey+"<USERS>", knownSite)
	alice := s.signIn("alice")
	used := func(status int) {
		t.Helper()
		for range 3 { // until it is known
			s.get("/in", bearer(alice.Access)).want(t, status)
		}
	}
	used(http.StatusOK)
	s.reload(firstKey+"<USERS>", knownSite)
	if tokens, _ := jwtauth.Known("default"); tokens != 1 {
		t.Errorf("%d tokens are known after a reload", tokens)
	}
	used(http.StatusOK)
	s.reload(secondKey+firstKey+"<USERS>", knownSite)
	used(http.StatusOK)
	s.reload(secondKey+"<USERS>", knownSite)
	used(http.StatusUnauthorized)
	if tokens, _ := jwtauth.Known("default"); tokens != 0 {
		t.Errorf("%d tokens of a key that is gone are known", tokens)
	}
	s.reload(firstKey+"<USERS>", knownSite)
	used(http.StatusOK)
	s.reload(firstKey+"audience https://other.example.com\n<USERS>", knownSite)
	used(http.StatusUnauthorized)
	s.reload(firstKey+"<USERS>", knownSite)
	used(http.StatusOK)
	s.reload(firstKey+"issuer https://other.example.com\n<USERS>", knownSite)
	used(http.StatusUnauthorized)
}

// The roles of a reload are those that a browser's session has from then on.
func TestKnownCookiesAndReloads(t *testing.T) {
	const site = "token_server\njwt_auth /in admin\nrespond in"
	s := newServer(t)
	s.reload("<USERS>", site)
	alice := s.signIn("alice")
	presented := cookie("jwtauth=" + alice.CookieValue)
	for range 3 {
		s.get("/in", presented).want(t, http.StatusOK)
	}
	s.vars["<USERS>"] = strings.Replace(commonUsers, "admin editor", "editor", 1)
	s.reload("<USERS>", site)
	s.get("/in", presented).want(t, http.StatusForbidden)
}

// An entry dies with its token.
func TestKnownTokensExpire(t *testing.T) {
	s := start(t, knownSite)
	token, err := jwtauth.Issue("default", func(c *accesstoken.Claims) {
		c.IssuedAt = time.Now().Add(-10 * time.Minute)
		c.ExpiresAt = time.Now().Add(3 * time.Second)
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.get("/in", bearer(token)).want(t, http.StatusOK)
	}
	if tokens, _ := jwtauth.Known("default"); tokens != 1 {
		t.Fatalf("%d tokens are known", tokens)
	}
	testcaddy.Eventually(t, "the token to expire", func() bool {
		return s.get("/in", bearer(token)).StatusCode == http.StatusUnauthorized
	})
}
