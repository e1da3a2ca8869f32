package jwtauth_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-jwtauth/caddy-jwtauth/caddyfile"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy/inprocess"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// The passwords of the users of commonUsers, and their hashes, as cheap as they
// are read.
const (
	secretHash   = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$+v0rf6ETYAIpqJIjJyARZ3W3zqJlkf+0TRXzsLHmR6o"
	passwordHash = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$Wb9DOLKUgwlL5fjad9tfCPU0SBAo0PEY/evJRhwtUR0"
)

// commonUsers are two people with little in common, and one who may not sign in.
const commonUsers = `
	user alice ` + secretHash + ` admin editor {
		scope read write
		full_name "Alice Example"
		email alice@example.com
		claim tenant acme
	}
	user bob ` + passwordHash + ` user {
		scope read
	}
	user carol ` + passwordHash + ` admin {
		disabled
	}
`

// server is a Caddy in this process. There is one at a time.
type server struct {
	t   *testing.T
	dir string
	// port is another one with each config: after a reload Caddy's listener of
	// the config before goes on for a moment.
	port atomic.Int64
	// vars are replaced in every Caddyfile of this server.
	vars map[string]string
}

// newServer prepares a Caddy without starting it.
func newServer(t *testing.T) *server {
	t.Helper()
	dir := inprocess.Home(t)
	s := &server{t: t, dir: dir}
	s.vars = map[string]string{
		"<DIR>": dir, "<USERS>": commonUsers,
		"<GLOBAL>": "admin off\nstorage file_system " + dir + "/storage\npersist_config off\ngrace_period 1s\n" +
			"log {\noutput file " + dir + "/caddy.log {\nroll_disabled\n}\nlevel DEBUG\n}\n",
	}
	return s
}

// start runs Caddy with one realm, whose users are commonUsers and whose store
// is in memory, and one site.
func start(t *testing.T, site string) *server {
	t.Helper()
	return startWith(t, "store memory\n<USERS>", site)
}

// startWith is start with the options of the realm.
func startWith(t *testing.T, realm, site string) *server {
	t.Helper()
	s := newServer(t)
	s.load("{\n<GLOBAL>\njwtauth {\n" + realm + "\n}\n}\n" + s.site(site))
	return s
}

// site is a site block of the server.
func (s *server) site(directives string) string {
	return "http://:<PORT> {\nbind 127.0.0.1\n" + directives + "\n}\n"
}

// adapt returns the JSON config that a Caddyfile stands for.
func (s *server) adapt(caddyfile string) ([]byte, error) {
	for range 2 { // what is put in may have something to replace, too
		for _, name := range slices.Sorted(maps.Keys(s.vars)) {
			caddyfile = strings.ReplaceAll(caddyfile, name, s.vars[name])
		}
	}
	return inprocess.Adapt(caddyfile)
}

// load runs a Caddyfile, in place of the one before.
func (s *server) load(caddyfile string) {
	s.t.Helper()
	if err := s.tryLoad(caddyfile); err != nil {
		s.t.Fatalf("loading the config: %v", err)
	}
}

func (s *server) tryLoad(caddyfile string) error {
	s.t.Helper()
	port := testcaddy.FreePort(s.t)
	s.vars["<PORT>"] = strconv.Itoa(port)
	config, err := s.adapt(caddyfile)
	if err != nil {
		s.t.Fatalf("adapting the Caddyfile: %v\n%s", err, caddyfile)
	}
	if err := inprocess.Load(config); err != nil {
		return err
	}
	s.port.Store(int64(port))
	return nil
}

// tryRoutes runs a config whose only site has these routes, as JSON. The realm is as
// with start.
func (s *server) tryRoutes(routes string) error {
	s.t.Helper()
	port := testcaddy.FreePort(s.t)
	s.vars["<PORT>"] = strconv.Itoa(port)
	config, err := s.adapt("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site("respond HERE"))
	if err != nil {
		s.t.Fatal(err)
	}
	const here = `{"handle":[{"body":"HERE","handler":"static_response"}]}`
	if !bytes.Contains(config, []byte(here)) {
		s.t.Fatalf("the route to replace is not there: %s", config)
	}
	for name, value := range s.vars {
		routes = strings.ReplaceAll(routes, name, value)
	}
	if err := inprocess.Load(bytes.Replace(config, []byte(here), []byte(routes), 1)); err != nil {
		return err
	}
	s.port.Store(int64(port))
	return nil
}

// address is that of the site.
func (s *server) address() string {
	return "127.0.0.1:" + strconv.FormatInt(s.port.Load(), 10)
}

// stop ends Caddy before the test does.
func (s *server) stop() {
	s.t.Helper()
	inprocess.Stop(s.t)
}

// log returns what Caddy has logged so far.
func (s *server) log() string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "caddy.log"))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// wantQuietLog fails where anything above debug was logged by this module's
// guards, or anything above info by anybody.
func (s *server) wantQuietLog() {
	s.t.Helper()
	for line := range strings.Lines(s.log()) {
		var entry struct{ Level, Logger, Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			s.t.Fatalf("a line of the log is not JSON: %s", line)
		}
		if entry.Level == "error" || entry.Level == "panic" ||
			entry.Level != "debug" && strings.HasPrefix(entry.Logger, "http.handlers.jwt_auth") {
			s.t.Errorf("logged: %s", line)
		}
	}
}

// answer is a response whose body was read.
type answer struct{ testcaddy.Answer }

// option changes a request before it is sent.
type option = testcaddy.Option

func header(name, value string) option { return testcaddy.Header(name, value) }
func bearer(token string) option       { return testcaddy.Bearer(token) }
func cookie(pairs ...string) option    { return testcaddy.Cookie(pairs...) }
func host(name string) option          { return testcaddy.Host(name) }

// do sends a request. The path is sent as it is written.
func (s *server) do(method, path string, options ...option) answer {
	s.t.Helper()
	return s.doBody(method, path, "", options...)
}

func (s *server) doBody(method, path, body string, options ...option) answer {
	s.t.Helper()
	a, err := s.try(method, path, body, options...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// try is doBody for other goroutines than the test's.
func (s *server) try(method, path, body string, options ...option) (answer, error) {
	address := s.address()
	r := &http.Request{
		Method: method, Host: address, Header: make(http.Header),
		URL: &url.URL{Scheme: "http", Host: address},
	}
	path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	if strings.HasPrefix(path, "//") {
		r.URL.Path = path
	} else {
		r.URL.Opaque = path // neither cleaned nor escaped
	}
	if body != "" {
		r.Body = io.NopCloser(strings.NewReader(body))
		r.ContentLength = int64(len(body))
	}
	a, err := testcaddy.Do(testcaddy.Client, r, options...)
	return answer{a}, err
}

func (s *server) get(path string, options ...option) answer {
	s.t.Helper()
	return s.do(http.MethodGet, path, options...)
}

// form posts a form.
func (s *server) form(path, body string, options ...option) answer {
	s.t.Helper()
	return s.doBody(http.MethodPost, path, body, append(options, testcaddy.Form())...)
}

// raw sends bytes and reads one response.
func (s *server) raw(request string) (answer, error) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		return answer{}, err
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	a, err := testcaddy.Read(res)
	return answer{a}, err
}

// signIn makes a session of a user of the default realm.
func (s *server) signIn(username string, scopes ...string) jwtauth.SignedIn {
	s.t.Helper()
	return s.signInTo(jwtauth.DefaultRealm, username, scopes...)
}

func (s *server) signInTo(realm, username string, scopes ...string) jwtauth.SignedIn {
	s.t.Helper()
	in, err := jwtauth.SignIn(realm, username, scopes...)
	if err != nil {
		s.t.Fatal(err)
	}
	return in
}

// want fails where the answer has another status.
func (a answer) want(t *testing.T, status int) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s %s: status %d, want %d; %v %s", a.method(), a.url(), a.StatusCode, status, a.Header, a.Body)
	}
	return a
}

func (a answer) wantBody(t *testing.T, status int, body string) answer {
	t.Helper()
	if a.want(t, status); a.Body != body {
		t.Errorf("%s %s: body %q, want %q", a.method(), a.url(), a.Body, body)
	}
	return a
}

func (a answer) wantHeader(t *testing.T, name, value string) answer {
	t.Helper()
	if got := a.Header.Values(name); len(got) > 1 || strings.Join(got, "") != value {
		t.Errorf("%s %s: %s is %q, want %q", a.method(), a.url(), name, got, value)
	}
	return a
}

func (a answer) method() string {
	if a.Request == nil {
		return ""
	}
	return a.Request.Method
}

func (a answer) url() string {
	if a.Request == nil || a.Request.URL == nil {
		return ""
	}
	return a.Request.URL.String()
}

// json decodes the body.
func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.Body), &m); err != nil {
		t.Fatalf("status %d, not JSON: %q", a.StatusCode, a.Body)
	}
	return m
}

// wantRefusal checks an answer of the guard, or of a protected endpoint, word by
// word: status, challenge and the JSON body.
func (a answer) wantRefusal(t *testing.T, status int, challenge, code, detail string) answer {
	t.Helper()
	a.want(t, status).wantHeader(t, "Cache-Control", "no-store")
	// A guard says of which realm it is, in both places.
	sent := a.Header.Get("WWW-Authenticate")
	guard := ""
	if m := byGuard.FindStringSubmatch(sent); m != nil {
		guard, sent = m[1], strings.TrimSuffix("Bearer "+sent[len(m[0]):], " ")
	}
	if sent != challenge {
		t.Errorf("%s %s: the challenge is %q, want %q", a.method(), a.url(), sent, challenge)
	}
	if a.method() == http.MethodHead {
		if a.Body != "" {
			t.Errorf("a HEAD request was answered with a body: %q", a.Body)
		}
		return a
	}
	a.wantHeader(t, "Content-Type", "application/json")
	m := a.json(t)
	if got, _ := m["error"].(string); got != code {
		t.Errorf("error is %q, want %q", got, code)
	}
	if by, _ := m["guard"].(string); by != guard && challenge != "" {
		t.Errorf("the body is of the guard %q, and the challenge of %q", by, guard)
	}
	if m["detail"] != detail {
		t.Errorf("detail is %q, want %q", m["detail"], detail)
	}
	return a
}

var byGuard = regexp.MustCompile(`^Bearer realm="([^"]*)"(, )?`)

// ofGuard is a challenge as a guard of the realm default gives it.
func ofGuard(challenge string) string {
	rest := strings.TrimPrefix(challenge, "Bearer")
	if rest != "" {
		rest = "," + rest
	}
	return `Bearer realm="default"` + rest
}

// The challenges of WIRE.md, section Bearer.
const (
	challengeNothing = "Bearer"
	challengeInvalid = `Bearer error="invalid_token", error_description="The access token is malformed, expired, revoked or not from here"`
	challengeRole    = `Bearer error="insufficient_scope"`
)

func (a answer) wantNothingPresented(t *testing.T) answer {
	t.Helper()
	return a.wantRefusal(t, http.StatusUnauthorized, challengeNothing, "", "Not authenticated")
}

func (a answer) wantInvalidToken(t *testing.T) answer {
	t.Helper()
	return a.wantRefusal(t, http.StatusUnauthorized, challengeInvalid, "invalid_token", "Could not validate credentials")
}

func (a answer) wantForbidden(t *testing.T) answer {
	t.Helper()
	return a.wantRefusal(t, http.StatusForbidden, challengeRole, "insufficient_scope", "Forbidden")
}

// upstream is a server behind Caddy that remembers the last request it got.
type upstream struct {
	*httptest.Server
	mu    sync.Mutex
	last  *http.Request
	count int
}

// newUpstream starts one; <UPSTREAM> in Caddyfiles of s is its address.
func (s *server) newUpstream() *upstream {
	u := new(upstream)
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		u.mu.Lock()
		u.last, u.count = r, u.count+1
		u.mu.Unlock()
		fmt.Fprint(w, "upstream")
	}))
	s.t.Cleanup(u.Close)
	s.vars["<UPSTREAM>"] = strings.TrimPrefix(u.URL, "http://")
	return u
}

// take returns the request that came since the last take, nil for none.
func (u *upstream) take() *http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := u.last
	u.last = nil
	return r
}

// files writes files below a folder of the server and returns the folder.
func (s *server) files(files map[string]string) string {
	s.t.Helper()
	root := filepath.Join(s.dir, "site")
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	s.vars["<ROOT>"] = root
	return root
}

// sameAnswer compares two answers byte by byte, but for the date.
func sameAnswer(t *testing.T, what string, a, b answer) {
	t.Helper()
	if a.StatusCode != b.StatusCode || a.Body != b.Body {
		t.Errorf("%s: %d %q and %d %q differ", what, a.StatusCode, a.Body, b.StatusCode, b.Body)
	}
	one, other := a.Header.Clone(), b.Header.Clone()
	one.Del("Date")
	other.Del("Date")
	var x, y bytes.Buffer
	_ = one.Write(&x)
	_ = other.Write(&y)
	if x.String() != y.String() {
		t.Errorf("%s: the headers differ:\n%s\n%s", what, x.String(), y.String())
	}
}
