package cmd_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
)

// An admin API that refuses or fails is never passed over: the store would be
// written behind the back of whoever refused.
func TestAdminAPIThatRefuses(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = fmt.Fprint(w, `{"error":"host not allowed"}`)
			}))
			defer server.Close()
			address := strings.TrimPrefix(server.URL, "http://")
			c := testcaddy.New(t, site, testcaddy.Options{Env: []string{"CADDY_ADMIN=" + address}})
			got := c.RunInput("correct horse\n", "jwtauth", "user", "add", "alice", "--password-stdin")
			wantRefused(t, got, address, "host not allowed", "nothing was done")
			if _, err := os.Stat(c.Data); err == nil {
				t.Error("the data folder was made")
			}
		})
	}
	t.Run("not Caddy", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, "<h1>It works!</h1>")
		}))
		defer server.Close()
		c := testcaddy.New(t, site)
		wantRefused(t, c.Run("jwtauth", "user", "list", "--address", strings.TrimPrefix(server.URL, "http://")), "is it Caddy that listens there?")
	})
}

func TestAddress(t *testing.T) {
	t.Parallel()
	c := testcaddy.New(t, site)
	for address, text := range map[string]string{
		"127.0.0.1:1": "no server answers at 127.0.0.1:1", "unix//no/such.sock|0200": "no server answers", "foo//bar": "is not the address",
	} {
		wantRefused(t, c.Run("jwtauth", "user", "list", "--address", address), text)
	}
	if _, err := os.Stat(c.Data); err == nil {
		t.Error("the data folder was made")
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "sock") // the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket := "unix/" + filepath.Join(folder, "admin") + "|0600"
	c := testcaddy.New(t, "{\n\tadmin "+socket+"\n}\n"+site, testcaddy.Options{NoAdmin: true})
	c.Start()
	got := c.Run("jwtauth", "user", "list")
	if got.Code != 0 || !strings.Contains(got.Stderr, "admin API at "+socket) {
		t.Errorf("exit code %d\n%s", got.Code, got.Stderr)
	}
}

// A Caddy that runs without the realm does not stop anybody from preparing it.
func TestCaddyWithoutTheRealm(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, `
http://127.0.0.1:{$PORT} {
	respond hello
}
`)
	got := c.RunInput("correct horse\n", "jwtauth", "user", "add", "alice", "--password-stdin")
	if got.Code != 0 || !strings.Contains(got.Stderr, "does not have the realm default") {
		t.Fatalf("exit code %d\n%s", got.Code, got.Stderr)
	}
	c.Reload(site)
	mustSignIn(t, c, "alice", "correct horse")
}

func TestRealms(t *testing.T) {
	t.Parallel()
	c := testcaddy.New(t, "{\n\tjwtauth shop\n}\n"+site)
	for _, run := range []string{"without Caddy", "with Caddy"} {
		t.Run(run, func(t *testing.T) {
			if run == "with Caddy" {
				c.Start()
			}
			wantRefused(t, c.Run("jwtauth", "user", "list", "--realm", "shp"), `unknown realm "shp"`, "default shop")
			wantRefused(t, c.Run("jwtauth", "user", "list", "--realm", "../shop"), `realm name "../shop"`, "lower-case")
			c.AddUser("alice-"+fmt.Sprint(c.Running()), "correct horse", "--realm", "shop")
			if users := decode[[]adminapi.User](t, c, "user", "list"); len(users) != 0 {
				t.Errorf("users of the other realm: %+v", users)
			}
		})
	}
	if users := decode[[]adminapi.User](t, c, "user", "list", "--realm", "shop"); len(users) != 2 {
		t.Errorf("users of the realm: %+v, want the two added", users)
	}
}

func TestLockedStore(t *testing.T) {
	t.Parallel()
	t.Run("admin off", func(t *testing.T) {
		t.Parallel()
		c := testcaddy.New(t, "{\n\tadmin off\n}\n"+site, testcaddy.Options{NoAdmin: true})
		c.AddUser("alice", "correct horse")
		c.Start()
		wantRefused(t, c.Run("jwtauth", "user", "list"), filepath.Join(c.Data, "jwtauth", "default.db"), "admin API is off", "stop Caddy")
		mustSignIn(t, c, "alice", "correct horse")
		c.Stop()
		c.MustRun("jwtauth", "user", "list")
	})
	t.Run("another admin address", func(t *testing.T) {
		t.Parallel()
		data := t.TempDir()
		testcaddy.Start(t, site, testcaddy.Options{Data: data})
		other := testcaddy.New(t, site, testcaddy.Options{Data: data})
		wantRefused(t, other.Run("jwtauth", "user", "list"), "--config", "--address")
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	t.Run("storage, store and a default realm that is not named", func(t *testing.T) {
		c := testcaddy.New(t, site)
		storage := filepath.Join(t.TempDir(), "storage")
		store := filepath.Join(t.TempDir(), "users.db")
		// The rest of the config is none of the command's business.
		c.SetConfig(fmt.Sprintf(`{
			"admin": {"listen": %q},
			"storage": {"module": "file_system", "root": %q},
			"apps": {
				"no_such_app": {},
				"jwtauth": {"realms": {"default": {"store": {"module": "bolt", "path": %q}}}}
			}
		}`, c.Admin, storage, store))
		c.MustRun("jwtauth", "key", "list", "--config", c.Config)
		for _, path := range []string{store, filepath.Join(storage, "jwtauth", "default", "keys.json")} {
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("none", func(t *testing.T) {
		c := testcaddy.New(t, site)
		if err := os.Remove(c.Config); err != nil {
			t.Fatal(err)
		}
		got := c.RunInput("correct horse\n", "jwtauth", "user", "add", "alice", "--password-stdin")
		if got.Code != 0 || !strings.Contains(got.Stderr, "no config") {
			t.Fatalf("exit code %d\n%s", got.Code, got.Stderr)
		}
		c.SetConfig(site)
		c.Start()
		mustSignIn(t, c, "alice", "correct horse")
	})
	t.Run("memory", func(t *testing.T) {
		c := testcaddy.New(t, "{\n\tjwtauth {\n\t\tstore memory\n\t}\n}\n"+site)
		wantRefused(t, c.Run("jwtauth", "user", "list"), "kept in memory", "start Caddy")
		c.Start()
		c.AddUser("alice", "correct horse")
		mustSignIn(t, c, "alice", "correct horse")
	})
	t.Run("broken", func(t *testing.T) {
		c := testcaddy.New(t, "{\n\tjwtauth {\n\t\tisuer x\n\t}\n}\n"+site)
		wantRefused(t, c.Run("jwtauth", "user", "list"), "Caddyfile:3", "isuer")
		wantRefused(t, c.Run("jwtauth", "user", "list", "--config", "nowhere"), "nowhere")
		wantRefused(t, c.Run("jwtauth", "user", "list", "--adapter", "caddyfile"), "--config")
	})
	t.Run("a bad value that only loading sees", func(t *testing.T) {
		c := testcaddy.New(t, "{\n\tjwtauth {\n\t\tsigning_key HS256 {env.NO_SUCH_SECRET}\n\t}\n}\n"+site)
		wantRefused(t, c.Run("jwtauth", "user", "list"), "config Caddyfile", "realm default", "signing_key")
	})
}

// What a command opened is closed when it ends, so that the next one can open it.
func TestCommandReleasesTheStore(t *testing.T) {
	t.Parallel()
	c := testcaddy.New(t, site)
	for _, name := range []string{"a", "b", "c"} {
		c.AddUser(name, "correct horse")
	}
	locks, err := os.ReadDir(filepath.Join(c.Data, "locks"))
	if err != nil || len(locks) > 0 {
		t.Errorf("locks left in Caddy's storage: %v, %v", locks, err)
	}
	if users := decode[[]adminapi.User](t, c, "user", "list"); len(users) != 3 {
		t.Errorf("users: %+v, want 3", users)
	}
}

func TestWarningForRoot(t *testing.T) {
	t.Parallel()
	c := testcaddy.New(t, site)
	first, second := c.Run("jwtauth", "user", "list"), c.Run("jwtauth", "user", "list")
	const warning = "warning: root makes a new data folder"
	if got, want := strings.Contains(first.Stderr, warning), os.Getuid() == 0; got != want {
		t.Errorf("warned of the new folder: %t, want %t:\n%s", got, want, first.Stderr)
	}
	if strings.Contains(second.Stderr, warning) {
		t.Errorf("warned of a folder that was there:\n%s", second.Stderr)
	}
	if os.Getuid() != 0 {
		return
	}
	if err := os.Chown(c.Data, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if third := c.Run("jwtauth", "user", "list"); !strings.Contains(third.Stderr, "belongs to another user") {
		t.Errorf("not warned of the other owner:\n%s", third.Stderr)
	}
}
