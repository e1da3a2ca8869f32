package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e/browser"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// The passwords "secret" and "password", as cheap as they are read.
const (
	secretHash   = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$+v0rf6ETYAIpqJIjJyARZ3W3zqJlkf+0TRXzsLHmR6o"
	passwordHash = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$Wb9DOLKUgwlL5fjad9tfCPU0SBAo0PEY/evJRhwtUR0"
)

// harbourConfig is the README's site and a few relatives. They have hosts of
// their own, so that they share no cookie. Access tokens end all the time, which
// nobody must notice.
const harbourConfig = `{
	skip_install_trust
	auto_https disable_redirects
	jwtauth {
		throttle off
		access_token_lifetime 2s
		password_hash argon2id {
			memory 7168
			time 1
		}
		user alice ` + secretHash + ` admin {
			full_name "Alice Example"
			email alice@example.com
		}
		user bob ` + passwordHash + ` {
			full_name "Bob Example"
		}
		user olga ` + secretHash + `
	}
	jwtauth staff {
		throttle off
		user alice ` + secretHash + `
	}
	jwtauth guests {
		access_token_lifetime 1s
		refresh_token_lifetime 5s
		refresh_token_idle 5s
		user alice ` + secretHash + `
	}
}

(harbour) {
	bind 127.0.0.1
	root site
	token_server {
		title "Harbour"
	}
	jwt_auth /members/*        # any signed-in user
	jwt_auth /admin/* admin    # admins
	jwt_auth /council/* mayor harbour-master clerk-of-the-harbour-board
	jwt_auth /pilots/* {
		scope pilot
	}
	jwt_auth /almanac/*
	header /almanac/* Cache-Control max-age=3600
	file_server
}

http://localhost:{$PORT} {
	import harbour
}

https://localhost:{$PORT2} {
	tls internal
	import harbour
}

http://whole.localhost:{$PORT} {
	bind 127.0.0.1
	root site
	token_server {
		logo logo.svg
	}
	jwt_auth
	file_server
}

http://app.localhost:{$PORT} {
	bind 127.0.0.1
	root site
	try_files {path} /app.html
	token_server
	jwt_auth
	file_server
}

http://staff.localhost:{$PORT} {
	bind 127.0.0.1
	root site
	token_server {
		realm staff
	}
	jwt_auth {
		realm staff
	}
	file_server
}

http://guests.localhost:{$PORT} {
	bind 127.0.0.1
	root site
	token_server {
		realm guests
	}
	jwt_auth {
		realm guests
	}
	file_server
}
`

// What the pages of the harbour say.
const (
	openText    = "Open to everybody"
	membersText = "The members' room"
	galleryText = "The gallery"
	adminText   = "The admins' desk"
	almanacText = "The almanac"
	appText     = "The app"
)

// pictures is how many the gallery has.
const pictures = 30

// harbour is a server whose site people look at.
type harbour struct {
	*testcaddy.Caddy
	secure int // port of HTTPS
}

// at is an address of the site. Its host is one that may have the cookie without
// HTTPS.
func (h harbour) at(path string) string { return h.on("localhost", path) }

// on is an address of another host of the server.
func (h harbour) on(host, path string) string {
	return fmt.Sprintf("http://%s:%d%s", host, h.Port, path)
}

// newHarbour starts the server.
func newHarbour(t *testing.T) harbour {
	t.Helper()
	secure := testcaddy.FreePort(t)
	c := testcaddy.New(t, harbourConfig, testcaddy.Options{Env: []string{fmt.Sprintf("PORT2=%d", secure)}})
	images := ""
	for i := range pictures {
		name := fmt.Sprintf("members/%02d.svg", i)
		images += fmt.Sprintf(`<img src="/%s" width="40" height="40" alt="">`, name)
		writeFile(t, c, "site/"+name, fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><circle cx="20" cy="20" r="%d"/></svg>`, i+1))
	}
	for path, body := range map[string]string{
		"index.html": openText + `<form method="post" action="/members/send"><button id="send">Send</button></form>` +
			`<form method="post" action="/logout"><input type="hidden" name="return_to" value="/"><button id="out">Sign out</button></form>`,
		"app.html":             appText,
		"members/index.html":   membersText + ` <a id="more" href="/">More</a>`,
		"members/gallery.html": galleryText + images,
		"admin/index.html":     adminText,
		"council/index.html":   "The council",
		"pilots/index.html":    "The pilots",
		"almanac/index.html":   almanacText + ` <a id="more" href="/">More</a>`,
	} {
		writeFile(t, c, "site/"+path, `<!doctype html><html lang="en"><head><title>Harbour</title></head><body>`+body+`</body></html>`)
	}
	writeFile(t, c, "logo.svg", `<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40" viewBox="0 0 120 40"><rect width="120" height="40" rx="8" fill="#1f5fbf"/></svg>`)
	c.Start()
	return harbour{c, secure}
}

func writeFile(t *testing.T, c *testcaddy.Caddy, path, text string) {
	t.Helper()
	path = filepath.Join(c.Dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newExample starts a copy of an example, which has one port, this server's, and
// more is added to its Caddyfile.
func newExample(t *testing.T, name, more string) harbour {
	t.Helper()
	root, err := testcaddy.Root()
	if err != nil {
		t.Fatal(err)
	}
	c := testcaddy.New(t, "{\n}")
	dir := filepath.Join(root, "examples", name)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.Name() == "Caddyfile" {
			text = append(text, more...)
		}
		// The pages have links with the port, too.
		writeFile(t, c, filepath.ToSlash(relative), strings.ReplaceAll(string(text), ":8080", fmt.Sprintf(":%d", c.Port)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c.SetConfig(filepath.Join(c.Dir, "examples", name, "Caddyfile"))
	c.Start()
	return harbour{Caddy: c}
}

// admin asks the admin API, as the commands do, which take longer to start.
func (h harbour) admin(t *testing.T, method, path string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(method, "http://"+h.Admin+"/jwtauth/default/"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s, %s, %v", method, path, response.Status, text, err)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
}

// addUser adds a user to the store, whose password is "secret".
func (h harbour) addUser(t *testing.T, name, fullName, email string) {
	t.Helper()
	h.admin(t, http.MethodPost, "users", map[string]string{
		"username": name, "full_name": fullName, "email": email, "password_hash": secretHash,
	}, nil)
}

// sessionsOf counts the sessions of a user.
func (h harbour) sessionsOf(t *testing.T, name string) int {
	t.Helper()
	var list []any
	h.admin(t, http.MethodGet, "sessions?user="+name, nil, &list)
	return len(list)
}

// endSessions ends the sessions of a user.
func (h harbour) endSessions(t *testing.T, name string) {
	t.Helper()
	h.admin(t, http.MethodDelete, "sessions?user="+name, nil, nil)
}

// signInElsewhere signs a user in from another device, which calls itself
// something.
func (h harbour) signInElsewhere(t *testing.T, name, password, device string) {
	t.Helper()
	// The host comes with the address of the form, and not all systems know
	// every name below localhost.
	form := url.Values{"username": {name}, "password": {password}, "keep": {"1"}}
	r, err := http.NewRequest(http.MethodPost, h.URL("/login"), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = fmt.Sprintf("localhost:%d", h.Port)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", device)
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusSeeOther || len(response.Cookies()) != 2 {
		t.Fatalf("a sign-in elsewhere: %s %v", response.Status, response.Header)
	}
	// No date: the clock of the device may be wrong.
	if c := response.Cookies()[0]; c.MaxAge < 24*60*60 || c.RawExpires != "" {
		t.Errorf("the cookie is %s", c.Raw)
	}
}

// olgaEverywhere signs olga in from more devices than her account page shows.
func (h harbour) olgaEverywhere(t *testing.T) {
	t.Helper()
	for i := range 22 {
		h.signInElsewhere(t, "olga", "secret", fmt.Sprintf("device%d/1", i))
	}
}

// fillSignIn fills the form and sends it.
func fillSignIn(p *browser.Page, name, password string) {
	p.Fill("#username", name)
	p.Fill("#password", password)
	p.Click("main form button")
}

// signOut signs out by the page that asks.
func (h harbour) signOut(t *testing.T, p *browser.Page) {
	t.Helper()
	p.Open(h.at("/logout"))
	p.Click("main button")
	wantPage(t, p, h.at("/logout"), http.StatusOK)
	if evalTo[bool](p, `document.querySelector("form") !== null`) {
		t.Fatalf("the page asks once more:\n%s", p.Text())
	}
}

// signIn goes to a page that is guarded, signs in there, and has to arrive.
func (h harbour) signIn(t *testing.T, p *browser.Page, name, password, address string) {
	t.Helper()
	p.Open(address)
	wantSignIn(t, p)
	fillSignIn(p, name, password)
	wantPage(t, p, address, http.StatusOK)
}

// wantPage asserts where the browser is and what it shows.
func wantPage(t *testing.T, p *browser.Page, address string, status int, texts ...string) {
	t.Helper()
	at, shown := p.URL(), p.Text()
	ok := at == address && p.Status() == status
	for _, text := range texts {
		ok = ok && strings.Contains(shown, text)
	}
	if !ok {
		t.Fatalf("at %s, with status %d:\n%s\n\nwant %s, with status %d and %q", at, p.Status(), shown, address, status, texts)
	}
}

// wantMistake asserts that the browser is at the sign-in page after a mistake, which keeps
// the place to return to.
func wantMistake(t *testing.T, p *browser.Page, texts ...string) {
	t.Helper()
	at, err := url.Parse(p.URL())
	if err != nil || at.Path != "/login" {
		t.Fatalf("at %s:\n%s\n\nwant the sign-in page", p.URL(), p.Text())
	}
	wantPage(t, p, p.URL(), http.StatusUnauthorized, texts...)
}

// wantSignIn asserts that the browser is at a fresh sign-in page.
func wantSignIn(t *testing.T, p *browser.Page) {
	t.Helper()
	if at, err := url.Parse(p.URL()); err != nil || at.Path != "/login" || p.Status() != http.StatusOK {
		t.Fatalf("at %s, with status %d:\n%s\n\nwant the sign-in page", p.URL(), p.Status(), p.Text())
	}
	var fields int
	p.Eval(`document.querySelectorAll("#username, #password").length`, &fields)
	if fields != 2 {
		t.Fatalf("the sign-in page has no form:\n%s", p.HTML())
	}
}

// cookie is the session cookie, whatever its name and path.
func cookie(t *testing.T, p *browser.Page) browser.Cookie {
	t.Helper()
	var found []browser.Cookie
	for _, c := range p.Cookies() {
		if strings.Contains(c.Name, "jwtauth") && !strings.Contains(c.Name, "jwtauth-device") {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("session cookies: %+v; want one", found)
	}
	return found[0]
}

// evalTo is a value of the page.
func evalTo[T any](p *browser.Page, js string) (value T) {
	p.Eval(js, &value)
	return value
}
