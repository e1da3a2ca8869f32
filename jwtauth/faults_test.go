package jwtauth_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
)

const guardedSite = `
	token_server
	jwt_auth /in
	jwt_auth /optional {
		optional
	}
	jwt_auth /site {
		errors site
	}
	handle_errors {
		respond "{http.error.status_code}"
	}
	respond "in"
`

// TestBrokenStoreLetsNobodyIn: what needs the store fails, what does not goes on,
// and nothing of why is told outside.
func TestBrokenStoreLetsNobodyIn(t *testing.T) {
	defer storeIsBroken.Store(false)
	s := startWith(t, "store test_faulty\n<USERS>", guardedSite)
	alice := s.signIn("alice")
	byCookie := cookie("jwtauth=" + alice.CookieValue)
	storeIsBroken.Store(true)
	for name, a := range map[string]answer{
		"guard by cookie":          s.get("/in", byCookie),
		"optional guard by cookie": s.get("/optional", byCookie),
		"errors site by cookie":    s.get("/site", byCookie),
		"sign-in":                  s.form("/token", rightSignIn),
		"wrong sign-in":            s.form("/token", wrongSignIn),
		"refresh":                  s.form("/refresh", "refresh_token="+alice.Refresh),
		"refresh grant":            s.form("/token", "grant_type=refresh_token&refresh_token="+alice.Refresh),
		"revoke a session":         s.form("/revoke", "token="+alice.Refresh),
		"revoke a token":           s.do("POST", "/revoke", bearer(alice.Access)),
		"me":                       s.get("/users/me", bearer(alice.Access)),
		"me by cookie":             s.get("/users/me", byCookie),
	} {
		if a.StatusCode != http.StatusInternalServerError && a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d %s", name, a.StatusCode, a.Body)
		}
		if strings.Contains(a.Body, "canary") || strings.Contains(a.Body, "access_token") || a.Body == "in" {
			t.Errorf("%s: %s", name, a.Body)
		}
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control is %q", name, a.Header.Get("Cache-Control"))
		}
		if a.StatusCode == http.StatusServiceUnavailable && a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
	}
	// A token carries what the guard has to know.
	s.get("/in", bearer(alice.Access)).want(t, http.StatusOK)
	s.get("/in", bearer("rubbish")).wantInvalidToken(t)
	s.get("/in", cookie("jwtauth=rubbish")).wantInvalidToken(t)
	s.get("/in").wantNothingPresented(t)
	s.get("/.well-known/jwks.json").want(t, http.StatusOK)
	storeIsBroken.Store(false)
	s.get("/in", byCookie).want(t, http.StatusOK)
	s.form("/refresh", "refresh_token="+alice.Refresh).want(t, http.StatusOK)
	if !strings.Contains(s.log(), "canary") {
		t.Error("the log does not say what is wrong")
	}
}

// TestFailedReload: where a config does not start, the one before stays in force,
// with its users, and so does what ends sessions.
func TestFailedReload(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := newServer(t)
	config := func(users, more string) string {
		return "{\n<GLOBAL>\njwtauth {\nstore bolt <DIR>/store.db\n" + users + "\n}\n}\n" + s.site(guardedSite) + more
	}
	failing := fmt.Sprintf("http://:%d {\nbind 127.0.0.1\nrespond no\n}\n", taken.Addr().(*net.TCPAddr).Port)
	const (
		both      = "user alice " + secretHash + " admin\nuser bob " + passwordHash
		noBob     = "user alice " + secretHash + " admin"
		bobOff    = noBob + "\nuser bob " + passwordHash + " {\ndisabled\n}"
		bobAnew   = noBob + "\nuser bob " + secretHash
		bobSignIn = "username=bob&password=password"
	)
	for name, change := range map[string]string{"removed": noBob, "disabled": bobOff, "new password": bobAnew} {
		t.Run(name, func(t *testing.T) {
			s.load(config(both, ""))
			if err := s.tryLoad(config(change, failing)); err == nil {
				t.Fatal("the port is taken, and the config started")
			}
			// The users before are back.
			s.form("/token", rightSignIn).want(t, http.StatusOK)
			m := s.form("/token", bobSignIn).want(t, http.StatusOK).json(t)
			access, _ := m["access_token"].(string)
			refresh, _ := m["refresh_token"].(string)
			s.get("/in", bearer(access)).want(t, http.StatusOK)

			// The same change, without the mistake: it ends what began in between.
			s.load(config(change, ""))
			s.get("/in", bearer(access)).wantInvalidToken(t)
			if a := s.form("/refresh", "refresh_token="+refresh); a.StatusCode < 400 || a.StatusCode >= 500 {
				t.Errorf("refresh: status %d", a.StatusCode)
			}
			if n, err := jwtauth.SessionCount("default", "bob"); err != nil || n != 0 {
				t.Errorf("bob has %d sessions: %v", n, err)
			}
		})
	}
}

// TestReloadKeepsSessions of everybody whom it does not concern.
func TestReloadKeepsSessions(t *testing.T) {
	s := newServer(t)
	config := "{\n<GLOBAL>\njwtauth {\nstore bolt <DIR>/store.db\n<USERS>\n}\n}\n" + s.site(guardedSite)
	s.load(config)
	alice := s.signIn("alice")
	for range 3 {
		s.load(config)
		s.get("/in", bearer(alice.Access)).want(t, http.StatusOK)
		s.get("/in", cookie("jwtauth="+alice.CookieValue)).want(t, http.StatusOK)
	}
	s.stop()
	s.load(config)
	s.get("/in", bearer(alice.Access)).want(t, http.StatusOK)
	s.get("/in", cookie("jwtauth="+alice.CookieValue)).want(t, http.StatusOK)
	m := s.form("/refresh", "refresh_token="+alice.Refresh).want(t, http.StatusOK).json(t)
	if m["refresh_token"] == alice.Refresh {
		t.Error("the refresh token did not rotate")
	}
}

// TestRevocationsOutliveTokens, also where a reload has shortened the lifetimes,
// and over a restart.
func TestRevocationsOutliveTokens(t *testing.T) {
	s := newServer(t)
	config := func(lifetime string) string {
		return "{\n<GLOBAL>\njwtauth {\nstore bolt <DIR>/store.db\naccess_token_lifetime " + lifetime + "\n<USERS>\n}\n}\n" + s.site(guardedSite)
	}
	s.load(config("1h"))
	began := time.Now()
	bySession, byToken, byUser := s.signIn("alice"), s.signIn("alice"), s.signIn("bob")
	s.load(config("1m"))
	// A refresh under the short lifetime does not shorten what was issued before.
	refreshed, _ := s.form("/refresh", "refresh_token="+bySession.Refresh).want(t, http.StatusOK).json(t)["refresh_token"].(string)
	s.form("/revoke", "token="+refreshed).want(t, http.StatusOK)
	s.do("POST", "/revoke", bearer(byToken.Access)).want(t, http.StatusOK)
	s.vars["<USERS>"] = strings.Replace(commonUsers, "user bob", "user robert", 1)
	s.load(config("1m"))
	entries, err := jwtauth.Denials("default")
	if err != nil || len(entries) != 3 {
		t.Fatalf("%d revocations, want 3: %v %v", len(entries), entries, err)
	}
	for _, entry := range entries {
		if lasts := entry.Until.Sub(began); lasts < time.Hour {
			t.Errorf("%s %s is denied for %s, and its token is valid for an hour", entry.Kind, entry.ID, lasts)
		}
	}
	check := func() {
		t.Helper()
		for _, in := range []jwtauth.SignedIn{bySession, byToken, byUser} {
			s.get("/in", bearer(in.Access)).wantInvalidToken(t)
		}
		s.get("/in", cookie("jwtauth="+bySession.CookieValue)).wantInvalidToken(t)
		s.get("/in", cookie("jwtauth="+byUser.CookieValue)).wantInvalidToken(t)
		s.get("/in", cookie("jwtauth="+byToken.CookieValue)).want(t, http.StatusOK) // only the token was revoked
	}
	check()
	s.stop()
	s.load(config("1m"))
	check()
}

// TestExpiryAndLeeway: the clocks of a token's maker and of the guard may differ
// by the leeway, and a revocation lasts as long.
func TestExpiryAndLeeway(t *testing.T) {
	s := start(t, guardedSite)
	for _, test := range []struct {
		name   string
		change func(*accesstoken.Claims)
		good   bool
	}{
		{"about to expire", func(c *accesstoken.Claims) { c.IssuedAt, c.ExpiresAt = ago(time.Minute), time.Now().Add(time.Minute) }, true},
		{"expired", func(c *accesstoken.Claims) { c.IssuedAt, c.ExpiresAt = ago(time.Minute), ago(time.Second) }, false},
		{"issued in the future within it", func(c *accesstoken.Claims) { c.IssuedAt = time.Now().Add(20 * time.Second) }, true},
		{"issued in the future behind it", func(c *accesstoken.Claims) {
			c.IssuedAt, c.ExpiresAt = time.Now().Add(40*time.Second), time.Now().Add(10*time.Minute)
		}, false},
	} {
		token, err := jwtauth.Issue("default", test.change)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if a := s.get("/in", bearer(token)); (a.StatusCode == http.StatusOK) != test.good {
			t.Errorf("%s: status %d", test.name, a.StatusCode)
		}
		s.do("POST", "/revoke", bearer(token)).want(t, http.StatusOK)
		s.get("/in", bearer(token)).wantInvalidToken(t)
	}
	entries, err := jwtauth.Denials("default")
	if err != nil || len(entries) != 2 { // the others could not be used anyway
		t.Errorf("%v %v", entries, err)
	}
	for _, entry := range entries {
		if entry.Kind != revocation.Token || !entry.Until.After(time.Now()) {
			t.Errorf("%v", entry)
		}
	}
}

// TestUsersFile is followed while Caddy runs; broken, the last good one rules.
func TestUsersFile(t *testing.T) {
	s := newServer(t)
	path := filepath.Join(s.files(nil), "users.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	config := "{\n<GLOBAL>\njwtauth {\nstore memory\nusers_file " + path + "\n}\n}\n" + s.site(guardedSite)
	const dave, erin = `{"username": "dave", "password_hash": "` + secretHash + `"}`, `{"username": "erin", "password_hash": "` + secretHash + `"}`
	write(`{"users": [` + dave + `,]}`)
	if err := s.tryLoad(config); err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "$argon2id") {
		t.Fatalf("a broken file at the start: %v", err)
	}
	write(`{"users": [` + dave + `,` + erin + `]}`)
	s.load(config)
	in := s.signIn("dave")
	erinIn := s.signIn("erin")

	write(`{"users": [` + erin + `, {"username": "dave", "password_hash": "canary"}]}`)
	testcaddy.Eventually(t, "the broken file is reported", func() bool { return strings.Contains(s.log(), "the users file is broken") })
	s.get("/in", bearer(in.Access)).want(t, http.StatusOK)
	s.form("/token", "username=dave&password=secret").want(t, http.StatusOK)
	if log := s.log(); !strings.Contains(log, path) || strings.Contains(log, "canary") || strings.Contains(log, "$argon2id") {
		t.Errorf("the log does not name the file, or shows a hash: %s", log)
	}

	write(`{"users": [` + erin + `]}`)
	testcaddy.Eventually(t, "dave's session ends", func() bool { return s.get("/in", bearer(in.Access)).StatusCode == http.StatusUnauthorized })
	s.get("/in", cookie("jwtauth="+in.CookieValue)).wantInvalidToken(t)
	s.form("/token", "username=dave&password=secret").want(t, http.StatusUnauthorized)
	s.get("/in", bearer(erinIn.Access)).want(t, http.StatusOK)
}

// TestUsersFileWithTheNameOfAClient: what a config with such a user would be
// refused for lets nobody in where the file brings it later (RFC 9700 §4.15).
func TestUsersFileWithTheNameOfAClient(t *testing.T) {
	s := newServer(t)
	path := filepath.Join(s.dir, "users.json")
	write := func(names ...string) {
		t.Helper()
		var users []string
		for _, name := range names {
			users = append(users, `{"username": "`+name+`", "password_hash": "`+secretHash+`"}`)
		}
		if err := os.WriteFile(path, []byte(`{"users": [`+strings.Join(users, ",")+`]}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := "{\n<GLOBAL>\njwtauth {\nstore memory\nclient app\nusers_file " + path + "\n}\n}\n" + s.site(guardedSite)
	write("app")
	if err := s.tryLoad(config); err == nil || !strings.Contains(err.Error(), "client app has the name of a user") {
		t.Fatalf("at the start: %v", err)
	}
	write("dave")
	s.load(config)
	write("app", "dave")
	testcaddy.Eventually(t, "the file is read", func() bool { return strings.Contains(s.log(), `"users":2`) })
	s.form("/token", "username=app&password=secret").want(t, http.StatusUnauthorized)
	s.form("/token", "username=dave&password=secret").want(t, http.StatusOK)
	if !strings.Contains(s.log(), "one is a client") {
		t.Error("the log does not say why")
	}
}

// TestReloadWithoutTheRealm: what is gone with a config lets nobody in when it
// comes back.
func TestReloadWithoutTheRealm(t *testing.T) {
	s := newServer(t)
	config := "{\n<GLOBAL>\njwtauth {\nstore bolt <DIR>/store.db\n<USERS>\n}\n}\n" + s.site(guardedSite)
	s.load(config)
	alice := s.signIn("alice")
	s.form("/revoke", "token="+alice.Refresh).want(t, http.StatusOK)
	s.load("{\n<GLOBAL>\n}\n" + s.site("respond plain"))
	s.get("/in", bearer(alice.Access)).wantBody(t, http.StatusOK, "plain")
	s.load(config)
	s.get("/in", bearer(alice.Access)).wantInvalidToken(t)
	s.get("/in", cookie("jwtauth="+alice.CookieValue)).wantInvalidToken(t)
}

// TestStoreReplaced: a store that is not the one that the tokens are of knows
// nothing of what was revoked, so it honours none of them.
func TestStoreReplaced(t *testing.T) {
	s := newServer(t)
	config := "{\n<GLOBAL>\njwtauth {\nstore bolt <DIR>/store.db\n<USERS>\n}\n}\n" + s.site(guardedSite)
	s.load(config)
	alice := s.signIn("alice")
	s.get("/in", bearer(alice.Access)).want(t, http.StatusOK)
	s.stop()
	if err := os.Rename(filepath.Join(s.dir, "store.db"), filepath.Join(s.dir, "old.db")); err != nil {
		t.Fatal(err)
	}
	s.load(config) // the keys are the same
	s.get("/in", bearer(alice.Access)).wantInvalidToken(t)
	s.get("/in", cookie("jwtauth="+alice.CookieValue)).wantInvalidToken(t)
	s.get("/users/me", bearer(alice.Access)).wantInvalidToken(t)
	s.form("/refresh", "refresh_token="+alice.Refresh).want(t, http.StatusUnauthorized)
	s.form("/token", "grant_type=refresh_token&refresh_token="+alice.Refresh).want(t, http.StatusBadRequest)
}

// TestBrokenStoreFileOnReload leaves the running config alone.
func TestBrokenStoreFileOnReload(t *testing.T) {
	s := newServer(t)
	config := func(file string) string {
		return "{\n<GLOBAL>\njwtauth {\nstore bolt <DIR>/" + file + "\n<USERS>\n}\n}\n" + s.site(guardedSite)
	}
	s.load(config("store.db"))
	alice := s.signIn("alice")
	garbage := strings.Repeat("this is no database ", 5000)
	if err := os.WriteFile(filepath.Join(s.dir, "garbage.db"), []byte(garbage), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.tryLoad(config("garbage.db")); err == nil || !strings.Contains(err.Error(), "garbage.db") {
		t.Errorf("loaded garbage: %v", err)
	}
	if s.read("garbage.db") != garbage {
		t.Error("the file was changed")
	}
	s.get("/in", bearer(alice.Access)).want(t, http.StatusOK)
	s.form("/refresh", "refresh_token="+alice.Refresh).want(t, http.StatusOK)
}

func ago(d time.Duration) time.Time { return time.Now().Add(-d) }
