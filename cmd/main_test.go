package cmd_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

func TestMain(m *testing.M) { testcaddy.Main(m) }

// site is a token server and a guarded path.
const site = `
http://127.0.0.1:{$PORT} {
	token_server
	jwt_auth /private/*
	jwt_auth /admin/* admin
	respond "hello {http.auth.user.id}"
}
`

// tokens are what a sign-in gives.
type tokens struct {
	status  int
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func signIn(t *testing.T, c *testcaddy.Caddy, name, password string) (got tokens) {
	t.Helper()
	response, err := http.PostForm(c.URL("/token"), url.Values{"username": {name}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	got.status = response.StatusCode
	return got
}

// mustSignIn fails the test where the sign-in does.
func mustSignIn(t *testing.T, c *testcaddy.Caddy, name, password string) tokens {
	t.Helper()
	got := signIn(t, c, name, password)
	if got.status != http.StatusOK || got.Access == "" || got.Refresh == "" {
		t.Fatalf("sign-in of %s: status %d", name, got.status)
	}
	return got
}

// get returns the status of a path for the bearer of a token.
func get(t *testing.T, c *testcaddy.Caddy, path, token string) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, c.URL(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func wantGet(t *testing.T, c *testcaddy.Caddy, path, token string, want int) {
	t.Helper()
	if got := get(t, c, path, token); got != want {
		t.Errorf("GET %s: status %d, want %d", path, got, want)
	}
}

// decode runs a command with --json and reads its standard output.
func decode[T any](t *testing.T, c *testcaddy.Caddy, args ...string) (value T) {
	t.Helper()
	output := c.MustRun(append([]string{"jwtauth", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(output), &value); err != nil {
		t.Fatalf("caddy jwtauth --json %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return value
}

// wantRefused is about the contract of every failure: exit code 1, no data, and
// an error in one line, which is the last and has all of the texts.
func wantRefused(t *testing.T, got testcaddy.Result, texts ...string) {
	t.Helper()
	if got.Code != 1 {
		t.Errorf("exit code %d, want 1", got.Code)
	}
	if got.Stdout != "" {
		t.Errorf("standard output %q, want none", got.Stdout)
	}
	if n := strings.Count(got.Stderr, "Error: "); n != 1 {
		t.Errorf("%d errors, want one:\n%s", n, got.Stderr)
	}
	lines := strings.Split(strings.TrimSuffix(got.Stderr, "\n"), "\n")
	last := lines[len(lines)-1]
	for _, text := range append(texts, "Error: ") {
		if !strings.Contains(last, text) {
			t.Errorf("last line of standard error:\n%s\nwant %q in it", last, text)
		}
	}
}
