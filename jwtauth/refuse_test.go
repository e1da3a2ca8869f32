package jwtauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// html is what a browser without Sec-Fetch headers says when a person navigates.
func html() option { return header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8") }

// fetch is what a browser says of a request.
func fetch(mode, dest, site string) option {
	return func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Mode", mode)
		r.Header.Set("Sec-Fetch-Dest", dest)
		r.Header.Set("Sec-Fetch-Site", site)
	}
}

func navigate() option { return fetch("navigate", "document", "none") }

// wantSignIn checks that a person is sent to sign in and will come back.
func (a answer) wantSignIn(t *testing.T, page, back string) answer {
	t.Helper()
	a.want(t, http.StatusSeeOther).wantHeader(t, "Cache-Control", "no-store")
	location := a.Header.Get("Location")
	path, query, _ := strings.Cut(location, "?")
	values, err := url.ParseQuery(query)
	if err != nil || path != page || values.Get("return_to") != back || len(values) != 1 {
		t.Errorf("%s %s: sent to %q, want %s with return_to %q", a.method(), a.url(), location, page, back)
	}
	return a
}

// wantPage checks an answer for people.
func (a answer) wantPage(t *testing.T, status int, texts ...string) answer {
	t.Helper()
	a.want(t, status).wantHeader(t, "Content-Type", "text/html; charset=utf-8").wantHeader(t, "Cache-Control", "no-store")
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			t.Errorf("%s %s: the page does not say %q: %s", a.method(), a.url(), text, a.Body)
		}
	}
	return a
}

// sessionCookie sends what the answer set: a session cookie is set first.
func (a answer) sessionCookie(t *testing.T) option {
	t.Helper()
	set := a.Cookies()
	if len(set) == 0 {
		t.Fatalf("%s %s: status %d, no cookie was set", a.method(), a.url(), a.StatusCode)
	}
	return cookie(set[0].Name + "=" + set[0].Value)
}

// setCookies are the cookies that an answer sets.
func (a answer) setCookies() (names []string) {
	for _, c := range a.Cookies() {
		names = append(names, c.Name)
	}
	return names
}

const localhost = "localhost"

// fill signs in by the form and returns what the browser holds then.
func (s *server) fill(username, password string, options ...option) *http.Cookie {
	s.t.Helper()
	a := s.form("/login", url.Values{"username": {username}, "password": {password}}.Encode(), options...)
	if a.StatusCode != http.StatusSeeOther || len(a.Cookies()) != 2 || !strings.Contains(a.Cookies()[1].Name, "jwtauth-device") {
		s.t.Fatalf("signing in: %d %v %s", a.StatusCode, a.Header, a.Body)
	}
	return a.Cookies()[0]
}

// A person who navigates is sent to sign in, whatever else asks is told no.
func TestWhoIsSentToSignIn(t *testing.T) {
	s := start(t, `
		token_server
		jwt_auth /private/*
		jwt_auth /query/* {
			source query access_token
			source query t
			source cookie
		}
		jwt_auth /off/* {
			login off
		}
		jwt_auth /site/* {
			errors site
		}
		jwt_auth /elsewhere/* {
			login https://example.com/auth/login
		}
		jwt_auth /path/* {
			login /auth/login?theme=x
		}
		jwt_auth /auth/* {
			login /auth/login
		}
		respond "in"
	`)
	alice := s.signIn("alice")
	dead := "jwtauth=" + strings.Repeat("A", 100)
	for _, test := range []struct {
		name    string
		method  string
		path    string
		options []option
		page    string // "" for the answer of programs
		back    string
		status  int
	}{
		{"navigation", "GET", "/private/x?a=b&c", []option{navigate()}, "/login", "/private/x?a=b&c", 303},
		{"navigation without Sec-Fetch", "GET", "/private/x", []option{html()}, "/login", "/private/x", 303},
		{"HEAD", "HEAD", "/private/x", []option{navigate()}, "/login", "/private/x", 303},
		{"from another site", "GET", "/private/x", []option{fetch("navigate", "document", "cross-site")}, "/login", "/private/x", 303},
		{"escaped path", "GET", "/private/a%20b/%C3%A4?q=%2F%26", []option{navigate()}, "/login", "/private/a%20b/%C3%A4?q=%2F%26", 303},
		{"dead cookie", "GET", "/private/x", []option{navigate(), cookie(dead)}, "/login", "/private/x", 303},
		{"two cookies", "GET", "/private/x", []option{navigate(), cookie(dead, dead)}, "/login", "/private/x", 303},
		{"basic credentials of another handler", "GET", "/private/x", []option{navigate(), header("Authorization", "Basic Og==")}, "/login", "/private/x", 303},

		{"program", "GET", "/private/x", nil, "", "", 401},
		{"program that takes anything", "GET", "/private/x", []option{header("Accept", "*/*")}, "", "", 401},
		{"program that takes no HTML", "GET", "/private/x", []option{header("Accept", "application/json, text/html;q=0")}, "", "", 401},
		{"fetch", "GET", "/private/x", []option{fetch("cors", "empty", "same-origin"), html()}, "", "", 401},
		{"image", "GET", "/private/x", []option{fetch("no-cors", "image", "same-origin"), html()}, "", "", 401},
		{"script", "GET", "/private/x", []option{fetch("no-cors", "script", "same-origin")}, "", "", 401},
		{"download", "GET", "/private/x", []option{fetch("navigate", "empty", "same-origin"), html()}, "", "", 401},
		{"frame of a user without the role", "GET", "/private/x", []option{fetch("navigate", "iframe", "same-origin"), bearer("x")}, "", "", 401},
		{"frame without a sign-in page", "GET", "/off/x", []option{fetch("navigate", "iframe", "same-origin")}, "", "", 401},
		{"websocket", "GET", "/private/x", []option{fetch("websocket", "empty", "same-origin"), html()}, "", "", 401},
		{"XMLHttpRequest of an old browser", "GET", "/private/x", []option{html(), header("X-Requested-With", "XMLHttpRequest")}, "", "", 401},
		{"bad bearer token", "GET", "/private/x", []option{navigate(), bearer("x")}, "", "", 401},
		{"two bearer tokens", "GET", "/private/x", []option{navigate(), bearer("x"), bearer("y")}, "", "", 400},
		{"login off", "GET", "/off/x", []option{navigate()}, "", "", 401},

		{"query token is not carried along", "GET", "/query/x?a=1&access_token=" + alice.Access + "x&b=%20&t=1", []option{navigate()}, "/login", "/query/x?a=1&b=%20", 303},
		{"token of another guard", "GET", "/private/x?access_token=secret&a", []option{navigate()}, "/login", "/private/x?a", 303},
		{"another site's page, with the port that is meant", "GET", "/elsewhere/x", []option{navigate(), host("EXAMPLE.com.:443")}, "https://example.com/auth/login", "/elsewhere/x", 303},
		{"query token alone", "GET", "/query/x?%61ccess_token=x", []option{navigate()}, "/login", "/query/x", 303},
		{"another site's page", "GET", "/elsewhere/x?a", []option{navigate(), host("docs.example.com")}, "https://example.com/auth/login", "https://docs.example.com/elsewhere/x?a", 303},
		{"another site's page, on this machine", "GET", "/elsewhere/x", []option{navigate(), host("docs.example.localhost:81")}, "https://example.com/auth/login", "http://docs.example.localhost:81/elsewhere/x", 303},
		{"another site's page, here", "GET", "/elsewhere/x", []option{navigate(), host("example.com")}, "https://example.com/auth/login", "/elsewhere/x", 303},
		{"the sign-in page itself is guarded", "GET", "/auth/login", []option{navigate()}, "", "", 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := s.do(test.method, test.path, test.options...)
			if test.page != "" {
				a.wantSignIn(t, test.page, test.back)
				return
			}
			a.want(t, test.status).wantHeader(t, "Content-Type", "application/json").wantHeader(t, "Location", "")
			if len(a.setCookies()) > 0 {
				t.Errorf("cookies are set: %q", a.setCookies())
			}
		})
	}
	a := s.get("/path/x", navigate())
	if got, want := a.Header.Get("Location"), "/auth/login?theme=x&return_to=%2Fpath%2Fx"; got != want {
		t.Errorf("sent to %q, want %q", got, want)
	}
	if a := s.get("/site/x", navigate()); a.StatusCode != 401 || a.Header.Get("Location") != "" {
		t.Errorf("errors site: %d %v", a.StatusCode, a.Header)
	}
	s.wantQuietLog()
}

// A guarded page in a frame is answered with a page that may stand there, since the
// sign-in page may not; only pages of the same origin, or of the cookie's domain, may
// show it.
func TestRefusedFrame(t *testing.T) {
	for domain, framers := range map[string]string{"": "'self'", "cookie_domain example.com\n": "'self' https://example.com https://*.example.com"} {
		s := startWith(t, "store memory\n"+domain+"<USERS>", "token_server\njwt_auth /in/* admin\nrespond in")
		for _, dest := range []string{"iframe", "frame", "embed", "object"} {
			a := s.get("/in/x?a=b", fetch("navigate", dest, "same-origin"), host("docs.example.com"))
			a.wantPage(t, http.StatusUnauthorized, "Sign in to see this", `href="/login?return_to=%2Fin%2Fx%3Fa%3Db" target="_top"`)
			a.wantHeader(t, "WWW-Authenticate", `Bearer realm="default"`).wantHeader(t, "X-Frame-Options", "")
			if policy := a.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "; frame-ancestors "+framers+";") {
				t.Errorf("policy %q, want %q", policy, framers)
			}
		}
		bob := s.signIn("bob")
		s.get("/in/x", fetch("navigate", "iframe", "same-origin"), cookie("jwtauth="+bob.CookieValue)).want(t, http.StatusForbidden).
			wantHeader(t, "Content-Type", "application/json")
	}
}

// A site whose token server serves no pages, or that has none for the realm, has
// nowhere to send anybody.
func TestNoPageToSendTo(t *testing.T) {
	s := newServer(t)
	s.load(`{
		<GLOBAL>
		jwtauth {
			store memory
		}
		jwtauth staff {
			store memory
		}
	}
	http://a.localhost:<PORT> {
		bind 127.0.0.1
		token_server {
			pages off
		}
		jwt_auth
	}
	http://b.localhost:<PORT> {
		bind 127.0.0.1
		token_server {
			realm staff
		}
		jwt_auth
	}
	http://c.localhost:<PORT> {
		bind 127.0.0.1
		jwt_auth
	}
	http://d.localhost:<PORT> {
		bind 127.0.0.1
		@inside remote_ip 203.0.113.0/24
		token_server @inside
		jwt_auth
	}
	http://e.localhost:<PORT> {
		bind 127.0.0.1
		token_server /auth/* {
			base_path /auth
		}
		jwt_auth
	}
	http://f.localhost:<PORT> {
		bind 127.0.0.1
		handle_path /app/* {
			token_server
			jwt_auth
		}
	}
	http://g.localhost:<PORT> {
		bind 127.0.0.1
		token_server
		handle_path /app/* {
			jwt_auth
		}
	}
	http://i.localhost:<PORT> {
		bind 127.0.0.1
		token_server
		jwt_auth {
			realm staff
		}
	}
	http://h.localhost:<PORT> {
		bind 127.0.0.1
		route {
			uri path_regexp ^.*/app/ /
			token_server
			jwt_auth
		}
	}
	`)
	for _, name := range []string{"a", "b", "c", "d", "i"} {
		s.get("/x", navigate(), host(name+".localhost")).wantNothingPresented(t)
		s.get("/login", navigate(), host(name+".localhost"))
	}
	s.get("/login", navigate(), host("a.localhost")).wantNothingPresented(t)
	s.get("/x", navigate(), host("e.localhost")).wantSignIn(t, "/auth/login", "/x")
	s.get("/auth/login", navigate(), host("e.localhost")).wantPage(t, 200, `<form method="post">`, `href="/auth/login/style.css?v=`)
	s.get("/app/x?y", navigate(), host("f.localhost")).wantSignIn(t, "/app/login", "/app/x?y")
	s.get("/app/login?return_to=/app/x", navigate(), host("f.localhost")).
		wantPage(t, 200, `<form method="post">`, `href="/app/login/style.css?v=`, `value="/app/x"`)
	s.get("/app/login?return_to=/app/login", navigate(), host("f.localhost")).wantPage(t, 200, "<form")
	s.get("/app/x?y", navigate(), host("g.localhost")).wantSignIn(t, "/login", "/app/x?y")
	s.get("/y/app/x", navigate(), host("h.localhost")).wantSignIn(t, "/y/app/login", "/y/app/x")
	for _, path := range []string{"//evil.example/app/x", "/%5cevil.example/app/x", "/%3f/app/x"} {
		if to := s.get(path, navigate(), host("h.localhost")).Header.Get("Location"); !strings.HasPrefix(to, "/login?return_to=") {
			t.Errorf("%s: sent to %s", path, to)
		}
	}
}

// From the guarded page to the form and back, as a browser does it.
func TestSignInAndBack(t *testing.T) {
	s := start(t, `
		token_server
		jwt_auth /private/*
		jwt_auth /admin/* admin
		jwt_auth /both/* {
			roles all admin user
		}
		jwt_auth /either/* admin editor
		jwt_auth /scope/* {
			scope write
		}
		respond "in"
	`)
	browser := []option{navigate(), host(localhost)}
	s.get("/private/x", browser...).wantSignIn(t, "/login", "/private/x")
	s.get("/login?return_to=%2Fprivate%2Fx", browser...).wantPage(t, 200, `name="return_to" value="/private/x"`)
	a := s.form("/login", "username=bob&password=password&return_to=%2Fprivate%2Fx", fetch("navigate", "document", "same-origin"), host(localhost))
	a.want(t, 303).wantHeader(t, "Cache-Control", "no-store").wantHeader(t, "Location", "/login?check=1&return_to=%2Fprivate%2Fx")
	line := a.Header.Get("Set-Cookie")
	if want := "; Path=/; HttpOnly; SameSite=Lax"; !strings.HasPrefix(line, "jwtauth=js1_") || !strings.HasSuffix(line, want) || strings.Count(line, ";") != 3 {
		t.Errorf("Set-Cookie: %s", line)
	}
	held := cookie("jwtauth=" + a.Cookies()[0].Value)
	s.get(a.Header.Get("Location"), append(browser, held)...).want(t, 303).wantHeader(t, "Location", "/private/x")
	s.get("/private/x", append(browser, held)...).wantBody(t, 200, "in")

	// A browser that did not keep the cookie is told so, once.
	s.get("/login?check=1&return_to=%2Fprivate%2Fx", browser...).wantPage(t, 400, "did not keep the cookie")

	// A program is not asked to come by again.
	s.form("/login", "username=bob&password=password&return_to=/private/x?y=%26", host(localhost)).
		want(t, 303).wantHeader(t, "Location", "/private/x?y=&")

	// What a wrong role needs is on the page, and no way in a circle.
	s.get("/admin/x", append(browser, held)...).wantPage(t, 403, "signed in as bob", "the role admin", `href="/login?return_to=%2Fadmin%2Fx"`).
		wantHeader(t, "WWW-Authenticate", ofGuard(challengeRole))
	s.get("/both/x", append(browser, held)...).wantPage(t, 403, "all of these roles: admin, user")
	s.get("/either/x", append(browser, held)...).wantPage(t, 403, "one of these roles: admin, editor")
	s.get("/scope/x", append(browser, held)...).wantPage(t, 403, "a right that your account does not have")
	s.get("/admin/x", fetch("cors", "empty", "same-origin"), host(localhost), held).wantForbidden(t)
	s.get("/login?return_to=%2Fadmin%2Fx", append(browser, held)...).wantPage(t, 200, "signed in as bob", `href="/admin/x"`)

	// Somebody else signs in: the session of before is over.
	other := s.fill("alice", "secret", host(localhost), held)
	s.get("/private/x", append(browser, held)...).wantSignIn(t, "/login", "/private/x")
	s.get("/admin/x", append(browser, cookie("jwtauth="+other.Value))...).wantBody(t, 200, "in")
	s.wantQuietLog()
}

// A form that is sent without a session is not turned into something else.
func TestFormWithoutSession(t *testing.T) {
	s := start(t, `
		token_server
		jwt_auth /private/*
		respond "in"
	`)
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		s.doBody(method, "/private/x", "a=b", navigate(), host(localhost)).
			wantPage(t, 401, "not sent", `href="/login"`).wantHeader(t, "WWW-Authenticate", `Bearer realm="default"`).wantHeader(t, "Location", "")
		s.doBody(method, "/private/x", "a=b", host(localhost)).wantNothingPresented(t)
	}
	held := s.fill("alice", "secret", host(localhost))
	s.doBody("POST", "/private/x", "a=b", fetch("navigate", "document", "cross-site"), host(localhost), cookie("jwtauth="+held.Value)).
		wantPage(t, 403, "came from another site")
	s.doBody("POST", "/private/x", "a=b", fetch("navigate", "document", "same-origin"), host(localhost), cookie("jwtauth="+held.Value)).
		wantBody(t, 200, "in")
}

// A dead cookie is taken away where a person is sent to sign in, and nowhere
// else: another request's answer could come late, and take a new one.
func TestDeadCookie(t *testing.T) {
	s := start(t, `
		token_server
		jwt_auth /private/*
		respond "in"
	`)
	alice := s.signIn("alice")
	if err := jwtauth.Deny(jwtauth.DefaultRealm, alice.SID); err != nil {
		t.Fatal(err)
	}
	for name, pairs := range map[string][]string{
		"expired":   {"jwtauth=" + alice.CookieValue},
		"garbage":   {"jwtauth=%00"},
		"empty":     {"jwtauth="},
		"oversized": {"jwtauth=" + strings.Repeat("x", 8000)},
		"duplicate": {"jwtauth=" + alice.CookieValue, "jwtauth=" + alice.CookieValue},
		"token":     {"jwtauth=" + alice.Access},
		"refresh":   {"jwtauth=" + alice.Refresh},
	} {
		t.Run(name, func(t *testing.T) {
			held := cookie(pairs...)
			for _, path := range []string{"/private/x", "/login", "/account", "/logout"} {
				a := s.get(path, navigate(), host(localhost), held)
				if line := a.Header.Get("Set-Cookie"); line != "jwtauth=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" {
					t.Errorf("%s: Set-Cookie: %s", path, line)
				}
				a.wantHeader(t, "Cache-Control", "no-store").wantHeader(t, "Clear-Site-Data", `"cache"`)
			}
			s.get("/login", navigate(), host(localhost), held).wantPage(t, 200, "<form")
			s.get("/login?check=1", navigate(), host(localhost), held).wantPage(t, 400)
			for _, mode := range []string{"cors", "no-cors"} {
				a := s.get("/private/x", fetch(mode, "image", "same-origin"), host(localhost), held).wantInvalidToken(t)
				if len(a.setCookies()) > 0 {
					t.Errorf("%s: cookies are set: %q", mode, a.setCookies())
				}
			}
		})
	}
}

// One realm's cookie means nothing to another, and lives beside it.
func TestForeignCookie(t *testing.T) {
	s := newServer(t)
	s.newUpstream()
	s.load(realmsConfig)
	staff := s.signInTo("staff", "alice")
	a := s.get("/users/x", navigate(), host(localhost), cookie("jwtauth="+staff.CookieValue, "jwtauth_staff="+staff.CookieValue))
	a.wantSignIn(t, "/login", "/users/x")
	if got := strings.Join(a.setCookies(), " "); got != "jwtauth" {
		t.Errorf("cookies set: %s", got)
	}
	s.get("/staff/x", navigate(), host(localhost), cookie("jwtauth_staff="+staff.CookieValue)).want(t, 200)
}

// Where a browser keeps the cookie, its name and attributes are as strict as it
// can hold them.
func TestCookieBySite(t *testing.T) {
	s := startWith(t, "store memory\n<USERS>\ncookie_domain example.localhost", `
		token_server
		jwt_auth /private/*
		respond "in"
	`)
	for _, test := range []struct{ host, want string }{
		{"example.org", "__Host-jwtauth=V; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"localhost", "jwtauth=V; Path=/; HttpOnly; SameSite=Lax"},
		{"127.0.0.1", "jwtauth=V; Path=/; HttpOnly; SameSite=Lax"},
		{"[::1]:80", "jwtauth=V; Path=/; HttpOnly; SameSite=Lax"},
		{"example.localhost", "jwtauth=V; Path=/; Domain=example.localhost; HttpOnly; SameSite=Lax"},
		{"app.example.localhost:8080", "jwtauth=V; Path=/; Domain=example.localhost; HttpOnly; SameSite=Lax"},
		{"notexample.localhost", "jwtauth=V; Path=/; HttpOnly; SameSite=Lax"},
	} {
		a := s.form("/login", "username=alice&password=secret&keep=1", host(test.host)).want(t, 303)
		line := strings.Replace(a.Header.Get("Set-Cookie"), "Max-Age=2592000; ", "", 1)
		name, rest, _ := strings.Cut(line, "=")
		_, rest, _ = strings.Cut(rest, ";")
		if got := name + "=V;" + rest; got != test.want || !strings.Contains(a.Header.Get("Set-Cookie"), "Max-Age=2592000") {
			t.Errorf("%s: %s, want %s", test.host, a.Header.Get("Set-Cookie"), test.want)
		}
		s.get("/private/x", host(test.host), cookie(name+"="+a.Cookies()[0].Value)).wantBody(t, 200, "in")
	}
}

// A guarded answer is for one visitor: no shared cache may store it, unless the
// site says so, and what it depends on is said.
func TestGuardedAnswersInCaches(t *testing.T) {
	s := newServer(t)
	s.files(map[string]string{"private/page.html": "page", "open/page.html": "page"})
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(`
		header /private/public/* Cache-Control "public, max-age=60"
		header /private/age/* Cache-Control "max-age=60"
		header /private/none/* Cache-Control no-store
		header /private/shared/* Cache-Control "s-maxage=60"
		header /private/late/* >Cache-Control "public, max-age=60"
		jwt_auth /private/*
		jwt_auth /head/* {
			source header
		}
		jwt_auth /optional/* {
			optional
		}
		uri /private/* path_regexp ^/private/[a-z]+/page /private/page
		root <ROOT>
		file_server
	`))
	alice := bearer(s.signIn("alice").Access)
	const vary = "Authorization, Cookie"
	for _, test := range []struct{ path, cache, vary string }{
		{"/private/page.html", "private, no-cache", vary},
		{"/private/absent.html", "private, no-cache", vary},
		{"/private/public/page.html", "public, max-age=60", vary},
		{"/private/age/page.html", "max-age=60, private", vary},
		{"/private/none/page.html", "no-store", vary},
		{"/private/shared/page.html", "s-maxage=60", vary},
		{"/private/late/page.html", "public, max-age=60", vary},
		{"/head/absent.html", "private, no-cache", "Authorization"},
		{"/optional/absent.html", "private, no-cache", vary},
		{"/open/page.html", "", ""},
	} {
		a := s.get(test.path, alice).wantHeader(t, "Cache-Control", test.cache)
		got := ""
		for _, line := range a.Header["Vary"] {
			if line != "Accept-Encoding" {
				got += line
			}
		}
		if got != test.vary {
			t.Errorf("%s: Vary is %q, want %q", test.path, got, test.vary)
		}
	}
	s.get("/optional/absent.html").wantHeader(t, "Cache-Control", "")
	// A page that somebody went to is not shown again by the back button.
	s.get("/private/page.html", alice, navigate()).wantHeader(t, "Cache-Control", "private, no-store")
	s.get("/private/public/page.html", alice, navigate()).wantHeader(t, "Cache-Control", "public, max-age=60")
	s.get("/optional/absent.html", navigate()).wantHeader(t, "Cache-Control", "")
	// Asked again with what it was given, the browser is told that it is the same.
	a := s.get("/private/page.html", alice)
	s.get("/private/page.html", alice, header("If-None-Match", a.Header.Get("ETag"))).want(t, 304).wantHeader(t, "Cache-Control", "private, no-cache")
}

// A header directive that acts late, as it does with a removal beside it, takes
// nothing of that away.
func TestGuardedAnswersBehindLateHeaders(t *testing.T) {
	for _, test := range []struct{ directive, cache, query string }{
		{"header {\nCache-Control max-age=3600\n-Server\n}", "max-age=3600, private", "private"},
		{"header >Cache-Control max-age=3600", "max-age=3600, private", "private"},
		{"header >Cache-Control \"public, max-age=60\"", "public, max-age=60", "private"},
		{"header -Cache-*", "private, no-cache", "private"},
		{"header -Vary", "private, no-cache", "private"},
		{"header >Vary Accept-Encoding", "private, no-cache", "private"},
		{"header ?Cache-Control max-age=3600", "max-age=3600, private", "private"},
		{"header >X-First a\nheader {\nCache-Control max-age=3600\ndefer\n}", "max-age=3600, private", "private"},
	} {
		t.Run(test.directive, func(t *testing.T) {
			s := start(t, test.directive+`
				jwt_auth /private/*
				jwt_auth /query/* {
					source query t
				}
				respond "in"
			`)
			alice := s.signIn("alice")
			a := s.get("/private/x", bearer(alice.Access)).wantBody(t, 200, "in").wantHeader(t, "Cache-Control", test.cache)
			if !strings.Contains(strings.Join(a.Header["Vary"], ", "), "Authorization, Cookie") {
				t.Errorf("Vary is %q", a.Header["Vary"])
			}
			s.get("/query/x?t="+alice.Access).wantBody(t, 200, "in").wantHeader(t, "Cache-Control", test.query)
		})
	}
}

// An answer of our own that sets a cookie, or says who somebody is, is stored by
// nobody, whatever the site says of its answers.
func TestOwnAnswersAreNotStored(t *testing.T) {
	for name, directive := range map[string]string{
		"before":   `header Cache-Control "public, max-age=3600"`,
		"deferred": `header >Cache-Control "public, max-age=3600"`,
		"removal":  "header {\nCache-Control public\n-Server\ndefer\n}",
		"removed":  "header -Cache-Control",
		"default":  `header ?Cache-Control "public"`,
		"wildcard": `header -Cache-*`,
		"twice":    "header >Cache-Control public\nheader {\nCache-Control public\n-Server\n}",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, directive+`
				token_server
				jwt_auth /private/*
				respond "in"
			`)
			held := s.fill("alice", "secret", host(localhost))
			mine := cookie("jwtauth=" + held.Value)
			for what, a := range map[string]answer{
				"sign-in":     s.form("/login", "username=alice&password=secret", host(localhost)),
				"form":        s.get("/login", host(localhost), cookie("jwtauth=dead")),
				"account":     s.get("/account", host(localhost), mine),
				"sign-out":    s.form("/logout", "", host(localhost), cookie("jwtauth=dead")),
				"dead cookie": s.get("/private/x", navigate(), host(localhost), cookie("jwtauth=dead")),
				"refusal":     s.get("/private/x", host(localhost)),
				"token":       s.form("/token", "username=alice&password=secret", host(localhost)),
				"users/me":    s.get("/users/me", host(localhost), mine),
			} {
				if got := a.Header.Values("Cache-Control"); len(got) != 1 || got[0] != "no-store" {
					t.Errorf("%s: %d, Cache-Control is %q", what, a.StatusCode, got)
				}
			}
		})
	}
}

// Signing out ends the session on the server, also for whoever copied the cookie.
func TestSignOut(t *testing.T) {
	s := start(t, `
		token_server
		jwt_auth /private/*
		respond "in"
	`)
	held := cookie("jwtauth=" + s.fill("alice", "secret", host(localhost)).Value)
	s.get("/logout", navigate(), host(localhost), held).wantPage(t, 200, "Do you want to sign out?")
	s.get("/private/x", host(localhost), held).wantBody(t, 200, "in") // asking is not doing
	for _, site := range []string{"cross-site", "same-site"} {
		s.form("/logout", "", fetch("navigate", "document", site), host(localhost), held).wantPage(t, 403)
	}
	s.get("/private/x", host(localhost), held).wantBody(t, 200, "in")

	a := s.form("/logout", "", fetch("navigate", "document", "same-origin"), host(localhost), held)
	a.want(t, 303).wantHeader(t, "Location", "/logout").wantHeader(t, "Clear-Site-Data", `"cache"`).
		wantHeader(t, "Set-Cookie", "jwtauth=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
	s.get("/private/x", host(localhost), held).wantInvalidToken(t)
	s.get("/logout", navigate(), host(localhost)).wantPage(t, 200, "You are signed out")
	s.get("/logout?return_to=/bye", navigate(), host(localhost), cookie("jwtauth="+s.signIn("alice").CookieValue)).
		wantPage(t, 200, `name="return_to" value="/bye"`)
	s.form("/logout", "return_to=/bye", host(localhost)).want(t, 303).wantHeader(t, "Location", "/bye")
	s.form("/logout", "return_to=//evil.example", host(localhost)).want(t, 303).wantHeader(t, "Location", "/logout")
}

// The whole site may be guarded, but for what signing in takes.
func TestWholeSiteGuarded(t *testing.T) {
	s := start(t, `
		token_server
		jwt_auth
		try_files {path} /index.html
		respond "in"
	`)
	s.get("/", navigate(), host(localhost)).wantSignIn(t, "/login", "/")
	s.get("/deep/app/route?x=1", navigate(), host(localhost)).wantSignIn(t, "/login", "/deep/app/route?x=1")
	page := s.get("/login", navigate(), host(localhost)).wantPage(t, 200, "<form")
	_, style, _ := strings.Cut(page.Body, `rel="stylesheet" href="`)
	style, _, _ = strings.Cut(style, `"`)
	s.get(style, fetch("no-cors", "style", "same-origin"), host(localhost)).want(t, 200).wantHeader(t, "Content-Type", "text/css; charset=utf-8")
	s.get("/favicon.ico", fetch("no-cors", "image", "same-origin"), host(localhost)).wantNothingPresented(t)
	s.get("/login/", navigate(), host(localhost)).wantSignIn(t, "/login", "/login/")
	held := s.fill("alice", "secret", host(localhost))
	s.get("/deep/app/route", navigate(), host(localhost), cookie("jwtauth="+held.Value)).wantBody(t, 200, "in")
}

// Two sites of a domain share a sign-in, and a sign-in ends on no third one.
func TestOneLoginForTwoSites(t *testing.T) {
	s := newServer(t)
	s.load(`{
		<GLOBAL>
		jwtauth {
			store memory
			cookie_domain example.localhost
			<USERS>
		}
		jwtauth other {
			store memory
			cookie_domain example.localhost
		}
	}
	http://app.example.localhost:<PORT> {
		bind 127.0.0.1
		token_server
		jwt_auth
		respond "app"
	}
	http://docs.example.localhost:<PORT> {
		bind 127.0.0.1
		jwt_auth /admin/* nobody {
			login http://app.example.localhost:<PORT>/login
		}
		jwt_auth {
			login http://app.example.localhost:<PORT>/login
		}
		respond "docs"
	}
	http://open.example.localhost:<PORT> {
		bind 127.0.0.1
		respond "open"
	}
	http://other.example.localhost:<PORT> {
		bind 127.0.0.1
		jwt_auth {
			realm other
		}
	}
	http://docs.elsewhere.localhost:<PORT>, http://*.wild.example.localhost:<PORT> {
		bind 127.0.0.1
		jwt_auth
	}
	http://open.wild.example.localhost:<PORT> {
		bind 127.0.0.1
		respond "open"
	}
	`)
	port := strings.TrimPrefix(s.address(), "127.0.0.1")
	app, docs := host("app.example.localhost"+port), host("docs.example.localhost"+port)
	login, back := "http://app.example.localhost"+port+"/login", "http://docs.example.localhost"+port+"/guide?a=b"
	s.get("/guide?a=b", navigate(), docs).wantSignIn(t, login, back)
	page := s.get("/login?return_to="+url.QueryEscape(back), navigate(), app).wantPage(t, 200, `value="`+back+`"`)
	if policy := page.Header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "form-action 'self' http://docs.example.localhost"+port) {
		t.Errorf("the form may not end there: %s", policy)
	}
	a := s.form("/login", url.Values{"username": {"alice"}, "password": {"secret"}, "return_to": {back}}.Encode(), app)
	a.want(t, 303).wantHeader(t, "Location", back)
	held := cookie("jwtauth=" + a.Cookies()[0].Value)
	s.get("/guide", navigate(), docs, held).wantBody(t, 200, "docs")
	s.get("/", navigate(), app, held).wantBody(t, 200, "app")

	forbidden := s.get("/admin/x", navigate(), docs, held).
		wantPage(t, 403, `href="http://app.example.localhost`+port+`/login/style.css?v=`, "the role nobody")
	if policy := forbidden.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "style-src 'self' http://app.example.localhost"+port+";") {
		t.Errorf("the style is not allowed: %s", policy)
	}
	for _, origin := range []string{
		"http://open.example.localhost" + port, "http://other.example.localhost" + port, "http://docs.elsewhere.localhost" + port,
		"http://open.wild.example.localhost" + port, "http://a.b.wild.example.localhost" + port, "http://wild.example.localhost" + port,
		"http://docs.example.localhost:1", "http://docs.example.localhost", "https://docs.example.localhost",
		"http://docs.example.localhost.evil.example" + port, "http://evil.example" + port, "https://example.localhost" + port,
		"http://alice@docs.example.localhost" + port, "ftp://docs.example.localhost" + port, "//docs.example.localhost" + port,
	} {
		a := s.form("/login", url.Values{"username": {"alice"}, "password": {"secret"}, "return_to": {origin + "/x"}}.Encode(), app)
		a.want(t, 303).wantHeader(t, "Location", "/")
	}
	for _, origin := range []string{"http://x.wild.example.localhost" + port, "https://docs.example.localhost" + port, "HTTP://DOCS.example.localhost" + port} {
		a := s.form("/login", url.Values{"username": {"alice"}, "password": {"secret"}, "return_to": {origin + "/x"}}.Encode(), app)
		if got := a.Header.Get("Location"); !strings.EqualFold(got, origin+"/x") {
			t.Errorf("%s: sent to %s", origin, got)
		}
	}
	// The pages of one site take no orders from the other.
	s.form("/logout", "", fetch("navigate", "document", "same-site"), app, held).wantPage(t, 403)
	a = s.form("/logout", "", app, held).want(t, 303)
	if got := a.Header.Values("Set-Cookie"); len(got) != 2 || got[0] != "jwtauth=; Path=/; Domain=example.localhost; Max-Age=0; HttpOnly; SameSite=Lax" {
		t.Errorf("Set-Cookie: %q", got)
	}
	s.get("/guide", docs, held).wantInvalidToken(t)
}

// A session that is in use does not end by idleness, and nothing that the browser
// could notice keeps it alive.
func TestSessionInUseGoesOn(t *testing.T) {
	s := startWith(t, "store memory\n<USERS>\naccess_token_lifetime 1s\nrefresh_token_idle 2s", `
		token_server
		jwt_auth /private/*
		respond "in"
	`)
	held := cookie("jwtauth=" + s.fill("alice", "secret", host(localhost)).Value)
	idle := cookie("jwtauth=" + s.fill("bob", "password", host(localhost)).Value)
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if a := s.get("/private/x", host(localhost), held).wantBody(t, 200, "in"); len(a.setCookies()) > 0 {
			t.Errorf("cookies are set: %q", a.setCookies())
		}
	}
	s.get("/private/x", navigate(), host(localhost), idle).wantSignIn(t, "/login", "/private/x")
}

// Nobody signs in while nobody can tell who is who, and people are told so.
func TestPagesWithoutAStore(t *testing.T) {
	t.Cleanup(func() { storeIsBroken.Store(false) })
	s := startWith(t, "store test_faulty\n<USERS>", `
		token_server
		jwt_auth /private/*
		respond "in"
	`)
	held := cookie("jwtauth=" + s.fill("alice", "secret", host(localhost)).Value)
	storeIsBroken.Store(true)
	for what, a := range map[string]answer{
		"guard":    s.get("/private/x", navigate(), host(localhost), held),
		"form":     s.get("/login", navigate(), host(localhost), held),
		"account":  s.get("/account", navigate(), host(localhost), held),
		"sign-out": s.form("/logout", "", navigate(), host(localhost), held),
	} {
		a.wantPage(t, 503, "Please try again")
		if len(a.setCookies()) > 0 || strings.Contains(a.Body, "canary") || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %v %s", what, a.Header, a.Body)
		}
	}
	a := s.form("/login", "username=alice&password=secret", host(localhost))
	a.wantPage(t, 500, "The mistake is on our side")
	if len(a.setCookies()) > 0 || strings.Contains(a.Body, "canary") {
		t.Errorf("%v %s", a.Header, a.Body)
	}
	storeIsBroken.Store(false)
	s.get("/private/x", navigate(), host(localhost), held).wantBody(t, 200, "in")
}
