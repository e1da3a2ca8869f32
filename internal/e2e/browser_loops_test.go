package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e/browser"
)

// maxRequests is how many there may be until a page is shown, its style included.
const maxRequests = 5

// wantNoCircle opens an address, and asserts that the browser is not sent on and
// on, and where it ends.
func wantNoCircle(t *testing.T, p *browser.Page, address string, status int, path string) {
	t.Helper()
	if _, err := p.TryOpen(address); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	wantEnd(t, p, status, path)
}

// wantEnd is wantNoCircle for where the browser has gone by itself.
func wantEnd(t *testing.T, p *browser.Page, status int, path string) {
	t.Helper()
	requests := p.Requests()
	for _, request := range requests {
		if request.Status == 0 || request.Failed != "" {
			t.Errorf("%+v", request)
		}
	}
	at, err := url.Parse(p.URL())
	if err != nil || at.Path != path || p.Status() != status || len(requests) > maxRequests {
		t.Fatalf("after %d requests at %s, with status %d; want at most %d, %s and %d:\n%s\n%+v", len(requests), p.URL(), p.Status(), maxRequests, path, status, p.Text(), requests)
	}
}

// Whatever a browser comes with, it is not sent in a circle, and the sign-in
// helps.
func TestNoRedirectLoops(t *testing.T) {
	h := newHarbour(t)
	b := browser.Start(t)
	// The session of a guest ends by itself, meanwhile.
	guest := b.Tab(browser.Private())
	h.signIn(t, guest, "alice", "secret", h.on("guests.localhost", "/"))
	signIn := func(t *testing.T, p *browser.Page, user string) string {
		t.Helper()
		h.signIn(t, p, user, "secret", h.at("/members/"))
		return cookie(t, p).Value
	}
	for i, test := range []struct {
		name string
		// prepare makes the browser's cookies what they are, for a user who has no
		// role.
		prepare func(t *testing.T, p *browser.Page, user string)
		// forbidden is set where the visitor is known, and lacks a role.
		forbidden bool
	}{
		{name: "no cookie", prepare: func(*testing.T, *browser.Page, string) {}},
		{name: "an ended session", prepare: func(t *testing.T, p *browser.Page, user string) {
			signIn(t, p, user)
			h.endSessions(t, user)
		}},
		// The cookie has no date, only for how long it is good: a browser whose
		// clock is a day off keeps it to the second. What it may keep too long is
		// a cookie whose session is over.
		{name: "a kept cookie of an ended session", prepare: func(t *testing.T, p *browser.Page, user string) {
			p.Open(h.at("/members/"))
			p.Click("#keep")
			fillSignIn(p, user, "secret")
			if cookie(t, p).Expires.IsZero() {
				t.Error("the cookie is not kept")
			}
			h.endSessions(t, user)
		}},
		{name: "a disabled user", prepare: func(t *testing.T, p *browser.Page, user string) {
			signIn(t, p, user)
			h.admin(t, http.MethodPatch, "user?name="+user, map[string]bool{"disabled": true}, nil)
		}},
		{name: "garbage", prepare: func(_ *testing.T, p *browser.Page, _ string) {
			p.SetCookie(browser.Cookie{Name: "jwtauth", Value: "garbage"})
		}},
		{name: "an empty cookie", prepare: func(_ *testing.T, p *browser.Page, _ string) {
			p.SetCookie(browser.Cookie{Name: "jwtauth", Value: ""})
		}},
		{name: "a forged cookie", prepare: func(t *testing.T, p *browser.Page, user string) {
			value := []byte(signIn(t, p, user))
			if middle := &value[len(value)/2]; *middle == 'A' {
				*middle = 'B'
			} else {
				*middle = 'A'
			}
			p.SetCookie(browser.Cookie{Name: "jwtauth", Value: string(value), HTTPOnly: true, SameSite: "Lax"})
		}},
		{name: "the cookie of another realm", prepare: func(t *testing.T, p *browser.Page, _ string) {
			p.Open(h.on("staff.localhost", "/"))
			fillSignIn(p, "alice", "secret")
			wantPage(t, p, h.on("staff.localhost", "/"), http.StatusOK)
			for _, c := range p.Cookies() {
				p.SetCookie(browser.Cookie{Name: c.Name, Value: c.Value, Domain: "localhost"})
				p.SetCookie(browser.Cookie{Name: "jwtauth", Value: c.Value, Domain: "localhost"})
			}
		}},
		{name: "an oversized cookie", prepare: func(_ *testing.T, p *browser.Page, _ string) {
			p.SetCookie(browser.Cookie{Name: "jwtauth", Value: strings.Repeat("x", 4096-len("jwtauth"))})
		}},
		{name: "a wrong role", forbidden: true, prepare: func(t *testing.T, p *browser.Page, user string) { signIn(t, p, user) }},
	} {
		user := fmt.Sprintf("karl%d", i)
		h.addUser(t, user, "", "")
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := b.For(t).Tab(browser.Private())
			p.Open(h.at("/"))
			test.prepare(t, p, user)
			if test.forbidden {
				wantNoCircle(t, p, h.at("/admin/"), http.StatusForbidden, "/admin/")
				return
			}
			cookies := p.Cookies()
			for _, address := range []string{"/members/?x=1", "/admin/", "/account"} {
				// The first page takes the cookie away: each has to do it.
				for _, c := range cookies {
					p.SetCookie(c)
				}
				wantNoCircle(t, p, h.at(address), http.StatusOK, "/login")
			}
			p.ResetRequests()
			fillSignIn(p, "alice", "secret")
			wantEnd(t, p, http.StatusOK, "/account")
			wantNoCircle(t, p, h.at("/admin/"), http.StatusOK, "/admin/")
		})
	}

	t.Run("a session whose time is up", func(t *testing.T) {
		t.Parallel()
		p := guest.For(t)
		before := cookie(t, p)
		p.Wait("the session to end", func() bool {
			return p.Open(h.on("guests.localhost", "/account")) == http.StatusOK && strings.Contains(p.URL(), "/login")
		})
		p.SetCookie(before)
		wantNoCircle(t, p, h.on("guests.localhost", "/?x=1"), http.StatusOK, "/login")
		p.ResetRequests()
		fillSignIn(p, "alice", "secret")
		wantEnd(t, p, http.StatusOK, "/")
	})

	// A cookie for a part of the site comes along with the true one. It has to be
	// another program on localhost that sets it: with HTTPS the name forbids it. What
	// is not ours takes nothing from the visitor; the session of another user is
	// taken away together with the visitor's own, so that the next sign-in holds.
	t.Run("two cookies", func(t *testing.T) {
		t.Parallel()
		p := b.For(t).Tab(browser.Private())
		signIn(t, p, "alice")
		p.SetCookie(browser.Cookie{Name: "jwtauth", Value: "garbage", Path: "/members"})
		wantNoCircle(t, p, h.at("/members/"), http.StatusOK, "/members/")
		attacker := signIn(t, b.For(t).Tab(browser.Private()), "olga")
		p.SetCookie(browser.Cookie{Name: "jwtauth", Value: attacker, Path: "/members"})
		wantNoCircle(t, p, h.at("/members/"), http.StatusOK, "/login")
		p.ResetRequests()
		fillSignIn(p, "alice", "secret")
		wantEnd(t, p, http.StatusOK, "/members/")
	})

	t.Run("an app of one page", func(t *testing.T) {
		t.Parallel()
		p := b.For(t).Tab(browser.Private())
		for _, path := range []string{"/", "/boats/7", "/login/", "/login/x", "/logout/x"} {
			wantNoCircle(t, p, h.on("app.localhost", path), http.StatusOK, "/login")
			p.SetCookie(browser.Cookie{Name: "jwtauth", Value: "garbage"})
		}
		fillSignIn(p, "alice", "secret")
		wantPage(t, p, h.on("app.localhost", "/"), http.StatusOK)
	})
}
