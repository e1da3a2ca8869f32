package jwtauth_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// scopeSite tells what a session may do.
const scopeSite = `
	token_server
	jwt_auth /write {
		scope write
	}
	jwt_auth /in
	respond "{http.auth.user.scope}"
`

// TestScopeTakenAway from a user is taken from the user's sessions too, whatever
// keeps them, when a cookie is next read and with the next refresh; and what is
// given to a user later is not given to a session that was made before.
func TestScopeTakenAway(t *testing.T) {
	for name, way := range map[string]struct {
		// realm are the options of the realm whose user has the scopes given.
		realm func(s *server, scopes ...string) string
		// change gives the user other scopes.
		change func(s *server, scopes ...string)
	}{
		"reload": {
			func(_ *server, scopes ...string) string {
				return "user zoe " + secretHash + " {\nscope " + strings.Join(scopes, " ") + "\n}"
			},
			nil, // it is made by a reload with the realm's options
		},
		"users file": {
			func(s *server, scopes ...string) string {
				writeUsersFile(s, scopes)
				return "users_file <DIR>/users.json"
			},
			func(s *server, scopes ...string) { writeUsersFile(s, scopes) },
		},
		"store": {
			func(*server, ...string) string { return "" },
			func(s *server, scopes ...string) {
				mustAdmin(s.t, "PATCH", "/jwtauth/default/user?name=zoe", `{"scopes":["`+strings.Join(scopes, `","`)+`"]}`)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			load := func(scopes ...string) {
				s.load("{\n<GLOBAL>\njwtauth {\nstore memory\naccess_token_lifetime 1s\n" + way.realm(s, scopes...) + "\n}\n}\n" + s.site(scopeSite))
			}
			load("read", "write")
			if name == "store" {
				mustAdmin(t, "POST", "/jwtauth/default/users", `{"username":"zoe","password_hash":"`+secretHash+`","scopes":["read","write"]}`)
			}
			change := func(scopes ...string) {
				if way.change == nil {
					load(scopes...)
					return
				}
				way.change(s, scopes...)
			}
			full := s.signIn("zoe", "read", "write")
			held := cookie("jwtauth=" + full.CookieValue)
			narrow := cookie("jwtauth=" + s.signIn("zoe", "read").CookieValue)
			refresh := full.Refresh
			// wantScope waits until a request by cookie has the scope, which takes
			// as long as an answer is remembered and a file goes unread.
			wantScope := func(want string, cookies ...option) {
				t.Helper()
				for _, c := range cookies {
					got := ""
					testcaddy.Eventually(t, "scope "+want, func() bool {
						got = s.get("/in", c).want(t, http.StatusOK).Body
						return got == want
					})
				}
			}
			wantRefreshed := func(want string) {
				t.Helper()
				m := s.form("/refresh", "refresh_token="+refresh).want(t, http.StatusOK).json(t)
				if got, _ := m["scope"].(string); got != want {
					t.Errorf("a refresh gives %q, want %q", got, want)
				}
				refresh, _ = m["refresh_token"].(string)
			}
			s.get("/write", held).wantBody(t, http.StatusOK, "read write")
			wantScope("read", narrow)

			change("read")
			wantScope("read", held, narrow)
			s.get("/write", held).want(t, http.StatusForbidden)
			wantRefreshed("read")

			// What is given back was granted; what is new was not.
			change("read", "write", "delete")
			wantScope("read write", held)
			wantScope("read", narrow)
			s.get("/write", held).want(t, http.StatusOK)
			s.get("/write", narrow).want(t, http.StatusForbidden)
			wantRefreshed("read write")

			change("other")
			wantScope("", held, narrow)
			wantRefreshed("")
		})
	}
}

func writeUsersFile(s *server, scopes []string) {
	s.t.Helper()
	path := filepath.Join(s.dir, "users.json")
	text := `{"users":[{"username":"zoe","password_hash":"` + secretHash + `","scopes":["` + strings.Join(scopes, `","`) + `"]}]}`
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.t.Fatal(err)
	}
}

// TestScopeTakenAwayFromAClient is taken from the sessions that the client has, and
// a client that leaves the config takes all of them along.
func TestScopeTakenAwayFromAClient(t *testing.T) {
	s := newServer(t)
	load := func(client string) {
		s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n" + client + "\n}\n}\n" + s.site(scopeSite))
	}
	load("client app {\nscope read write\n}")
	in, err := jwtauth.SignInThrough(jwtauth.DefaultRealm, "app", "alice", "read", "write")
	if err != nil {
		t.Fatal(err)
	}
	held, refresh := cookie("jwtauth="+in.CookieValue), in.Refresh
	rotate := func(want string) {
		t.Helper()
		m := s.form("/token", "grant_type=refresh_token&client_id=app&refresh_token="+refresh).want(t, http.StatusOK).json(t)
		if got, _ := m["scope"].(string); got != want {
			t.Errorf("a refresh gives %q, want %q", got, want)
		}
		refresh, _ = m["refresh_token"].(string)
	}
	s.get("/write", held).wantBody(t, http.StatusOK, "read write")
	rotate("read write")
	load("client app {\nscope read\n}")
	s.get("/in", held).wantBody(t, http.StatusOK, "read")
	s.get("/write", held).want(t, http.StatusForbidden)
	rotate("read")
	load("client app {\nscope delete\n}")
	s.get("/in", held).wantBody(t, http.StatusOK, "")
	rotate("")
	load("client other")
	s.get("/in", held).wantInvalidToken(t)
	s.get("/write", held).wantInvalidToken(t)
	s.get("/users/me", held).wantInvalidToken(t)
	s.form("/token", "grant_type=refresh_token&client_id=app&refresh_token="+refresh).want(t, http.StatusUnauthorized)
}
