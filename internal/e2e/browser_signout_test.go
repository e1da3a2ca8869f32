package e2e

import (
	"net/http"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e/browser"
)

// Signed out at one site of a domain, nobody gets at the pages of another: no cache
// has them. What Chromium keeps in memory for the back button only a site itself can
// have it forget, so that one page may be seen once more, and nothing behind it.
func TestSignOutOnAnotherSite(t *testing.T) {
	h := newExample(t, "multi-site", "")
	p := browser.Start(t).Page
	docs, app := h.on("docs.example.localhost", "/"), h.on("app.example.localhost", "/")
	h.signIn(t, p, "alice", "secret", docs)
	for _, address := range []string{docs + "radio/", app, docs} {
		p.Open(address)
		wantPage(t, p, address, http.StatusOK)
	}
	p.Open(app + "logout")
	p.Click("main button")
	wantPage(t, p, app+"logout", http.StatusOK, "You are signed out")
	for p.URL() != docs {
		p.Back()
	}
	p.Reload()
	wantSignIn(t, p)
	for _, address := range []string{docs, docs + "radio/", app} {
		for _, tab := range []*browser.Page{p, p.Tab()} {
			tab.Open(address)
			wantSignIn(t, tab)
		}
	}
}
