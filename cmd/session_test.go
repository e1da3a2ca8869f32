package cmd_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, site)
	c.AddUser("alice", "correct horse")
	c.AddUser("bob", "battery staple")
	first, second := mustSignIn(t, c, "alice", "correct horse"), mustSignIn(t, c, "alice", "correct horse")
	bob := mustSignIn(t, c, "bob", "battery staple")

	if all := decode[[]adminapi.Session](t, c, "session", "list"); len(all) != 3 {
		t.Errorf("sessions of all: %+v, want 3", all)
	}
	sessions := decode[[]adminapi.Session](t, c, "session", "list", "alice")
	if len(sessions) != 2 || sessions[0].User != "alice" || sessions[0].IP != "127.0.0.1" {
		t.Fatalf("sessions of alice: %+v, want 2", sessions)
	}
	table := c.MustRun("jwtauth", "session", "list", "alice")
	if lines := strings.Split(strings.TrimSpace(table), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], "SID ") || !strings.Contains(table, sessions[1].ID) {
		t.Errorf("table:\n%s", table)
	}

	sid := decode[adminapi.Token](t, c, "token", "inspect", "--", first.Access).SID
	c.MustRun("jwtauth", "session", "revoke", "--", sid)
	wantGet(t, c, "/private/", first.Access, http.StatusUnauthorized)
	wantGet(t, c, "/private/", second.Access, http.StatusOK)
	wantRefused(t, c.Run("jwtauth", "session", "revoke", "--", sid), "has no session "+sid, "session list")

	if got := decode[map[string]int](t, c, "session", "revoke", "--user", "alice"); got["ended"] != 1 {
		t.Errorf("revoke --user: %v, want 1 ended", got)
	}
	wantGet(t, c, "/private/", second.Access, http.StatusUnauthorized)
	wantGet(t, c, "/private/", bob.Access, http.StatusOK)

	// Ended by a command that opens the store itself, and known to the next start.
	c.Stop()
	c.MustRun("jwtauth", "session", "revoke", "--user", "bob")
	c.Start()
	wantGet(t, c, "/private/", bob.Access, http.StatusUnauthorized)

	for _, args := range [][]string{{"session", "revoke"}, {"session", "revoke", "x", "--user", "bob"}, {"session", "list", "a", "b"}} {
		wantRefused(t, c.Run(append([]string{"jwtauth"}, args...)...), "used as `caddy jwtauth session")
	}
}

// A command sees the users of the config it is given. Those of the server's
// config must not be taken for removed.
func TestCommandsSignNobodyOut(t *testing.T) {
	t.Parallel()
	hash := strings.TrimSpace(testcaddy.New(t, site).MustRun("hash-password", "--algorithm", "bcrypt", "--bcrypt-cost", "4", "--plaintext", "hiccup"))
	config := `
{
	jwtauth {
		user carol ` + hash + `
	}
}
` + site
	c := testcaddy.Start(t, config)
	carol := mustSignIn(t, c, "carol", "hiccup")
	c.Stop()
	c.SetConfig(site)
	c.MustRun("jwtauth", "user", "list")
	c.SetConfig(config)
	c.Start()
	wantGet(t, c, "/private/", carol.Access, http.StatusOK)
}
