package cookie

import (
	"crypto/tls"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
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
		jar   Jar
		url   string
		set   string // with "*" for what the age is
		clear []string
	}{
		{
			name: "https", jar: Jar{Realm: DefaultRealm}, url: "https://example.com/",
			set: "__Host-jwtauth=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax"},
		},
		{
			name: "realm", jar: Jar{Realm: "staff"}, url: "https://example.com/",
			set: "__Host-jwtauth_staff=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth_staff=; Path=/*; Secure; SameSite=Lax"},
		},
		{
			name: "http, as behind a proxy that does TLS", jar: Jar{Realm: DefaultRealm}, url: "http://example.com/",
			set: "__Host-jwtauth=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax"},
		},
		{
			name: "http on this machine", jar: Jar{Realm: DefaultRealm}, url: "http://localhost:8080/",
			set: "jwtauth=v; Path=/*; SameSite=Lax", clear: []string{"jwtauth=; Path=/*; SameSite=Lax"},
		},
		{
			name: "http on this machine, by address", jar: Jar{Realm: "staff"}, url: "http://[::1]:8080/",
			set: "jwtauth_staff=v; Path=/*; SameSite=Lax", clear: []string{"jwtauth_staff=; Path=/*; SameSite=Lax"},
		},
		{
			name: "https on this machine", jar: Jar{Realm: DefaultRealm}, url: "https://localhost/",
			set: "__Host-jwtauth=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax"},
		},
		{
			name: "shared", jar: Jar{Realm: DefaultRealm, Domain: "example.com"}, url: "https://docs.example.com:8443/",
			set: "__Secure-jwtauth=v; Path=/; Domain=example.com*; Secure; SameSite=Lax",
			clear: []string{
				"__Secure-jwtauth=; Path=/; Domain=example.com*; Secure; SameSite=Lax",
				// That of the host alone, from before there was a cookie_domain.
				"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax",
			},
		},
		{
			name: "shared, the domain itself", jar: Jar{Realm: "staff", Domain: "example.com"}, url: "https://EXAMPLE.com./",
			set: "__Secure-jwtauth_staff=v; Path=/; Domain=example.com*; Secure; SameSite=Lax",
			clear: []string{
				"__Secure-jwtauth_staff=; Path=/; Domain=example.com*; Secure; SameSite=Lax",
				"__Host-jwtauth_staff=; Path=/*; Secure; SameSite=Lax",
			},
		},
		{
			name: "shared, http on this machine", jar: Jar{Realm: DefaultRealm, Domain: "app.localhost"}, url: "http://docs.app.localhost:8080/",
			set:   "jwtauth=v; Path=/; Domain=app.localhost*; SameSite=Lax",
			clear: []string{"jwtauth=; Path=/; Domain=app.localhost*; SameSite=Lax", "jwtauth=; Path=/*; SameSite=Lax"},
		},
		{
			name: "shared, asked by another host", jar: Jar{Realm: DefaultRealm, Domain: "example.com"}, url: "https://evilexample.com/",
			set: "__Host-jwtauth=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax"},
		},
		{
			name: "shared, asked by an address", jar: Jar{Realm: DefaultRealm, Domain: "example.com"}, url: "https://192.0.2.1/",
			set: "__Host-jwtauth=v; Path=/*; Secure; SameSite=Lax", clear: []string{"__Host-jwtauth=; Path=/*; Secure; SameSite=Lax"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := asked(tc.url)
			for age, attribute := range map[time.Duration]string{0: "; HttpOnly", time.Hour: forever, time.Hour + time.Millisecond: forever} {
				if got, want := tc.jar.Session(r, "v", age).String(), strings.Replace(tc.set, "*", attribute, 1); got != want {
					t.Errorf("for %s: %q, want %q", age, got, want)
				}
			}
			var got []string
			for _, c := range tc.jar.Cleared(r) {
				got = append(got, c.String())
			}
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

// What may be the cookie: the values of the exact name that this host has it under,
// and after them, on this machine alone, those without a prefix.
func TestCookieValues(t *testing.T) {
	const https, local = "https://docs.example.com/", "http://localhost/"
	alone, shared := Jar{Realm: DefaultRealm}, Jar{Realm: DefaultRealm, Domain: "example.com"}
	sharedLocal := Jar{Realm: DefaultRealm, Domain: "app.localhost"}
	for _, tc := range []struct {
		name  string
		jar   Jar
		url   string
		lines []string
		want  string // the values, with "|" between the two kinds
	}{
		{"none", alone, https, nil, "|"},
		{"the one", alone, https, []string{"__Host-jwtauth=a"}, "a|"},
		{"without a prefix, which anybody on the network can set", alone, https, []string{"jwtauth=a"}, "|"},
		{"of the whole domain, which any of its hosts can set", alone, https, []string{"__Secure-jwtauth=a"}, "|"},
		{"both", alone, https, []string{"jwtauth=a; __Secure-jwtauth=b; __Host-jwtauth=c"}, "c|"},
		{"twice", alone, https, []string{"__Host-jwtauth=a; __Host-jwtauth=b"}, "a,b|"},
		{"twice, in two lines", alone, https, []string{"__Host-jwtauth=a", "__Host-jwtauth=b"}, "a,b|"},
		{"another case", alone, https, []string{"__host-jwtauth=a; __Host-JWTAUTH=a"}, "|"},
		{"white space that no browser trims", alone, https, []string{"\u2000__Host-jwtauth=a; __Host-jwtauth\u00a0=b; \v__Host-jwtauth=c; \xa0__Host-jwtauth=d"}, "|"},
		{"white space that browsers trim", alone, https, []string{"\t __Host-jwtauth \t= \ta \t; b=c"}, "a|"},
		{"white space of the value", alone, https, []string{"__Host-jwtauth=\u2000a\u00a0"}, "\u2000a\u00a0|"},
		{"a quoted name", alone, https, []string{`"__Host-jwtauth"=a`}, "|"},
		{"an encoded name", alone, https, []string{"%5f%5fHost-jwtauth=a; __Host-%6awtauth=b"}, "|"},
		{"a name that PHP changes", alone, https, []string{"..Host-jwtauth=a; __Host-jwtauth[=b"}, "|"},
		{"a value without a name", alone, https, []string{"__Host-jwtauth; =__Host-jwtauth=a"}, "|"},
		{"two prefixes", alone, https, []string{"__Host-__Secure-jwtauth=a"}, "|"},
		{"another realm", alone, https, []string{"__Host-jwtauth_staff=a"}, "|"},
		{"the realm spelled out", alone, https, []string{"__Host-jwtauth_default=a"}, "|"},
		{"on this machine", alone, local, []string{"jwtauth=a"}, "|a"},
		{"on this machine, with a prefix", alone, local, []string{"__Host-jwtauth=a; jwtauth=b"}, "a|b"},
		{"on this machine, twice", alone, local, []string{"jwtauth=a; jwtauth=b"}, "|a,b"},
		{"shared", shared, https, []string{"__Secure-jwtauth=a"}, "a|"},
		{"shared, that of the host from before", shared, https, []string{"__Host-jwtauth=a"}, "|"},
		{"shared, both", shared, https, []string{"__Host-jwtauth=a; __Secure-jwtauth=b"}, "b|"},
		{"shared, asked by another host", shared, "https://example.org/", []string{"__Secure-jwtauth=a; __Host-jwtauth=b"}, "b|"},
		{"shared, on this machine", sharedLocal, "http://docs.app.localhost/", []string{"jwtauth=a"}, "|a"},
		{"empty", alone, https, []string{"__Host-jwtauth="}, "|"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := asked(tc.url)
			for _, line := range tc.lines {
				r.Header.Add("Cookie", line)
			}
			tiers := tc.jar.Values(r, Take(r.Header).Of(tc.jar.Realm))
			if got := strings.Join(tiers[0], ",") + "|" + strings.Join(tiers[1], ","); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
			for _, line := range r.Header["Cookie"] {
				if strings.Contains(line, "wtauth") {
					t.Errorf("%q is left", line)
				}
			}
		})
	}
}

// TestCookieSplitterIsFree for requests without a cookie of ours.
func TestCookieSplitterIsFree(t *testing.T) {
	h := http.Header{"Cookie": {"theme=dark; __Host-sid=0123456789; csrf_token=abc; _ga=GA1.2; hostname=x; jwtauthx=1", "a=b"}}
	if n := testing.AllocsPerRun(100, func() { Take(h) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCheckDomain(t *testing.T) {
	for _, domain := range []string{"example.com", "a.b.example.com", "app.localhost", "xn--bcher-kva.example", "1.example", "a-b.example"} {
		if err := CheckDomain(domain); err != nil {
			t.Error(err)
		}
	}
	for _, domain := range []string{
		"", "com", "localhost", ".example.com", "example.com.", "a..example.com", "Example.com", "bücher.example", "192.0.2.1", "::1", "[::1]",
		"example.com:443", "https://example.com", "example.com/", "*.example.com", "-a.example.com", "a-.example.com", "a_b.example.com", "a b.example.com",
		"example.com; Secure", "example.com\r\n", strings.Repeat("a", 64) + ".example.com", strings.Repeat("a.", 127) + "com",
	} {
		if err := CheckDomain(domain); err == nil || !strings.Contains(err.Error(), "cookie_domain") {
			t.Errorf("%q: %v", domain, err)
		}
	}
}

// exactName is the name of a cookie of ours in a browser, likeOurs what every name
// has in it that any program could take for one, in small letters and less all but
// letters.
var (
	exactName = regexp.MustCompile(`(?s)^(__Host-|__Secure-)?jwtauth(_.*)?$`)
	escaped   = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	likeOurs  = "jwtauth"
)

func isExact(pair string) bool {
	return strings.Contains(pair, "=") && exactName.MatchString(nameOf(pair))
}

// maybeOurs is a rough likeness: what it is not, the splitter has no business with.
// What is no %XX stays as it is, as in programs that decode as much as they can. Where
// a letter is not ASCII, it may count as another letter or for nothing.
func maybeOurs(pair string) bool {
	pair = escaped.ReplaceAllStringFunc(pair, func(xx string) string {
		c, _ := hex.DecodeString(xx[1:])
		return string(c)
	})
	ascii := true
	letters := strings.Map(func(c rune) rune {
		if c >= utf8.RuneSelf {
			ascii = false
		}
		if c >= '！' && c <= '～' {
			c = c - '！' + '!'
		}
		for folded := unicode.SimpleFold(c); c >= utf8.RuneSelf && folded != c; folded = unicode.SimpleFold(folded) {
			if folded < utf8.RuneSelf {
				c = folded
			}
		}
		if c = unicode.ToLower(c); c < 'a' || c > 'z' {
			return -1
		}
		return c
	}, pair)
	if ascii {
		return strings.Contains(letters, likeOurs)
	}
	for i := range len(likeOurs) {
		at := strings.IndexByte(letters, likeOurs[i])
		if at < 0 {
			return false
		}
		letters = letters[at+1:]
	}
	return true
}

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
	return strings.Trim(name, " \t")
}

// FuzzTakeCookies: no session cookie of any realm is left, every cookie that is not
// like one is, to the byte, and what counts has exactly our name.
func FuzzTakeCookies(f *testing.F) {
	for _, seed := range []string{
		"", "a=1; b=2", "jwtauth=x", "__Host-jwtauth=x; a=1", "a=1;jwtauth=x;b=2", "__Secure-jwtauth_staff=x; __HOST-JWTAUTH=y", "jwtauth=x; jwtauth=y", " jwtauth = x ;\ta=1",
		`a="x; jwtauth=y"; b=2`, "jwtauth;a", "=jwtauth=x", "jwtauth=x;", ";jwtauth=x", ";;jwtauth=x;;a=1;;", "a=jwtauth=x", "xjwtauth=1; jwtauthx=2; jwtauth-x=3; __Host-x=4",
		"a=\u00a01\u00a0; jwtauth=x", "\u2003a=1; jwtauth=x", "jwtauth\u00a0=x; a=1\u0085", "a=1\x0b;jwtauth=x", "a=\xff; jwtauth=\xfe", "__Host-__Secure-jwtauth=x", "jwtauth_=x", "jwtauth_default=x",
		"\u2000__Host-jwtauth=x", "\xa0jwtauth\xa0=x", "%6awtauth=x; %5F%5FHost-jwtauth=y; %=z", `"jwtauth"=x`, "..Host-jwtauth=x; _[Host-jwtauth=y; jwtauth.staff=z", "ｊwtauth=x", "_=jwtauth",
		"%6awtauth=x%%", "%6%6awtauth=x", "jw\u0130tauth", "a=1, jwtauth=x", "jWTAUTH=x; \u017fjwtauth=y", "__Ho\u017ft-jwtauth=x",
	} {
		f.Add(seed, "")
		f.Add("b=2", seed)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		lines := []string{one, two}
		h := http.Header{"Cookie": slices.Clone(lines)}
		taken := Take(h)

		left := h["Cookie"]
		if taken == nil && !slices.Equal(left, lines) {
			t.Errorf("%q became %q, nothing taken", lines, left)
		}
		rest := pairsOf(left)
		var sessions []string
		for _, pair := range pairsOf(lines) {
			kept := len(rest) > 0 && rest[0] == pair
			switch {
			case isExact(pair):
				sessions = append(sessions, pair)
				if kept {
					t.Errorf("%q became %q, with %s", lines, left, pair)
				}
			case kept:
				rest = rest[1:]
			case !maybeOurs(pair):
				t.Errorf("%q became %q, without %q", lines, left, pair)
			}
		}
		if len(rest) > 0 {
			t.Errorf("%q became %q", lines, left)
		}
		if len(rest) == 0 && taken != nil && slices.Contains(left, "") && !slices.Contains(lines, "") {
			t.Errorf("%q became %q, which is no cookie", lines, left)
		}
		for _, c := range (&http.Request{Header: h}).Cookies() {
			if exactName.MatchString(strings.TrimSpace(c.Name)) {
				t.Errorf("%q became %q, with %s", lines, left, c.Name)
			}
		}
		if again := Take(h); again != nil {
			t.Errorf("%q became %q, with more to take: %v", lines, left, again)
		}

		for _, cookies := range taken {
			for prefix, values := range map[string][]string{"__Host-": cookies.host, "__Secure-": cookies.secure, "": cookies.plain} {
				name := prefix + Jar{Realm: cookies.realm}.Name()
				var sent []string
				for _, pair := range sessions {
					if _, value, _ := strings.Cut(pair, "="); nameOf(pair) == name {
						sent = append(sent, strings.Trim(value, " \t"))
					}
				}
				if !slices.Equal(values, sent) {
					t.Errorf("%q: %s holds %q, want %q", lines, name, values, sent)
				}
			}
		}
	})
}
