package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestMethodOverride: guards and matchers decide by the method of the request, so
// no upstream gets to see a header that says another one, whatever a guard made of
// the request and whether one saw it.
func TestMethodOverride(t *testing.T) {
	s := newServer(t)
	upstream := s.newUpstream()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(`
		token_server
		@write {
			path /by-method/*
			not method GET HEAD
		}
		jwt_auth @write admin
		jwt_auth /in/*
		jwt_auth /optional/* {
			optional
		}
		jwt_auth /headers/* {
			set_header X-User {http.auth.user.id}
		}
		jwt_auth /site/* {
			errors site
		}
		handle_errors {
			reverse_proxy <UPSTREAM>
		}
		reverse_proxy <UPSTREAM>
	`))
	alice, bob := s.signIn("alice"), s.signIn("bob")
	byCookie := func(value string) option { return cookie("jwtauth=" + value) }
	for name, request := range map[string]struct {
		method, path string
		with         []option
	}{
		"past a guard of other methods":  {"GET", "/by-method/x", nil},
		"past it, signed in":             {"GET", "/by-method/x", []option{bearer(bob.Access)}},
		"through a guard of the method":  {"POST", "/by-method/x", []option{bearer(alice.Access)}},
		"by a token":                     {"GET", "/in/x", []option{bearer(bob.Access)}},
		"by a cookie":                    {"GET", "/in/x", []option{byCookie(bob.CookieValue)}},
		"by a cookie, post":              {"POST", "/in/x", []option{byCookie(bob.CookieValue), header("Sec-Fetch-Site", "same-origin")}},
		"optional":                       {"GET", "/optional/x", nil},
		"optional, by a cookie":          {"GET", "/optional/x", []option{byCookie(bob.CookieValue)}},
		"with identity headers":          {"GET", "/headers/x", []option{bearer(bob.Access)}},
		"refused, and left to the site":  {"GET", "/site/x", nil},
		"without a guard":                {"GET", "/other", nil},
		"without a guard, post":          {"POST", "/other", nil},
		"without a guard, small letters": {"get", "/other", nil},
	} {
		for _, spelling := range []string{
			"X-HTTP-Method-Override", "x-http-method-override", "X-Http-Method-Override", "X-HTTP-Method", "X-Method-Override", "x-METHOD-override",
			"X_HTTP_Method_Override", "X.HTTP.Method.Override", "X-HTTP_Method-Override",
		} {
			with := append([]option{header(spelling, "DELETE"), header(spelling, "PATCH"), header("X-Http-Method-Other", "kept"), header("X-Kept", "DELETE")}, request.with...)
			a := s.do(request.method, request.path, with...)
			got := upstream.take()
			if got == nil {
				t.Fatalf("%s: the upstream was not asked: %d %s", name, a.StatusCode, a.Body)
			}
			for key, values := range got.Header {
				if key != "X-Kept" && key != "X-Http-Method-Other" && strings.Contains(strings.Join(values, " "), "DELETE") {
					t.Errorf("%s, %s: the upstream sees %s: %v", name, spelling, key, values)
				}
			}
			if got.Header.Get("X-Kept") == "" || got.Header.Get("X-Http-Method-Other") == "" {
				t.Errorf("%s, %s: another header is gone: %v", name, spelling, got.Header)
			}
		}
	}
}

// TestMethodOverrideInTheQuery: a link of another site is followed with the cookie,
// so one that names a method counts as that, and a program's request as it comes.
func TestMethodOverrideInTheQuery(t *testing.T) {
	s := start(t, "jwt_auth\nrespond in")
	alice := s.signIn("alice")
	with := func(site string) []option {
		options := []option{cookie("__Host-jwtauth=" + alice.CookieValue), host("site.example")}
		if site != "" {
			options = append(options, header("Sec-Fetch-Site", site))
		}
		return options
	}
	for query, overrides := range map[string]bool{
		"_method=DELETE": true, "_METHOD=DELETE": true, "_Method=x": true, "a=b&_method=DELETE": true, "a=b;_method=DELETE": true,
		"%5Fmethod=DELETE": true, "_%6dethod=DELETE": true, "%5f%4D%45%54%48%4F%44=DELETE": true, "_method": true, "_method=": true,
		"_method_override=DELETE": true, "+_method=DELETE": true, "_method%20=DELETE": true,
		"": false, "method=DELETE": false, "a=_method": false, "a=_method=DELETE": false, "x_method=DELETE": false, "_methods=a": false, "a=%5Fmethod": false, "%zz=%": false,
	} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			want := map[bool]int{true: http.StatusForbidden, false: http.StatusOK}[overrides]
			s.do(method, "/x?"+query, with("cross-site")...).want(t, want)
			s.do(method, "/x?"+query, with("same-site")...).want(t, want)
			s.do(method, "/x?"+query, append(with(""), header("Origin", "https://evil.example"))...).want(t, want)
			s.do(method, "/x?"+query, with("same-origin")...).want(t, http.StatusOK)
			s.do(method, "/x?"+query, with("none")...).want(t, http.StatusOK)
			s.do(method, "/x?"+query, with("")...).want(t, http.StatusOK)
			s.do(method, "/x?"+query, bearer(alice.Access), header("Sec-Fetch-Site", "cross-site")).want(t, http.StatusOK)
		}
	}
}
