package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// jwks is the set of public keys as it is served.
func (s *site) jwks(t *testing.T) string {
	t.Helper()
	a, err := s.get(s.base+"/.well-known/jwks.json", "")
	if err != nil || a.status != http.StatusOK || !strings.Contains(a.body, `"kid"`) {
		t.Fatalf("the JWKS: %v, %v", a, err)
	}
	return a.body
}

// issuer is the "iss" of an access token.
func issuer(t *testing.T, access string) string {
	t.Helper()
	parts := strings.Split(access, ".")
	if len(parts) != 3 {
		t.Fatal("not a JWT")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.Issuer
}

// Keys that are made at the first start stay: what was issued is good after a
// restart, a crash and a reload.
func TestKeysAreKept(t *testing.T) {
	t.Parallel()
	user := "user alice " + hash(t, "secret")
	c := testcaddy.Start(t, guarded(user))
	s := visit(c)
	keys, live := s.jwks(t), mustSignIn(t, s, "alice", "secret")
	iss := issuer(t, live.Access)
	if !strings.HasPrefix(iss, "urn:uuid:") {
		t.Errorf("iss is %q", iss)
	}

	for _, step := range []struct {
		name string
		do   func()
	}{
		{"a restart", func() { c.Stop(); c.Start() }},
		{"a reload", func() { c.Reload(guarded(user, "access_token_lifetime 20m")) }},
		{"a crash", func() { c.Kill(); c.Start() }},
	} {
		step.do()
		s.hangUp()
		if got := s.jwks(t); got != keys {
			t.Errorf("after %s the JWKS is\n%s\nand was\n%s", step.name, got, keys)
		}
		wantLive(t, "after "+step.name, s, live.Access)
		next := mustRefresh(t, s, live.Refresh)
		wantLive(t, "after "+step.name, s, next.Access)
		if got := issuer(t, next.Access); got != iss {
			t.Errorf("after %s iss is %q and was %q", step.name, got, iss)
		}
		live.Refresh = next.Refresh // the access token is that of the sign-in
	}

	// A rotation signs with a new key, and keeps the old one for what it signed.
	c.MustRun("jwtauth", "key", "rotate", "--now")
	if s.jwks(t) == keys {
		t.Error("after a rotation the JWKS is the same")
	}
	wantLive(t, "after a rotation", s, live.Access)
	next := mustRefresh(t, s, live.Refresh)
	wantLive(t, "signed with the new key", s, next.Access)
	keys = s.jwks(t)
	c.Stop()
	c.Start()
	s.hangUp()
	if s.jwks(t) != keys {
		t.Error("after a restart the rotated keys are others")
	}
	wantLive(t, "signed with the old key, after a restart", s, live.Access)
	wantLive(t, "signed with the new key, after a restart", s, next.Access)
	mustRefresh(t, s, next.Refresh)
}

// Two servers that share the keys but not the store refuse each other's tokens:
// neither knows what the other has revoked.
func TestSharedKeysSeparateStores(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	user := "user alice " + hash(t, "secret")
	var servers [2]*testcaddy.Caddy
	for i, name := range []string{"one.db", "two.db"} {
		config := guarded("store bolt "+filepath.Join(folder, name), user)
		servers[i] = testcaddy.New(t, strings.Replace(config, "{", "{\n\tstorage file_system "+filepath.Join(folder, "storage"), 1))
	}
	// Together, so that both find no key and want to make it.
	var starting sync.WaitGroup
	for _, c := range servers {
		starting.Go(func() {
			if err := c.TryStart(); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	here, there := visit(servers[0]), visit(servers[1])
	if one, two := here.jwks(t), there.jwks(t); one != two {
		t.Fatalf("the servers share no key:\n%s\n%s", one, two)
	}
	live := mustSignIn(t, here, "alice", "secret")
	if other := mustSignIn(t, there, "alice", "secret"); issuer(t, live.Access) != issuer(t, other.Access) {
		t.Fatal("the servers are not of one realm")
	}

	wantDead(t, "at a server with another store", there, live)
	want(t, "revoked at a server with another store", http.StatusOK, "Token revoked")(there.revoke(live.Refresh))
	want(t, "revoked at a server with another store", http.StatusOK, "Token revoked")(there.revoke(live.Access))
	// What the other server was told is none of this one's business.
	wantLive(t, "at home", here, live.Access)
	mustRefresh(t, here, live.Refresh)
}

// A server that shares the store's file with one that runs says so, instead of
// starting without it.
func TestLockedStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "realm.db")
	config := guarded("store bolt "+path, "user alice "+hash(t, "secret"))
	testcaddy.Start(t, config)
	err := testcaddy.New(t, config).TryStart()
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "another Caddy or command has it open") {
		t.Errorf("the error is %v", err)
	}
}
