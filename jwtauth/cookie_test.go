package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// realmsSite has two realms on one site, and paths of every kind.
const realmsConfig = `{
	<GLOBAL>
	jwtauth {
		store memory
		<USERS>
	}
	jwtauth staff {
		store memory
		<USERS>
	}
	jwtauth unused {
		store memory
	}
}
http://:<PORT> {
	bind 127.0.0.1
	token_server
	jwt_auth /users/*
	jwt_auth /staff/* {
		realm staff
	}
	jwt_auth /optional/* {
		optional
	}
	jwt_auth /site/* {
		errors site
	}
	handle_errors {
		rewrite * /error
		reverse_proxy <UPSTREAM>
	}
	reverse_proxy <UPSTREAM>
}
`

// TestNoUpstreamSeesTheSessionCookie, neither that of the realm that guards the
// path nor that of another, and every other cookie arrives as it was sent.
func TestNoUpstreamSeesTheSessionCookie(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	s.load(realmsConfig)
	alice, staff := s.signIn("alice"), s.signInTo("staff", "alice")
	for _, test := range []struct {
		name string
		send []string // header lines
		want []string
	}{
		{"plain", []string{"jwtauth=VALUE"}, nil},
		{"with the prefix", []string{"__Host-jwtauth=VALUE"}, nil},
		{"with the prefix of a domain", []string{"__Secure-jwtauth=VALUE; __SECURE-jwtauth_staff=VALUE"}, nil},
		{"with two prefixes", []string{"__Host-__Secure-jwtauth=VALUE; a=1"}, []string{"a=1"}},
		{"both", []string{"__Host-jwtauth=VALUE; jwtauth=VALUE"}, nil},
		{"twice", []string{"jwtauth=VALUE; jwtauth=VALUE"}, nil},
		{"in two lines", []string{"jwtauth=VALUE", "__Host-jwtauth=VALUE"}, nil},
		{"other realm", []string{"jwtauth_staff=VALUE"}, nil},
		{"other realm with the prefix", []string{"__Host-jwtauth_staff=VALUE"}, nil},
		{"realm of no guard", []string{"jwtauth_unused=VALUE; jwtauth_elsewhere=VALUE"}, nil},
		{"capitals", []string{"JWTAUTH=VALUE; __HOST-JwtAuth=VALUE; __host-jwtauth_STAFF=VALUE"}, nil},
		{"spaces", []string{"  jwtauth = VALUE ;\tjwtauth\t=\tVALUE"}, nil},
		{"no value", []string{"jwtauth"}, nil},
		{"quoted", []string{`jwtauth="VALUE"`}, nil},
		{"among others", []string{"a=1; jwtauth=VALUE; b=2"}, []string{"a=1; b=2"}},
		{"first", []string{"jwtauth=VALUE; a=1"}, []string{"a=1"}},
		{"last", []string{"a=1; __Host-jwtauth=VALUE"}, []string{"a=1"}},
		{"without spaces", []string{"a=1;jwtauth=VALUE;b=2"}, []string{"a=1; b=2"}},
		{"line of others", []string{"a=1;b=2", "jwtauth=VALUE"}, []string{"a=1;b=2"}},
		{"none", []string{`a=1;b="x y",c==;  d=%3B;e`}, []string{`a=1;b="x y",c==;  d=%3B;e`}},
		{"strange others", []string{`b="x,y"==&%; jwtauth=VALUE; A; =v; c=ä`}, []string{`b="x,y"==&%; A; =v; c=ä`}},
		{"names like it", []string{"xjwtauth=1; jwtauthx=2; __Host-x=3; __Secure-jwtauth-2=4; my_jwtauth_staff=5"},
			[]string{"xjwtauth=1; jwtauthx=2; __Host-x=3; __Secure-jwtauth-2=4; my_jwtauth_staff=5"}},
		{"white space of Unicode", []string{"\u2000__Host-jwtauth=VALUE; a=1; jwtauth\u00a0=VALUE; \ufeffjwtauth=VALUE"}, []string{"a=1"}},
		{"white space of Latin-1", []string{"\xa0jwtauth=VALUE; a=1; \x85__Host-jwtauth\xa0=VALUE"}, []string{"a=1"}},
		{"quoted name", []string{`"jwtauth"=VALUE; '__Host-jwtauth'=VALUE; a=1`}, []string{"a=1"}},
		{"encoded name", []string{"%6Awtauth=VALUE; %5f%5fHost%2djwtauth=VALUE; a=%6A"}, []string{"a=%6A"}},
		{"as PHP reads it", []string{"..Host-jwtauth=VALUE; _[Host-jwtauth=VALUE; jwtauth.staff=VALUE; jwtauth[staff]=VALUE; a=1"}, []string{"a=1"}},
		{"letters that fold", []string{"__Ho\u017ft-jwtauth=VALUE; \uff4awtauth=VALUE; a=1"}, []string{"a=1"}},
		{"without a name", []string{"=jwtauth=VALUE; =__Host-jwtauth; a=1"}, []string{"a=1"}},
		{"value like it", []string{"a=jwtauth=VALUE; b=jwtauth"}, []string{"a=jwtauth=VALUE; b=jwtauth"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, path := range []string{"/open", "/optional/x", "/users/x", "/staff/x", "/site/x", "/error"} {
				for _, value := range []string{"rubbish", alice.CookieValue, staff.CookieValue} {
					options := []option{}
					for _, line := range test.send {
						options = append(options, header("Cookie", strings.ReplaceAll(line, "VALUE", value)))
					}
					switch path { // get past the guard in another way
					case "/users/x":
						options = append(options, bearer(alice.Access))
					case "/staff/x":
						options = append(options, bearer(staff.Access))
					}
					s.get(path, options...)
					r := u.take()
					if r == nil {
						t.Fatalf("%s: the upstream was not asked", path)
					}
					got := r.Header.Values("Cookie")
					for i, line := range test.want {
						if i >= len(got) || got[i] != strings.ReplaceAll(line, "VALUE", value) {
							t.Fatalf("%s: the upstream got %q, want %q", path, got, test.want)
						}
					}
					if len(got) != len(test.want) {
						t.Fatalf("%s: the upstream got %q, want %q", path, got, test.want)
					}
				}
			}
		})
	}
}

// TestSessionCookieSignsIn where, and only where, it is this realm's.
func TestSessionCookieSignsIn(t *testing.T) {
	s := newServer(t)
	s.newUpstream()
	s.load(realmsConfig)
	alice, staff := s.signIn("alice"), s.signInTo("staff", "bob")
	mine, theirs := alice.CookieValue, staff.CookieValue
	for _, test := range []struct {
		name, path, cookie, host string
		status                   int
	}{
		{"plain on localhost", "/users/x", "jwtauth=" + mine, "localhost", 200},
		{"plain on localhost with a port", "/users/x", "jwtauth=" + mine, "localhost:8000", 200},
		{"plain below localhost", "/users/x", "jwtauth=" + mine, "app.localhost", 200},
		{"plain on 127.0.0.1", "/users/x", "jwtauth=" + mine, "127.0.0.1:80", 200},
		{"plain on ::1", "/users/x", "jwtauth=" + mine, "[::1]:80", 200},
		{"plain elsewhere", "/users/x", "jwtauth=" + mine, "example.com", 401},
		{"plain on a name that only looks local", "/users/x", "jwtauth=" + mine, "localhost.example.com", 401},
		{"prefixed elsewhere", "/users/x", "__Host-jwtauth=" + mine, "example.com", 200},
		{"prefixed on localhost", "/users/x", "__Host-jwtauth=" + mine, "localhost", 200},
		{"prefixed counts before plain", "/users/x", "jwtauth=rubbish; __Host-jwtauth=" + mine, "localhost", 200},
		{"a bad prefixed one takes nothing from a plain one", "/users/x", "__Host-jwtauth=rubbish; jwtauth=" + mine, "localhost", 200},
		{"elsewhere there is no plain one", "/users/x", "__Host-jwtauth=rubbish; jwtauth=" + mine, "example.com", 401},
		{"other case", "/users/x", "JWTAUTH=" + mine, "localhost", 401},
		{"prefix in other case", "/users/x", "__host-jwtauth=" + mine, "localhost", 401},
		{"other realm's name", "/users/x", "jwtauth_staff=" + mine, "localhost", 401},
		{"other realm's value", "/users/x", "jwtauth=" + theirs, "localhost", 401},
		{"an access token", "/users/x", "jwtauth=" + alice.Access, "localhost", 401},
		{"a refresh token", "/users/x", "jwtauth=" + alice.Refresh, "localhost", 401},
		{"the session's id", "/users/x", "jwtauth=" + alice.SID, "localhost", 401},
		{"cut off", "/users/x", "jwtauth=" + mine[:len(mine)-1], "localhost", 401},
		{"longer", "/users/x", "jwtauth=" + mine + "A", "localhost", 401},
		{"the default realm's name spelled out", "/users/x", "jwtauth_default=" + mine, "localhost", 401},
		{"staff", "/staff/x", "jwtauth_staff=" + theirs, "localhost", 200},
		{"staff with the prefix", "/staff/x", "__Host-jwtauth_staff=" + theirs, "example.com", 200},
		{"default's cookie at staff", "/staff/x", "jwtauth=" + mine, "localhost", 401},
		{"default's value at staff", "/staff/x", "jwtauth_staff=" + mine, "localhost", 401},
		{"both cookies", "/staff/x", "jwtauth=" + mine + "; jwtauth_staff=" + theirs, "localhost", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := s.get(test.path, cookie(test.cookie), host(test.host))
			if a.want(t, test.status); test.status == http.StatusUnauthorized {
				a.wantHeader(t, "Cache-Control", "no-store")
			}
			if got := a.Header.Values("Set-Cookie"); len(got) > 0 {
				t.Errorf("a guard set a cookie: %q", got)
			}
		})
	}
	// A cookie is no bearer token, nor is one realm's token another's.
	s.get("/users/x", bearer(mine)).wantInvalidToken(t)
	s.get("/users/x", bearer(staff.Access)).wantInvalidToken(t)
	s.get("/staff/x", bearer(alice.Access)).wantInvalidToken(t)
	s.get("/staff/x", bearer(staff.Access)).want(t, http.StatusOK)
	s.get("/users/me", cookie("jwtauth_staff="+theirs)).wantNothingPresented(t)
	if got := s.get("/users/me", cookie("jwtauth="+mine)).want(t, http.StatusOK).json(t); got["username"] != "alice" {
		t.Errorf("/users/me by cookie: %v", got)
	}
	s.wantQuietLog()
}

// TestSessionCookieDiesWithTheSession, and with the user.
func TestSessionCookieDiesWithTheSession(t *testing.T) {
	s := startWith(t, "store memory\n<USERS>", `
		token_server
		jwt_auth /in
		jwt_auth /optional {
			optional
		}
		respond "{http.auth.user.id}"
	`)
	alice := s.signIn("alice")
	presented := cookie("jwtauth=" + alice.CookieValue)
	s.get("/in", presented).wantBody(t, http.StatusOK, "alice")
	s.form("/revoke", "token="+alice.Refresh).want(t, http.StatusOK)
	s.get("/in", presented).wantInvalidToken(t)
	s.get("/users/me", presented).wantInvalidToken(t)
	s.get("/optional", presented).wantBody(t, http.StatusOK, "")
	// A browser sends a cookie by itself, so it ends nothing and renews nothing.
	other := s.signIn("alice")
	s.do("POST", "/revoke", cookie("jwtauth="+other.CookieValue)).wantNothingPresented(t)
	s.do("POST", "/refresh", cookie("jwtauth="+other.CookieValue)).wantNothingPresented(t)
	s.get("/in", cookie("jwtauth="+other.CookieValue)).wantBody(t, http.StatusOK, "alice")

	bob := s.signIn("bob")
	presented = cookie("jwtauth=" + bob.CookieValue)
	s.get("/in", presented).wantBody(t, http.StatusOK, "bob")
	s.vars["<USERS>"] = strings.Replace(commonUsers, "scope read\n\t}\n\tuser carol", "scope read\ndisabled\n\t}\n\tuser carol", 1)
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site("token_server\njwt_auth /in\nrespond in"))
	s.get("/in", presented).wantInvalidToken(t)
	s.get("/in", bearer(bob.Access)).wantInvalidToken(t)
	if m := s.get("/users/me", bearer(bob.Access)).want(t, http.StatusBadRequest).json(t); m["detail"] != "Inactive user" {
		t.Errorf("/users/me of a disabled user: %v", m)
	}
}

// TestSessionCookieNeedsAllOf what keeps a session alive, each by itself: what
// usually ends the session as well must not be the only thing that does.
func TestSessionCookieNeedsAllOf(t *testing.T) {
	s := start(t, "token_server\njwt_auth /in\nrespond in")
	for _, tc := range []struct {
		name string
		// known: the guard has met the cookie before.
		known bool
		end   func(sid string) error
	}{
		{"denied", false, func(sid string) error { return jwtauth.Deny("default", sid) }},
		{"denied, and known", true, func(sid string) error { return jwtauth.Deny("default", sid) }},
		// Whatever raises an epoch denies the sessions as well.
		{"of an older epoch", false, func(sid string) error { return jwtauth.Age("default", sid) }},
	} {
		alice := s.signIn("alice")
		presented := cookie("jwtauth=" + alice.CookieValue)
		if tc.known {
			for range 2 {
				s.get("/in", presented).want(t, http.StatusOK)
			}
		}
		if err := tc.end(alice.SID); err != nil {
			t.Fatal(err)
		}
		if s.get("/in", presented).wantInvalidToken(t); t.Failed() {
			t.Fatal(tc.name)
		}
		s.get("/users/me", presented).wantInvalidToken(t)
	}
	carol := s.signIn("carol") // disabled: no sign-in would give her this session
	s.get("/in", cookie("jwtauth="+carol.CookieValue)).wantInvalidToken(t)
}

// TestCookieBorneRequestsOfOtherSites: a browser sends the cookie along whoever
// made it send the request.
func TestCookieBorneRequestsOfOtherSites(t *testing.T) {
	s := start(t, `
		jwt_auth /in/* {
			trusted_origins https://app.example.com
		}
		jwt_auth /optional/* {
			optional
		}
		respond "in"
	`)
	alice := s.signIn("alice")
	sameSite, crossSite := header("Sec-Fetch-Site", "same-origin"), header("Sec-Fetch-Site", "cross-site")
	origin := func(o string) option { return header("Origin", o) }
	upgrade := func(r *http.Request) { r.Header["Upgrade"] = []string{"websocket"} }
	for _, test := range []struct {
		name, method string
		with         []option
		status       int
	}{
		{"get from elsewhere", "GET", []option{crossSite, origin("https://evil.example")}, 200},
		{"head from elsewhere", "HEAD", []option{crossSite}, 200},
		{"options from elsewhere", "OPTIONS", []option{crossSite}, 200},
		{"post from here", "POST", []option{sameSite}, 200},
		{"post from nowhere", "POST", []option{header("Sec-Fetch-Site", "none")}, 200},
		{"post from here, by origin", "POST", []option{origin("https://site.example")}, 200},
		{"post by a program", "POST", nil, 200},
		{"post from elsewhere", "POST", []option{crossSite}, 403},
		{"post from the next subdomain", "POST", []option{header("Sec-Fetch-Site", "same-site")}, 403},
		{"post from elsewhere, by origin", "POST", []option{origin("https://evil.example")}, 403},
		{"post from another port", "POST", []option{origin("https://site.example:8443")}, 403},
		{"post from a sandbox", "POST", []option{origin("null")}, 403},
		{"post from a trusted origin", "POST", []option{crossSite, origin("https://app.example.com")}, 200},
		{"post from a trusted host over http", "POST", []option{crossSite, origin("http://app.example.com")}, 403},
		{"put from elsewhere", "PUT", []option{crossSite}, 403},
		{"delete from elsewhere", "DELETE", []option{crossSite}, 403},
		{"unknown method from elsewhere", "PROPFIND", []option{crossSite}, 403},
		{"get in small letters from elsewhere", "get", []option{crossSite}, 403},
		{"upgrade from elsewhere", "GET", []option{origin("https://evil.example"), upgrade}, 403},
		{"upgrade from elsewhere, by metadata", "GET", []option{crossSite, upgrade}, 403},
		{"upgrade from here", "GET", []option{origin("https://site.example"), upgrade}, 200},
		{"upgrade from a trusted origin", "GET", []option{origin("https://app.example.com"), upgrade}, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			with := append(test.with, host("site.example"))
			byCookie := append([]option{cookie("__Host-jwtauth=" + alice.CookieValue)}, with...)
			a := s.do(test.method, "/in/x", byCookie...).want(t, test.status)
			if test.status == http.StatusForbidden {
				a.wantHeader(t, "WWW-Authenticate", "").wantHeader(t, "Cache-Control", "no-store")
				if m := a.json(t); m["detail"] != "Cross-origin request refused" {
					t.Errorf("%v", m)
				}
			}
			// A header is not sent by itself.
			s.do(test.method, "/in/x", append([]option{bearer(alice.Access)}, with...)...).want(t, http.StatusOK)
			if !strings.Contains(test.name, "trusted") {
				s.do(test.method, "/optional/x", byCookie...).want(t, test.status)
			}
		})
	}
	s.wantQuietLog()
}
