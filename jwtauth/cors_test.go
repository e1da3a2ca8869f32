package jwtauth_test

import (
	"net/http"
	"testing"
)

// A front end of another origin reads the endpoints' answers, errors too, and never with
// cookies.
func TestCORS(t *testing.T) {
	const app = "https://app.example.com"
	s := start(t, `
		token_server {
			cors `+app+`
		}
		jwt_auth /api/* {
			preflight pass
		}
		jwt_auth /api/admin/* admin
		jwt_auth /linked/* {
			optional
			source query token
		}
		jwt_auth /linked/* {
			preflight pass
		}
		@preflight method OPTIONS
		respond @preflight "preflight of {http.auth.user.id}" 204
		respond "in"`)

	type headers = map[string]string
	with := func(extra headers) func(*http.Request) {
		return func(r *http.Request) {
			for name, value := range extra {
				r.Header.Set(name, value)
			}
		}
	}
	preflight := headers{"Origin": app, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
	plus := func(name, value string) headers {
		all := headers{name: value}
		for k, v := range preflight {
			if k != name {
				all[k] = v
			}
		}
		return all
	}

	a := s.do(http.MethodOptions, "/users/me", with(preflight))
	if a.StatusCode != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Origin") != app {
		t.Errorf("preflight: %d %v", a.StatusCode, a.Header)
	}
	a = s.do(http.MethodGet, "/users/me", with(headers{"Origin": app}))
	if a.StatusCode != http.StatusUnauthorized || a.Header.Get("Access-Control-Allow-Origin") != app ||
		a.Header.Get("Access-Control-Allow-Credentials") != "" || a.Header.Get("Access-Control-Expose-Headers") == "" {
		t.Errorf("an error: %d %v", a.StatusCode, a.Header)
	}
	a = s.do(http.MethodOptions, "/users/me", with(plus("Origin", "https://other.example")))
	if a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of another origin: %d %v", a.StatusCode, a.Header)
	}
	a = s.do(http.MethodGet, "/login", with(headers{"Origin": app}))
	if a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a page has Access-Control-Allow-Origin: %v", a.Header)
	}

	alice := s.signIn("alice")
	for _, c := range []struct {
		what, method, path string
		header             headers
		want               int
	}{
		{"a preflight", http.MethodOptions, "/api/x", preflight, 204},
		{"of a page in a sandbox", http.MethodOptions, "/api/x", plus("Origin", "null"), 204},
		{"past a guard that lets none pass", http.MethodOptions, "/api/admin/x", preflight, 401},
		{"without an origin", http.MethodOptions, "/api/x", headers{"Access-Control-Request-Method": "GET"}, 401},
		{"without a method", http.MethodOptions, "/api/x", headers{"Origin": app}, 401},
		{"with another method", http.MethodGet, "/api/x", preflight, 401},
		{"with a password", http.MethodOptions, "/api/x", plus("Authorization", "Basic YTpi"), 401},
		{"with a token that is none", http.MethodOptions, "/api/x", plus("Authorization", "Bearer x"), 401},
		{"with a token", http.MethodOptions, "/api/x", plus("Authorization", "Bearer "+alice.Access), 204},
		{"with another cookie", http.MethodOptions, "/api/x", plus("Cookie", "a=b"), 401},
		{"with a session cookie that does not count over plain HTTP", http.MethodOptions, "/api/x", plus("Cookie", "jwtauth="+alice.CookieValue), 401},
		{"with that of another realm", http.MethodOptions, "/api/x", plus("Cookie", "jwtauth_staff=x"), 401},
		{"with a dead session cookie", http.MethodOptions, "/api/x", plus("Cookie", "jwtauth=dead"), 401},
		{"with an upgrade", http.MethodOptions, "/api/x", plus("Upgrade", "websocket"), 401},
		{"with a user that another guard found", http.MethodOptions, "/linked/x?token=" + alice.Access, preflight, 401},
		{"without one", http.MethodOptions, "/linked/x", preflight, 204},
		{"with another method in the query", http.MethodOptions, "/api/x?_method=DELETE", preflight, 401},
	} {
		if a := s.do(c.method, c.path, with(c.header)); a.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.what, a.StatusCode, c.want)
		}
	}
}
