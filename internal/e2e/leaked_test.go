package e2e

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
)

// leakedKey is the key that signs, as a thief of the storage has it, and the
// claims of a token of it.
func leakedKey(t *testing.T, c *testcaddy.Caddy, access string) (*accesstoken.KeySet, accesstoken.Claims) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Data, "jwtauth", "default", "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	var record struct {
		Signing []struct {
			Algorithm string `json:"algorithm"`
			Key       string `json:"private_key"`
		} `json:"signing"`
	}
	if err := json.Unmarshal(text, &record); err != nil || len(record.Signing) != 1 {
		t.Fatalf("%d keys, %v", len(record.Signing), err)
	}
	key, err := accesstoken.ParseKey(record.Signing[0].Algorithm, record.Signing[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := accesstoken.NewKeySet(key)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(access, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Iss, Aud, Sid string }
	if err := json.Unmarshal(payload, &said); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	return keys, accesstoken.Claims{
		Issuer: said.Iss, Audience: []string{said.Aud}, Subject: "alice", ClientID: "first-party", ID: "invented",
		SessionID: said.Sid[:11] + strings.Repeat("x", 22), Roles: []string{"admin"},
		IssuedAt: now, ExpiresAt: now.Add(10 * 365 * 24 * time.Hour),
	}
}

// A key that leaked: what is forged with it for years is refused at once, and after
// `key rotate --revoke` everything is that was made with the realm's keys before.
func TestRetiredKeyThatLeaked(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, guarded("user alice "+hash(t, "secret"), "user bob "+hash(t, "secret")))
	s := visit(c)
	live := mustSignIn(t, s, "alice", "secret")
	keys, claims := leakedKey(t, c, live.Access)
	forge := func(change func(*accesstoken.Claims)) string {
		t.Helper()
		forged := claims
		change(&forged)
		token, err := keys.Sign(&forged)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	years := forge(func(*accesstoken.Claims) {})
	backdated := forge(func(c *accesstoken.Claims) { c.IssuedAt = c.IssuedAt.Add(-time.Hour) })
	minutes := forge(func(c *accesstoken.Claims) { c.ExpiresAt = c.IssuedAt.Add(10 * time.Minute) })
	refused := func(what string, forged ...string) {
		t.Helper()
		for _, token := range forged {
			want(t, what, http.StatusUnauthorized, "invalid_token")(s.get("/admin", token))
		}
	}
	refused("forged for years", years, backdated)
	want(t, "forged for minutes", http.StatusOK, "admin")(s.get("/admin", minutes)) // nothing tells it from a good one

	c.MustRun("jwtauth", "key", "rotate", "--now")
	refused("forged for years, after a rotation", years, backdated)
	wantLive(t, "after a rotation", s, live.Access)
	next := mustRefresh(t, s, live.Refresh)
	bob := mustSignIn(t, s, "bob", "secret")
	cookie := cookieOf(t, s, "bob", "secret")
	want(t, "the cookie", http.StatusOK, "private")(s.withCookie("/private", cookie))

	revoked := c.Run("jwtauth", "key", "rotate", "--revoke")
	if revoked.Code != 0 || !strings.Contains(revoked.Stderr, "sessions ended: 3, of users who have to sign in again: 2") ||
		!strings.Contains(revoked.Stderr, "within a minute") {
		t.Fatalf("exit code %d\n%s", revoked.Code, revoked.Stderr)
	}
	after := func(what string) {
		t.Helper()
		refused("forged, "+what, years, backdated, minutes)
		for _, one := range []tokens{live, next, bob} {
			wantDead(t, what, s, one)
		}
		want(t, "the cookie, "+what, http.StatusUnauthorized, "")(s.withCookie("/private", cookie))
		if list := append(sessions(t, c, "alice"), sessions(t, c, "bob")...); len(list) != 1 {
			t.Errorf("%s: sessions %v, want the one that began after it", what, list)
		}
	}
	again := mustSignIn(t, s, "alice", "secret")
	after("revoked")
	if published := s.jwks(t); strings.Count(published, `"kid"`) != 1 || strings.Contains(published, keys.SigningKey().ID) {
		t.Errorf("after the revocation the JWKS is %s", published)
	}
	c.Stop()
	c.Start()
	s.hangUp()
	after("revoked, after a restart")
	wantLive(t, "signed in again", s, again.Access)
	again = mustRefresh(t, s, again.Refresh)

	// The same while Caddy is stopped.
	c.Stop()
	if text := c.Run("jwtauth", "key", "rotate", "--now", "--revoke"); text.Code != 0 || !strings.Contains(text.Stderr, "sessions ended: 1, ") {
		t.Fatalf("exit code %d\n%s", text.Code, text.Stderr)
	}
	c.Start()
	s.hangUp()
	wantDead(t, "revoked while Caddy was stopped", s, again)
}

// cookieOf signs a user in by the form and returns the session cookie.
func cookieOf(t *testing.T, s *site, user, password string) *http.Cookie {
	t.Helper()
	a, err := s.do(http.MethodPost, "/login", "", url.Values{"username": {user}, "password": {password}})
	if err != nil || a.status != http.StatusSeeOther {
		t.Fatalf("signing %s in by the form: %v, %v", user, a, err)
	}
	for _, cookie := range (&http.Response{Header: a.header}).Cookies() {
		if strings.HasSuffix(cookie.Name, "jwtauth") {
			return cookie
		}
	}
	t.Fatalf("no session cookie: %v", a.header)
	return nil
}

func (s *site) withCookie(path string, cookie *http.Cookie) (answer, error) {
	r, err := http.NewRequest(http.MethodGet, s.c.URL(path), nil)
	if err != nil {
		return answer{}, err
	}
	r.AddCookie(cookie)
	r.Header.Set("Accept", "application/json")
	response, err := s.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text)}, err
}
