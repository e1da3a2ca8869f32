package e2e

import (
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e/browser"
)

// Where all of a site is guarded, the sign-in page and what it looks like are
// not.
func TestWholeSiteGuarded(t *testing.T) {
	h := newHarbour(t)
	b := browser.Start(t)
	for host, text := range map[string]string{"whole.localhost": openText, "app.localhost": appText, "staff.localhost": openText} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			p := b.For(t).Tab(browser.Private())
			p.Open(h.on(host, "/"))
			wantSignIn(t, p)
			var kinds []string
			for _, request := range p.Requests() {
				kinds = append(kinds, request.Type)
				if request.Status != http.StatusOK && request.Status != http.StatusSeeOther || request.Failed != "" {
					t.Errorf("the sign-in page asked for %+v", request)
				}
			}
			want := []string{"Document", "Document", "Stylesheet"}
			if host == "whole.localhost" {
				want = append(want, "Image")
				if width := evalTo[int](p, `document.images[0].naturalWidth`); width != 120 {
					t.Errorf("the logo is %d pixels wide", width)
				}
			}
			if !reflect.DeepEqual(kinds, want) {
				t.Errorf("the sign-in page asked for %q, want %q", kinds, want)
			}
			if rules := evalTo[int](p, `document.styleSheets[0].cssRules.length`); rules < 20 {
				t.Errorf("its style has %d rules", rules)
			}
			fillSignIn(p, "alice", "secret")
			wantPage(t, p, h.on(host, "/"), http.StatusOK, text)
			if host == "app.localhost" {
				// Addresses that are no files are the app's own, but for those of
				// the sign-in.
				p.Open(h.on(host, "/boats/7?tab=log"))
				wantPage(t, p, h.on(host, "/boats/7?tab=log"), http.StatusOK, appText)
				p.Open(h.on(host, "/account"))
				wantPage(t, p, h.on(host, "/account"), http.StatusOK, "This browser")
			}

			p.Open(h.on(host, "/logout"))
			p.Click("main button")
			wantPage(t, p, h.on(host, "/logout"), http.StatusOK, "You are signed out")
			p.Reload()
			wantPage(t, p, h.on(host, "/logout"), http.StatusOK, "You are signed out")
			h.signIn(t, p, "alice", "secret", h.on(host, "/members/gallery.html?x=1"))
		})
	}
}

// One login for two sites, as the example has it.
func TestOneLoginForTwoSites(t *testing.T) {
	h := newExample(t, "multi-site", `
http://open.example.localhost:8080 {
	respond "open"
}
`)
	p := browser.Start(t).Page
	app := func(path string) string { return h.on("app.example.localhost", path) }
	docs := func(path string) string { return h.on("docs.example.localhost", path) }

	p.Open(docs("/radio/?channel=16"))
	wantSignIn(t, p)
	if at, err := url.Parse(p.URL()); err != nil || at.Hostname() != "app.example.localhost" {
		t.Fatalf("the sign-in page is at %s", p.URL())
	}
	fillSignIn(p, "bob", "wrong")
	wantMistake(t, p)
	fillSignIn(p, "bob", "password")
	wantPage(t, p, docs("/radio/?channel=16"), http.StatusOK, "Channel")
	if c := cookie(t, p); c.Domain != ".example.localhost" {
		t.Errorf("the cookie is %+v", c)
	}
	p.Click("a[href*='//app.']")
	wantPage(t, p, app("/"), http.StatusOK, "Hello, Bob Example")
	p.Click("main a.button")
	wantPage(t, p, docs("/"), http.StatusOK, "The harbour handbook")

	p.Click("a[href$='/logout']")
	wantPage(t, p, app("/logout"), http.StatusOK, "Do you want to sign out?")
	p.Click("main button")
	wantPage(t, p, app("/logout"), http.StatusOK, "You are signed out")
	p.Open(docs("/"))
	wantSignIn(t, p)
	p.Open(app("/"))
	wantSignIn(t, p)

	// A sign-in ends nowhere but where a guard of the same realm is.
	for _, to := range []string{
		h.on("other.example.localhost", "/"), h.on("open.example.localhost", "/"), "https://example.com/", "//example.com/", h.on("docs.example.localhost.evil.localhost", "/"),
		"javascript:alert(1)", `/\example.com`,
	} {
		p.Open(app("/login?" + url.Values{"return_to": {to}}.Encode()))
		fillSignIn(p, "alice", "secret")
		wantPage(t, p, app("/"), http.StatusOK, "Hello, Alice Example")
	}
}
