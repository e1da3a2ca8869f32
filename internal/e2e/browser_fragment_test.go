package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e/browser"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// The part of an address after # is never sent to a server: the browser keeps it over the
// sign-in, also after a mistake, in two tabs, and without scripts.
func TestFragmentIsKept(t *testing.T) {
	h := newHarbour(t)
	b := browser.Start(t)
	for name, options := range map[string][]browser.Option{"with scripts": {browser.Private()}, "without": {browser.Private(), browser.NoJavaScript()}} {
		t.Run(name, func(t *testing.T) {
			page := b.For(t).Tab(options...)
			first, second := h.at("/members/?a=1#/route/7"), h.at("/almanac/#chapter-2")
			page.Open(first)
			wantSignIn(t, page)
			other := page.Tab()
			other.Open(second)
			wantSignIn(t, other)

			fillSignIn(page, "alice", "wrong")
			page.Fill("#password", "secret")
			page.Click("main form button")
			wantPage(t, page, first, http.StatusOK, membersText)

			fillSignIn(other, "alice", "secret")
			wantPage(t, other, second, http.StatusOK, almanacText)
		})
	}
}

// A guarded page in a frame says that one has to sign in, and its link does so in the
// whole window.
func TestRefusedFrame(t *testing.T) {
	h := newHarbour(t)
	page := browser.Start(t).Tab(browser.Private())
	page.Open(h.at("/"))
	page.Eval(`(() => {
		const frame = document.createElement("iframe");
		frame.src = "/members/?in=frame";
		frame.id = "frame";
		document.body.append(frame);
	})()`, nil)
	inFrame := `(document.getElementById("frame").contentDocument?.body?.innerText ?? "")`
	page.Wait("the page in the frame", func() bool { return evalTo[bool](page, inFrame+`.includes("Sign in to see this")`) })
	if target := evalTo[string](page, `document.getElementById("frame").contentDocument.querySelector("a.button").target`); target != "_top" {
		t.Errorf("the link opens in %q", target)
	}
	page.Eval(`document.getElementById("frame").contentDocument.querySelector("a.button").click()`, nil)
	page.Wait("the sign-in page", func() bool { return evalTo[bool](page, `location.pathname === "/login"`) })
	fillSignIn(page, "alice", "secret")
	wantPage(t, page, h.at("/members/?in=frame"), http.StatusOK, membersText)
}

// The target of a download (<a download>) is not sent to sign in: the browser would save
// the sign-in page as the file.
func TestRefusedDownload(t *testing.T) {
	c := testcaddy.Start(t, `http://localhost:{$PORT} {
	bind 127.0.0.1
	log {
		output file access.log
	}
	token_server
	jwt_auth /members/*
	respond / "<a id=report href=/members/report download=report>Report</a>" {
		close
	}
	header / Content-Type text/html
}
`)
	page := browser.Start(t).Tab(browser.Private())
	page.Open(fmt.Sprintf("http://localhost:%d/", c.Port))
	page.Eval(`document.getElementById("report").click()`, nil)
	var line string
	testcaddy.Eventually(t, "the download", func() bool {
		text, err := os.ReadFile(filepath.Join(c.Dir, "access.log"))
		if err != nil {
			t.Fatal(err)
		}
		for line = range strings.Lines(string(text)) {
			if strings.Contains(line, `"uri":"/members/report"`) {
				return true
			}
		}
		return false
	})
	if !strings.Contains(line, `"Sec-Fetch-Mode":["navigate"]`) || !strings.Contains(line, `"Sec-Fetch-Dest":["empty"]`) || !strings.Contains(line, `"status":401`) {
		t.Errorf("the download was answered so: %s", line)
	}
}
