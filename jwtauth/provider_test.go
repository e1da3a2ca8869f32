package jwtauth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/crypto/bcrypt"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy/inprocess"
)

// providerConfig is JSON: Caddy's own `authentication` handler has no directive.
const providerConfig = `{
	"admin": {"disabled": true, "config": {"persist": false}},
	"logging": {"logs": {"default": {"level": "DEBUG", "writer": {"output": "file", "filename": "%[1]s/caddy.log"}}}},
	"storage": {"module": "file_system", "root": "%[1]s/storage"},
	"apps": {
		"jwtauth": {"realms": {
			"default": {"store": {"module": "memory"}, "users": [
				{"username": "alice", "password_hash": "%[3]s", "roles": ["admin", "editor"], "scopes": ["read"]},
				{"username": "bob", "password_hash": "%[3]s", "claims": {"tenant": "acme"}}
			]},
			"staff": {"store": {"module": "memory"}, "users": [
				{"username": "mallory", "password_hash": "%[3]s", "roles": ["root"], "email": "mallory@example.com"}
			]}
		}},
		"http": {"grace_period": "1s", "servers": {"s": {
			"listen": ["127.0.0.1:%[2]d"], "automatic_https": {"disable": true},
			"routes": [
				{"match": [{"path": ["/provider", "/both"]}], "handle": [
					{"handler": "authentication", "providers": {"jwtauth": {}}}
				]},
				{"match": [{"path": ["/staff"]}], "handle": [
					{"handler": "authentication", "providers": {"jwtauth": {"realm": "staff"}}}
				]},
				{"match": [{"path": ["/mixed"]}], "handle": [
					{"handler": "authentication", "providers": {"jwtauth": {"realm": "staff"}}},
					{"handler": "jwt_auth", "sources": [{"from": "query", "name": "token"}],
						"set_headers": [{"name": "X-User", "value": "{http.auth.user.id} {http.auth.user.roles}"}]}
				]},
				{"match": [{"path": ["/both"]}], "handle": [
					{"handler": "jwt_auth", "roles": {"any": ["admin"]}}
				]},
				{"handle": [{"handler": "static_response",
					"body": "{http.auth.user.id}|{http.auth.user.roles}|{http.auth.user.scope}|{http.auth.user.claims.tenant}|{http.auth.user.email}|{http.request.header.X-User}|{http.request.cookie.jwtauth}"}]}
			]
		}}}
	}
}`

func TestProvider(t *testing.T) {
	s := newServer(t)
	s.port.Store(int64(testcaddy.FreePort(t)))
	if err := caddy.Load(fmt.Appendf(nil, providerConfig, s.dir, s.port.Load(), secretHash), true); err != nil {
		t.Fatal(err)
	}
	alice, bob, mallory := s.signIn("alice", "read"), s.signIn("bob"), s.signInTo("staff", "mallory")
	for _, test := range []struct {
		name, path string
		send       option
		status     int
		body       string
	}{
		{"token", "/provider", bearer(alice.Access), 200, "alice|admin,editor|read||||"},
		{"cookie", "/provider", cookie("jwtauth=" + alice.CookieValue), 200, "alice|admin,editor|read||||"},
		{"claims", "/provider", bearer(bob.Access), 200, "bob|||acme|||"},
		{"other realm", "/staff", bearer(mallory.Access), 200, "mallory|root|||mallory@example.com||"},
		{"provider, then guard", "/both", bearer(alice.Access), 200, "alice|admin,editor|read||||"},
		{"provider, then guard that wants a role", "/both", bearer(bob.Access), 403, ""},
		{"two realms one after the other", "/mixed?token=" + bob.Access, bearer(mallory.Access), 200, "bob|||acme||bob |"},
		{"nobody", "/provider", header("X-A", "b"), 401, ""},
		{"bad token", "/provider", bearer("rubbish"), 401, ""},
		{"bad cookie", "/provider", cookie("jwtauth=rubbish"), 401, ""},
		{"two headers", "/provider", func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer a", "Bearer b"} }, 401, ""},
		{"another realm's token", "/provider", bearer(mallory.Access), 401, ""},
		{"another realm's token at staff", "/staff", bearer(alice.Access), 401, ""},
		{"post from another site by cookie", "/provider", func(r *http.Request) {
			r.Method = http.MethodPost
			r.Header = http.Header{"Cookie": {"jwtauth=" + alice.CookieValue}, "Sec-Fetch-Site": {"cross-site"}}
		}, 401, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := s.get(test.path, test.send).want(t, test.status)
			switch test.status {
			case http.StatusOK:
				a.wantBody(t, test.status, test.body)
			case http.StatusUnauthorized:
				realm := "default"
				if test.path == "/staff" || test.path == "/mixed" {
					realm = "staff"
				}
				a.wantHeader(t, "WWW-Authenticate", `Bearer realm="`+realm+`"`)
			}
		})
	}
	s.wantQuietLog()
}

// TestProviderCountsRefusedRequests, and not what it refused itself where another
// provider let the request pass: its own refusal says that of the request only
// where it is the only one.
func TestProviderCountsRefusedRequests(t *testing.T) {
	const realm = "provider-count"
	hash, err := bcrypt.GenerateFromPassword([]byte("basic"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	s.port.Store(int64(testcaddy.FreePort(t)))
	config := fmt.Appendf(nil, `{
		"admin": {"disabled": true, "config": {"persist": false}},
		"logging": {"logs": {"default": {"level": "DEBUG", "writer": {"output": "file", "filename": "%[1]s/caddy.log"}}}},
		"storage": {"module": "file_system", "root": "%[1]s/storage"},
		"apps": {
			"jwtauth": {"realms": {"%[3]s": {"store": {"module": "memory"}, "users": [{"username": "alice", "password_hash": "%[4]s"}]}}},
			"http": {"grace_period": "1s", "servers": {"s": {
				"listen": ["127.0.0.1:%[2]d"], "automatic_https": {"disable": true},
				"routes": [
					{"match": [{"path": ["/metrics"]}], "handle": [{"handler": "metrics"}]},
					{"match": [{"path": ["/alone"]}], "handle": [{"handler": "authentication", "providers": {"jwtauth": {"realm": "%[3]s"}}}]},
					{"match": [{"path": ["/two"]}], "handle": [{"handler": "authentication", "providers": {
						"jwtauth": {"realm": "%[3]s"}, "http_basic": {"accounts": [{"username": "eve", "password": %[5]q}]}}}]},
					{"handle": [{"handler": "static_response", "body": "in"}]}
				]
			}}}
		}
	}`, s.dir, s.port.Load(), realm, secretHash, string(hash))
	if err := inprocess.Load(config); err != nil {
		t.Fatal(err)
	}
	alice := s.signInTo(realm, "alice")
	basic := func(password string) option { return func(r *http.Request) { r.SetBasicAuth("eve", password) } }
	refused := func() (sum float64) {
		for name, value := range s.metrics(realm) {
			if strings.HasPrefix(name, "refused_total") {
				sum += value
			}
		}
		return sum
	}
	for range 5 { // the providers are asked in any order
		for _, test := range []struct {
			name, path string
			send       option
			status     int
			counted    float64
		}{
			{"alone, accepted", "/alone", bearer(alice.Access), 200, 0},
			{"alone, nothing presented", "/alone", header("X-A", "b"), 401, 1},
			{"alone, a bad token", "/alone", bearer("rubbish"), 401, 1},
			{"alone, another scheme", "/alone", basic("basic"), 401, 1},
			{"two, accepted here", "/two", bearer(alice.Access), 200, 0},
			{"two, accepted by the other", "/two", basic("basic"), 200, 0},
		} {
			before := refused()
			s.get(test.path, test.send).want(t, test.status)
			if counted := refused() - before; counted != test.counted {
				t.Errorf("%s: %v refusals were counted, want %v", test.name, counted, test.counted)
			}
		}
		s.get("/two", basic("wrong")).want(t, http.StatusUnauthorized)
		s.get("/two").want(t, http.StatusUnauthorized)
	}
}
