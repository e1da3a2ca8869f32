package cmd_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// hint begins what a server says about a store that was opened elsewhere before.
const hint = "the store was last opened elsewhere"

// copyOf is a server with a copy of another one's data, which is stopped meanwhile.
func copyOf(t *testing.T, original *testcaddy.Caddy, config string) *testcaddy.Caddy {
	t.Helper()
	original.Stop()
	data := t.TempDir()
	if err := os.CopyFS(filepath.Join(data, "caddy"), os.DirFS(original.Data)); err != nil {
		t.Fatal(err)
	}
	original.Start()
	return testcaddy.New(t, config, testcaddy.Options{Data: data})
}

// A copy of production's data folder, run as staging, issues what production
// accepts, and is warned of that; with a new id it does not.
func TestStagingCopy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, config string
		newKeys      bool
	}{
		{"keys made here", site, true},
		{"a secret of the config", "{\n\tjwtauth {\n\t\tissuer https://example.com\n\t\tsigning_key HS256 \"a secret of more than thirty-two bytes\"\n\t}\n}\n" + site, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			production := testcaddy.Start(t, test.config)
			production.AddUser("alice", "correct horse")
			before := mustSignIn(t, production, "alice", "correct horse")
			staging := copyOf(t, production, test.config)
			staging.Start()
			if !strings.Contains(staging.Logs(), hint) || !strings.Contains(staging.Logs(), "caddy jwtauth store reset-id") {
				t.Error("no hint at the copy")
			}
			wantGet(t, production, "/private/", mustSignIn(t, staging, "alice", "correct horse").Access, http.StatusOK)
			wantRefused(t, staging.Run("jwtauth", "store", "reset-id"), "a Caddy runs", "stop it")
			wantRefused(t, staging.Run("jwtauth", "store", "reset-id", "--address", staging.Admin), "leave --address out")
			staging.Stop()

			got := staging.Run("jwtauth", "store", "reset-id")
			if got.Code != 0 || !strings.Contains(got.Stderr, "has a new id, sessions ended: 2") ||
				strings.Contains(got.Stderr, "new keys are made") != test.newKeys ||
				strings.Contains(got.Stderr, "give the copy another `signing_key`") == test.newKeys {
				t.Fatalf("exit code %d\n%s", got.Code, got.Stderr)
			}
			hints := strings.Count(staging.Logs(), hint)
			staging.Start()
			if strings.Count(staging.Logs(), hint) != hints || strings.Contains(production.Logs(), hint) {
				t.Error("a hint at what is no copy any more, or never was one")
			}
			wantGet(t, staging, "/private/", before.Access, http.StatusUnauthorized)
			if got := refresh(t, staging, before.Refresh); got != http.StatusUnauthorized {
				t.Errorf("production's refresh token at staging: status %d", got)
			}
			after := mustSignIn(t, staging, "alice", "correct horse")
			wantGet(t, staging, "/private/", after.Access, http.StatusOK)
			wantGet(t, production, "/private/", after.Access, http.StatusUnauthorized)
			if got := refresh(t, production, after.Refresh); got != http.StatusUnauthorized {
				t.Errorf("staging's refresh token at production: status %d", got)
			}
			if test.newKeys && kid(t, after.Access) == kid(t, before.Access) {
				t.Error("staging signs with production's key")
			}
			wantGet(t, production, "/private/", before.Access, http.StatusOK)
			if got := refresh(t, production, before.Refresh); got != http.StatusOK {
				t.Errorf("production's refresh token at production: status %d", got)
			}
		})
	}
}

func TestStoreResetIDRefuses(t *testing.T) {
	t.Parallel()
	t.Run("no store", func(t *testing.T) {
		c := testcaddy.New(t, site)
		wantRefused(t, c.Run("jwtauth", "store", "reset-id"), "default.db", "no such file")
		if _, err := os.Stat(filepath.Join(c.Data, "jwtauth")); err == nil {
			t.Error("something was made")
		}
	})
	t.Run("in memory", func(t *testing.T) {
		c := testcaddy.New(t, "{\n\tjwtauth {\n\t\tstore memory\n\t}\n}\n"+site)
		wantRefused(t, c.Run("jwtauth", "store", "reset-id"), "store bolt")
	})
	t.Run("in use, without an admin API", func(t *testing.T) {
		c := testcaddy.New(t, "{\n\tadmin off\n}\n"+site, testcaddy.Options{NoAdmin: true})
		c.Start()
		wantRefused(t, c.Run("jwtauth", "store", "reset-id"), filepath.Join(c.Data, "jwtauth", "default.db"), "stop Caddy")
	})
	t.Run("arguments", func(t *testing.T) {
		c := testcaddy.New(t, site)
		wantRefused(t, c.Run("jwtauth", "store", "reset-id", "default"), "caddy jwtauth store reset-id")
	})
}
