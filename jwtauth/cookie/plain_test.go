package cookie

import (
	"net/http"
	"testing"
)

// TestPlainCookieBehindProxy: Host says that a request is for this machine, which a
// proxy before us may say of every request. The cookie is weak only where nothing speaks
// against it, and where something does the sign-in page says so.
func TestPlainCookieBehindProxy(t *testing.T) {
	for _, tc := range []struct {
		name, url     string
		headers       []string // names and values
		plain, hidden bool
	}{
		{"a browser on this machine", "http://localhost:8080/", nil, true, false},
		{"by its address", "http://127.0.0.1:8080/", nil, true, false},
		{"by its IPv6 address", "http://[::1]:8080/", nil, true, false},
		{"a post of it", "http://localhost:8080/", []string{"Origin", "http://localhost:8080", "Referer", "http://localhost:8080/login"}, true, false},
		{"a post of a page of another port", "http://localhost:8080/", []string{"Origin", "http://127.0.0.1:5173"}, true, false},
		{"a link from a site on the internet", "http://localhost:8080/", []string{"Referer", "https://example.com/", "Sec-Fetch-Site", "cross-site"}, true, false},
		{"HTTPS", "https://localhost/", []string{"X-Forwarded-For", "192.0.2.1"}, false, false},
		{"elsewhere", "http://example.com/", []string{"Via", "1.1 x", "X-Forwarded-Proto", "https"}, false, false},

		{"nginx as it comes, a post", "http://127.0.0.1:8080/", []string{"Origin", "https://example.com"}, false, true},
		{"nginx as it comes, a link of the site", "http://127.0.0.1:8080/", []string{"Referer", "https://example.com/x", "Sec-Fetch-Site", "same-origin"}, false, true},
		{"a link of the site, without metadata", "http://127.0.0.1:8080/", []string{"Referer", "https://example.com/x"}, false, true},
		{"over HTTP", "http://127.0.0.1:8080/", []string{"Origin", "http://example.com"}, false, true},
		{"a sandbox", "http://127.0.0.1:8080/", []string{"Origin", "null"}, false, true},
		{"a name that only looks local", "http://127.0.0.1:8080/", []string{"Origin", "http://localhost.example.com"}, false, true},
		{"a user in the origin", "http://127.0.0.1:8080/", []string{"Origin", "http://localhost@example.com"}, false, true},
		{"no URL", "http://127.0.0.1:8080/", []string{"Referer", "http://local host/"}, false, true},
		{"two origins", "http://127.0.0.1:8080/", []string{"Origin", "http://localhost", "Origin", "https://example.com"}, false, true},
		{"an origin that is cross-site", "http://127.0.0.1:8080/", []string{"Origin", "https://example.com", "Sec-Fetch-Site", "cross-site"}, false, true},
		{"X-Forwarded-For", "http://127.0.0.1:8080/", []string{"X-Forwarded-For", "192.0.2.1"}, false, true},
		{"X-Forwarded-Proto", "http://127.0.0.1:8080/", []string{"X-Forwarded-Proto", "https"}, false, true},
		{"X-Forwarded-Host", "http://127.0.0.1:8080/", []string{"X-Forwarded-Host", "example.com", "X-Forwarded-Proto", "https"}, false, true},
		{"X-Forwarded-Server, empty", "http://127.0.0.1:8080/", []string{"X-Forwarded-Server", ""}, false, true},
		{"small letters", "http://127.0.0.1:8080/", []string{"x-forwarded-for", "192.0.2.1"}, false, true},
		{"Forwarded", "http://127.0.0.1:8080/", []string{"Forwarded", "proto=https"}, false, true},
		{"Via", "http://127.0.0.1:8080/", []string{"Via", "1.1 varnish"}, false, true},
		{"a proxy of this machine, a post", "http://localhost:8080/", []string{"X-Forwarded-For", "127.0.0.1", "Origin", "http://localhost:8080"}, false, true},

		// TLS ends before us, and Host is what the browser shows.
		{"TLS before us on this machine, a post", "http://localhost:8443/", []string{"X-Forwarded-For", "127.0.0.1", "Origin", "https://localhost:8443"}, false, false},
		{"TLS before us on this machine, a link", "http://localhost:8443/", []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "localhost:8443"}, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := asked(tc.url)
			r.Header = make(http.Header)
			for i := 0; i < len(tc.headers); i += 2 {
				r.Header[tc.headers[i]] = append(r.Header[tc.headers[i]], tc.headers[i+1])
			}
			if got := PlainAllowed(r); got != tc.plain {
				t.Errorf("a plain cookie: %v", got)
			}
			if got := HostHidden(r); got != tc.hidden {
				t.Errorf("the host is hidden: %v", got)
			}
			c := Jar{Realm: DefaultRealm}.blank(r)
			if c.Secure == tc.plain || (c.Name == "jwtauth") != tc.plain {
				t.Errorf("the cookie is %s", c)
			}
			tiers := Jar{Realm: DefaultRealm}.Values(r, Values{plain: []string{"x"}})
			if len(tiers[1]) > 0 != tc.plain {
				t.Errorf("a plain cookie counts: %q", tiers)
			}
		})
	}
}
