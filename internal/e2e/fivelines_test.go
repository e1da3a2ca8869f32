package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// fiveLines is the smallest site with a login.
const fiveLines = `
http://localhost:{$PORT} {
	bind 127.0.0.1

	root site
	token_server               # /token /refresh /revoke /users/me …
	jwt_auth /private/*        # any signed-in user
	jwt_auth /admin/* admin    # any one of these roles
	file_server
}
`

// writeSite writes a static site into the folder of a server.
func writeSite(t *testing.T, c *testcaddy.Caddy) {
	t.Helper()
	for path, text := range map[string]string{
		"index.html":         "everybody's",
		"private-x/a.html":   "everybody's, too",
		"private/index.html": "the members' index",
		"private/a.html":     "the members' page",
		"admin/a.html":       "the admins' page",
	} {
		path = filepath.Join(c.Dir, "site", filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// raw sends a request whose path is what it is: no client tidies it up.
func raw(t *testing.T, c *testcaddy.Caddy, path, bearer string) (answer, error) {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port))
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = conn.Close() }()
	text := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n", path, c.Port)
	if bearer != "" {
		text += "Authorization: Bearer " + bearer + "\r\n"
	}
	if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
		return answer{}, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}

// onLocalhost sends the requests of a site under the name localhost.
type onLocalhost struct{ http.RoundTripper }

func (l onLocalhost) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = strings.Replace(r.URL.Host, "127.0.0.1", "localhost", 1)
	return l.RoundTripper.RoundTrip(r)
}

func TestFiveLines(t *testing.T) {
	t.Parallel()
	c := testcaddy.New(t, fiveLines)
	writeSite(t, c)
	// Before the very first start there is neither a store nor a key.
	c.AddUser("alice", "correct horse battery", "--role", "admin")
	c.Start()
	// And now the running server is asked.
	c.AddUser("bob", "staple battery horse")
	s := visit(c)
	s.http.Transport = onLocalhost{s.http.Transport}
	alice, bob := mustSignIn(t, s, "alice", "correct horse battery"), mustSignIn(t, s, "bob", "staple battery horse")

	const open, members, admins = "everybody's", "the members'", "the admins' page"
	for _, test := range []struct {
		path    string
		nobody  int
		bob     int
		alice   int
		content string
	}{
		{"/", 200, 200, 200, open},
		{"/private-x/a.html", 200, 200, 200, open},
		{"/private/a.html", 401, 200, 200, members},
		{"/private/", 401, 200, 200, members},
		{"/admin/a.html", 401, 403, 200, admins},
	} {
		for _, visitor := range []struct {
			name   string
			bearer string
			status int
		}{{"nobody", "", test.nobody}, {"bob", bob.Access, test.bob}, {"alice", alice.Access, test.alice}} {
			text := map[int]string{200: test.content, 401: "Not authenticated", 403: "insufficient_scope"}[visitor.status]
			want(t, visitor.name+" at "+test.path, visitor.status, text)(raw(t, c, test.path, visitor.bearer))
		}
	}

	// However the path is spelled, what is guarded is guarded.
	for _, path := range []string{
		"/private/a.html", "/PRIVATE/a.html", "/%70rivate/a.html", "/private/%61.html", "//private/a.html", "/./private/a.html",
		"/private//a.html", "/private/./a.html", "/private-x/../private/a.html", "/private-x/..%2fprivate/a.html",
		"/private-x/%2e%2e/private/a.html", "/private%2fa.html", "/private", "/private/", "/private/index.html",
		"/private/../private/a.html", "/private/a.html?x=/open", "/private/a.html;x", "/private\\a.html", "/private/%2e/a.html",
		"/admin/a.html", "/ADMIN/a.html", "/%61dmin/a.html", "//admin/a.html", "/private/..%2fadmin/a.html",
	} {
		a, err := raw(t, c, path, "")
		if err != nil || a.status >= 500 || strings.Contains(a.body, members) || strings.Contains(a.body, admins) {
			t.Errorf("nobody at %s: %v, %v", path, a, err)
		}
		a, err = raw(t, c, path, bob.Access)
		if err != nil || a.status >= 500 || strings.Contains(a.body, admins) {
			t.Errorf("bob at %s: %v, %v", path, a, err)
		}
	}

	// What the server keeps is nobody else's on this machine.
	for _, file := range []string{filepath.Join(c.Data, "jwtauth", "default.db"), filepath.Join(c.Data, "jwtauth", "default", "keys.json")} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v; only the owner may read it", file, info, err)
		}
	}
}

// Whatever happens, the log never holds what lets somebody in.
func TestLogHoldsNoCredential(t *testing.T) {
	t.Parallel()
	config := strings.Replace(guarded("user alice "+hash(t, "the-password-of-alice")), "{", "{\n\tdebug", 1)
	config = strings.Replace(config, "bind 127.0.0.1", "bind 127.0.0.1\n\tlog", 1)
	c := testcaddy.Start(t, config)
	s := visit(c)
	first := mustSignIn(t, s, "alice", "the-password-of-alice")
	next := mustRefresh(t, s, first.Refresh)
	secrets := []string{"the-password-of-alice", "not-her-password", first.Access, first.Refresh, next.Access, next.Refresh}
	for _, token := range secrets[2:] {
		wantAnswer(t, s, token)
		wantAnswer(t, s, token+"x")
		wantAnswer(t, s, token[:len(token)-2])
	}
	if _, _, err := s.signIn("alice", "not-her-password"); err != nil {
		t.Error(err)
	}
	if _, err := s.revoke(next.Refresh); err != nil {
		t.Error(err)
	}
	wantAnswer(t, s, next.Access)
	c.Stop()
	if !strings.Contains(c.Logs(), "request refused") || !strings.Contains(c.Logs(), "handled request") {
		t.Fatal("the log has no debug lines and no access log: this test proves nothing")
	}
	for _, secret := range secrets {
		// The end of a token is what nobody can guess.
		if strings.Contains(c.Logs(), secret[len(secret)-min(len(secret), 20):]) {
			t.Errorf("the log has %s", secret)
		}
	}
}

// wantAnswer shows a token everywhere.
func wantAnswer(t *testing.T, s *site, token string) {
	t.Helper()
	for _, visit := range []func() (answer, error){
		func() (answer, error) { return s.get("/private", token) },
		func() (answer, error) { return s.get("/admin", token) },
		func() (answer, error) { return s.me(token) },
	} {
		if a, err := visit(); err != nil || a.status >= 500 {
			t.Errorf("%v, %v", a, err)
		}
	}
}
