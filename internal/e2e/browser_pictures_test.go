package e2e

import (
	"flag"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e/browser"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

var keepPictures = flag.Bool("pictures", false, "keep the pictures of the README, in examples/static-site/pictures")

// The pictures of the README are those of its example, as it stands.
func TestPictures(t *testing.T) {
	dir := t.TempDir()
	if *keepPictures {
		root, err := testcaddy.Root()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(root, "examples", "static-site", "pictures")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h := newExample(t, "static-site", "")
	// 800 pixels of the page, and more of the picture, as most screens have.
	b := browser.Start(t, browser.Width(1200), browser.Zoom(1.5))
	dark := b.Tab(browser.Private(), browser.Dark())
	take := func(p *browser.Page, name string) {
		t.Helper()
		path := filepath.Join(dir, name)
		p.Screenshot(path)
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		picture, err := png.DecodeConfig(file)
		if err != nil || picture.Width != 1200 || picture.Height < 800 || picture.Height > 4000 {
			t.Errorf("%s is a picture of %d × %d, %v", name, picture.Width, picture.Height, err)
		}
		if info, err := file.Stat(); err != nil || info.Size() < 10_000 || info.Size() > 400_000 {
			t.Errorf("%s: %d bytes, %v", name, info.Size(), err)
		}
	}

	b.Open(h.at("/members/"))
	wantSignIn(t, b.Page)
	take(b.Page, "sign-in.png")

	dark.Open(h.at("/members/"))
	fillSignIn(dark, "alice", "wrong")
	wantMistake(t, dark)
	take(dark, "mistake.png")

	b.Open(h.at("/admin/"))
	fillSignIn(b.Page, "bob", "password")
	wantPage(t, b.Page, h.at("/admin/"), http.StatusForbidden)
	take(b.Page, "no-access.png")

	h.signInElsewhere(t, "alice", "secret", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1")
	b.Click("main a.button")
	fillSignIn(b.Page, "alice", "secret")
	b.Open(h.at("/account"))
	wantPage(t, b.Page, h.at("/account"), http.StatusOK, "iPhone", "This browser")
	take(b.Page, "account.png")
}
