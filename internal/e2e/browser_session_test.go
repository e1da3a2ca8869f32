package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e/browser"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// Who comes to the browser after a sign-out sees nothing of what was there, not
// by the back button either. Chromium keeps whole pages for that button, those
// that nobody may store until a cookie changes, and on the disk what the site
// lets it keep: Clear-Site-Data empties both.
func TestBackAfterSignOut(t *testing.T) {
	h := newHarbour(t)
	b := browser.Start(t, browser.IgnoreCertificateErrors())
	secure := fmt.Sprintf("https://localhost:%d", h.secure)
	testcaddy.Eventually(t, "a certificate", func() bool {
		conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", h.secure), &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	for _, origin := range []string{h.at(""), secure} {
		for path, text := range map[string]string{"/members/": membersText, "/almanac/": almanacText} {
			t.Run(strings.SplitN(origin, ":", 2)[0]+path, func(t *testing.T) {
				t.Parallel()
				page := b.For(t).Tab(browser.Private())
				// Back goes back until the browser is at the page, or at what has
				// come in its place.
				back := func(p *browser.Page, steps int) {
					t.Helper()
					for range steps {
						p.Back()
						if strings.Contains(p.Text(), text) {
							t.Fatalf("after the sign-out, at %s:\n%s", p.URL(), p.Text())
						}
					}
					wantSignIn(t, p)
				}
				visit := func(p *browser.Page) {
					t.Helper()
					p.Open(origin + path)
					wantPage(t, p, origin+path, http.StatusOK, text)
					p.Eval(`window.kept = true`, nil)
					p.Click("#more")
					p.Back()
					// Else the rest proves little.
					if !evalTo[bool](p, `window.kept === true`) {
						t.Fatal("Chromium has not kept the page for its back button")
					}
					// With a certificate that it does not trust Chromium keeps nothing
					// on the disk.
					p.Open(origin + path)
					if kept := p.Requests()[0].FromCache; kept != (origin != secure && path == "/almanac/") {
						t.Fatalf("whether Chromium has kept the page on the disk: %t", kept)
					}
					p.Click("#more")
					wantPage(t, p, origin+"/", http.StatusOK, openText)
				}

				// By the page that asks, with another tab that was here too.
				h.signIn(t, page, "alice", "secret", origin+path)
				other := page.Tab()
				visit(page)
				visit(other)
				page.Open(origin + "/logout")
				page.Click("main button")
				wantPage(t, page, origin+"/logout", http.StatusOK, "You are signed out")
				back(page, 3)
				back(other, 1)
				page.Open(origin + path)
				wantSignIn(t, page)

				// By a button of the site's own.
				h.signIn(t, page, "alice", "secret", origin+path)
				visit(page)
				page.Click("#out")
				wantPage(t, page, origin+"/", http.StatusOK, openText)
				back(page, 2)
				page.Open(origin + path)
				wantSignIn(t, page)
			})
		}
	}
}

// A reload of Caddy is nothing that people notice, whatever they are about.
func TestReloadUnderAVisitor(t *testing.T) {
	h := newHarbour(t)
	p := browser.Start(t).Page
	titles := 0
	// The title of the next page shows that it comes from the new config.
	reload := func() string {
		titles++
		title := fmt.Sprintf("Harbour %d", titles)
		h.Reload(strings.Replace(harbourConfig, `title "Harbour"`, fmt.Sprintf("title %q", title), 1))
		return title
	}

	p.Open(h.at("/members/?x=1"))
	title := reload()
	fillSignIn(p, "alice", "wrong")
	wantMistake(t, p, title)
	reload()
	fillSignIn(p, "alice", "secret")
	wantPage(t, p, h.at("/members/?x=1"), http.StatusOK, membersText)
	before := cookie(t, p)

	for range 3 {
		title = reload()
		p.Reload()
		wantPage(t, p, h.at("/members/?x=1"), http.StatusOK, membersText)
	}
	h.signInElsewhere(t, "alice", "secret", "phone/1")
	p.Open(h.at("/account"))
	wantPage(t, p, h.at("/account"), http.StatusOK, title, "phone")
	title = reload()
	p.Click(".sessions button")
	wantPage(t, p, h.at("/account?done=session"), http.StatusOK, title)
	if cookie(t, p) != before {
		t.Error("the cookie has changed")
	}
	p.Open(h.at("/logout"))
	title = reload()
	p.Click("main button")
	wantPage(t, p, h.at("/logout"), http.StatusOK, title, "You are signed out")
	reload()
	p.Open(h.at("/members/"))
	wantSignIn(t, p)
}
