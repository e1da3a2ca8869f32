package jwtauth

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// asked is a request for a URL.
func asked(url string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	if strings.HasPrefix(url, "https:") {
		r.TLS = &tls.ConnectionState{}
	}
	return r
}

// The strongest cookie that a browser keeps there, and what takes it back.
func TestCookieAttributes(t *testing.T) {
	const (
		forever = "; Max-Age=3600; HttpOnly"
		now     = "; Max-Age=0; HttpOnly"
	)
	for _, tc := range []struct {
		name  string
		jar   cookieJar
		url   string
		set   string // with "*" for what the age is
		clear []string
	}{
		{
			name: "https", jar: cookieJar{realm: DefaultRealm}, url: "https://example.com/",
			set: "__Host-jwtauth=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax"},
		},
		{
			name: "realm", jar: cookieJar{realm: "staff"}, url: "https://example.com/",
			set: "__Host-jwtauth_staff=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth_staff=; Path=/*; Secure; SameSite=Lax"},
		},
		{
			name: "http, as behind a proxy that does TLS", jar: cookieJar{realm: DefaultRealm}, url: "http://example.com/",
			set: "__Host-jwtauth=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax"},
		},
		{
			name: "http on this machine", jar: cookieJar{realm: DefaultRealm}, url: "http://localhost:8080/",
			set: "jwtauth=v; Path=/*; SameSite=Lax", clear: []string{"jwtauth=; Path=/*; SameSite=Lax"},
		},
		{
			name: "http on this machine, by address", jar: cookieJar{realm: "staff"}, url: "http://[::1]:8080/",
			set: "jwtauth_staff=v; Path=/*; SameSite=Lax", clear: []string{"jwtauth_staff=; Path=/*; SameSite=Lax"},
		},
		{
			name: "https on this machine", jar: cookieJar{realm: DefaultRealm}, url: "https://localhost/",
			set: "__Host-jwtauth=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax"},
		},
		{
			name: "shared", jar: cookieJar{realm: DefaultRealm, domain: "example.com"}, url: "https://docs.example.com:8443/",
			set: "__Secure-jwtauth=v; Path=/; Domain=example.com*; Secure; SameSite=Lax",
			clear: []string{
				"__Secure-jwtauth=; Path=/; Domain=example.com*; Secure; SameSite=Lax",
				// That of the host alone, from before there was a cookie_domain.
				"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax",
			},
		},
		{
			name: "shared, the domain itself", jar: cookieJar{realm: "staff", domain: "example.com"}, url: "https://EXAMPLE.com./",
			set: "__Secure-jwtauth_staff=v; Path=/; Domain=example.com*; Secure; SameSite=Lax",
			clear: []string{
				"__Secure-jwtauth_staff=; Path=/; Domain=example.com*; Secure; SameSite=Lax",
				"__Host-jwtauth_staff=; Path=/*; Secure; SameSite=Lax",
			},
		},
		{
			name: "shared, http on this machine", jar: cookieJar{realm: DefaultRealm, domain: "app.localhost"}, url: "http://docs.app.localhost:8080/",
			set:   "jwtauth=v; Path=/; Domain=app.localhost*; SameSite=Lax",
			clear: []string{"jwtauth=; Path=/; Domain=app.localhost*; SameSite=Lax", "jwtauth=; Path=/*; SameSite=Lax"},
		},
		{
			name: "shared, asked by another host", jar: cookieJar{realm: DefaultRealm, domain: "example.com"}, url: "https://evilexample.com/",
			set: "__Host-jwtauth=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax"},
		},
		{
			name: "shared, asked by an address", jar: cookieJar{realm: DefaultRealm, domain: "example.com"}, url: "https://192.0.2.1/",
			set: "__Host-jwtauth=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := asked(tc.url)
			for age, attribute := range map[time.Duration]string{0: "; HttpOnly", time.Hour: forever, time.Hour + time.Millisecond: forever} {
				w := httptest.NewRecorder()
				tc.jar.set(w, r, "v", age)
				if got, want := w.Header()["Set-Cookie"], strings.Replace(tc.set, "*", attribute, 1); !slices.Equal(got, []string{want}) {
					t.Errorf("for %s: %q, want %q", age, got, want)
				}
			}
			w := httptest.NewRecorder()
			tc.jar.clear(w, r)
			got := w.Header()["Set-Cookie"]
			for _, want := range tc.clear {
				if want = strings.Replace(want, "*", now, 1); !slices.Contains(got, want) {
					t.Errorf("cleared %q, and not %q", got, want)
				}
			}
			// No browser keeps them otherwise (RFC 6265bis §4.1.3).
			for _, line := range append(got, tc.set) {
				if strings.HasPrefix(line, "__Host-") && (strings.Contains(line, "Domain=") || !strings.Contains(line, "Secure")) {
					t.Errorf("no browser takes %q", line)
				}
			}
		})
	}
}

// One cookie counts, of the name that this host has it under; two of them are
// nobody's word, since only one of them can be ours.
func TestCookieValue(t *testing.T) {
	const https, local = "https://docs.example.com/", "http://localhost/"
	alone, shared := cookieJar{realm: DefaultRealm}, cookieJar{realm: DefaultRealm, domain: "example.com"}
	sharedLocal := cookieJar{realm: DefaultRealm, domain: "app.localhost"}
	for _, tc := range []struct {
		name      string
		jar       cookieJar
		url       string
		lines     []string
		value     string
		presented bool
		bad       bool
	}{
		{"none", alone, https, nil, "", false, false},
		{"the one", alone, https, []string{"__Host-jwtauth=a"}, "a", true, false},
		{"without a prefix, which anybody on the network can set", alone, https, []string{"jwtauth=a"}, "", false, false},
		{"of the whole domain, which any of its hosts can set", alone, https, []string{"__Secure-jwtauth=a"}, "", false, false},
		{"both", alone, https, []string{"jwtauth=a; __Secure-jwtauth=b; __Host-jwtauth=c"}, "c", true, false},
		{"twice", alone, https, []string{"__Host-jwtauth=a; __Host-jwtauth=b"}, "", true, true},
		{"twice the same", alone, https, []string{"__Host-jwtauth=a; __Host-jwtauth=a"}, "", true, true},
		{"twice, in two lines", alone, https, []string{"__Host-jwtauth=a", "__Host-jwtauth=b"}, "", true, true},
		{"another case", alone, https, []string{"__host-jwtauth=a"}, "", false, false},
		{"two prefixes", alone, https, []string{"__Host-__Secure-jwtauth=a"}, "", false, false},
		{"another realm", alone, https, []string{"__Host-jwtauth_staff=a"}, "", false, false},
		{"the realm spelled out", alone, https, []string{"__Host-jwtauth_default=a"}, "", false, false},
		{"on this machine", alone, local, []string{"jwtauth=a"}, "a", true, false},
		{"on this machine, with a prefix", alone, local, []string{"__Host-jwtauth=a; jwtauth=b"}, "a", true, false},
		{"on this machine, twice", alone, local, []string{"jwtauth=a; jwtauth=b"}, "", true, true},
		{"shared", shared, https, []string{"__Secure-jwtauth=a"}, "a", true, false},
		{"shared, that of the host from before", shared, https, []string{"__Host-jwtauth=a"}, "", false, false},
		{"shared, both", shared, https, []string{"__Host-jwtauth=a; __Secure-jwtauth=b"}, "b", true, false},
		{"shared, twice", shared, https, []string{"__Secure-jwtauth=a; __Secure-jwtauth=b"}, "", true, true},
		{"shared, asked by another host", shared, "https://example.org/", []string{"__Secure-jwtauth=a; __Host-jwtauth=b"}, "b", true, false},
		{"shared, on this machine", sharedLocal, "http://docs.app.localhost/", []string{"jwtauth=a"}, "a", true, false},
		{"empty", alone, https, []string{"__Host-jwtauth="}, "", true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := asked(tc.url)
			for _, line := range tc.lines {
				r.Header.Add("Cookie", line)
			}
			value, presented, err := tc.jar.value(r, takeCookies(r.Header)[tc.jar.realm])
			if value != tc.value || presented != tc.presented || (err != nil) != tc.bad {
				t.Errorf("%q, %v, %v", value, presented, err)
			}
		})
	}
}

func TestCheckCookieDomain(t *testing.T) {
	for _, domain := range []string{"example.com", "a.b.example.com", "app.localhost", "xn--bcher-kva.example", "1.example", "a-b.example"} {
		if err := CheckCookieDomain(domain); err != nil {
			t.Error(err)
		}
	}
	for _, domain := range []string{
		"", "com", "localhost", ".example.com", "example.com.", "a..example.com", "Example.com", "bücher.example", "192.0.2.1", "::1", "[::1]",
		"example.com:443", "https://example.com", "example.com/", "*.example.com", "-a.example.com", "a-.example.com", "a_b.example.com", "a b.example.com",
		"example.com; Secure", "example.com\r\n", strings.Repeat("a", 64) + ".example.com", strings.Repeat("a.", 127) + "com",
	} {
		if err := CheckCookieDomain(domain); err == nil || !strings.Contains(err.Error(), "cookie_domain") {
			t.Errorf("%q: %v", domain, err)
		}
	}
}

// sessionCookieName is a name, in small letters, under which an upstream may know
// a session cookie.
var sessionCookieName = regexp.MustCompile(`(?s)^(__host-)?(__secure-)?jwtauth(_.*)?$`)

func isSessionCookie(name string) bool { return sessionCookieName.MatchString(strings.ToLower(name)) }

// pairsOf reads Cookie lines as RFC 6265bis §5.6 does, but for the empty ones.
func pairsOf(lines []string) (pairs []string) {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.Trim(pair, " \t"); pair != "" {
				pairs = append(pairs, pair)
			}
		}
	}
	return pairs
}

func nameOf(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return strings.TrimSpace(name)
}

// FuzzTakeCookies: no session cookie of any realm is left, every other cookie is,
// to the byte, and what is believed is one that the request came with.
func FuzzTakeCookies(f *testing.F) {
	for _, seed := range []string{
		"", "a=1; b=2", "jwtauth=x", "__Host-jwtauth=x; a=1", "a=1;jwtauth=x;b=2", "__Secure-jwtauth_staff=x; __HOST-JWTAUTH=y", "jwtauth=x; jwtauth=y", " jwtauth = x ;\ta=1",
		`a="x; jwtauth=y"; b=2`, "jwtauth;a", "=jwtauth=x", "jwtauth=x;", ";jwtauth=x", ";;jwtauth=x;;a=1;;", "a=jwtauth=x", "xjwtauth=1; jwtauthx=2; jwtauth-x=3; __Host-x=4",
		"a=\u00a01\u00a0; jwtauth=x", "\u2003a=1; jwtauth=x", "jwtauth\u00a0=x; a=1\u0085", "a=1\x0b;jwtauth=x", "a=\xff; jwtauth=\xfe", "__Host-__Secure-jwtauth=x", "jwtauth_=x", "jwtauth_default=x",
		"a=1, jwtauth=x", "jWTAUTH=x; \u017fjwtauth=y", "__Ho\u017ft-jwtauth=x",
	} {
		f.Add(seed, "")
		f.Add("b=2", seed)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		lines := []string{one, two}
		h := http.Header{"Cookie": slices.Clone(lines)}
		taken := takeCookies(h)

		var want, sessions []string
		for _, pair := range pairsOf(lines) {
			if isSessionCookie(nameOf(pair)) {
				sessions = append(sessions, pair)
			} else {
				want = append(want, pair)
			}
		}
		left := h["Cookie"]
		switch {
		case len(sessions) == 0:
			if taken != nil || !slices.Equal(left, lines) {
				t.Errorf("%q became %q, taken %v", lines, left, taken)
			}
		case !slices.Equal(pairsOf(left), want):
			t.Errorf("%q became %q, want %q", lines, left, want)
		case len(want) == 0 && slices.Contains(left, "") && !slices.Contains(lines, ""):
			t.Errorf("%q became %q, which is no cookie", lines, left)
		}
		for _, c := range (&http.Request{Header: h}).Cookies() {
			if isSessionCookie(c.Name) {
				t.Errorf("%q became %q, with %s", lines, left, c.Name)
			}
		}
		if again := takeCookies(h); again != nil {
			t.Errorf("%q became %q, with more to take: %v", lines, left, again)
		}

		for realm, cookies := range taken {
			for prefix, values := range map[string][]string{"__Host-": cookies.host, "__Secure-": cookies.secure, "": cookies.plain} {
				name := prefix + cookieJar{realm: realm}.name()
				var sent []string
				for _, pair := range sessions {
					if _, value, _ := strings.Cut(pair, "="); nameOf(pair) == name {
						sent = append(sent, strings.TrimSpace(value))
					}
				}
				if !slices.Equal(values, sent) {
					t.Errorf("%q: %s holds %q, want %q", lines, name, values, sent)
				}
			}
			value, presented, err := cookieJar{realm: realm}.value(asked("https://example.com/"), cookies)
			if presented != (len(cookies.host) > 0) || (err == nil) != (len(cookies.host) < 2) || err != nil && value != "" {
				t.Errorf("%q: %q, %v, %v", lines, value, presented, err)
			}
		}
	})
}
