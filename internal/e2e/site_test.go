package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// A site is a server as its visitors see it. Its methods may be called by many
// goroutines; the error is only ever that no answer came.
type site struct {
	c    *testcaddy.Caddy
	base string // before the paths of the token server
	http *http.Client
}

func visit(c *testcaddy.Caddy) *site {
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	return &site{c: c, http: &http.Client{
		Transport: transport, Timeout: testcaddy.Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// at is the site with another base_path.
func (s *site) at(base string) *site { return &site{c: s.c, base: base, http: s.http} }

// hangUp closes the connections that wait for a next request.
func (s *site) hangUp() { s.http.CloseIdleConnections() }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, strings.TrimSpace(a.body)) }

// tokens are those of a sign-in or a refresh; all zero where the answer has none.
type tokens struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	ExpiresIn int64  `json:"expires_in"`
}

func (s *site) do(method, path, bearer string, form url.Values) (answer, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, s.c.URL(path), body)
	if err != nil {
		return answer{}, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	var options []testcaddy.Option
	if bearer != "" {
		options = append(options, testcaddy.Bearer(bearer))
	}
	a, err := testcaddy.Do(s.http, r, options...)
	if err != nil {
		return answer{}, err
	}
	return answer{a.StatusCode, a.Header, a.Body}, nil
}

func (s *site) get(path, bearer string) (answer, error) {
	return s.do(http.MethodGet, path, bearer, nil)
}

func (s *site) forTokens(path, bearer string, form url.Values) (answer, tokens, error) {
	a, err := s.do(http.MethodPost, s.base+path, bearer, form)
	var got tokens
	if err == nil && a.status == http.StatusOK {
		err = json.Unmarshal([]byte(a.body), &got)
	}
	return a, got, err
}

func (s *site) signIn(user, password string) (answer, tokens, error) {
	return s.forTokens("/token", "", url.Values{"username": {user}, "password": {password}})
}

func (s *site) refresh(token string) (answer, tokens, error) {
	return s.forTokens("/refresh", token, nil)
}

// revoke revokes the token as the tutorial does, as the bearer of the request.
func (s *site) revoke(token string) (answer, error) {
	return s.do(http.MethodPost, s.base+"/revoke", token, nil)
}

func (s *site) me(token string) (answer, error) { return s.get(s.base+"/users/me", token) }

// mustSignIn signs a user in.
func mustSignIn(t *testing.T, s *site, user, password string) tokens {
	t.Helper()
	a, got, err := s.signIn(user, password)
	if err != nil || a.status != http.StatusOK || got.Access == "" || got.Refresh == "" {
		t.Fatalf("signing %s in: %v, %v", user, a, err)
	}
	return got
}

// mustRefresh uses a refresh token.
func mustRefresh(t *testing.T, s *site, token string) tokens {
	t.Helper()
	a, got, err := s.refresh(token)
	if err != nil || a.status != http.StatusOK || got.Access == "" || got.Refresh == "" {
		t.Fatalf("a refresh: %v, %v", a, err)
	}
	return got
}

// want asserts the status of an answer, and that it holds a text.
func want(t *testing.T, what string, status int, text string) func(answer, error) {
	return func(a answer, err error) {
		t.Helper()
		if err != nil || a.status != status || !strings.Contains(a.body, text) {
			t.Errorf("%s: %v, %v; want %d %s", what, a, err, status, text)
		}
	}
}

// status leaves the tokens of an answer out.
func status(a answer, _ tokens, err error) (answer, error) { return a, err }

// wantDead asserts that no part of a sign-in is good for anything any more.
func wantDead(t *testing.T, what string, s *site, dead tokens) {
	t.Helper()
	want(t, what+": the guard", http.StatusUnauthorized, "invalid_token")(s.get(s.base+"/private", dead.Access))
	want(t, what+": /users/me", http.StatusUnauthorized, "invalid_token")(s.me(dead.Access))
	want(t, what+": /refresh", http.StatusUnauthorized, "invalid_grant")(status(s.refresh(dead.Refresh)))
}

// wantLive asserts that an access token is accepted.
func wantLive(t *testing.T, what string, s *site, access string) {
	t.Helper()
	want(t, what+": the guard", http.StatusOK, "private")(s.get(s.base+"/private", access))
	want(t, what+": /users/me", http.StatusOK, "username")(s.me(access))
}

// sessions are the ids of a user's sessions.
func sessions(t *testing.T, c *testcaddy.Caddy, user string) []string {
	t.Helper()
	var list []struct {
		ID string `json:"id"`
	}
	text := c.MustRun("jwtauth", "session", "list", user, "--json")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("session list: %v in %s", err, text)
	}
	ids := make([]string, len(list))
	for i, session := range list {
		ids[i] = session.ID
	}
	return ids
}

// hash is a password's hash, the cheapest that is read: these tests are about
// what comes after the comparison.
func hash(t *testing.T, password string) string {
	t.Helper()
	text, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// guarded is a Caddyfile with the given lines in its realm, and a site that has
// one path for each kind of visitor.
func guarded(realm ...string) string {
	return `{
	jwtauth {
		throttle off
		` + strings.Join(realm, "\n\t\t") + `
	}
}

http://:{$PORT} {
	bind 127.0.0.1

	token_server
	jwt_auth /private
	jwt_auth /admin admin

	respond /private "private"
	respond /admin "admin"
	respond /open "open"
}
`
}
