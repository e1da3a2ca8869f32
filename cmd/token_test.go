package cmd_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
)

func TestTokenInspect(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, site)
	c.AddUser("alice", "correct horse", "--role", "admin")
	alice := mustSignIn(t, c, "alice", "correct horse")
	inspect := func(t *testing.T, token string, args ...string) (got adminapi.Token) {
		t.Helper()
		run := c.RunInput(token+"\n", append([]string{"jwtauth", "token", "inspect", "--json"}, args...)...)
		if err := json.Unmarshal([]byte(run.Stdout), &got); err != nil {
			t.Fatalf("%v\n%s", err, run.Stderr)
		}
		if (run.Code == 0) != got.Valid || strings.Contains(run.Stderr, "the token is not valid") == got.Valid {
			t.Errorf("exit code %d for %+v\n%s", run.Code, got, run.Stderr)
		}
		return got
	}

	access := inspect(t, alice.Access)
	if !access.Valid || access.Kind != "access_token" || access.Claims["sub"] != "alice" || access.SID == "" {
		t.Errorf("access token: %+v", access)
	}
	refresh := inspect(t, alice.Refresh, "-")
	if !refresh.Valid || refresh.Kind != "refresh_token" || refresh.SID != access.SID {
		t.Errorf("refresh token: %+v, want the session %s", refresh, access.SID)
	}
	if got := inspect(t, "no.such.token"); got.Valid || got.Kind != "unknown" || got.Reason == "" {
		t.Errorf("garbage: %+v", got)
	}
	foreign := inspect(t, alice.Access[:len(alice.Access)-10]+"AAAAAAAAAA")
	if foreign.Valid || foreign.Claims != nil {
		t.Errorf("a token with a bad signature: %+v, want it invalid and its claims not shown", foreign)
	}

	text := c.MustRunInput(alice.Access, "jwtauth", "token", "inspect")
	for _, line := range []string{"kind       access token\n", "valid      yes\n", "sub        alice\n", "roles      [\"admin\"]\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %q in:\n%s", line, text)
		}
	}
	argument := c.Run("jwtauth", "token", "inspect", "--", alice.Access)
	if argument.Code != 0 || !strings.Contains(argument.Stderr, "other users of this machine") {
		t.Errorf("as an argument: exit code %d, no warning in:\n%s", argument.Code, argument.Stderr)
	}

	c.MustRun("jwtauth", "session", "revoke", "--user", "alice")
	if got := inspect(t, alice.Access); got.Valid || !strings.Contains(got.Reason, "revoked") {
		t.Errorf("revoked access token: %+v", got)
	}
	if got := inspect(t, alice.Refresh); got.Valid || !strings.Contains(got.Reason, "session has ended") {
		t.Errorf("refresh token of an ended session: %+v", got)
	}
	if strings.Contains(c.Logs(), alice.Access) || strings.Contains(c.Logs(), alice.Refresh) {
		t.Error("a token is in Caddy's log")
	}
}
