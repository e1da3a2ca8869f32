package jwtauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const policyHeader = "Cross-Origin-Resource-Policy"

// TestResourcePolicy: what a visitor's cookie brought is embedded by no page of another
// origin, unless the site says so; what anybody may see is as it was.
func TestResourcePolicy(t *testing.T) {
	s := startWith(t, "store memory\n<USERS>\ncookie_domain example.localhost", `
		header /private/says/* Cross-Origin-Resource-Policy cross-origin
		header /private/late/* >Cross-Origin-Resource-Policy cross-origin
		token_server
		jwt_auth /private/*
		jwt_auth /admin/* nobody
		jwt_auth /optional/* {
			optional
		}
		jwt_auth /site/* {
			errors site
			roles any nobody
		}
		handle_errors {
			respond "error"
		}
		respond "in"
	`)
	in := s.signIn("alice")
	held, dead := cookie("jwtauth="+in.CookieValue), cookie("jwtauth=dead")
	for _, tc := range []struct {
		path string
		with []option
		host string
		want string
	}{
		{"/private/x", []option{held}, localhost, "same-origin"},
		{"/private/x", []option{held}, "app.example.localhost", "same-site"},
		{"/private/x", []option{held}, "example.localhost", "same-site"},
		{"/private/says/x", []option{held}, localhost, "cross-origin"},
		{"/private/late/x", []option{held}, localhost, "cross-origin"},
		{"/private/x", []option{bearer(in.Access)}, localhost, ""},
		{"/private/x", []option{bearer(in.Access), held}, localhost, ""}, // the header counted
		{"/private/x", nil, localhost, ""},
		{"/private/x", []option{dead}, localhost, "same-origin"},
		{"/private/x", []option{dead, navigate()}, localhost, "same-origin"},
		{"/admin/x", []option{held}, localhost, "same-origin"},
		{"/admin/x", []option{held, navigate()}, localhost, "same-origin"},
		{"/site/x", []option{held}, localhost, "same-origin"},
		{"/optional/x", []option{held}, localhost, "same-origin"},
		{"/optional/x", nil, localhost, ""},
		{"/open", []option{held}, localhost, ""},
		{"/users/me", []option{held}, localhost, "same-origin"},
		{"/users/me", []option{held}, "app.example.localhost", "same-site"},
		{"/users/me", []option{bearer(in.Access)}, localhost, ""},
		{"/login", []option{held}, localhost, "same-origin"},
		{"/login", nil, localhost, ""},
		{"/account", []option{held}, "app.example.localhost", "same-site"},
		{"/login/style.css", []option{held}, localhost, ""}, // pages of other hosts show it
	} {
		a := s.get(tc.path, append(tc.with, host(tc.host))...)
		if got := strings.Join(a.Header.Values(policyHeader), ", "); got != tc.want {
			t.Errorf("%s of %s with %d options: %d, %q, want %q", tc.path, tc.host, len(tc.with), a.StatusCode, got, tc.want)
		}
	}
}

// TestNoUpstreamSetsOurCookie, under no spelling that a browser or this module might
// take for it, on no path of a block with a handler of ours.
func TestNoUpstreamSetsOurCookie(t *testing.T) {
	s := newServer(t)
	var set []string
	status := http.StatusOK
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, line := range set {
			w.Header().Add("Set-Cookie", line)
		}
		if r.URL.Query().Has("hint") {
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, "upstream")
	}))
	t.Cleanup(upstream.Close)
	s.vars["<UPSTREAM>"] = strings.TrimPrefix(upstream.URL, "http://")
	s.load(`{
		<GLOBAL>
		jwtauth {
			store memory
			<USERS>
		}
	}
	` + s.site(`
		@late header X-Late 1
		header @late >X-Answer 1
		token_server
		jwt_auth /users/*
		jwt_auth /optional/* {
			optional
		}
		route /twice/* {
			jwt_auth
			jwt_auth {
				roles any editor
			}
			reverse_proxy <UPSTREAM>
		}
		reverse_proxy <UPSTREAM>
	`))
	alice := s.signIn("alice")
	const kept = "a=1; Path=/"
	for _, forged := range []string{
		"__Host-jwtauth=x; Path=/; Secure", "__Secure-jwtauth=x; Domain=example.com; Secure", "jwtauth=x", "jwtauth_staff=x", "__Host-jwtauth_staff=x; Path=/; Secure",
		"jwtauth=; Max-Age=0", "JWTAUTH=x", "\u2000__Host-jwtauth=x", " jwtauth = x", "=__Host-jwtauth=x", "jwtauth", "__Host-jwtauth-device=x; Path=/; Secure", "%6awtauth=x",
	} {
		for _, path := range []string{"/open", "/users/x", "/optional/x", "/twice/x"} {
			for _, code := range []int{200, 302, 404, 500} {
				set, status = []string{kept, forged, "b=2"}, code
				a := s.get(path, bearer(alice.Access), header("X-Late", "1")).want(t, code)
				if got := a.Header["Set-Cookie"]; !slices.Equal(got, []string{kept, "b=2"}) {
					t.Errorf("%s, %d: %q came through as %q", path, code, forged, got)
				}
			}
			set, status = []string{forged}, 200
			if got := s.get(path+"?hint", bearer(alice.Access)).want(t, 200).Header["Set-Cookie"]; got != nil {
				t.Errorf("%s: %q came through as %q", path, forged, got)
			}
		}
	}
	set = []string{"jwtauthx=1", "my_jwtauth=2"}
	if got := s.get("/open").Header["Set-Cookie"]; !slices.Equal(got, set) {
		t.Errorf("%q became %q", set, got)
	}
	if len(s.fill("alice", "secret", host(localhost)).Value) == 0 {
		t.Error("our own cookie did not come through")
	}
}

// TestNoUpstreamSetsOurCookieInTrailers: some proxies in front of this one make
// headers of them.
func TestNoUpstreamSetsOurCookieInTrailers(t *testing.T) {
	s := newServer(t)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "Set-Cookie"
		if r.URL.Query().Has("announced") {
			w.Header().Set("Trailer", name)
		} else {
			name = http.TrailerPrefix + name
		}
		fmt.Fprint(w, "upstream")
		w.(http.Flusher).Flush()
		w.Header()[name] = []string{"a=1", "__Host-jwtauth=planted; Path=/; Secure"}
	}))
	t.Cleanup(upstream.Close)
	s.vars["<UPSTREAM>"] = strings.TrimPrefix(upstream.URL, "http://")
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site("token_server\njwt_auth /in\nreverse_proxy <UPSTREAM>"))
	alice := s.signIn("alice")
	for _, path := range []string{"/open", "/open?announced", "/in", "/in?announced"} {
		a := s.get(path, bearer(alice.Access)).wantBody(t, http.StatusOK, "upstream")
		if got := a.Trailer["Set-Cookie"]; !slices.Equal(got, []string{"a=1"}) {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// TestNoUpstreamSetsOurCookieInOurAnswers: where intercept has an upstream answer in
// our place, our own cookies come through and the upstream's do not.
func TestNoUpstreamSetsOurCookieInOurAnswers(t *testing.T) {
	s := newServer(t)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "jwtauth=planted; Path=/")
		w.Header().Add("Set-Cookie", "a=1")
		w.(http.Flusher).Flush() // so that it has no length, of which ours is left
	}))
	t.Cleanup(upstream.Close)
	s.vars["<UPSTREAM>"] = strings.TrimPrefix(upstream.URL, "http://")
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(`
		token_server
		intercept {
			@refused status 303 401
			handle_response @refused {
				rewrite * /error
				method GET
				reverse_proxy <UPSTREAM>
			}
		}
		handle {
			jwt_auth
			respond in
		}
	`))
	for name, options := range map[string][]option{
		"a program": nil, "a person": {navigate(), host(localhost), cookie("jwtauth=dead")},
	} {
		a, _ := s.try(http.MethodGet, "/x", "", options...)
		if a.Response == nil {
			t.Fatalf("%s: no answer", name)
		}
		if got := strings.Join(a.Header["Set-Cookie"], "\n"); strings.Contains(got, "planted") || !strings.Contains(got, "a=1") || strings.Contains(got, "jwtauth=;") != (options != nil) {
			t.Errorf("%s got %q", name, got)
		}
	}
}

// TestOurCookiesComeThroughOurGuards: of a token server within a guarded route, and
// of a guard within another.
func TestOurCookiesComeThroughOurGuards(t *testing.T) {
	s := start(t, `
		route {
			token_server {
				base_path /outer
			}
			jwt_auth /g/* {
				optional
			}
			token_server {
				base_path /g
			}
			jwt_auth /g/private/*
			respond "in"
		}
	`)
	if a := s.form("/g/login", "username=alice&password=secret", host(localhost)).want(t, http.StatusSeeOther); len(a.Cookies()) != 2 {
		t.Errorf("%q", a.Header["Set-Cookie"])
	}
	a := s.get("/g/private/x", navigate(), host(localhost), cookie("jwtauth=dead")).want(t, http.StatusSeeOther)
	if got := a.setCookies(); len(got) != 1 || got[0] != "jwtauth" {
		t.Errorf("%q", got)
	}
}

// TestOurCookiesWithTheSitesAttributes: a site may change what our cookies say.
func TestOurCookiesWithTheSitesAttributes(t *testing.T) {
	s := start(t, `
		header >Set-Cookie SameSite=Lax SameSite=Strict
		token_server {
			base_path /outer
		}
		token_server
		jwt_auth /in
		respond in
	`)
	for name, a := range map[string]answer{
		"a sign-in": s.form("/login", "username=alice&password=secret", host(localhost)),
		"a refusal": s.get("/in", navigate(), host(localhost), cookie("jwtauth=dead")),
	} {
		if got := strings.Join(a.want(t, http.StatusSeeOther).Header["Set-Cookie"], "\n"); !strings.Contains(got, "jwtauth=") || !strings.Contains(got, "SameSite=Strict") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestRevokeBySessionCookieValue ends that session, where it is handed over as a
// token; a cookie of the request ends nothing.
func TestRevokeBySessionCookieValue(t *testing.T) {
	s := startWith(t, "store memory\n<USERS>\nclient app "+secretHash, "token_server\njwt_auth /in\nrespond in")
	for name, revoke := range map[string]func(value string){
		"in the body": func(value string) { s.form("/revoke", "token="+value).want(t, http.StatusOK) },
		"with a hint": func(value string) {
			s.form("/revoke", "token_type_hint=access_token&token="+value).want(t, http.StatusOK)
		},
		"bearer": func(value string) { s.do("POST", "/revoke", bearer(value)).want(t, http.StatusOK) },
	} {
		in := s.signIn("alice")
		held := cookie("jwtauth=" + in.CookieValue)
		for range 2 {
			s.get("/in", held).want(t, http.StatusOK)
		}
		for _, other := range []string{in.CookieValue[:len(in.CookieValue)-1], "jd1_" + in.CookieValue[4:], in.SID} {
			s.form("/revoke", "token="+other).want(t, http.StatusOK)
		}
		s.do("POST", "/revoke", held).want(t, http.StatusUnauthorized)
		s.form("/revoke", "client_id=app&client_secret=secret&token="+in.CookieValue).want(t, http.StatusOK) // not its own
		s.get("/in", held).want(t, http.StatusOK)
		revoke(in.CookieValue)
		s.get("/in", held).wantInvalidToken(t)
		s.get("/in", bearer(in.Access)).wantInvalidToken(t)
		if t.Failed() {
			t.Fatal(name)
		}
		revoke(in.CookieValue) // nothing is left to do
	}
}
