package oauth2

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestCrossOrigin(t *testing.T) {
	const app = "https://app.example.com"
	s := &Server{BasePath: "/auth", Origins: []string{app, "http://localhost:3000"}}
	ask := func(s *Server, method, path string, header ...string) (*httptest.ResponseRecorder, bool) {
		r := httptest.NewRequest(method, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		return w, s.CrossOrigin(w, r)
	}
	asks := []string{"Origin", app, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization"}

	for path, methods := range map[string]string{"/token": "POST", "/refresh": "POST", "/revoke": "POST", "/users/me": "GET, HEAD"} {
		w, answered := ask(s, "OPTIONS", "/auth"+path, asks...)
		want := http.Header{
			"Access-Control-Allow-Origin":  {app},
			"Access-Control-Allow-Methods": {methods},
			"Access-Control-Allow-Headers": {"Authorization, Content-Type"},
			"Access-Control-Max-Age":       {"600"},
			"Vary":                         {"Origin"},
		}
		if !answered || w.Code != http.StatusNoContent || w.Body.Len() > 0 {
			t.Errorf("%s: preflight: %v, %d, %q", path, answered, w.Code, w.Body)
		}
		wantHeader(t, path, w.Header(), want)

		w, answered = ask(s, "GET", "/auth"+path, "Origin", app)
		if answered {
			t.Errorf("%s: a request is answered like a preflight", path)
		}
		wantHeader(t, path, w.Header(), http.Header{
			"Access-Control-Allow-Origin":   {app},
			"Access-Control-Expose-Headers": {"Retry-After, WWW-Authenticate"},
			"Vary":                          {"Origin"},
		})

		for _, origin := range []string{"https://app.example.com.evil.example", "https://APP.example.com", "http://app.example.com", "https://app.example.com:443", "null", ""} {
			w, answered := ask(s, "OPTIONS", "/auth"+path, "Origin", origin, "Access-Control-Request-Method", "POST")
			if answered {
				t.Errorf("%s: a preflight of %q is answered", path, origin)
			}
			wantHeader(t, path, w.Header(), http.Header{"Vary": {"Origin"}})
		}
		if w, answered := ask(s, "OPTIONS", "/auth"+path, append(asks, "Origin", app)...); answered || len(w.Header()) > 1 {
			t.Errorf("%s: two origins: %v %v", path, answered, w.Header())
		}
		if w, answered := ask(&Server{BasePath: "/auth"}, "OPTIONS", "/auth"+path, asks...); answered || len(w.Header()) > 0 {
			t.Errorf("%s: without cors: %v %v", path, answered, w.Header())
		}
	}

	for _, s := range []*Server{s, {BasePath: "/auth"}} {
		w, answered := ask(s, "OPTIONS", "/auth/.well-known/jwks.json", "Origin", "https://any.example", "Access-Control-Request-Method", "GET")
		if !answered || w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Headers") != "*" {
			t.Errorf("public keys: preflight: %v %v", answered, w.Header())
		}
		w, answered = ask(s, "GET", "/auth/.well-known/jwks.json")
		if answered || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("public keys: %v %v", answered, w.Header())
		}
	}
	if w, answered := ask(s, "OPTIONS", "/auth/login", asks...); answered || len(w.Header()) > 0 {
		t.Errorf("a page: %v %v", answered, w.Header())
	}
}

func wantHeader(t *testing.T, what string, got, want http.Header) {
	t.Helper()
	for name := range got {
		if want[name] == nil {
			t.Errorf("%s: unexpected %s %q", what, name, got[name])
		}
	}
	for name, values := range want {
		if len(got[name]) != 1 || got[name][0] != values[0] {
			t.Errorf("%s: %s is %q, want %q", what, name, got[name], values)
		}
	}
}
