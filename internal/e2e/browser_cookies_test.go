package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e/browser"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// siblingsConfig has two sites of one domain. The second is in the hands of an
// attacker: it sets the cookie that it is asked for.
const siblingsConfig = `{
	skip_install_trust
	auto_https disable_redirects
	jwtauth {
		throttle off
		user alice ` + secretHash + `
		user mallory ` + passwordHash + `
	}
}

https://app.example.localhost:{$PORT} {
	bind 127.0.0.1
	tls internal
	token_server
	jwt_auth /members/*
	respond /members/* "members: {http.auth.user.id}"
	respond "open"
}

https://evil.example.localhost:{$PORT} {
	bind 127.0.0.1
	tls internal
	header Set-Cookie {query.c}
	respond "planted"
}
`

// TestCookieSplitterInABrowser: a sibling subdomain plants its session under names
// that a browser lets it set for the whole domain. The victim is neither signed in by it
// nor, once signed in, signed out.
func TestCookieSplitterInABrowser(t *testing.T) {
	c := testcaddy.New(t, siblingsConfig)
	c.Start()
	testcaddy.Eventually(t, "certificates", func() bool {
		for _, name := range []string{"app", "evil"} {
			conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port), &tls.Config{InsecureSkipVerify: true, ServerName: name + ".example.localhost"})
			if err != nil {
				return false
			}
			_ = conn.Close()
		}
		return true
	})
	on := func(host, path string) string {
		return fmt.Sprintf("https://%s.example.localhost:%d%s", host, c.Port, path)
	}
	b := browser.Start(t, browser.IgnoreCertificateErrors())

	attacker := b.For(t).Tab(browser.Private())
	attacker.Open(on("app", "/login"))
	fillSignIn(attacker, "mallory", "password")
	forged := valueOf(t, attacker, "__Host-jwtauth")

	for name, kept := range map[string]bool{
		// Whether this browser keeps it: what it refuses by itself proves nothing of us.
		"\u2000__Host-jwtauth": true, "\u00a0__Host-jwtauth": true, "\u3000__Host-jwtauth": true, "\ufeff__Host-jwtauth": true,
		"__Host-jwtauth\u2000": false, "..Host-jwtauth": true, `"__Host-jwtauth"`: true, "%5F%5FHost-jwtauth": true,
		"__Secure-jwtauth": true, "jwtauth": true, "__Ho\u017ft-jwtauth": true,
		"__Host-jwtauth": false, "__HOST-jwtauth": false, "": false,
	} {
		t.Run(fmt.Sprintf("%+q", name), func(t *testing.T) {
			line := name + "=" + forged
			if name == "" {
				line = "=__Host-jwtauth=" + forged
			}
			for _, path := range []string{"/", "/members/"} {
				p := b.For(t).Tab(browser.Private())
				plant := func() {
					t.Helper()
					before := len(p.Cookies())
					p.Open(on("evil", "/?c="+url.QueryEscape(line+"; Domain=example.localhost; Secure; Path="+path)))
					if kept && before == 0 && len(p.Cookies()) != 1 {
						t.Fatalf("the browser has kept %v", p.Cookies())
					}
				}
				plant()
				p.Open(on("app", "/members/x"))
				if strings.Contains(p.Text(), "mallory") {
					t.Fatal("the victim is in the attacker's session")
				}
				wantSignIn(t, p)
				fillSignIn(p, "alice", "secret")
				wantPage(t, p, on("app", "/members/x"), http.StatusOK, "members: alice")
				plant()
				for range 2 {
					p.Open(on("app", "/members/x"))
					wantPage(t, p, on("app", "/members/x"), http.StatusOK, "members: alice")
				}
				p.Open(on("app", "/account"))
				wantPage(t, p, on("app", "/account"), http.StatusOK, "alice")
			}
		})
	}
}

func valueOf(t *testing.T, p *browser.Page, name string) string {
	t.Helper()
	for _, c := range p.Cookies() {
		if c.Name == name {
			return c.Value
		}
	}
	t.Fatalf("no cookie %s among %v", name, p.Cookies())
	return ""
}
