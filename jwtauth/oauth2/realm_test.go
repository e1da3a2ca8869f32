package oauth2_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// realm is a Server over real parts and a store in memory. It uses the clock of
// the process: tests that need another time run in a synctest bubble.
type realm struct {
	*oauth2.Server
	store    *memory.Store
	users    *user.Directory
	sessions *session.Manager
	slots    *password.Slots
	keys     *accesstoken.KeySet
	clients  map[string]oauth2.Client
	address  netip.Addr
	reports  []error
}

// hashes caches the results of hash: every test makes its own realm.
var hashes sync.Map

func hash(t *testing.T, pw string) string {
	t.Helper()
	if text, ok := hashes.Load(pw); ok {
		return text.(string)
	}
	text, err := bcrypt.GenerateFromPassword([]byte(pw), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	hashes.Store(pw, string(text))
	return string(text)
}

func secretHash(t *testing.T, secret string) *password.Hash {
	t.Helper()
	h, err := password.Parse(hash(t, secret))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func newRealm(t *testing.T) *realm {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	rl := &realm{store: memory.New(), slots: password.NewSlots(4, 16), address: netip.MustParseAddr("192.0.2.1")}
	set := revocation.NewSet()
	feed := revocation.NewFeed(rl.store, set)
	must(feed.Sync(t.Context()))
	fed := store.WithFeed(rl.store, feed)
	var err error
	rl.users, err = user.NewDirectory(nil, nil, fed)
	must(err)
	for _, u := range []user.User{
		{
			Username: "alice", FullName: "Alice Liddell", Email: "alice@example.com", PasswordHash: hash(t, "secret"),
			Roles: []string{"admin", "user"}, Scopes: []string{"read", "write"}, Claims: map[string]any{"tenant": "acme"},
		},
		{Username: "bob", PasswordHash: hash(t, "password"), Roles: []string{"user"}, Disabled: true},
		{Username: "carol", PasswordHash: hash(t, "carol")},
	} {
		_, err = rl.users.Create(t.Context(), u)
		must(err)
	}
	refreshKey, err := session.GenerateKey(rand.Reader)
	must(err)
	refreshKeys, err := session.NewKeys(refreshKey)
	must(err)
	rl.sessions = session.New(fed, rl.store.ID(), refreshKeys, fed)
	signing, err := accesstoken.GenerateKey("ES256")
	must(err)
	secret, err := accesstoken.GenerateKey("HS256")
	must(err)
	rl.keys, err = accesstoken.NewKeySet(signing, secret)
	must(err)

	rl.clients = map[string]oauth2.Client{
		"spa":     {ID: "spa", Scopes: []string{"read"}},
		"web":     {ID: "web", SecretHash: secretHash(t, "s3cret+%2B")},
		"backend": {ID: "backend", SecretHash: secretHash(t, "b"), Grants: []string{oauth2.GrantRefreshToken}},
		"a b":     {ID: "a b", SecretHash: secretHash(t, "x")},
		"c+d":     {ID: "c+d", SecretHash: secretHash(t, "x")},
	}
	const issuer = "urn:uuid:5f0c6a3e-0000-4000-8000-000000000000"
	rl.Server = &oauth2.Server{
		Clients: func(id string) (oauth2.Client, bool) { c, ok := rl.clients[id]; return c, ok },
		SignIn: &signin.Service{
			Users: rl.users, Epochs: rl.store, Throttle: throttle.New(rl.store, throttle.Config{}), Slots: rl.slots,
			Hasher: keepHashes{}, Decoys: password.NewDecoys([]byte("key"), secretHash(t, "x").Profile()),
		},
		Users: rl.users, Sessions: rl.sessions, Lifetimes: session.DefaultLifetimes(),
		Issuer: &oauth2.Issuer{ID: issuer, StoreID: rl.store.ID(), Sign: rl.keys.Sign},
		Verifier: &accesstoken.Verifier{
			Issuer: issuer, Audience: []string{issuer}, Keys: func() *accesstoken.KeySet { return rl.keys },
			Leeway: session.DefaultLifetimes().Leeway,
		},
		Denied: func(user, sid, jti string) bool {
			own := sid
			if own == "" {
				own = jti
			}
			return !strings.HasPrefix(own, rl.store.ID()) || set.Denied(user, sid, jti)
		},
		JWKS:     func() ([]byte, error) { return accesstoken.MarshalJWKS(rl.keys.All()) },
		ClientIP: func(*http.Request) netip.Addr { return rl.address },
		Report:   func(_ *http.Request, err error) { rl.reports = append(rl.reports, err) },
	}
	return rl
}

// keepHashes is a Hasher that upgrades no hash.
type keepHashes struct{}

func (keepHashes) Hash(string) (string, error)      { return "", errors.New("not asked for") }
func (keepHashes) NeedsUpgrade(*password.Hash) bool { return false }

// answer is a response.
type answer struct {
	*httptest.ResponseRecorder
	AccessToken  string  `json:"access_token"`
	TokenType    string  `json:"token_type"`
	ExpiresIn    float64 `json:"expires_in"`
	RefreshToken string  `json:"refresh_token"`
	Scope        string  `json:"scope"`
	Error        string  `json:"error"`
	Description  string  `json:"error_description"`
	Detail       string  `json:"detail"`
}

// do sends a request. A body makes it a form; headers are "Name: value".
func (rl *realm) do(t *testing.T, method, path, body string, headers ...string) *answer {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return rl.send(t, r)
}

func (rl *realm) send(t *testing.T, r *http.Request) *answer {
	t.Helper()
	a := &answer{ResponseRecorder: httptest.NewRecorder()}
	rl.ServeHTTP(a.ResponseRecorder, r)
	if a.Body.Len() > 0 {
		if err := json.Unmarshal(a.Body.Bytes(), a); err != nil {
			t.Fatalf("%s %s: the body is no JSON: %v: %s", r.Method, r.URL, err, a.Body)
		}
	}
	return a
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// signIn signs alice in, with more parameters, and returns her tokens.
func (rl *realm) signIn(t *testing.T, more string, headers ...string) *answer {
	t.Helper()
	a := rl.do(t, "POST", "/token", "username=alice&password=secret"+more, headers...)
	if a.Code != 200 || a.AccessToken == "" || a.RefreshToken == "" {
		t.Fatalf("signing in: %d %s", a.Code, a.Body)
	}
	return a
}

// want compares status and error code.
func (a *answer) want(t *testing.T, status int, code string) {
	t.Helper()
	if a.Code != status || a.Error != code {
		t.Errorf("%d %s, want %d %q", a.Code, a.Body, status, code)
	}
}

// works reports whether an access token gets through at /users/me.
func (rl *realm) works(t *testing.T, token string) bool {
	t.Helper()
	a := rl.do(t, "GET", "/users/me", "", bearer(token))
	if a.Code != 200 {
		a.want(t, 401, "invalid_token")
	}
	return a.Code == 200
}

func (rl *realm) claims(t *testing.T, token string) *accesstoken.Claims {
	t.Helper()
	c, err := rl.Verifier.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const afterGrace = 11 * time.Second
