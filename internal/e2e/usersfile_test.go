package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// A users file is followed without a reload; one that is broken changes nothing
// but the log.
func TestUsersFileWithoutReload(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users.json")
	write := func(text string) {
		t.Helper()
		// As an editor does: a reader sees the old file or the new one.
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	alice := `{"username": "alice", "roles": ["admin"], "password_hash": "` + hash(t, "secret") + `"}`
	bob := `{"username": "bob", "password_hash": "` + hash(t, "secret") + `"}`
	users := func(users ...string) string { return `{"users": [` + strings.Join(users, ",\n") + "]}\n" }

	write(users(alice))
	c := testcaddy.Start(t, guarded("users_file "+path))
	s := visit(c)
	kept := mustSignIn(t, s, "alice", "secret")
	want(t, "a user who is not in the file", http.StatusUnauthorized, "Incorrect")(status(s.signIn("bob", "secret")))

	signsIn := func(name string) bool {
		a, _, err := s.signIn(name, "secret")
		return err == nil && a.status == http.StatusOK
	}
	write(users(alice, bob))
	testcaddy.Eventually(t, "a new user of the file signs in", func() bool { return signsIn("bob") })
	removed := mustSignIn(t, s, "bob", "secret")

	logged := len(c.Logs())
	write(users(alice, `{"username": "carol", "pasword_hash": ""}`))
	testcaddy.Eventually(t, "the log tells of the broken file", func() bool {
		news := c.Logs()[logged:]
		return strings.Contains(news, "the users file is broken; its last good version stays in force") &&
			strings.Contains(news, path) && strings.Contains(news, "pasword_hash")
	})
	wantLive(t, "with a broken file", s, removed.Access)
	if !signsIn("bob") || !signsIn("alice") {
		t.Error("with a broken file the users of the last good one do not sign in")
	}

	write(users(alice))
	testcaddy.Eventually(t, "a user who was removed from the file is out", func() bool {
		a, err := s.get("/private", removed.Access)
		return err == nil && a.status == http.StatusUnauthorized
	})
	wantDead(t, "a user who was removed from the file", s, removed)
	if signsIn("bob") {
		t.Error("a user who was removed from the file signs in")
	}

	// What happens to the file while the server is down counts as well.
	c.Stop()
	s.hangUp()
	write(users(strings.Replace(alice, `"roles"`, `"disabled": true, "roles"`, 1)))
	c.Start()
	want(t, "disabled while the server was down", http.StatusUnauthorized, "invalid_token")(s.get("/private", kept.Access))
	want(t, "disabled while the server was down: /users/me", http.StatusBadRequest, "Inactive user")(s.me(kept.Access))
	want(t, "disabled while the server was down: /refresh", http.StatusUnauthorized, "invalid_grant")(status(s.refresh(kept.Refresh)))
}

// A server does not start without its users: the file is named, and so is what
// is wrong with it.
func TestStartWithBrokenUsersFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(path, []byte(`{"users": [`), 0o600); err != nil {
		t.Fatal(err)
	}
	err := testcaddy.New(t, guarded("users_file "+path)).TryStart()
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "ends too early") {
		t.Errorf("the error is %v", err)
	}
}
