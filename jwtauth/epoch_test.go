package jwtauth_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// admin asks the admin API of the running Caddy, without its network endpoint.
func admin(method, path, body string) (int, string) {
	app, err := caddy.ActiveContext().AppIfConfigured(jwtauth.AppName)
	if err != nil {
		return 0, err.Error()
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	app.(*jwtauth.App).AdminHandler().ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(text)
}

func mustAdmin(t *testing.T, method, path, body string) string {
	t.Helper()
	status, text := admin(method, path, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return text
}

// issued are tokens that were given out.
type issued struct{ access, refresh string }

func (a answer) issued() (issued, bool) {
	var m struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if a.Response == nil || a.StatusCode != http.StatusOK || json.Unmarshal([]byte(a.Body), &m) != nil {
		return issued{}, false
	}
	return issued{m.Access, m.Refresh}, true
}

var formType = header("Content-Type", "application/x-www-form-urlencoded")

// wantDead fails where anything of what was issued still works.
func (s *server) wantDead(all []issued) {
	s.t.Helper()
	for _, one := range all {
		if a := s.get("/in", bearer(one.access)); a.StatusCode != http.StatusUnauthorized {
			s.t.Fatalf("an access token issued before works: %d", a.StatusCode)
		}
		if a := s.form("/refresh", "refresh_token="+one.refresh); a.StatusCode < 400 {
			s.t.Fatalf("a refresh token issued before works: %d", a.StatusCode)
		}
	}
}

// race runs work in several goroutines, again and again, calls stop when so many
// of them have succeeded, and returns what all of them got, also after it.
func race(t *testing.T, after int, work func(worker int) (issued, bool), stop func()) []issued {
	t.Helper()
	const workers = 4
	var (
		mu  sync.Mutex
		all []issued
		wg  sync.WaitGroup
	)
	ctx, done := context.WithCancel(t.Context())
	enough := make(chan struct{})
	for worker := range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				got, ok := work(worker)
				if !ok {
					continue
				}
				mu.Lock()
				if all = append(all, got); len(all) == after {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(20 * time.Second):
		t.Error("nobody succeeds")
	}
	stop()
	done()
	wg.Wait()
	return all
}

// What the hasher of these tests makes, so that no sign-in replaces it.
const (
	madeSecretHash   = "$argon2id$v=19$m=7168,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$0A9bozg23ZXPLF0CJ4Xc0nXAGt3kZ/mNbJfxzIeOAl0"
	madePasswordHash = "$argon2id$v=19$m=7168,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$F602nvXPNAhNw0rwWa3afZNDgPhXb37t85svy/HZPJA"
)

const epochSite = "token_server\njwt_auth /in\nrespond in"

// TestSignInAgainstDisable: a sign-in that runs while its user is disabled gives
// nothing that works when disabling has returned. It fails where a session may be
// made in spite of a raised epoch.
func TestSignInAgainstDisable(t *testing.T) {
	for _, store := range []string{"store memory", "store bolt <DIR>/store.db"} {
		t.Run(store, func(t *testing.T) {
			s := startWith(t, store+"\nthrottle off\npassword_hash argon2id {\nmemory 7168\ntime 1\nslots 4\n}", epochSite)
			mustAdmin(t, "POST", "/jwtauth/default/users", `{"username":"zoe","password_hash":"`+madeSecretHash+`"}`)
			for round := range 8 {
				for _, end := range []struct{ body, undo string }{
					{`{"disabled":true}`, `{"disabled":false}`},
					{`{"password_hash":"` + madePasswordHash + `"}`, `{"password_hash":"` + madeSecretHash + `"}`},
				} {
					all := race(t, 1+round%5, func(int) (issued, bool) {
						a, err := s.try("POST", "/token", "username=zoe&password=secret", formType)
						if err != nil {
							t.Error(err)
						}
						return a.issued()
					}, func() { mustAdmin(t, "PATCH", "/jwtauth/default/user?name=zoe", end.body) })
					s.wantDead(all)
					if n, err := jwtauth.SessionCount("default", "zoe"); err != nil || n != 0 {
						t.Fatalf("%d sessions are left: %v", n, err)
					}
					mustAdmin(t, "PATCH", "/jwtauth/default/user?name=zoe", end.undo)
				}
			}
		})
	}
}

// TestRefreshAgainstRevokeAll: the same for refreshes while all sessions of the
// user are ended, the user removed, or disabled.
func TestRefreshAgainstRevokeAll(t *testing.T) {
	for _, store := range []string{"store memory", "store bolt <DIR>/store.db"} {
		t.Run(store, func(t *testing.T) {
			s := startWith(t, store+"\nthrottle off", epochSite)
			const add = `{"username":"zoe","password_hash":"` + secretHash + `"}`
			mustAdmin(t, "POST", "/jwtauth/default/users", add)
			for round := range 40 {
				var undo func()
				end := []func(){
					func() { mustAdmin(t, "DELETE", "/jwtauth/default/sessions?user=zoe", "") },
					func() {
						mustAdmin(t, "DELETE", "/jwtauth/default/user?name=zoe", "")
						undo = func() { mustAdmin(t, "POST", "/jwtauth/default/users", add) }
					},
					func() {
						mustAdmin(t, "PATCH", "/jwtauth/default/user?name=zoe", `{"roles":["new"],"end_sessions":true}`)
					},
					func() { mustAdmin(t, "POST", "/jwtauth/default/keys/revoke", "") },
				}[round%4]
				var current [4]string
				var all []issued
				for i := range current {
					in := s.signIn("zoe")
					current[i] = in.Refresh
					all = append(all, issued{in.Access, in.Refresh})
				}
				got := race(t, 1+round%7, func(worker int) (issued, bool) {
					a, err := s.try("POST", "/refresh", "refresh_token="+current[worker], formType)
					if err != nil {
						t.Error(err)
					}
					one, ok := a.issued()
					if ok {
						current[worker] = one.refresh
					}
					return one, ok
				}, end)
				s.wantDead(append(all, got...))
				if undo != nil {
					undo()
				}
			}
		})
	}
}

// TestSignInAgainstReload: the same where a reload removes or disables a user of
// the Caddyfile, or gives them another password.
func TestSignInAgainstReload(t *testing.T) {
	s := newServer(t)
	config := func(users string) string {
		return "{\n<GLOBAL>\njwtauth {\nstore bolt <DIR>/store.db\nthrottle off\npassword_hash {\nslots 4\n}\n" +
			"user alice " + secretHash + "\n" + users + "\n}\n}\n" + s.site(epochSite)
	}
	const before = "user bob " + madePasswordHash
	for round := range 12 {
		after := []string{"", before + " {\ndisabled\n}", "user bob " + madeSecretHash}[round%3]
		s.load(config(before))
		all := race(t, 1+round%4, func(int) (issued, bool) {
			a, _ := s.try("POST", "/token", "username=bob&password=password", formType) // a reload may cut a connection
			return a.issued()
		}, func() { s.load(config(after)) })
		s.wantDead(all)
		if n, err := jwtauth.SessionCount("default", "bob"); err != nil || n != 0 {
			t.Fatalf("%d sessions are left: %v", n, err)
		}
	}
}

// TestRefreshesAtOnce: a hundred callers with one token all get the same
// successor, and there is one session after it.
func TestRefreshesAtOnce(t *testing.T) {
	for _, store := range []string{"store memory", "store bolt <DIR>/store.db"} {
		t.Run(store, func(t *testing.T) {
			s := startWith(t, store+"\n<USERS>", epochSite)
			alice := s.signIn("alice")
			var wg sync.WaitGroup
			successors := make(chan string, 100)
			for range 100 {
				wg.Go(func() {
					a, err := s.try("POST", "/refresh", "refresh_token="+alice.Refresh, formType)
					got, ok := a.issued()
					if err != nil || !ok {
						t.Errorf("%v %v", a.Body, err)
					}
					successors <- got.refresh
				})
			}
			wg.Wait()
			close(successors)
			first := <-successors
			for other := range successors {
				if other != first {
					t.Fatal("two lineages")
				}
			}
			if n, err := jwtauth.SessionCount("default", "alice"); err != nil || n != 1 {
				t.Errorf("%d sessions: %v", n, err)
			}
			s.form("/refresh", "refresh_token="+first).want(t, http.StatusOK)
		})
	}
}

// TestTheftEndsTheSession at once: with everything that was issued to it.
func TestTheftEndsTheSession(t *testing.T) {
	s := startWith(t, "store memory\nrefresh_token_grace 0\n<USERS>", epochSite)
	for name, use := range map[string]func(token string) answer{
		"at /refresh in the body": func(token string) answer { return s.form("/refresh", "refresh_token="+token) },
		"at /refresh as a bearer": func(token string) answer { return s.do("POST", "/refresh", bearer(token)) },
		"at /token":               func(token string) answer { return s.form("/token", "grant_type=refresh_token&refresh_token="+token) },
	} {
		t.Run(name, func(t *testing.T) {
			alice, other := s.signIn("alice"), s.signIn("alice")
			second, ok := use(alice.Refresh).want(t, http.StatusOK).issued()
			if !ok {
				t.Fatal("no tokens")
			}
			s.get("/in", bearer(second.access)).want(t, http.StatusOK)
			status := http.StatusUnauthorized
			if strings.Contains(name, "/token") {
				status = http.StatusBadRequest
			}
			if m := use(alice.Refresh).want(t, status).json(t); m["error"] != "invalid_grant" {
				t.Errorf("%v", m)
			}
			s.wantDead([]issued{{alice.Access, alice.Refresh}, second})
			s.get("/in", cookie("jwtauth="+alice.CookieValue)).wantInvalidToken(t)
			s.get("/in", bearer(other.Access)).want(t, http.StatusOK)
		})
	}
}
