package examples_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// person is a browser without the pictures: it keeps cookies and follows
// redirects, and finds names below localhost on this machine.
type person struct {
	t      *testing.T
	client *http.Client
	jar    http.CookieJar
}

func newPerson(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	dialer := net.Dialer{Timeout: 10 * time.Second}
	transport := &http.Transport{
		// As browsers do, whatever the name servers here know of such names.
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
		// The certificate is of an authority that was made a moment ago.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &person{t, &http.Client{Jar: jar, Transport: transport, Timeout: 30 * time.Second}, jar}
}

// visit asks for a page, or sends a form to it, and returns where it ended.
func (p *person) visit(address string, form url.Values) (at string, status int, body string) {
	p.t.Helper()
	method, content := http.MethodGet, ""
	if form != nil {
		method, content = http.MethodPost, form.Encode()
	}
	r, err := http.NewRequest(method, address, strings.NewReader(content))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.Request.URL.String(), answer.StatusCode, string(text)
}

// goes visits a page and checks where that ends, and what is there.
func (p *person) goes(to string, form url.Values, at string, status int, text string) {
	p.t.Helper()
	gotAt, gotStatus, body := p.visit(to, form)
	if gotAt != at || gotStatus != status || !strings.Contains(body, text) {
		p.t.Errorf("%s ended at %s with %d, want %s, %d and %q:\n%s", to, gotAt, gotStatus, at, status, text, body)
	}
}

func signIn(username, password, back string) url.Values {
	return url.Values{"username": {username}, "password": {password}, "return_to": {back}}
}

// The static site as it stands, on HTTP, and by one changed line on HTTPS.
func TestStaticSite(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			e := load(t, "static-site/Caddyfile")
			port := e.ports["8080"]
			cookie := "jwtauth"
			if scheme == "https" {
				cookie = "__Host-jwtauth"
				text := strings.Replace(e.text, "http://localhost:"+port+" {", "localhost:"+port+" {", 1)
				// This machine is not to trust a certificate made for a test, and
				// its port 80 may be taken.
				e.SetConfig(strings.Replace(text, "{\n", "{\nskip_install_trust\nauto_https disable_redirects\n", 1))
			}
			e.Start()
			site := scheme + "://localhost:" + port
			p := newPerson(t)
			testcaddy.Eventually(t, "a certificate", func() bool {
				answer, err := p.client.Head(site)
				return err == nil && answer.Body.Close() == nil
			})
			p.goes(site+"/", nil, site+"/", 200, "Harbour")
			p.goes(site+"/guide/", nil, site+"/guide/", 200, "<h1")
			p.goes(site+"/members/?a=b", nil, site+"/login?return_to=%2Fmembers%2F%3Fa%3Db", 200, "<title>Sign in · Harbour</title>")
			p.goes(site+"/login", signIn("bob", "wrong", "/members/?a=b"), site+"/login", 401, "User name or password is wrong.")
			p.goes(site+"/login", signIn("bob", "password", "/members/?a=b"), site+"/members/?a=b", 200, "Members")
			p.goes(site+"/members/figures/", nil, site+"/members/figures/", 200, "<h1")
			p.goes(site+"/admin/", nil, site+"/admin/", 403, "This page needs the role admin.")
			p.goes(site+"/nothing", nil, site+"/nothing", 404, "Harbour")
			at, err := url.Parse(site)
			if err != nil {
				t.Fatal(err)
			}
			if held := p.jar.Cookies(at); len(held) != 2 || held[0].Name != cookie || held[1].Name != cookie+"-device" {
				t.Errorf("cookies %v, want %s and that of the device", held, cookie)
			}
			p.goes(site+"/login", signIn("alice", "secret", "/admin/"), site+"/admin/", 200, "Admin")
			p.goes(site+"/account", nil, site+"/account", 200, "Alice Example")
			p.goes(site+"/logout", url.Values{}, site+"/logout", 200, "You are signed out")
			p.goes(site+"/admin/", nil, site+"/login?return_to=%2Fadmin%2F", 200, "<form")
		})
	}
}

// One login for both sites.
func TestMultiSite(t *testing.T) {
	t.Parallel()
	e := load(t, "multi-site/Caddyfile")
	e.Start()
	port := ":" + e.ports["8080"]
	app, docs := "http://app.example.localhost"+port, "http://docs.example.localhost"+port
	login := app + "/login?return_to=" + url.QueryEscape(docs+"/radio/?a=b")
	p := newPerson(t)
	p.goes(docs+"/radio/?a=b", nil, login, 200, "<form")
	p.goes(app+"/login", signIn("alice", "secret", docs+"/radio/?a=b"), docs+"/radio/?a=b", 200, "<h1")
	p.goes(app+"/", nil, app+"/", 200, "alice")
	p.goes(app+"/logout", url.Values{}, app+"/logout", 200, "You are signed out")
	p.goes(docs+"/radio/?a=b", nil, login, 200, "<form")
}
