package pages_test

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// alwaysIn are cookies with a signed-in user for every request.
type alwaysIn struct{ pages.Cookies }

func (alwaysIn) Principal(*http.Request) (*policy.Principal, bool, error) {
	return &policy.Principal{Username: "alice", Session: "x"}, true, nil
}

// alwaysOut are cookies without a user.
type alwaysOut struct{ pages.Cookies }

func (alwaysOut) Principal(*http.Request) (*policy.Principal, bool, error) { return nil, false, nil }

func (alwaysIn) HostHidden(*http.Request) bool  { return false }
func (alwaysOut) HostHidden(*http.Request) bool { return false }

// returns gives the target to which the page that checks the cookie redirects.
func returns(t testing.TB, s *pages.Server, returnTo string) string {
	t.Helper()
	a := serve(t, s, http.MethodGet, s.BasePath+"/login?check=1&return_to="+url.QueryEscape(returnTo), "")
	if a.StatusCode != http.StatusSeeOther || len(a.Header["Location"]) != 1 {
		t.Fatalf("%q: %d %v", returnTo, a.StatusCode, a.Header)
	}
	return a.Header.Get("Location")
}

func TestReturnTo(t *testing.T) {
	theme := load(t, pages.ThemeOptions{})
	// The hosts of the site: docs shares the cookie, and so does local over http.
	other := func(_ *http.Request, u *url.URL) bool {
		return u.Scheme == "https" && u.Host == "docs.example.com" || u.Scheme == "http" && u.Host == "app.localhost:8080"
	}
	for _, tc := range []struct {
		name, base, mount string
		from, want        string
	}{
		{name: "nothing", want: "/"},
		{name: "root", from: "/", want: "/"},
		{name: "path", from: "/private/report.html", want: "/private/report.html"},
		{name: "query", from: "/x?a=b&a=c+d%20e", want: "/x?a=b&a=c+d%20e"},
		{name: "query alone", from: "?a=b", want: "/?a=b"},
		{name: "fragment", from: "/x?a=b#part-2", want: "/x?a=b#part-2"},
		{name: "empty query", from: "/x?", want: "/x"},
		{name: "another site's URL in the query", from: "/x?next=https://evil.example/", want: "/x?next=https://evil.example/"},
		{name: "backslash in the query", from: `/x?q=a\b`, want: `/x?q=a%5Cb`},
		{name: "broken percent in the query", from: "/x?y=%zz", want: "/x?y=%zz"},
		{name: "quotes in the query", from: `/x?q="<b>"`, want: `/x?q=%22%3Cb%3E%22`},
		{name: "space", from: "/a b", want: "/a%20b"},
		{name: "unicode", from: "/ä/日本", want: "/%C3%A4/%E6%97%A5%E6%9C%AC"},
		{name: "unicode, escaped", from: "/%C3%A4", want: "/%C3%A4"},
		{name: "escaped slash within", from: "/a%2Fb", want: "/a%2Fb"},
		{name: "colon", from: "/a:b", want: "/a:b"},
		{name: "account", from: "/account", want: "/account"},
		{name: "begins like the page", from: "/login-help", want: "/login-help"},
		{name: "page of that name elsewhere", from: "/docs/login", want: "/docs/login"},

		{name: "another site", from: "https://evil.example", want: "/"},
		{name: "scheme in capitals", from: "HTTPS://evil.example/", want: "/"},
		{name: "host without a scheme", from: "//evil.example", want: "/"},
		{name: "slashes after a broken percent", from: "/%252fevil.example/%25zz", want: "/"},
		{name: "three slashes", from: "///evil.example", want: "/"},
		{name: "four slashes", from: "////evil.example", want: "/"},
		{name: "scheme without slashes", from: "https:evil.example", want: "/"},
		{name: "scheme with one slash", from: "https:/evil.example", want: "/"},
		{name: "scheme with three slashes", from: "https:///evil.example", want: "/"},
		{name: "backslash", from: `/\evil.example`, want: "/"},
		{name: "two backslashes", from: `\\evil.example`, want: "/"},
		{name: "backslash first", from: `\/evil.example`, want: "/"},
		{name: "backslash further on", from: `/a\b`, want: "/"},
		{name: "backslash, encoded", from: "/%5cevil.example", want: "/"},
		{name: "backslash, encoded twice", from: "/%255cevil.example", want: "/"},
		{name: "slash, encoded", from: "/%2f/evil.example", want: "/"},
		{name: "slash, encoded twice", from: "/%252f%252fevil.example", want: "/"},
		{name: "script", from: "javascript:alert(1)", want: "/"},
		{name: "script with slashes", from: "javascript://example.com/%0aalert(1)", want: "/"},
		{name: "data", from: "data:text/html,x", want: "/"},
		{name: "file", from: "file:///etc/passwd", want: "/"},
		{name: "line break", from: "/x\r\nSet-Cookie: a=b", want: "/"},
		{name: "line break, encoded", from: "/x%0d%0aSet-Cookie:%20a=b", want: "/"},
		{name: "tab before the slash", from: "\t//evil.example", want: "/"},
		{name: "tab between the slashes", from: "/\t/evil.example", want: "/"},
		{name: "backslash further on, encoded", from: "/a%5Cb", want: "/a%5Cb"},
		{name: "tab further on, encoded", from: "/a%09b?q", want: "/a%09b?q"},
		{name: "delete, encoded", from: "/a%7Fb", want: "/a%7Fb"},
		{name: "a way out by encoded backslashes", from: "/a%5C..%5C..%5C%5Cevil.example", want: "/"},
		{name: "two encoded backslashes further on", from: "/.%5C%5Cevil.example", want: "/"},
		{name: "a tab between slashes, encoded twice", from: "/%2509/evil.example", want: "/"},
		{name: "vertical tab further on, encoded", from: "/a%0Bb", want: "/"},
		{name: "NUL further on, encoded twice", from: "/a%2500b", want: "/"},
		{name: "tab, encoded", from: "/%09/evil.example", want: "/"},
		{name: "space before the slashes", from: " //evil.example", want: "/"},
		{name: "NUL", from: "/x\x00", want: "/"},
		{name: "DEL", from: "/x\x7f", want: "/"},
		{name: "broken percent in the path", from: "/%zz", want: "/"},
		{name: "no slash", from: "evil.example", want: "/"},
		{name: "up", from: "../x", want: "/"},
		{name: "user information", from: "https://example.com@evil.example/", want: "/"},
		{name: "own host with user information", from: "https://alice:secret@example.com/x", want: "/"},
		{name: "just short enough", from: "/" + strings.Repeat("x", 4095), want: "/" + strings.Repeat("x", 4095)},
		{name: "too long", from: "/" + strings.Repeat("x", 5<<10), want: "/"},

		{name: "sign-in page", from: "/login", want: "/"},
		{name: "sign-in page, capital", from: "/Login", want: "/"},
		{name: "sign-in page with a slash", from: "/login/", want: "/"},
		{name: "sign-in page with a query", from: "/login?return_to=/x", want: "/"},
		{name: "style of the sign-in page", from: "/login/style.css", want: "/"},
		{name: "sign-in page, up again", from: "/login/../login", want: "/"},
		{name: "sign-in page by a detour", from: "/a/../login", want: "/"},
		{name: "sign-in page by an encoded detour", from: "/a/%2e%2e/login", want: "/"},
		{name: "sign-in page after two slashes", from: "//login", want: "/"},
		{name: "sign-in page, encoded", from: "/%6cogin", want: "/"},
		{name: "sign-in page, encoded twice", from: "/%256cogin", want: "/"},
		{name: "sign-in page of the own host", from: "https://example.com/login", want: "/"},
		{name: "sign-out page", from: "/logout?x", want: "/"},

		{name: "own host", from: "https://example.com/x?y#z", want: "/x?y#z"},
		{name: "own host over http", from: "http://example.com/x", want: "/x"},
		{name: "own host in capitals", from: "HTTPS://EXAMPLE.com/x", want: "/x"},
		{name: "own host without a path", from: "https://example.com", want: "/"},
		{name: "own host without a scheme", from: "//example.com/x", want: "/"},
		{name: "own host and another scheme", from: "ftp://example.com/x", want: "/"},
		{name: "own host, another port", from: "https://example.com:8443/x", want: "/"},
		{name: "own host, two slashes", from: "https://example.com//evil.example", want: "/"},
		{name: "host that ends in the own one", from: "https://evilexample.com/x", want: "/"},
		{name: "host that begins with the own one", from: "https://example.com.evil.example/x", want: "/"},

		{name: "host that shares the cookie", from: "https://docs.example.com/x?y#z", want: "https://docs.example.com/x?y#z"},
		{name: "its root", from: "https://docs.example.com", want: "https://docs.example.com/"},
		{name: "over http", from: "http://docs.example.com/x", want: "/"},
		{name: "on this machine", from: "http://app.localhost:8080/x", want: "http://app.localhost:8080/x"},
		{name: "its sign-in page", from: "https://docs.example.com/login", want: "/"},
		{name: "its backslashes", from: `https://docs.example.com/\evil.example`, want: "/"},
		{name: "with user information", from: "https://x@docs.example.com/", want: "/"},

		{name: "base path", base: "/auth", from: "/x", want: "/x"},
		{name: "base path, root", base: "/auth", from: "https://evil.example", want: "/"},
		{name: "sign-in page below the base path", base: "/auth", from: "/auth/login", want: "/"},
		{name: "sign-out page below it, in capitals", base: "/auth", from: "/AUTH/Logout", want: "/"},
		{name: "sign-in page after two slashes below it", base: "/auth", from: "/auth//login", want: "/"},
		{name: "page of that name outside", base: "/auth", from: "/login", want: "/login"},
		{name: "mount", mount: "/app", from: "/app/x", want: "/app/x"},
		{name: "mount, outside", mount: "/app", from: "/x", want: "/x"},
		{name: "mount, root", mount: "/app", from: "https://evil.example", want: "/app/"},
		{name: "mount and base path", mount: "/app", base: "/auth", from: "/app/auth/login?a", want: "/app/"},
		{name: "mount, page of that name outside", mount: "/app", from: "/login", want: "/login"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &pages.Server{BasePath: tc.base, Theme: theme, Cookies: alwaysIn{}, ReturnOrigin: other}
			if tc.mount != "" {
				s.Mount = func(*http.Request) string { return tc.mount }
			}
			if got := returns(t, s, tc.from); got != tc.want {
				t.Errorf("%q leads to %q, want %q", tc.from, got, tc.want)
			}
		})
	}
}

// Without ReturnOrigin no other host is allowed.
func TestReturnToNoOtherHostByDefault(t *testing.T) {
	s := &pages.Server{Theme: load(t, pages.ThemeOptions{}), Cookies: alwaysIn{}}
	if got := returns(t, s, "https://docs.example.com/x"); got != "/" {
		t.Errorf("sent to %q", got)
	}
}

// The form has the target of the sign-in in it. If the target has another origin,
// the policy of the page allows forms to redirect there.
func TestFormTarget(t *testing.T) {
	s := newSite(t)
	s.ReturnOrigin = func(_ *http.Request, u *url.URL) bool { return u.Host == "docs.example.com" }
	for from, want := range map[string]string{
		"":                              "form-action 'self'",
		"/x":                            "form-action 'self'",
		"https://evil.example/":         "form-action 'self'",
		"https://docs.example.com/x?y#": "form-action 'self' https://docs.example.com",
	} {
		for _, a := range []answer{
			s.get(t, "/login?return_to="+url.QueryEscape(from)),
			s.post(t, "/login", fields("username", "nobody", "password", "x", "return_to", from)),
		} {
			if csp := a.Header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "; "+want) {
				t.Errorf("%q: %s", from, csp)
			}
		}
	}
	s.get(t, "/login?return_to=/x%3Fa%26b").tag(t, `type="hidden"`, `name="return_to"`, `value="/x?a&amp;b"`)
}

// Where the place that one came from cannot be kept, the page says where one ends up, also
// after a mistake, since the form is sent to the address of its page.
func TestPlaceThatIsLost(t *testing.T) {
	s := newSite(t)
	for query, place := range map[string]string{
		"cut=1&return_to=%2Fx":                              "/x",
		"cut=1":                                             "/",
		"return_to=https%3A%2F%2Fevil.example":              "/",
		"return_to=%2F" + strings.Repeat("a", 5000):         "/",
		"cut=1&return_to=%2F" + strings.Repeat("long/", 50): "/" + strings.Repeat("long/", 50)[:59] + "…",
		"cut=1&return_to=%2F%3Cb%3E":                        "/%3Cb%3E",
		"cut=1&return_to=%2Fcall%200800":                    "/call%200800",
		"cut=1&return_to=%2Fx%3Fcall%200800":                "/x",
		"cut=1&return_to=%2Fx%23call%200800":                "/x",
		"cut=1&cut=2&return_to=%2Fx&return_to=%2Fy":         "/x",
	} {
		from, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		says := "The address you came from cannot be kept. After you sign in, you go to " + place + "."
		s.get(t, "/login?"+query).wantText(t, says)
		s.post(t, "/login?"+query, fields("username", "nobody", "password", "x", "return_to", from.Get("return_to"))).want(t, http.StatusUnauthorized).wantText(t, says)
	}
	for _, query := range []string{"", "return_to=%2Fx%3Fa", "return_to=%2F", "return_to="} {
		s.get(t, "/login?"+query).wantNoText(t, "cannot be kept")
	}
}

// Some characters in a host name have a meaning in a policy, and browsers turn some
// into letters, dots and slashes of another host. Hosts with such characters are
// refused.
func TestReturnToHostsAreWrittenPlainly(t *testing.T) {
	s := &pages.Server{
		Theme: load(t, pages.ThemeOptions{}), Cookies: alwaysIn{},
		ReturnOrigin: func(_ *http.Request, u *url.URL) bool { return strings.HasSuffix(u.Hostname(), ".example.com") },
	}
	for _, from := range []string{
		"https://x;sandbox;.example.com/", "https://x,sandbox,.example.com/", "https://x'.example.com/", "https://*.example.com/",
		"https://evil。docs.example.com/", "https://ｄocs.example.com/", "https://docs%ef%bc%8f.example.com/",
	} {
		if got := returns(t, s, from); got != "/" {
			t.Errorf("%q leads to %q", from, got)
		}
	}
}

// As browsers read it, return_to stays on the allowed hosts, and does not lead back
// to the sign-in and sign-out pages.
func FuzzReturnTo(f *testing.F) {
	for _, seed := range []string{
		"", "/", "/x?a=b#c", "?a=b", "#c", "https://evil.example", "//evil.example", "////evil.example", `/\evil.example`, "/%5cevil.example",
		"/%255cevil.example", "/%2f/evil.example", "/%252f%252fevil.example", "javascript:alert(1)", "data:,x", "/x\r\ny", "\t//evil.example",
		"/\t/evil.example", "/x\x00", "/x\x7f", `/a\b`, "https://a@example.com/", "https://example.com/x", "http://example.com:80/x",
		"HTTPS://example.com//x", "https://docs.example.com/x", "https://docs.example.com.evil.example/", "/login", "/Login", "/login/",
		"/login/../login", "/a/../login", "//login", "/logout?x", "/%6cogin", "/%256cogin", "/account", "/ä", `/x?q=a\b`, "/x?y=%zz", "/%zz",
		"/.//evil.example", "/..//evil.example", "/./login", "/%2e/login", "/x/%2e%2e/logout", "/;@evil.example", "https://[::1]/", "/\u2028x", "\xff//",
	} {
		f.Add(seed)
	}
	s := &pages.Server{
		Theme: load(f, pages.ThemeOptions{}), Cookies: alwaysIn{},
		ReturnOrigin: func(_ *http.Request, u *url.URL) bool { return u.Scheme == "https" && u.Host == "docs.example.com" },
	}
	here := &url.URL{Scheme: "https", Host: host, Path: "/login"}
	f.Fuzz(func(t *testing.T, text string) {
		location := returns(t, s, text)
		for _, c := range []byte(location) {
			if c <= ' ' || c >= 0x7f || c == '\\' {
				t.Fatalf("%q gives the header %q", text, location)
			}
		}
		// Browsers read "\" as "/" before the query.
		end := strings.IndexAny(location+"?", "?#")
		as := strings.ReplaceAll(location[:end], `\`, "/") + location[end:]
		to, err := here.Parse(as)
		if err != nil {
			return // to nowhere
		}
		if to.Scheme != "https" && to.Scheme != "http" || to.User != nil || to.Host != host && to.Host != "docs.example.com" {
			t.Fatalf("%q leads to %s", text, to)
		}
		// A server on the way may decode and clean the path several times.
		p := to.EscapedPath()
		for range 3 {
			if clean := strings.ToLower(path.Clean(p)); clean == "/login" || clean == "/logout" {
				t.Fatalf("%q leads back, to %s", text, to)
			}
			if strings.HasPrefix(p, "//") {
				t.Fatalf("%q leads to %s, which a server may send on to another host", text, to)
			}
			if p, err = url.PathUnescape(p); err != nil {
				break
			}
		}
	})
}
