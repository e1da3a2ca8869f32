package pages_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// Hashes of "secret" and "password", with the cheapest parameters that are accepted.
const (
	secretHash   = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$+v0rf6ETYAIpqJIjJyARZ3W3zqJlkf+0TRXzsLHmR6o"
	passwordHash = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$Wb9DOLKUgwlL5fjad9tfCPU0SBAo0PEY/evJRhwtUR0"
)

const (
	host     = "example.com"
	formType = "application/x-www-form-urlencoded"
	firefox  = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
)

var home = netip.MustParseAddr("192.0.2.1")

// site is a Server wired to a realm in memory: alice and bob, who is disabled,
// are in the store, carol is in the configuration.
type site struct {
	*pages.Server
	store    *memory.Store
	users    *user.Directory
	service  *signin.Service
	slots    *password.Slots
	sessions *session.Manager
	jar      *jar
	// address is where requests come from.
	address netip.Addr
	// reports are the errors that the Server reported. A test that expects some
	// empties it.
	reports []error
}

// cheapHasher makes hashes with the lowest cost that is accepted.
type cheapHasher struct{}

func (cheapHasher) Hash(pw string) (string, error) {
	text, err := bcrypt.GenerateFromPassword([]byte(pw), bcrypt.MinCost)
	return string(text), err
}

func (cheapHasher) NeedsUpgrade(*password.Hash) bool { return false }

// newSite returns a site with the theme of options, or the built-in one.
func newSite(t testing.TB, options ...pages.ThemeOptions) *site {
	t.Helper()
	s := &site{store: memory.New(), slots: password.NewSlots(4, 4), address: home}
	t.Cleanup(func() { s.store.Close() })
	var err error
	s.users, err = user.NewDirectory([]user.User{{Username: "carol", PasswordHash: passwordHash}}, nil, s.store)
	if err != nil {
		t.Fatal(err)
	}
	s.add(t, user.User{
		Username: "alice", FullName: "Alice Liddell", Email: "alice@example.com", Roles: []string{"admin", "editor"}, PasswordHash: secretHash,
	})
	s.add(t, user.User{Username: "bob", Disabled: true, PasswordHash: passwordHash})
	key, err := session.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := session.NewKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	decoy, err := password.Parse(secretHash)
	if err != nil {
		t.Fatal(err)
	}
	s.sessions = session.New(s.store, s.store.ID(), keys, s.store)
	s.service = &signin.Service{
		Users: s.users, Epochs: s.store, Throttle: throttle.New(s.store, throttle.Config{}),
		Slots: s.slots, Hasher: cheapHasher{}, Decoys: password.NewDecoys([]byte("key"), decoy.Profile()),
	}
	s.jar = &jar{site: s}
	var theme pages.ThemeOptions
	if options != nil {
		theme = options[0]
	}
	s.Server = &pages.Server{
		Theme: load(t, theme), SignIn: s.service, Users: s.users, Sessions: s.sessions,
		Lifetimes: session.DefaultLifetimes(), Cookies: s.jar,
		ClientIP: func(*http.Request) netip.Addr { return s.address },
		Report:   func(_ *http.Request, err error) { s.reports = append(s.reports, err) },
	}
	t.Cleanup(func() {
		if len(s.reports) != 0 {
			t.Errorf("reported %v", s.reports)
		}
	})
	return s
}

// builtIn is shared: a theme never changes.
var builtIn = sync.OnceValues(func() (*pages.Theme, error) { return pages.LoadTheme(pages.ThemeOptions{}) })

func load(t testing.TB, o pages.ThemeOptions) *pages.Theme {
	t.Helper()
	theme, err := builtIn()
	if o != (pages.ThemeOptions{}) {
		theme, err = pages.LoadTheme(o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return theme
}

func (s *site) add(t testing.TB, u user.User) {
	t.Helper()
	if _, err := s.users.Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}

// begin makes a session of a user, without a password, and returns its id and
// the header by which a browser presents it.
func (s *site) begin(t testing.TB, username, userAgent string) (sid, cookie string) {
	t.Helper()
	epoch, err := s.sessions.Epoch(t.Context(), username)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.sessions.Create(t.Context(), s.Lifetimes, session.NewSession{User: username, Epoch: epoch, UserAgent: userAgent, IP: "198.51.100.7"})
	if err != nil {
		t.Fatal(err)
	}
	value, err := s.sessions.Cookie(g.Session)
	if err != nil {
		t.Fatal(err)
	}
	return g.Session.ID, "Cookie: jwtauth=" + value
}

func (s *site) alive(t testing.TB, sid string) bool {
	t.Helper()
	_, err := s.sessions.Live(t.Context(), sid)
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func (s *site) live(t testing.TB, username string) []session.Session {
	t.Helper()
	list, err := s.sessions.List(t.Context(), username)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// signsIn reports whether a user can sign in with a password.
func (s *site) signsIn(t testing.TB, username, pw string) bool {
	t.Helper()
	_, err := s.service.SignIn(t.Context(), signin.Attempt{Username: username, Password: pw, Address: netip.MustParseAddr("203.0.113.9")})
	if err != nil && !errors.Is(err, signin.ErrCredentials) {
		t.Fatal(err)
	}
	return err == nil
}

const cleared = "jwtauth=; Path=/; Max-Age=0"

// answer is a response and its body.
type answer struct {
	*http.Response
	body string
}

// do sends a request. Headers are "Name: value"; one without a value is removed,
// and Host is the host of the request.
func (s *site) do(t testing.TB, method, target, body string, headers ...string) answer {
	t.Helper()
	return serve(t, s.Server, method, target, body, headers...)
}

func serve(t testing.TB, handler http.Handler, method, target, body string, headers ...string) answer {
	t.Helper()
	return serveContext(t.Context(), t, handler, method, target, body, headers...)
}

func serveContext(ctx context.Context, t testing.TB, handler http.Handler, method, target, body string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(ctx, method, "/", strings.NewReader(body))
	r.Host = host
	r.RequestURI = target
	path, query, _ := strings.Cut(target, "?")
	unescaped, err := url.PathUnescape(path)
	if err != nil {
		t.Fatal(err)
	}
	r.URL = &url.URL{Path: unescaped, RawPath: path, RawQuery: query}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", formType)
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case name == "Host":
			r.Host = value
		case value == "":
			r.Header.Del(name)
		case name == "Content-Type":
			r.Header.Set(name, value)
		default:
			r.Header.Add(name, value)
		}
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return answer{w.Result(), w.Body.String()}
}

func (s *site) get(t testing.TB, target string, headers ...string) answer {
	t.Helper()
	return s.do(t, http.MethodGet, target, "", headers...)
}

func (s *site) post(t testing.TB, target, body string, headers ...string) answer {
	t.Helper()
	return s.do(t, http.MethodPost, target, body, headers...)
}

// fields returns the body of a form, from names and values.
func fields(pairs ...string) string {
	v := make(url.Values)
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("status %d, want %d: %v %s", a.StatusCode, status, a.Header, a.body)
	}
	return a
}

// wantRedirect checks a 303 and where it leads.
func (a answer) wantRedirect(t testing.TB, to string) answer {
	t.Helper()
	a.want(t, http.StatusSeeOther)
	if got := a.Header.Get("Location"); got != to {
		t.Errorf("sent to %q, want %q", got, to)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the redirect may be kept: %v", a.Header)
	}
	return a
}

// wantText checks that a page shows a text, after its escapes are decoded.
func (a answer) wantText(t testing.TB, texts ...string) answer {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(a.body), text) {
			t.Errorf("the page does not say %q:\n%s", text, a.body)
		}
	}
	return a
}

func (a answer) wantNoText(t testing.TB, texts ...string) answer {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(html.UnescapeString(a.body), text) {
			t.Errorf("the page says %q:\n%s", text, a.body)
		}
	}
	return a
}

// cookies returns the Set-Cookie lines.
func (a answer) cookies() string { return strings.Join(a.Header["Set-Cookie"], "\n") }

// presented returns the header with which a browser sends the cookie back.
func (a answer) presented(t testing.TB) string {
	t.Helper()
	for _, c := range a.Cookies() {
		if c.Name == "jwtauth" && c.Value != "" {
			return "Cookie: jwtauth=" + c.Value
		}
	}
	t.Fatalf("no cookie was set: %d %v", a.StatusCode, a.Header)
	return ""
}

var tags = regexp.MustCompile(`<[a-z][^>]*>`)

// tag returns the only tag of the page with all of the attributes.
func (a answer) tag(t testing.TB, attributes ...string) string {
	t.Helper()
	var found []string
	for _, tag := range tags.FindAllString(a.body, -1) {
		has := true
		for _, attribute := range attributes {
			has = has && strings.Contains(strings.TrimSuffix(tag, ">")+" ", " "+attribute+" ")
		}
		if has {
			found = append(found, tag)
		}
	}
	if len(found) != 1 {
		t.Errorf("%d tags with %q, want one:\n%s", len(found), attributes, a.body)
		return ""
	}
	return found[0]
}

// sameAnswer compares two answers byte by byte, except for the date.
func sameAnswer(t testing.TB, what string, a, b answer) {
	t.Helper()
	if a.StatusCode != b.StatusCode || a.body != b.body {
		t.Errorf("%s: %d %s\nand %d %s differ", what, a.StatusCode, a.body, b.StatusCode, b.body)
	}
	var x, y bytes.Buffer
	_ = a.Header.WriteSubset(&x, map[string]bool{"Date": true})
	_ = b.Header.WriteSubset(&y, map[string]bool{"Date": true})
	if x.String() != y.String() {
		t.Errorf("%s: the headers differ:\n%s\n%s", what, x.String(), y.String())
	}
}
