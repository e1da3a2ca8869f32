package cmd_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
)

// The README's first step: a user before Caddy ever ran.
func TestUserAddBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	c := testcaddy.New(t, site)
	got := c.RunInput("correct horse\n", "jwtauth", "user", "add", "alice", "--role", "admin", "--role", "editor",
		"--claim", "tenant=acme", "--email", "alice@example.com", "--password-stdin")
	if got.Code != 0 || got.Stdout != "" {
		t.Fatalf("exit code %d, standard output %q\n%s", got.Code, got.Stdout, got.Stderr)
	}
	for _, text := range []string{"without a running Caddy", c.Data, "Caddyfile", "user alice added"} {
		if !strings.Contains(got.Stderr, text) {
			t.Errorf("standard error does not say %q:\n%s", text, got.Stderr)
		}
	}

	c.Start()
	alice := mustSignIn(t, c, "alice", "correct horse")
	wantGet(t, c, "/admin/", alice.Access, http.StatusOK)
	wantGet(t, c, "/admin/", "", http.StatusUnauthorized)
	if got := signIn(t, c, "alice", "correct horse\n").status; got != http.StatusUnauthorized {
		t.Errorf("password with the newline of the input: status %d, want 401", got)
	}
	if keys := decode[[]adminapi.Key](t, c, "key", "list"); len(keys) != 2 {
		t.Errorf("%d keys, want the 2 that the command made: %+v", len(keys), keys)
	}
}

func TestUserWhileCaddyRuns(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, site)
	add := c.RunInput("secret\n", "jwtauth", "user", "add", "bob", "--password-stdin")
	if add.Code != 0 {
		t.Fatal(add.Stderr)
	}
	for _, text := range []string{"admin API at " + c.Admin, "warning: the password is shorter than 8 characters"} {
		if !strings.Contains(add.Stderr, text) {
			t.Errorf("standard error does not say %q:\n%s", text, add.Stderr)
		}
	}
	bob := mustSignIn(t, c, "bob", "secret")
	wantGet(t, c, "/private/", bob.Access, http.StatusOK)
	wantGet(t, c, "/admin/", bob.Access, http.StatusForbidden)

	t.Run("add again", func(t *testing.T) {
		wantRefused(t, c.RunInput("another one\n", "jwtauth", "user", "add", "bob", "--password-stdin"), "user bob exists", "passwd")
		mustSignIn(t, c, "bob", "secret")
	})
	t.Run("roles", func(t *testing.T) {
		c.MustRun("jwtauth", "user", "roles", "bob", "admin", "editor")
		if got := c.MustRun("jwtauth", "user", "roles", "bob"); got != "admin\neditor\n" {
			t.Errorf("roles:\n%s", got)
		}
		wantGet(t, c, "/admin/", bob.Access, http.StatusForbidden) // the token is as old as before
		next := mustSignIn(t, c, "bob", "secret")
		wantGet(t, c, "/admin/", next.Access, http.StatusOK)
		wantRefused(t, c.Run("jwtauth", "user", "roles", "bob", "--remove", "owner"), "does not have the role owner", "admin, editor")
		wantRefused(t, c.Run("jwtauth", "user", "roles", "bob", "a,b"), `"a,b"`, "one by one")

		c.MustRun("jwtauth", "user", "roles", "bob", "--remove", "admin", "--now")
		wantGet(t, c, "/admin/", next.Access, http.StatusUnauthorized)
		wantGet(t, c, "/private/", bob.Access, http.StatusUnauthorized)
		bob = mustSignIn(t, c, "bob", "secret")
		wantGet(t, c, "/admin/", bob.Access, http.StatusForbidden)
	})
	t.Run("passwd", func(t *testing.T) {
		wantGet(t, c, "/private/", bob.Access, http.StatusOK)
		c.MustRunInput("a new password\n", "jwtauth", "user", "passwd", "bob", "--password-stdin")
		wantGet(t, c, "/private/", bob.Access, http.StatusUnauthorized)
		if got := signIn(t, c, "bob", "secret").status; got != http.StatusUnauthorized {
			t.Errorf("old password: status %d, want 401", got)
		}
		bob = mustSignIn(t, c, "bob", "a new password")
	})
	t.Run("disable and enable", func(t *testing.T) {
		c.MustRun("jwtauth", "user", "disable", "bob")
		wantGet(t, c, "/private/", bob.Access, http.StatusUnauthorized)
		if got := signIn(t, c, "bob", "a new password").status; got != http.StatusBadRequest {
			t.Errorf("disabled: status %d, want 400", got)
		}
		c.MustRun("jwtauth", "user", "enable", "bob")
		wantGet(t, c, "/private/", bob.Access, http.StatusUnauthorized)
		bob = mustSignIn(t, c, "bob", "a new password")
	})
	t.Run("remove", func(t *testing.T) {
		c.MustRun("jwtauth", "user", "remove", "bob")
		wantGet(t, c, "/private/", bob.Access, http.StatusUnauthorized)
		if users := decode[[]adminapi.User](t, c, "user", "list"); len(users) != 0 {
			t.Errorf("users after the removal: %+v", users)
		}
	})
	for _, args := range [][]string{
		{"user", "show", "bob"}, {"user", "roles", "bob"}, {"user", "roles", "bob", "admin"}, {"user", "roles", "bob", "--add", "x"},
		{"user", "disable", "bob"}, {"user", "enable", "bob"}, {"user", "remove", "bob"},
		{"session", "list", "bob"}, {"session", "revoke", "--user", "bob"},
	} {
		t.Run("unknown: "+strings.Join(args, " "), func(t *testing.T) {
			wantRefused(t, c.Run(append([]string{"jwtauth"}, args...)...), "realm default has no user bob", "user list")
		})
	}
}

func TestUserOfConfigAndFile(t *testing.T) {
	t.Parallel()
	hash := strings.TrimSpace(testcaddy.New(t, site).MustRun("hash-password", "--algorithm", "bcrypt", "--bcrypt-cost", "4", "--plaintext", "hiccup"))
	c := testcaddy.New(t, `
{
	jwtauth {
		user carol `+hash+` admin
	}
}
`+site)
	for _, run := range []string{"without Caddy", "with Caddy"} {
		t.Run(run, func(t *testing.T) {
			if run == "with Caddy" {
				c.Start()
			}
			for _, args := range [][]string{{"add", "carol", "--password-stdin"}, {"passwd", "carol", "--password-stdin"}, {"disable", "carol"}, {"remove", "carol"}, {"roles", "carol", "x"}} {
				got := c.RunInput("correct horse\n", append([]string{"jwtauth", "user"}, args...)...)
				wantRefused(t, got, "user carol stands in the config", "reload")
			}
			users := decode[[]adminapi.User](t, c, "user", "list")
			if len(users) != 1 || users[0].Username != "carol" || users[0].Source != "config" || !slices.Equal(users[0].Roles, []string{"admin"}) {
				t.Errorf("users: %+v", users)
			}
		})
	}
}

func TestUserPasswordHash(t *testing.T) {
	t.Parallel()
	c := testcaddy.New(t, site)
	hash := c.MustRun("hash-password", "--algorithm", "bcrypt", "--bcrypt-cost", "4", "--plaintext", "correct horse")
	c.MustRunInput(hash, "jwtauth", "user", "add", "alice", "--password-hash-stdin")
	wantRefused(t, c.RunInput("plain text\n", "jwtauth", "user", "add", "bob", "--password-hash-stdin"), "hash")
	if shown := decode[adminapi.User](t, c, "user", "show", "alice"); shown.Scheme != "bcrypt" {
		t.Errorf("scheme %q, want bcrypt", shown.Scheme)
	}
	if shown := c.MustRun("jwtauth", "user", "show", "alice"); strings.Contains(shown, "$2") {
		t.Errorf("the hash is shown:\n%s", shown)
	}
	c.Start()
	mustSignIn(t, c, "alice", "correct horse")
	if users := decode[[]adminapi.User](t, c, "user", "list"); len(users) != 1 {
		t.Errorf("users: %+v, want alice alone", users)
	}
}
