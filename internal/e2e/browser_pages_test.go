package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e/browser"
)

// What people do with the pages. Each test has a window of its own, and users
// whose sessions it counts or ends.
func TestPages(t *testing.T) {
	h := newHarbour(t)
	b := browser.Start(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, harbour, *browser.Page)
	}{
		{"a gallery stays signed in", galleryStays}, // the first: it waits much
		{"a sign-in ends where it began", signInReturns},
		{"a wrong password can be mended", wrongPassword},
		{"a wrong role says so and lets change", wrongRole},
		{"a page brings nothing but its style", fewRequests},
		{"fetch gets a status and not a page", fetchIsNoVisitor},
		{"a form without a session is not sent", formIsNotSent},
		{"a session ends from another browser", revokeFromElsewhere},
		{"an account has many sessions", manySessions},
		{"a new password signs out the others", changePassword},
		{"a browser is started again", keepSignedIn},
		{"a browser keeps no cookies", noCookies},
		{"everything works without JavaScript", withoutScripts},
		{"everything works with the keyboard only", keyboardOnly},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, h, b.For(t).Tab(browser.Private()))
		})
	}
}

func signInReturns(t *testing.T, h harbour, p *browser.Page) {
	asked := h.at("/members/?day=1%20May&x=a%2Fb&y=c+d&empty=#gauge")
	p.Open(asked)
	wantSignIn(t, p)
	if p.Title() != "Sign in · Harbour" {
		t.Errorf("the title is %q", p.Title())
	}
	wantFocus(t, p, "#username")
	fillSignIn(p, "alice", "secret")
	wantPage(t, p, asked, http.StatusOK, membersText)
	if c := cookie(t, p); !c.HTTPOnly || c.SameSite != "Lax" || c.Path != "/" || c.Domain != "localhost" || !c.Expires.IsZero() {
		t.Errorf("the cookie is %+v", c)
	}
	p.Open(h.at("/admin/"))
	wantPage(t, p, h.at("/admin/"), http.StatusOK, adminText)

	// From nowhere in particular a sign-in ends at the start page.
	h.signOut(t, p)
	p.Click("main a.button")
	wantSignIn(t, p)
	fillSignIn(p, " bob ", "password")
	wantPage(t, p, h.at("/"), http.StatusOK, openText)

	// So does a sign-out, where the link says so.
	p.Open(h.at("/logout?return_to=/%3Fbye"))
	p.Click("main button")
	wantPage(t, p, h.at("/?bye"), http.StatusOK, openText)
	p.Open(h.at("/members/"))
	wantSignIn(t, p)
}

func wrongPassword(t *testing.T, h harbour, p *browser.Page) {
	p.Open(h.at("/members/"))
	for range 2 {
		fillSignIn(p, "alice", "wrong")
		wantMistake(t, p, "There is a problem", "User name or password is wrong.")
		if !strings.HasPrefix(p.Title(), "Error: Sign in") {
			t.Errorf("the title is %q", p.Title())
		}
		if name, password := evalTo[string](p, `username.value`), evalTo[string](p, `password.value`); name != "alice" || password != "" {
			t.Errorf("the fields have %q and %q", name, password)
		}
		wantAlert(p)
	}
	p.Fill("#password", "secret")
	p.Press("Enter")
	wantPage(t, p, h.at("/members/"), http.StatusOK, membersText)
}

func wrongRole(t *testing.T, h harbour, p *browser.Page) {
	h.addUser(t, "carl", "Carl Example", "")
	p.Open(h.at("/admin/?list=all"))
	fillSignIn(p, "carl", "secret")
	wantPage(t, p, h.at("/admin/?list=all"), http.StatusForbidden, "No access", "You are signed in as Carl Example.", "the role admin")
	before := cookie(t, p)
	p.Click("main a.button")
	wantSignIn(t, p)
	if !strings.Contains(p.Text(), "You are signed in as Carl Example.") {
		t.Errorf("nothing says who is signed in:\n%s", p.Text())
	}
	fillSignIn(p, "alice", "secret")
	wantPage(t, p, h.at("/admin/?list=all"), http.StatusOK, adminText)
	if cookie(t, p).Value == before.Value {
		t.Error("the cookie is that of carl")
	}
	// Nobody could end a session whose cookie is gone.
	if n := h.sessionsOf(t, "carl"); n != 0 {
		t.Errorf("carl has %d sessions still", n)
	}
}

func fewRequests(t *testing.T, h harbour, p *browser.Page) {
	p.Open(h.at("/members/"))
	want := []browser.Request{
		{URL: h.at("/members/"), Method: http.MethodGet, Type: "Document", Status: http.StatusSeeOther},
		{URL: p.URL(), Method: http.MethodGet, Type: "Document", Status: http.StatusOK},
		{Method: http.MethodGet, Type: "Stylesheet", Status: http.StatusOK},
	}
	got := p.Requests()
	if len(got) == len(want) && strings.HasPrefix(got[2].URL, h.at("/login/style.css")) {
		want[2].URL = got[2].URL
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the sign-in page made the requests %+v", got)
	}
	// The next page has the style already.
	p.ResetRequests()
	fillSignIn(p, "alice", "wrong")
	for _, request := range p.Requests() {
		if request.Type != "Document" && !request.FromCache {
			t.Errorf("the form made the request %+v", request)
		}
	}
}

func fetchIsNoVisitor(t *testing.T, h harbour, p *browser.Page) {
	p.Open(h.at("/"))
	const ask = `fetch("/members/", {headers: {Accept: "text/html"}}).then(async r => ({
		Status: r.status, Redirected: r.redirected, Type: r.headers.get("Content-Type"), Text: await r.text()}))`
	type answer struct {
		Status     int
		Redirected bool
		Type, Text string
	}
	got := evalTo[answer](p, ask)
	if got.Status != http.StatusUnauthorized || got.Redirected || !strings.HasPrefix(got.Type, "application/json") || strings.Contains(got.Text, "<html") {
		t.Errorf("fetch without a session got %+v", got)
	}
	if status := evalTo[int](p, `new Promise(done => {
		const r = new XMLHttpRequest();
		r.onload = () => done(r.status);
		r.open("GET", "/members/");
		r.send();
	})`); status != http.StatusUnauthorized {
		t.Errorf("XMLHttpRequest without a session got %d", status)
	}
	h.signIn(t, p, "alice", "secret", h.at("/members/"))
	if got := evalTo[answer](p, ask); got.Status != http.StatusOK || !strings.Contains(got.Text, membersText) {
		t.Errorf("fetch with a session got %+v", got)
	}
}

func formIsNotSent(t *testing.T, h harbour, p *browser.Page) {
	p.Open(h.at("/"))
	p.Click("#send")
	wantPage(t, p, h.at("/members/send"), http.StatusUnauthorized, "Your form was not sent")
	p.Click("main a.button")
	wantSignIn(t, p)

	// A form of the account page, when the session has ended meanwhile.
	h.addUser(t, "jana", "", "")
	h.signIn(t, p, "jana", "secret", h.at("/account"))
	h.endSessions(t, "jana")
	p.Fill("#current_password", "secret")
	p.Fill("#new_password", "two boats and a buoy")
	p.Fill("#repeat_password", "two boats and a buoy")
	p.Press("Enter")
	wantPage(t, p, h.at("/account/password"), http.StatusUnauthorized, "Your form was not sent")
	p.Click("main a.button")
	wantSignIn(t, p)
	fillSignIn(p, "jana", "secret")
	wantPage(t, p, h.at("/account"), http.StatusOK, "This browser")
	// Who asks for the form by its address alone sees where it is.
	p.Open(h.at("/account/password"))
	wantPage(t, p, h.at("/account"), http.StatusOK, "Change password")
}

func revokeFromElsewhere(t *testing.T, h harbour, first *browser.Page) {
	h.addUser(t, "dora", "Dora Example", "")
	second := first.Tab(browser.Private())
	h.signIn(t, first, "dora", "secret", h.at("/members/"))
	h.signIn(t, second, "dora", "secret", h.at("/account"))
	if shown := evalTo[int](second, `document.querySelectorAll(".sessions li").length`); shown != 2 {
		t.Fatalf("the account page shows %d sessions:\n%s", shown, second.Text())
	}
	if text := second.Text(); strings.Count(text, "This browser") != 1 || !strings.Contains(text, "127.0.0.1") {
		t.Errorf("nobody can tell the sessions apart:\n%s", text)
	}
	second.Click(".sessions button")
	wantPage(t, second, h.at("/account?done=session"), http.StatusOK, "That session is signed out.")
	if shown := evalTo[int](second, `document.querySelectorAll(".sessions li").length`); shown != 1 {
		t.Errorf("the account page shows %d sessions:\n%s", shown, second.Text())
	}
	first.Reload()
	wantSignIn(t, first)

	// All at once.
	fillSignIn(first, "dora", "secret")
	wantPage(t, first, h.at("/members/"), http.StatusOK, membersText)
	second.Open(h.at("/account"))
	second.Click("main > form button.quiet")
	wantPage(t, second, h.at("/account?done=others"), http.StatusOK, "You are signed out everywhere else.")
	first.Open(h.at("/members/gallery.html"))
	wantSignIn(t, first)
	if n := h.sessionsOf(t, "dora"); n != 1 {
		t.Errorf("dora has %d sessions", n)
	}
}

func manySessions(t *testing.T, h harbour, p *browser.Page) {
	h.olgaEverywhere(t)
	h.signIn(t, p, "olga", "secret", h.at("/account"))
	wantPage(t, p, h.at("/account"), http.StatusOK, "3 more", "This browser")
	p.Click("a[href*='?all']")
	wantPage(t, p, h.at("/account?all#sessions"), http.StatusOK, "This browser", "device0", "device21")
	p.Click("main > form button.quiet")
	wantPage(t, p, h.at("/account?done=others"), http.StatusOK, "You are signed out everywhere else.")
	if shown := evalTo[int](p, `document.querySelectorAll(".sessions li").length`); shown != 1 {
		t.Errorf("the account page shows %d sessions:\n%s", shown, p.Text())
	}
}

// withoutChecks sends a form as browsers do that check no fields.
func withoutChecks(p *browser.Page, field string) {
	p.Eval(`document.querySelector("`+field+`").form.noValidate = true`, nil)
}

func changePassword(t *testing.T, h harbour, p *browser.Page) {
	h.addUser(t, "emma", "", "")
	other := p.Tab(browser.Private())
	h.signIn(t, other, "emma", "secret", h.at("/members/"))
	h.signIn(t, p, "emma", "secret", h.at("/account"))

	// Password managers know where to go.
	p.Open(h.at("/.well-known/change-password"))
	wantPage(t, p, h.at("/account#password"), http.StatusOK, "Change password")

	change := func(current, chosen, repeated string, checked bool) {
		t.Helper()
		p.Open(h.at("/account"))
		p.Fill("#current_password", current)
		p.Fill("#new_password", chosen)
		p.Fill("#repeat_password", repeated)
		if !checked {
			withoutChecks(p, "#new_password")
		}
		p.ResetRequests()
		p.Click("form[action$='/password'] button")
	}
	const chosen = "two boats and a buoy"
	for _, test := range []struct {
		current, chosen, repeated string
		status                    int
		problems                  []string
	}{
		{"", "", "", http.StatusBadRequest, []string{"Enter your current password.", "Enter a new password."}},
		{"secret", "short", "short", http.StatusBadRequest, []string{"The new password is too short"}},
		{"secret", chosen, chosen + "s", http.StatusBadRequest, []string{"The two new passwords are not the same."}},
		{chosen, chosen, chosen, http.StatusBadRequest, []string{"The new password is the one you have now."}},
		{"wrong", chosen, chosen, http.StatusUnauthorized, []string{"The current password is wrong."}},
	} {
		change(test.current, test.chosen, test.repeated, false)
		wantPage(t, p, h.at("/account/password"), test.status, append(test.problems, "There is a problem")...)
		if !strings.HasPrefix(p.Title(), "Error: ") {
			t.Errorf("the title is %q", p.Title())
		}
		wantAlert(p)
		if kept := evalTo[string](p, `[...document.querySelectorAll("[type=password]")].map(e => e.value).join("")`); kept != "" {
			t.Error("the page has a password in it")
		}
		// The problem leads to its field.
		p.Click(".problems a")
		if field := p.Focused(); !strings.HasPrefix(field, "#") || evalTo[string](p, `document.activeElement.ariaInvalid`) != "true" {
			t.Errorf("%s: the link leads to %q", test.problems[0], field)
		}
	}
	// Browsers say by themselves that a password is too short.
	change("secret", "short", "short", true)
	if sent := p.Requests(); len(sent) != 0 {
		t.Errorf("the form was sent: %+v", sent)
	}

	before := cookie(t, p)
	change("secret", chosen, chosen, true)
	wantPage(t, p, h.at("/account?done=password"), http.StatusOK, "Your password is changed.")
	after := cookie(t, p)
	if after.Value == before.Value || after.Name != before.Name || after.Expires != before.Expires {
		t.Errorf("the cookie was %+v, and is %+v", before, after)
	}
	// A copy of the former cookie is worth nothing.
	copied := p.Tab(browser.Private())
	copied.Open(h.at("/"))
	copied.SetCookie(before)
	copied.Open(h.at("/members/"))
	wantSignIn(t, copied)
	other.Reload()
	wantSignIn(t, other)
	fillSignIn(other, "emma", "secret")
	wantMistake(t, other, "User name or password is wrong.")
	fillSignIn(other, "emma", chosen)
	wantPage(t, other, h.at("/members/"), http.StatusOK, membersText)
	p.Open(h.at("/members/"))
	wantPage(t, p, h.at("/members/"), http.StatusOK, membersText)

	// Whose password stands in the config reads that.
	h.signOut(t, p)
	h.signIn(t, p, "bob", "password", h.at("/account"))
	wantPage(t, p, h.at("/account"), http.StatusOK, "cannot be changed here")
}

func withoutScripts(t *testing.T, h harbour, window *browser.Page) {
	h.addUser(t, "fred", "", "")
	h.signInElsewhere(t, "fred", "secret", "phone/1")
	p := window.Tab(browser.Private(), browser.NoJavaScript())
	p.Open(h.at("/members/?x=1"))
	wantSignIn(t, p)
	fillSignIn(p, "fred", "wrong")
	wantMistake(t, p, "User name or password is wrong.")
	p.Click("#keep")
	fillSignIn(p, "fred", "secret")
	wantPage(t, p, h.at("/members/?x=1"), http.StatusOK, membersText)
	if cookie(t, p).Expires.IsZero() {
		t.Error("the cookie ends with the browser")
	}
	p.Open(h.at("/admin/"))
	wantPage(t, p, h.at("/admin/"), http.StatusForbidden, "No access")
	p.Click(".else a")
	wantPage(t, p, h.at("/"), http.StatusOK, openText)
	p.Open(h.at("/account"))
	wantPage(t, p, h.at("/account"), http.StatusOK, "phone", "This browser")
	p.Click(".sessions button")
	wantPage(t, p, h.at("/account?done=session"), http.StatusOK, "That session is signed out.")
	const chosen = "two boats and a buoy"
	p.Fill("#current_password", "secret")
	p.Fill("#new_password", chosen)
	p.Fill("#repeat_password", chosen+"s")
	p.Press("Enter")
	wantPage(t, p, h.at("/account/password"), http.StatusBadRequest, "The two new passwords are not the same.")
	p.Fill("#current_password", "secret")
	p.Fill("#new_password", chosen)
	p.Fill("#repeat_password", chosen)
	p.Press("Enter")
	wantPage(t, p, h.at("/account?done=password"), http.StatusOK, "Your password is changed.")
	p.Click("a[href='/logout']")
	wantPage(t, p, h.at("/logout"), http.StatusOK, "Do you want to sign out?")
	p.Click(".else a")
	wantPage(t, p, h.at("/"), http.StatusOK, openText)
	h.signOut(t, p)
	p.Open(h.at("/members/"))
	wantSignIn(t, p)
}

// wantAlert waits until the focus is on the problems: the browser puts it where
// the page asks for it a moment after the page is loaded.
func wantAlert(p *browser.Page) {
	p.Wait("the focus on the alert", func() bool { return evalTo[string](p, `document.activeElement?.role ?? ""`) == "alert" })
}

// wantFocus waits until the focus is on an element, and asserts that it can be
// seen.
func wantFocus(t *testing.T, p *browser.Page, element string) {
	t.Helper()
	p.Wait("the focus on "+element, func() bool { return p.Focused() == element })
	outline := evalTo[struct {
		Style, Colour string
		Width         float64
	}](p, `(s => ({Style: s.outlineStyle, Colour: s.outlineColor, Width: parseFloat(s.outlineWidth)}))(getComputedStyle(document.activeElement))`)
	if outline.Style == "none" || outline.Width < 2 || strings.HasSuffix(outline.Colour, ", 0)") {
		t.Errorf("the focus on %q cannot be seen: its outline is %+v", element, outline)
	}
}

// typeText presses a key for each character.
func typeText(p *browser.Page, text string) {
	for _, c := range text {
		p.Press(string(c))
	}
}

func keyboardOnly(t *testing.T, h harbour, p *browser.Page) {
	h.addUser(t, "gina", "", "")
	h.signInElsewhere(t, "gina", "secret", "phone/1")
	h.signInElsewhere(t, "gina", "secret", "phone/1")
	p.Open(h.at("/login?" + url.Values{"return_to": {"/account"}}.Encode()))
	wantFocus(t, p, "#username")
	typeText(p, "gina")
	p.Press("Tab")
	wantFocus(t, p, "#password")
	typeText(p, "wrong")
	p.Press("Enter")
	wantMistake(t, p)
	wantAlert(p)
	p.Press("Tab")
	wantFocus(t, p, "#username")
	p.Press("Tab")
	typeText(p, "secret")
	p.Press("Tab")
	wantFocus(t, p, "#keep")
	p.Press("Space")
	if !evalTo[bool](p, `keep.checked`) {
		t.Error("the space bar does not check the box")
	}
	p.Press("Tab")
	wantFocus(t, p, "button Sign in")
	p.Press("Space")
	wantPage(t, p, h.at("/account"), http.StatusOK, "phone")

	for _, element := range []string{
		"a Start page", "a Sign out", "button Sign out", "button Sign out", "button Sign out everywhere else",
		"#current_password", "#new_password", "#repeat_password", "button Change password",
	} {
		p.Press("Tab")
		wantFocus(t, p, element)
	}
	// That was all that can be clicked on.
	if all := evalTo[int](p, `document.querySelectorAll("a[href], button, input:not([type=hidden], [hidden])").length`); all != 9 {
		t.Errorf("%d elements can be used, want 9", all)
	}

	p.Press("Shift+Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab")
	wantFocus(t, p, "button Sign out")
	p.Press("Enter")
	wantPage(t, p, h.at("/account?done=session"), http.StatusOK, "That session is signed out.")
	if n := h.sessionsOf(t, "gina"); n != 2 {
		t.Errorf("gina has %d sessions", n)
	}
	p.Press("Tab", "Tab")
	wantFocus(t, p, "a Sign out")
	p.Press("Enter")
	wantPage(t, p, h.at("/logout"), http.StatusOK, "Do you want to sign out?")
	p.Press("Tab")
	wantFocus(t, p, "button Sign out")
	p.Press("Enter")
	wantPage(t, p, h.at("/logout"), http.StatusOK, "You are signed out")
	p.Press("Tab")
	wantFocus(t, p, "a Sign in")
	p.Press("Enter")
	wantSignIn(t, p)
	wantFocus(t, p, "#username")
}

// A page with many images is there at once, also long after the access tokens
// of its sign-in, which nobody sees, would have ended.
func galleryStays(t *testing.T, h harbour, p *browser.Page) {
	address := h.at("/members/gallery.html")
	h.signIn(t, p, "bob", "password", address)
	before := cookie(t, p)
	p.ResetRequests()
	for round := range 4 {
		if round > 0 {
			time.Sleep(3 * time.Second) // the time itself is what is tested
			p.ResetRequests()
			p.Reload()
		} else {
			p.Open(address)
		}
		wantPage(t, p, address, http.StatusOK, galleryText)
		documents, images := 0, 0
		for _, request := range p.Requests() {
			switch {
			// What the browser has already is asked for again, and not sent.
			case request.Status != http.StatusOK && request.Status != http.StatusNotModified || request.Failed != "":
				t.Errorf("round %d: %+v", round, request)
			case request.Type == "Document":
				documents++
			case request.Type == "Image":
				images++
			}
		}
		seen := evalTo[int](p, `[...document.images].filter(i => i.complete && i.naturalWidth > 0).length`)
		if documents != 1 || images != pictures || seen != pictures {
			t.Errorf("round %d: %d documents, %d images, of which %d can be seen", round, documents, images, seen)
		}
		if now := cookie(t, p); now != before {
			t.Errorf("round %d: the cookie is %+v and was %+v", round, now, before)
		}
	}
	// The same without a browser, which says what is in the header.
	r, err := http.NewRequest(http.MethodGet, h.URL("/members/07.svg"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = fmt.Sprintf("localhost:%d", h.Port)
	r.AddCookie(&http.Cookie{Name: before.Name, Value: before.Value})
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Header.Get("Set-Cookie") != "" {
		t.Errorf("an image: %s %v", response.Status, response.Header)
	}
}

// Who asked to be kept signed in still is when the browser is started again, and
// nobody else.
func keepSignedIn(t *testing.T, h harbour, _ *browser.Page) {
	profile := t.TempDir()
	start := func() *browser.Browser { return browser.Start(t, browser.Profile(profile)) }

	b := start()
	h.signIn(t, b.Page, "alice", "secret", h.at("/members/"))
	b.Stop()

	b = start()
	b.Open(h.at("/members/"))
	wantSignIn(t, b.Page)
	b.Click("label[for=keep]")
	fillSignIn(b.Page, "alice", "wrong")
	wantMistake(t, b.Page)
	fillSignIn(b.Page, "alice", "secret") // the box is still checked
	wantPage(t, b.Page, h.at("/members/"), http.StatusOK, membersText)
	before := cookie(t, b.Page)
	// refresh_token_lifetime
	if left := time.Until(before.Expires); left < 29*24*time.Hour || left > 31*24*time.Hour {
		t.Errorf("the cookie lasts for %s", left)
	}
	b.Stop()

	b = start()
	b.Open(h.at("/members/"))
	wantPage(t, b.Page, h.at("/members/"), http.StatusOK, membersText)
	if now := cookie(t, b.Page); now.Value != before.Value {
		t.Error("the cookie has changed")
	}
}

// A browser that keeps no cookies is told so, and not sent to sign in for ever.
func noCookies(t *testing.T, h harbour, _ *browser.Page) {
	p := browser.Start(t, browser.NoCookies()).Page
	for range 2 {
		wantNoCircle(t, p, h.at("/members/"), http.StatusOK, "/login")
		p.ResetRequests()
		fillSignIn(p, "alice", "secret")
		wantEnd(t, p, http.StatusBadRequest, "/login")
		if !strings.Contains(p.Text(), "Your browser did not keep the cookie") {
			t.Errorf("the page says:\n%s", p.Text())
		}
	}
	p.Reload()
	wantEnd(t, p, http.StatusBadRequest, "/login")
	p.ResetRequests()
	p.Click("main a.button")
	wantEnd(t, p, http.StatusOK, "/login")
	wantSignIn(t, p)
}
