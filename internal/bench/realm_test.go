package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
)

const (
	benchIssuer = "https://auth.example.com"
	benchSecret = "a secret that is long enough for every HMAC algorithm there is in RFC 7518"
	// benchHash is of "password", as cheap as one is read: what hashing costs is
	// known, and would hide everything else.
	benchHash = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$Wb9DOLKUgwlL5fjad9tfCPU0SBAo0PEY/evJRhwtUR0"
)

// realm is an open realm of a Caddy that serves no port.
type realm struct {
	b   *testing.B
	ctx caddy.Context
	// server is the realm's token server.
	server caddyhttp.MiddlewareHandler
}

// openRealm opens one that signs with an algorithm and keeps its state in a store.
func openRealm(b *testing.B, algorithm, store string) *realm {
	b.Helper()
	dir := b.TempDir()
	key := signingKey(b, algorithm)
	users := []any{map[string]any{
		"username": "alice", "password_hash": benchHash, "roles": []string{"admin", "editor"},
		"claims": map[string]any{"tenant": "acme"},
	}}
	for n := range others {
		users = append(users, map[string]any{"username": fmt.Sprint("other", n), "password_hash": benchHash})
	}
	config := map[string]any{
		"admin":   map[string]any{"disabled": true},
		"storage": map[string]any{"module": "file_system", "root": dir + "/storage"},
		"logging": map[string]any{"logs": map[string]any{"default": map[string]any{"level": "PANIC"}}},
		"apps": map[string]any{"jwtauth": map[string]any{"realms": map[string]any{"default": map[string]any{
			"issuer":        benchIssuer,
			"signing_keys":  []any{map[string]any{"algorithm": algorithm, "key": key}},
			"store":         map[string]any{"module": store},
			"users":         users,
			"password_hash": map[string]any{"slots": 8, "queue": 1000},
			"throttle":      map[string]any{"off": true},
		}}}},
	}
	if store == "bolt" {
		config["apps"].(map[string]any)["jwtauth"].(map[string]any)["realms"].(map[string]any)["default"].(map[string]any)["store"] = map[string]any{
			"module": "bolt", "path": dir + "/realm.db",
		}
	}
	raw, err := json.Marshal(config)
	if err != nil {
		b.Fatal(err)
	}
	var parsed caddy.Config
	if err := json.Unmarshal(raw, &parsed); err != nil {
		b.Fatal(err)
	}
	ctx, err := caddy.ProvisionContext(&parsed)
	if err != nil {
		b.Fatal(err)
	}
	app, err := ctx.App(jwtauth.AppName)
	if err != nil {
		b.Fatal(err)
	}
	r := &realm{b: b, ctx: ctx}
	r.server = r.handler("token_server", `{"pages":"off"}`)
	r.handler("jwt_auth", `{}`) // a realm that nothing uses stays shut
	if err := app.(*jwtauth.App).Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := app.(*jwtauth.App).Cleanup(); err != nil {
			b.Error(err)
		}
	})
	return r
}

// signingKey returns the material of a new key.
func signingKey(b *testing.B, algorithm string) string {
	if strings.HasPrefix(algorithm, "HS") {
		return benchSecret
	}
	key, err := accesstoken.GenerateKey(algorithm)
	if err != nil {
		b.Fatal(err)
	}
	material, err := key.MarshalPrivate()
	if err != nil {
		b.Fatal(err)
	}
	return material
}

// handler provisions a handler of the realm.
func (r *realm) handler(name, config string) caddyhttp.MiddlewareHandler {
	r.b.Helper()
	module, err := r.ctx.LoadModuleByID("http.handlers."+name, json.RawMessage(config))
	if err != nil {
		r.b.Fatal(err)
	}
	return module.(caddyhttp.MiddlewareHandler)
}

// tokens is the answer of the token endpoint.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// post sends a form to an endpoint.
func (r *realm) post(path string, form url.Values) *httptest.ResponseRecorder {
	r.b.Helper()
	request := httptest.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	if err := r.server.ServeHTTP(w, prepared(request), nothing); err != nil {
		r.b.Fatal(err)
	}
	if w.Code != http.StatusOK {
		r.b.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w
}

func (r *realm) signIn() (t tokens) {
	r.b.Helper()
	return r.signInAs("alice")
}

// others is how many users there are but alice: other0, other1 and so on.
const others = 20

func (r *realm) signInAs(username string) (t tokens) {
	r.b.Helper()
	w := r.post("/token", url.Values{"grant_type": {"password"}, "username": {username}, "password": {"password"}})
	if err := json.Unmarshal(w.Body.Bytes(), &t); err != nil {
		r.b.Fatal(err)
	}
	return t
}

func (r *realm) refresh(token string) (t tokens) {
	r.b.Helper()
	w := r.post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
	if err := json.Unmarshal(w.Body.Bytes(), &t); err != nil {
		r.b.Fatal(err)
	}
	return t
}

func (r *realm) revoke(token string) {
	r.b.Helper()
	r.post("/revoke", url.Values{"token": {token}})
}

// minter signs access tokens as the realm's token server does, but faster.
type minter struct {
	keys  *accesstoken.KeySet
	like  accesstoken.Claims
	count int
}

// minter returns one for a session that the realm's store knows.
func (r *realm) minter() *minter {
	r.b.Helper()
	app, err := r.ctx.App(jwtauth.AppName)
	if err != nil {
		r.b.Fatal(err)
	}
	given := app.(*jwtauth.App).Realms[jwtauth.DefaultRealm].SigningKeys[0]
	return newMinter(r.b, given.Algorithm, given.Key, r.signIn().Access)
}

// newMinter returns one whose tokens are like one that was issued.
func newMinter(b *testing.B, algorithm, material, token string) *minter {
	b.Helper()
	key, err := accesstoken.ParseKey(algorithm, material)
	if err != nil {
		b.Fatal(err)
	}
	encoded, _, _ := strings.Cut(token, ".")
	header, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		b.Fatal(err)
	}
	var named struct {
		ID string `json:"kid"`
	}
	if err := json.Unmarshal(header, &named); err != nil {
		b.Fatal(err)
	}
	keys, err := accesstoken.NewKeySet(key.WithID(named.ID))
	if err != nil {
		b.Fatal(err)
	}
	verifier := accesstoken.Verifier{Issuer: benchIssuer, Audience: []string{benchIssuer}, Keys: func() *accesstoken.KeySet { return keys }}
	claims, err := verifier.Verify(token)
	if err != nil {
		b.Fatal(err)
	}
	return &minter{keys: keys, like: *claims}
}

// mint returns a token that was never seen before.
func (m *minter) mint(b *testing.B) string {
	m.count++
	claims := m.like
	claims.ID = claims.ID[:len(claims.ID)-8] + fmt.Sprintf("%08x", m.count)
	claims.ExpiresAt = time.Now().Add(10 * time.Minute)
	token, err := m.keys.Sign(&claims)
	if err != nil {
		b.Fatal(err)
	}
	return token
}

// prepared is a request as Caddy's server hands it to its handlers.
func prepared(r *http.Request) *http.Request {
	return caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, nil)
}

// get is a GET with an access token, where there is one, or a cookie.
func get(header, value string) *http.Request {
	r := &http.Request{
		Method: http.MethodGet, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "localhost", RequestURI: "/private/",
		URL:        &url.URL{Path: "/private/"},
		Header:     http.Header{"Accept": {"*/*"}, "User-Agent": {"bench/1"}},
		Body:       http.NoBody,
		RemoteAddr: "127.0.0.1:" + strconv.Itoa(40000),
	}
	if header != "" {
		r.Header[header] = []string{value}
	}
	return prepared(r.WithContext(context.Background()))
}

// answer is a ResponseWriter that forgets.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return len(p), nil }

var nothing = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })

var body = []byte("ok")

// page is what is guarded.
var page = caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(body)
	return err
})
