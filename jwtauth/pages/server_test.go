package pages_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

const policyOfPages = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// wantHeaders fails unless the answer has exactly these headers and those of every
// page.
func (a answer) wantHeaders(t *testing.T, extra map[string]string) answer {
	t.Helper()
	want := map[string]string{
		"Content-Security-Policy":    policyOfPages,
		"Referrer-Policy":            "same-origin",
		"Cache-Control":              "no-store",
		"Pragma":                     "no-cache",
		"X-Content-Type-Options":     "nosniff",
		"X-Frame-Options":            "DENY",
		"Cross-Origin-Opener-Policy": "same-origin",
		"Content-Type":               "text/html; charset=utf-8",
		"Content-Language":           "en",
		"Content-Length":             a.Header.Get("Content-Length"),
	}
	maps.Copy(want, extra)
	for name, values := range a.Header {
		if got := strings.Join(values, " | "); got != want[name] {
			t.Errorf("%s is %q, want %q", name, got, want[name])
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
	return a
}

// Every page, with every status, stays out of caches and frames, allows no scripts,
// sets only the expected cookies, and has at most 20 KB with its style.
func TestHeadersOfEveryPage(t *testing.T) {
	style, err := os.ReadFile("theme/style.css")
	if err != nil {
		t.Fatal(err)
	}
	challenge := map[string]string{"Www-Authenticate": "Bearer"}
	clears := map[string]string{"Set-Cookie": cleared, "Clear-Site-Data": `"cache"`}
	wrong := fields("username", "nobody", "password", "x")
	for _, tc := range []struct {
		name, method, path, body string
		// signedIn sends alice's cookie; headers are sent as they are.
		signedIn bool
		headers  []string
		prepare  func(t *testing.T, s *site)
		status   int
		extra    map[string]string
	}{
		{name: "sign in", path: "/login", status: 200},
		{name: "sign in, signed in already", path: "/login", signedIn: true, status: 200},
		{name: "sign in, with a dead cookie", path: "/login", headers: []string{"Cookie: jwtauth=x"}, status: 200, extra: clears},
		{name: "sign in, wrong", method: "POST", path: "/login", body: wrong, status: 401, extra: challenge},
		{name: "sign in, nothing filled in", method: "POST", path: "/login", status: 400},
		{name: "sign in, no form", method: "POST", path: "/login", body: "{}", headers: []string{"Content-Type: application/json"}, status: 400},
		{name: "sign in, too large", method: "POST", path: "/login", body: "password=" + strings.Repeat("x", 17<<10), status: 413,
			extra: map[string]string{}},
		{name: "sign in, from another site", method: "POST", path: "/login", body: wrong, headers: []string{"Sec-Fetch-Site: cross-site"}, status: 403},
		{name: "sign in, no slot", method: "POST", path: "/login", body: wrong, status: 503, prepare: fillSlots,
			extra: map[string]string{"Retry-After": "2"}},
		{name: "sign in, store is closed", method: "POST", path: "/login", body: wrong, status: 500, prepare: func(_ *testing.T, s *site) {
			s.store.Close()
		}},
		{name: "no cookies", path: "/login?check=1", status: 400},
		{name: "not open", path: "/login", status: 503, extra: map[string]string{"Retry-After": "1"}, prepare: func(_ *testing.T, s *site) {
			s.jar.err = pages.ErrUnavailable
		}},
		{name: "method", method: "PUT", path: "/login", status: 405, extra: map[string]string{"Allow": "GET, HEAD, POST"}},
		{name: "method that a page of one does not have", method: "POST", path: "/account", status: 405, extra: map[string]string{"Allow": "GET, HEAD"}},
		{name: "method that a form does not have", method: "PUT", path: "/account/password", status: 405, extra: map[string]string{"Allow": "GET, HEAD, POST"}},
		{name: "method that asks what there is", method: "OPTIONS", path: "/login", status: 405, extra: map[string]string{"Allow": "GET, HEAD, POST"}},
		{name: "sign out", path: "/logout", signedIn: true, status: 200},
		{name: "signed out", path: "/logout", status: 200},
		{name: "signed out, with a dead cookie", path: "/logout", headers: []string{"Cookie: jwtauth=x"}, status: 200, extra: clears},
		{name: "account", path: "/account", signedIn: true, status: 200},
		{name: "password that is too short", method: "POST", path: "/account/password", body: fields("current_password", "secret", "new_password", "x"), signedIn: true, status: 400},
		{name: "current password wrong", method: "POST", path: "/account/password", signedIn: true, status: 401, extra: challenge,
			body: fields("current_password", "wrong", "new_password", "long enough", "repeat_password", "long enough")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			s.Report = nil // the failures here are meant
			headers := tc.headers
			if tc.signedIn {
				_, cookie := s.begin(t, "alice", firefox)
				headers = append(headers, cookie)
			}
			if tc.prepare != nil {
				tc.prepare(t, s)
			}
			method := tc.method
			if method == "" {
				method = "GET"
			}
			a := s.do(t, method, tc.path, tc.body, headers...)
			a.want(t, tc.status).wantHeaders(t, tc.extra)
			if length := a.Header.Get("Content-Length"); length != strconv.Itoa(len(a.body)) {
				t.Errorf("Content-Length is %s for %d bytes", length, len(a.body))
			}
			if size := len(a.body) + len(style); size > 20_000 {
				t.Errorf("the page and its style have %d bytes", size)
			}
			if strings.Contains(a.body, "<script") || strings.Contains(a.body, "<style") || strings.Contains(a.body, " style=") {
				t.Errorf("the page has something that its policy forbids:\n%s", a.body)
			}
			if method != "GET" {
				return
			}
			head := s.do(t, "HEAD", tc.path, "", headers...)
			if head.body != "" || head.StatusCode != a.StatusCode || head.Header.Get("Content-Length") != a.Header.Get("Content-Length") {
				t.Errorf("HEAD: %d %v %q", head.StatusCode, head.Header, head.body)
			}
		})
	}
}

// fillSlots takes all hashing slots and the queue for them.
func fillSlots(t *testing.T, s *site) {
	t.Helper()
	// The waiting callers give up when the test ends.
	ctx, cancel := context.WithCancel(t.Context())
	for range 4 {
		release, err := s.slots.Acquire(ctx, password.Caller{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(release)
	}
	done := make(chan struct{})
	for i := range 4 {
		// Each has its own address: no new caller has fewer waiting.
		other := password.Caller{Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), Account: fmt.Sprint(i)}
		go func() {
			_, _ = s.slots.Acquire(ctx, other)
			done <- struct{}{}
		}()
	}
	for deadline := time.Now().Add(30 * time.Second); s.slots.Waiting() < 4; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d wait for a slot, want 4", s.slots.Waiting())
		}
	}
	t.Cleanup(func() {
		cancel()
		for range 4 {
			<-done
		}
	})
}

// Texts of a visitor, a browser or an administrator are escaped, and no page repeats
// a password.
func TestPagesEscapeAndRepeatNoPassword(t *testing.T) {
	const script = `"><script>alert(1)</script>`
	s := newSite(t)
	s.add(t, user.User{Username: "eve", FullName: "Eve " + script, Email: "eve@example.com", Roles: []string{"<b>bold</b>"}, PasswordHash: passwordHash})
	_, cookie := s.begin(t, "eve", "Prog"+script)
	back := "/x?" + url.Values{"q": {script}}.Encode() + script
	for name, a := range map[string]answer{
		"form":          s.get(t, "/login?return_to="+url.QueryEscape(back)),
		"form again":    s.post(t, "/login", fields("username", script, "password", "c4n4ry"+script, "return_to", back)),
		"missing":       s.post(t, "/login", fields("username", "", "password", "c4n4ry", "return_to", back)),
		"signed in":     s.get(t, "/login?return_to="+url.QueryEscape(back), cookie),
		"no form":       s.post(t, "/login", "username="+script+"&password=c4n4ry&%"+script),
		"sign out":      s.get(t, "/logout?x="+url.QueryEscape(script), cookie),
		"account":       s.get(t, "/account?done="+url.QueryEscape(script), cookie),
		"account again": s.post(t, "/account/password", fields("current_password", "c4n4ry", "new_password", "c4n4ry"+script, "repeat_password", "c4n4ry"), cookie),
		"language":      s.get(t, "/login", "Accept-Language: "+script),
	} {
		lower := strings.ToLower(a.body)
		if a.body == "" || strings.Contains(lower, "<script") || strings.Contains(lower, "<b>") {
			t.Errorf("%s: not escaped:\n%s", name, a.body)
		}
		if strings.Contains(a.body, "c4n4ry") {
			t.Errorf("%s: the password came back:\n%s", name, a.body)
		}
		for header, values := range a.Header {
			if got := strings.Join(values, ""); strings.Contains(got, "script>") || strings.Contains(got, "c4n4ry") {
				t.Errorf("%s: %s: %s", name, header, got)
			}
		}
	}
	s.get(t, "/account", cookie).wantText(t, "Eve "+script, "<b>bold</b>", `Prog"><script>alert(1)<`)
}

// The client chooses the host of a request and the headers of proxies, so no page
// and no redirect repeats them.
func TestNothingOfTheHostIsReflected(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	forged := []string{
		"Host: evil.example", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: evil", "X-Forwarded-Prefix: /evil",
		"X-Forwarded-For: 6.6.6.6 evil", "Forwarded: host=evil.example", "X-Original-Url: /evil", "X-Rewrite-Url: /evil",
		"Referer: https://evil.example/evil", "X-Forwarded-Uri: /evil", "X-Real-Ip: evil",
	}
	signIn := func(more ...string) answer {
		return s.post(t, "/login", fields("username", "alice", "password", "secret", "return_to", "https://example.com/x"),
			append([]string{"Accept: text/html"}, append(forged, more...)...)...)
	}
	for name, a := range map[string]answer{
		"form":            s.get(t, "/login?return_to=/x", forged...),
		"wrong":           s.post(t, "/login", "username=nobody&password=x", forged...),
		"success":         signIn(),
		"other site":      signIn("Origin: https://example.com"),
		"sign out":        s.get(t, "/logout", append(forged, cookie)...),
		"account":         s.get(t, "/account", append(forged, cookie)...),
		"nobody":          s.get(t, "/account", forged...),
		"change password": s.get(t, "/.well-known/change-password", forged...),
		"style":           s.get(t, "/login/style.css", forged...),
		"elsewhere":       s.get(t, "/login/x", forged...),
	} {
		said := a.body
		for header, values := range a.Header {
			said += header + ": " + strings.Join(values, "|") + "\n"
		}
		if strings.Contains(strings.ToLower(said), "evil") || strings.Contains(said, "6.6.6.6") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// If a page fails, the answer does not tell why, and the error is reported once.
func TestFailuresAreReportedAndNotShown(t *testing.T) {
	secret := errors.New("dial 10.0.0.7: c4n4ry")
	for _, tc := range []struct {
		name   string
		err    error
		status int
	}{
		{"broken", secret, 500},
		{"not open", errors.Join(pages.ErrUnavailable, secret), 503},
	} {
		for _, request := range []string{"GET /login", "GET /login?check=1", "GET /logout", "POST /logout", "GET /account", "POST /account/password",
			"POST /account/sessions/revoke", "POST /account/sessions/revoke-others"} {
			t.Run(tc.name+" "+request, func(t *testing.T) {
				s := newSite(t)
				s.jar.err = tc.err
				method, path, _ := strings.Cut(request, " ")
				a := s.do(t, method, path, "session=x").want(t, tc.status)
				if strings.Contains(a.body, "c4n4ry") || a.cookies() != "" {
					t.Errorf("%v %s", a.Header, a.body)
				}
				if len(s.reports) != 1 || !errors.Is(s.reports[0], secret) {
					t.Errorf("reported %v", s.reports)
				}
				s.reports = nil
			})
		}
	}
}

// If the client is gone, nothing is reported.
func TestVisitorWhoLeft(t *testing.T) {
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	serveContext(ctx, t, s.Server, "POST", "/login", fields("username", "alice", "password", "secret")).want(t, 503)
	if len(s.live(t, "alice")) != 0 {
		t.Error("signed in")
	}
}

// While the realm is not open, a page tells to try again.
func TestUnavailable(t *testing.T) {
	var told []error
	s := &pages.Server{Theme: load(t, pages.ThemeOptions{}), Report: func(_ *http.Request, err error) { told = append(told, err) }}
	a := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Unavailable(w, r, errors.New("c4n4ry"))
	}), "GET", "/login", "")
	a.want(t, 503).wantHeaders(t, map[string]string{"Retry-After": "1"}).wantText(t, "Try again").wantNoText(t, "c4n4ry")
	if len(told) != 1 {
		t.Errorf("reported %v", told)
	}
}

// Match is true for the paths of pages only: other requests go to the next handler.
func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		base, path string
		want       bool
	}{
		{"", "/login", true},
		{"", "/logout", true},
		{"", "/account", true},
		{"", "/account/password", true},
		{"", "/account/sessions/revoke", true},
		{"", "/account/sessions/revoke-others", true},
		{"", "/login/style.css", true},
		{"", "/.well-known/change-password", true},
		{"", "/", false},
		{"", "", false},
		{"", "/login/", false},
		{"", "/Login", false},
		{"", "/account/", false},
		{"", "/account/sessions", false},
		{"", "/login/other.css", false},
		{"", "/auth/login", false},
		{"/auth", "/auth/login", true},
		{"/auth", "/auth/login/style.css", true},
		{"/auth", "/auth", false},
		{"/auth", "/login", false},
		{"/auth", "/authlogin", false},
		{"/auth", "/auth/auth/login", false},
		{"/auth", "/.well-known/change-password", true},
		{"/auth", "/auth/.well-known/change-password", false},
	} {
		s := &pages.Server{BasePath: tc.base, Theme: load(t, pages.ThemeOptions{}), Cookies: alwaysOut{}}
		if got := s.Match(tc.path); got != tc.want {
			t.Errorf("%q below %q: %v", tc.path, tc.base, got)
		}
		if a := serve(t, s, "GET", tc.path, ""); (a.StatusCode != 404) != tc.want {
			t.Errorf("%q below %q: status %d", tc.path, tc.base, a.StatusCode)
		}
	}
	for _, path := range pages.Paths() {
		if s := (&pages.Server{Theme: load(t, pages.ThemeOptions{})}); !s.Match(path) {
			t.Errorf("%s is listed and not served", path)
		}
	}
	if !slices.Contains(pages.Paths(), "/login/style.css") {
		t.Error("the style is not listed")
	}
}

// Links and forms have the paths that the browser has to request.
func TestLinksHaveMountAndBasePath(t *testing.T) {
	s := newSite(t)
	s.BasePath = "/auth"
	s.Mount = func(*http.Request) string { return "/app" }
	_, cookie := s.begin(t, "alice", firefox)
	s.begin(t, "alice", firefox)
	s.get(t, "/auth/login").wantText(t, `<form method="post">`, `href="/app/auth/login/style.css?v=`)
	s.get(t, "/auth/logout", cookie).wantText(t, `action="/app/auth/logout"`, `href="/app/"`)
	s.get(t, "/auth/account", cookie).wantText(t, `action="/app/auth/account/password"`, `action="/app/auth/account/sessions/revoke"`,
		`action="/app/auth/account/sessions/revoke-others"`, `href="/app/auth/logout"`, `href="/app/"`)
	s.get(t, "/auth/account").wantRedirect(t, "/app/auth/login?return_to=%2Fapp%2Fauth%2Faccount")
	s.get(t, "/.well-known/change-password").wantRedirect(t, "/app/auth/account#password")
	s.post(t, "/auth/logout", "", cookie).wantRedirect(t, "/app/auth/logout")
	in := fields("username", "alice", "password", "secret")
	s.post(t, "/auth/login", in, "Accept: text/html").wantRedirect(t, "/app/auth/login?check=1")
	s.post(t, "/auth/login", in).wantRedirect(t, "/app/")
}
