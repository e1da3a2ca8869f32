package examples_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// An API behind the guard: users by command, sign-in below a base path, and
// headers that say who is asking.
func TestAPI(t *testing.T) {
	t.Parallel()
	e := load(t, "api/Caddyfile")
	// Before the first start and while it runs.
	e.MustRunInput("correct horse battery\n", "jwtauth", "user", "add", "alice", "--role", "admin", "--config", e.Config, "--password-stdin")
	e.Start()
	e.MustRunInput("staple horse battery\n", "jwtauth", "user", "add", "bob", "--role", "reader", "--role", "writer", "--config", e.Config, "--password-stdin")
	v := &visitor{t, e, goCurl}
	alice := v.signIn("alice", "correct horse battery")
	bob := v.signIn("bob", "staple horse battery")

	line := `curl -H "Authorization: Bearer <access_token>" -H "X-User: mallory" -H "X-Roles: admin" http://127.0.0.1:8001`
	for _, test := range []struct {
		who    string
		as     pair
		path   string
		status int
		body   string
	}{
		{"alice", alice, "/api/hello", 200, "user=alice roles=admin path=/api/hello\n"},
		{"alice", alice, "/api/admin/hello", 200, "user=alice roles=admin path=/api/admin/hello\n"},
		{"bob", bob, "/api/hello", 200, "user=bob roles=reader,writer path=/api/hello\n"},
		{"bob", bob, "/api/admin/hello", 403, "insufficient_scope"},
		{"a liar", pair{access: "garbage"}, "/api/hello", 401, "invalid_token"},
		// No guard here, so nobody is known; and nobody is whom he says to be.
		{"alice", alice, "/public", 200, "user= roles= path=/public\n"},
		{"a liar", pair{access: "garbage"}, "/public", 200, "user= roles= path=/public\n"},
	} {
		if a := v.run(line+test.path, test.as); a.status != test.status || !strings.Contains(a.body, test.body) {
			t.Errorf("%s at %s: %v; want %d %s", test.who, test.path, a, test.status, test.body)
		}
	}
	if a := v.run("curl http://127.0.0.1:8001/api/hello", pair{}); a.status != 401 || a.json("detail") != "Not authenticated" {
		t.Errorf("nobody: %v", a)
	}

	// The keys and the users are there after a restart.
	e.Stop()
	e.Start()
	if a := v.run(line+"/api/hello", alice); a.status != 200 {
		t.Errorf("after a restart: %v", a)
	}
	v.signIn("bob", "staple horse battery")
	// A user who is removed by command is out at once.
	e.MustRun("jwtauth", "user", "remove", "bob", "--config", e.Config)
	if a := v.run(line+"/api/hello", bob); a.status != 401 {
		t.Errorf("a removed user: %v", a)
	}
}

func (v *visitor) signIn(name, password string) pair {
	v.Helper()
	line := `curl -X POST http://127.0.0.1:8001/auth/token -d "username=` + name + `&password=` + strings.ReplaceAll(password, " ", "+") + `"`
	return v.tokens(v.run(line, pair{}))
}

// upstream is an API that remembers the headers of the last request.
type upstream struct {
	mu   sync.Mutex
	last http.Header
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last = r.Header.Clone()
}

func (u *upstream) take() http.Header {
	u.mu.Lock()
	defer u.mu.Unlock()
	last := u.last
	u.last = nil
	return last
}

// With an API of one's own in its place: it sees the headers of the guard and no
// others, however they are spelled, and no cookie of ours.
func TestAPIHeaders(t *testing.T) {
	t.Parallel()
	e := load(t, "api/Caddyfile")
	guarded, _, found := strings.Cut(e.text, "# In place of your API")
	if !found {
		t.Fatal("the example has changed")
	}
	e.SetConfig(guarded)
	api := new(upstream)
	listener, err := net.Listen("tcp", e.here("127.0.0.1:8002"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: api}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() { _ = server.Close(); serving.Wait() })
	e.AddUser("alice", "correct horse battery", "--role", "admin")
	e.Start()
	v := &visitor{t, e, goCurl}
	alice := v.signIn("alice", "correct horse battery")

	lies := []string{
		"X-User: mallory", "x-user: mallory", "X_User: mallory", "X.User: mallory", "x_USER: mallory", "X-Roles: root", "X_Roles: root",
		"Connection: X-User, X-Roles, x_user", "Cookie: jwtauth=js1_x; theme=dark; __Host-jwtauth=js1_y",
	}
	for _, test := range []struct {
		path, bearer, user, roles string
		status                    int
	}{
		{"/api/hello", alice.access, "alice", "admin", 200},
		{"/api/admin/hello", alice.access, "alice", "admin", 200},
		{"/public", alice.access, "", "", 200},
		{"/public", "", "", "", 200},
		{"/api/hello", "", "", "", 401},
		{"/api/hello", "garbage", "", "", 401},
	} {
		for i := -1; i < len(lies); i++ {
			told := lies // all at once, then each by itself
			if i >= 0 {
				told = lies[i : i+1]
			}
			what := fmt.Sprintf("%s with %q and a token of %d bytes", test.path, told, len(test.bearer))
			if got := send(t, e.here("127.0.0.1:8001"), test.path, test.bearer, told); got != test.status {
				t.Errorf("%s: status %d, want %d", what, got, test.status)
			}
			seen := api.take()
			if (seen != nil) != (test.status == 200) {
				t.Errorf("%s: the API was asked: %v", what, seen != nil)
			}
			for name, values := range seen {
				text := strings.Join(values, "|")
				switch plain := strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name)); {
				case plain == "x-user" && (name != "X-User" || text != test.user),
					plain == "x-roles" && (name != "X-Roles" || text != test.roles),
					plain == "cookie" && text != "theme=dark":
					t.Errorf("%s: the API sees %s: %s", what, name, text)
				}
			}
			if test.status == 200 && (seen.Get("X-User") != test.user || seen.Get("X-Roles") != test.roles) {
				t.Errorf("%s: the API sees %v", what, seen)
			}
		}
	}
}

// send sends a GET request with header lines as they are, and returns the status.
func send(t *testing.T, address, path, bearer string, lines []string) int {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	text := "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if bearer != "" {
		text += "Authorization: Bearer " + bearer + "\r\n"
	}
	text += strings.Join(lines, "\r\n") + "\r\n\r\n"
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}
