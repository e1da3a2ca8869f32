package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e/browser"
)

// tour takes a browser to every page that people can come to, in every state
// that looks different, and calls look at each. The user has no role, is in the
// store, and is signed in nowhere.
func (h harbour) tour(t *testing.T, p *browser.Page, user string, look func(name string)) {
	t.Helper()
	at := func(path string, status int, name string) {
		t.Helper()
		wantPage(t, p, h.at(path), status)
		look(name)
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<form method="post" action="%s"><button>Send</button></form>`, h.at("/logout"))
	}))
	defer elsewhere.Close()

	p.Open(h.at("/login"))
	at("/login", http.StatusOK, "sign-in")
	fillSignIn(p, user, "wrong")
	at("/login", http.StatusUnauthorized, "sign-in, wrong password")
	p.Fill("#username", "")
	withoutChecks(p, "#username")
	p.Click("form button")
	at("/login", http.StatusBadRequest, "sign-in, empty fields")
	p.Open(h.at("/login?check=1"))
	at("/login?check=1", http.StatusBadRequest, "no cookies")
	p.Open(h.at("/"))
	p.SetCookie(browser.Cookie{Name: "jwtauth", Value: "garbage"})
	p.Open(h.at("/login?check=1"))
	at("/login?check=1", http.StatusBadRequest, "another cookie")
	p.Open(h.at("/login"))
	p.Eval(`username.form.enctype = "text/plain"`, nil)
	fillSignIn(p, user, "secret")
	at("/login", http.StatusBadRequest, "not a form")
	p.Open(h.at("/logout"))
	at("/logout", http.StatusOK, "signed out")
	p.Open(h.at("/"))
	p.Click("#send")
	at("/members/send", http.StatusUnauthorized, "form not sent")
	p.Open(elsewhere.URL)
	p.Click("button")
	at("/logout", http.StatusForbidden, "from another site")

	// Names that nobody can break into lines.
	h.signInElsewhere(t, user, "secret", strings.Repeat("Lighthouse", 4)+"/1")
	h.signInElsewhere(t, user, "secret", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1")
	h.signIn(t, p, user, "secret", h.at("/account"))
	at("/account", http.StatusOK, "account")
	p.Click(".sessions button")
	at("/account?done=session", http.StatusOK, "account, a session revoked")
	withoutChecks(p, "#new_password")
	p.Click("form[action$='/password'] button")
	at("/account/password", http.StatusBadRequest, "account, empty fields")
	p.Fill("#current_password", "wrong")
	p.Fill("#new_password", "two boats and a buoy")
	p.Fill("#repeat_password", "two boats and a buoy")
	p.Click("form[action$='/password'] button")
	at("/account/password", http.StatusUnauthorized, "account, wrong password")
	p.Open(h.at("/login?return_to=/members/"))
	at("/login?return_to=/members/", http.StatusOK, "sign-in, signed in already")
	p.Open(h.at("/admin/"))
	at("/admin/", http.StatusForbidden, "no access, one role")
	p.Open(h.at("/council/"))
	at("/council/", http.StatusForbidden, "no access, several roles")
	p.Open(h.at("/pilots/"))
	at("/pilots/", http.StatusForbidden, "no access, a scope")
	p.Open(h.at("/logout"))
	at("/logout", http.StatusOK, "sign-out")
	h.signOut(t, p)
	h.signIn(t, p, "alice", "secret", h.at("/account"))
	at("/account", http.StatusOK, "account, user of the config")
	h.signOut(t, p)
	h.signIn(t, p, "olga", "secret", h.at("/account"))
	at("/account", http.StatusOK, "account, more sessions")
	h.signOut(t, p)
}

// window is how somebody looks at the pages.
type window struct {
	name    string
	options []browser.Option
	// language is that of the pages, and accept what the browser asks for.
	language string
	// axe says at which pages axe-core looks, by the beginning of their names; all
	// begin with "".
	axe []string
}

var everything, forms = []string{""}, []string{"sign-in", "account"}

// windows are chosen so that each page is seen in both colours, wide and narrow,
// and enlarged; the languages where there is least room.
var windows = []window{
	{name: "light", language: "en", axe: everything},
	{name: "dark", language: "en", axe: everything, options: []browser.Option{browser.Dark()}},
	{name: "light, on a phone", language: "en", axe: everything, options: []browser.Option{browser.Width(360)}},
	{name: "dark, on a phone", language: "en", axe: everything, options: []browser.Option{browser.Dark(), browser.Width(360)}},
	{name: "320 pixels wide", language: "en", options: []browser.Option{browser.Width(320)}},
	{name: "enlarged to 400 %", language: "en", options: []browser.Option{browser.Zoom(4)}},
	{name: "in German", language: "de", axe: forms, options: []browser.Option{browser.Width(320), browser.Language("de-AT,de,en")}},
	{name: "in Chinese", language: "zh", axe: forms, options: []browser.Option{browser.Width(320), browser.Language("zh-CN,zh")}},
	{name: "in Arabic", language: "ar", axe: everything, options: []browser.Option{browser.Width(320), browser.Language("ar")}},
	{name: "in Arabic, wide", language: "ar", options: []browser.Option{browser.Language("ar")}},
}

// cutOffJS names elements whose text does not fit, or begins outside the page
// where no scrolling leads. A table or a block of code may scroll by itself.
const cutOffJS = `(() => {
	const page = document.scrollingElement, out = [];
	for (const e of document.body.querySelectorAll("*")) {
		if (e.closest("svg, .skip, option") || !e.innerText?.trim() || !e.checkVisibility()) continue;
		const box = e.getBoundingClientRect(), style = getComputedStyle(e);
		if (box.width <= 1) continue; // for those who listen alone
		const scrolls = /auto|scroll/.test(style.overflowX);
		const inside = e.parentElement.closest(".scroll, pre") !== null;
		const why =
			!inside && (box.left < -1 || box.right > page.clientWidth + 1) ? "is beside the page" :
			box.top + page.scrollTop < -1 ? "is above the page" :
			style.display !== "inline" && !scrolls && e.scrollWidth > e.clientWidth + 1 ? "is wider than its box" :
			style.display !== "inline" && style.overflowY !== "visible" && e.scrollHeight > e.clientHeight + 1 ? "is higher than its box" : "";
		if (why) out.push(why + ": " + e.outerHTML.slice(0, 200));
	}
	return out;
})()`

// strangeJS names what the policy of the pages would keep from working: it is
// strict, and a page that relied on more would look broken.
const strangeJS = `[...document.querySelectorAll("script, style, [style], iframe, object, embed, base")]
	.concat([...document.querySelectorAll("*")].filter(e => [...e.attributes].some(a => a.name.startsWith("on"))))
	.map(e => e.outerHTML.slice(0, 200))`

// checkLook asserts what holds for every page, whoever looks at it.
func checkLook(t *testing.T, p *browser.Page, w window, name string) {
	t.Helper()
	if slices.ContainsFunc(w.axe, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		p.CheckAccessibility()
	}
	p.CheckReflow()
	for _, element := range evalTo[[]string](p, cutOffJS) {
		t.Errorf("at %s an element %s", p.URL(), element)
	}
}

// checkOwn asserts what holds for the pages that are the module's own.
func checkOwn(t *testing.T, p *browser.Page, w window, name string) {
	t.Helper()
	checkLook(t, p, w, name)
	for _, element := range evalTo[[]string](p, strangeJS) {
		t.Errorf("at %s there is %s", p.URL(), element)
	}
	got := evalTo[struct {
		Language, Direction, Background string
		Sheets, Rules                   int
	}](p, `({
		Language: document.documentElement.lang, Direction: getComputedStyle(document.body).direction,
		Background: getComputedStyle(document.body).backgroundColor,
		Sheets: document.styleSheets.length, Rules: document.styleSheets[0]?.cssRules.length,
	})`)
	direction := "ltr"
	if w.language == "ar" {
		direction = "rtl"
	}
	if got.Language != w.language || got.Direction != direction || got.Sheets != 1 || got.Rules < 20 {
		t.Errorf("%s is %+v", p.URL(), got)
	}
	dark := strings.Contains(w.name, "dark")
	if looks := got.Background == "rgb(19, 22, 25)"; looks != dark {
		t.Errorf("the background of %s is %s", p.URL(), got.Background)
	}
	for _, request := range p.Requests() {
		if request.Failed != "" || request.Type != "Document" && request.Type != "Stylesheet" {
			t.Errorf("%s has asked for %+v", p.URL(), request)
		}
	}
	p.ResetRequests()
}

// Every page is for everybody: in any window, in any light, in any language, and
// for who does not see it.
func TestEveryPage(t *testing.T) {
	h := newHarbour(t)
	b := browser.Start(t)
	h.olgaEverywhere(t)
	for i, w := range windows {
		user := fmt.Sprintf("ida%d", i)
		h.addUser(t, user, "Ida Hjördís Example-Longname", "ida.hjoerdis.example.longname@mail.harbour.example.com")
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			p := b.For(t).Tab(append(w.options, browser.Private())...)
			h.tour(t, p, user, func(name string) {
				if !t.Run(name, func(t *testing.T) { checkOwn(t, p.For(t), w, name) }) {
					p.ResetRequests()
				}
			})
		})
	}
}

// The pages of the examples, too.
func TestEveryPageOfTheExamples(t *testing.T) {
	static, multi := newExample(t, "static-site", ""), newExample(t, "multi-site", "")
	b := browser.Start(t)
	for _, w := range windows {
		if w.language != "en" {
			continue // they speak English
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			p := b.For(t).Tab(append(w.options, browser.Private())...)
			look := func(address string, status int) {
				p.Open(address)
				wantPage(t, p, address, status)
				checkLook(t, p, w, address)
				for _, request := range p.Requests() {
					if request.Status != status && request.Status != http.StatusOK && request.Status != http.StatusNotModified || request.Failed != "" {
						t.Errorf("%s has asked for %+v", address, request)
					}
				}
			}
			static.signIn(t, p, "alice", "secret", static.at("/members/"))
			for _, path := range []string{"/", "/guide/", "/members/", "/members/figures/", "/admin/"} {
				look(static.at(path), http.StatusOK)
			}
			look(static.at("/nowhere"), http.StatusNotFound)
			app, docs := multi.on("app.example.localhost", "/"), multi.on("docs.example.localhost", "/")
			multi.signIn(t, p, "alice", "secret", docs)
			for _, address := range []string{app, docs, docs + "radio/"} {
				look(address, http.StatusOK)
			}
		})
	}
}
