package keyring

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// retiredNode is one machine of a realm, with a clock that the test sets.
type retiredNode struct {
	keys      *Keys
	verifier  *accesstoken.Verifier
	lifetimes session.Lifetimes
	storeID   string

	t     *testing.T
	dir   string
	clock *testClock
}

// newRetiredNode opens the keys in dir as a start does, for a verifier.
func newRetiredNode(t *testing.T, dir string, clock *testClock, algorithm string, change ...func(*session.Lifetimes)) *retiredNode {
	t.Helper()
	lt := session.DefaultLifetimes()
	for _, c := range change {
		c(&lt)
	}
	keys, err := testOpen(t, &certmagic.FileStorage{Path: dir}, clock, algorithm, lt)
	if err != nil {
		t.Fatal(err)
	}
	return &retiredNode{
		keys: keys, lifetimes: lt, storeID: "store",
		verifier: &accesstoken.Verifier{
			Issuer: "test", Audience: []string{"test"}, Leeway: lt.Leeway, Now: clock.Now, Keys: keys.Signing,
		},
		t: t, dir: dir, clock: clock,
	}
}

// read is what happens every minute.
func (n *retiredNode) read() {
	n.t.Helper()
	if err := n.keys.read(n.t.Context(), true); err != nil {
		n.t.Fatal(err)
	}
}

func (n *retiredNode) rotate(now bool) {
	n.t.Helper()
	if err := n.keys.Rotate(n.t.Context(), now); err != nil {
		n.t.Fatal(err)
	}
}

// leak returns the key that signs now, as a thief of the record has it.
func (n *retiredNode) leak() *accesstoken.KeySet {
	n.t.Helper()
	id := n.keys.Signing().SigningKey().ID
	for _, r := range readRecord(n.t, n.dir).Signing {
		if r.ID == id {
			key, err := accesstoken.ParseKey(r.Algorithm, r.PrivateKey)
			if err != nil {
				n.t.Fatal(err)
			}
			set, err := accesstoken.NewKeySet(key.WithID(id))
			if err != nil {
				n.t.Fatal(err)
			}
			return set
		}
	}
	n.t.Fatal("the key that signs is not in the record")
	return nil
}

func readRecord(t *testing.T, dir string) *record {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "jwtauth", testRealm, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	ring := new(record)
	if err := json.Unmarshal(text, ring); err != nil {
		t.Fatal(err)
	}
	return ring
}

// forge signs a token of an invented session of the node's store.
func (n *retiredNode) forge(keys *accesstoken.KeySet, iat, exp time.Time) string {
	n.t.Helper()
	token, err := keys.Sign(&accesstoken.Claims{
		Issuer: "test", Audience: []string{"test"}, Subject: "root", ClientID: "x", IssuedAt: iat, ExpiresAt: exp,
		ID: "invented", SessionID: n.storeID + strings.Repeat("x", 22), Roles: []string{"admin"},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return token
}

// wantToken presents a token to the verifier.
func (n *retiredNode) wantToken(what, token string, want error) {
	n.t.Helper()
	if _, err := n.verifier.Verify(token); !errors.Is(err, want) {
		n.t.Errorf("%s: the verifier says %v, want %v", what, err, want)
	}
}

const tenYears = 10 * 365 * 24 * time.Hour

// A token forged with a key that leaked, after the key was rotated: of an invented
// session, valid for ten years.
func TestRetiredKeyForgesNothing(t *testing.T) {
	clock := &testClock{now: time.Now().Truncate(time.Second)}
	n := newRetiredNode(t, t.TempDir(), clock, "ES256")
	leaked := n.leak()
	old := leaked.SigningKey().ID
	clock.advance(time.Hour)
	n.rotate(true)
	stop := clock.Now()
	forgeries := map[string]struct {
		token string
		want  error
	}{
		"signed before the stop":          {n.forge(leaked, stop.Add(-time.Minute), stop.Add(tenYears)), accesstoken.ErrLifetime},
		"signed at the stop":              {n.forge(leaked, stop, stop.Add(tenYears)), accesstoken.ErrLifetime},
		"signed now, on day 400":          {n.forge(leaked, stop.Add(400*24*time.Hour), stop.Add(tenYears)), accesstoken.ErrNotYetValid},
		"signed in the year before":       {n.forge(leaked, stop.Add(-365*24*time.Hour), stop.Add(tenYears)), accesstoken.ErrLifetime},
		"signed in 1970, fifteen minutes": {n.forge(leaked, time.Unix(1, 0), time.Unix(901, 0)), accesstoken.ErrExpired},
	}
	for name, forged := range forgeries {
		n.wantToken(name+", at once", forged.token, forged.want)
	}
	clock.advance(5 * time.Minute)
	n.wantToken("fifteen minutes, signed now", n.forge(leaked, clock.Now(), clock.Now().Add(15*time.Minute)), accesstoken.ErrStopped)
	// Nothing reads the keys again: both bounds hold at use.
	clock.advance(400*24*time.Hour - 5*time.Minute)
	n.wantToken("fifteen minutes, on day 400", n.forge(leaked, clock.Now(), clock.Now().Add(15*time.Minute)), accesstoken.ErrStopped)
	n.wantToken("ten years, on day 400", forgeries["signed now, on day 400"].token, accesstoken.ErrStopped)
	n.wantToken("ten years, signed before the stop, on day 400", forgeries["signed at the stop"].token, accesstoken.ErrLifetime)
	n.read()
	n.wantToken("on day 400, after a reading", forgeries["signed at the stop"].token, accesstoken.ErrKey)
	if strings.Contains(string(n.keys.View().JWKS), old) {
		t.Error("the key is published on day 400")
	}
	if slices.ContainsFunc(readRecord(t, n.dir).Signing, func(r signingKeyRecord) bool { return r.ID == old }) {
		t.Error("the key is kept in the storage on day 400")
	}
}

// The key that signs forges nothing that lasts longer than what it signs.
func TestRetiredKeyOrNotTheLifetimeIsBounded(t *testing.T) {
	clock := &testClock{now: time.Now().Truncate(time.Second)}
	n := newRetiredNode(t, t.TempDir(), clock, "HS256")
	leaked, now := n.leak(), clock.Now()
	lt := n.lifetimes
	n.wantToken("as long as the realm's", n.forge(leaked, now, now.Add(lt.Access)), nil)
	n.wantToken("longer by the leeway", n.forge(leaked, now, now.Add(lt.Access+lt.Leeway)), nil)
	n.wantToken("longer than that", n.forge(leaked, now, now.Add(lt.Access+lt.Leeway+time.Second)), accesstoken.ErrLifetime)
	n.wantToken("ten years", n.forge(leaked, now, now.Add(tenYears)), accesstoken.ErrLifetime)
}

// What a key signed is good until it expires, and the key is gone when nothing of
// it can be left: from verifying and from the JWKS, within the minute after which
// the keys are read.
func TestRetiredKeyVerifiesWhatItSigned(t *testing.T) {
	for _, immediately := range []bool{true, false} {
		t.Run(fmt.Sprintf("now %t", immediately), func(t *testing.T) {
			clock := &testClock{now: time.Now().Truncate(time.Second)}
			n := newRetiredNode(t, t.TempDir(), clock, "ES256")
			old, refresh := n.keys.Signing().SigningKey().ID, n.keys.Current().ID
			n.rotate(immediately)
			if !immediately {
				clock.advance(PublishAhead - time.Second)
				n.read()
				if n.keys.Signing().SigningKey().ID != old {
					t.Fatal("the old key does not sign until the new one does")
				}
			}
			issued, err := n.keys.Signing().Sign(&accesstoken.Claims{
				Issuer: "test", Audience: []string{"test"}, Subject: "alice", ClientID: "x", ID: "jti",
				SessionID: n.storeID + strings.Repeat("y", 22), IssuedAt: clock.Now(), ExpiresAt: clock.Now().Add(n.lifetimes.Access),
			})
			if err != nil {
				t.Fatal(err)
			}
			if !immediately {
				clock.advance(time.Second)
				n.read()
			}
			stop := clock.Now()
			if n.keys.Signing().SigningKey().ID == old {
				t.Fatal("the old key signs still")
			}
			if key, _ := n.keys.Lookup(refresh); !key.Until.Equal(stop.Add(ReadEvery + n.lifetimes.Leeway)) {
				t.Errorf("the session key ends %s after the stop", key.Until.Sub(stop))
			}
			for clock.Now().Before(stop.Add(n.lifetimes.Access)) {
				n.wantToken("before it expires", issued, nil)
				if !strings.Contains(string(n.keys.View().JWKS), old) {
					t.Fatalf("the key is not published %s after it stopped", clock.Now().Sub(stop))
				}
				clock.advance(ReadEvery)
				n.read()
			}
			// One reading interval, the leeway, and the minute until the reading.
			clock.advance(ReadEvery + n.lifetimes.Leeway + ReadEvery)
			n.read()
			if n.keys.Signing().Lookup(old) != nil || strings.Contains(string(n.keys.View().JWKS), old) {
				t.Error("the key verifies, or is published, after its last token expired")
			}
			if _, ok := n.keys.Lookup(refresh); !ok {
				t.Error("the session key is gone while sessions of it live")
			}
			clock.advance(n.lifetimes.Refresh - n.lifetimes.Access)
			n.read()
			if _, ok := n.keys.Lookup(refresh); ok {
				t.Error("the session key is there after its last session ended")
			}
			if ring := readRecord(t, n.dir); len(ring.Signing) != 1 || len(ring.Session) != 1 {
				t.Errorf("%d signing keys and %d session keys are kept in the storage", len(ring.Signing), len(ring.Session))
			}
		})
	}
}

// A storage that cannot be read keeps no key alive.
func TestRetiredKeyEndsWithoutTheStorage(t *testing.T) {
	clock := &testClock{now: time.Now().Truncate(time.Second)}
	n := newRetiredNode(t, t.TempDir(), clock, "ES256")
	old := n.keys.Signing().SigningKey().ID
	n.rotate(true)
	n.keys.stored.storage = brokenStorage{&certmagic.FileStorage{Path: n.dir}}
	clock.advance(time.Hour)
	if err := n.keys.read(t.Context(), true); !errors.Is(err, errBrokenStorage) {
		t.Errorf("got %v, want %v", err, errBrokenStorage)
	}
	if n.keys.Signing().Lookup(old) != nil || strings.Contains(string(n.keys.View().JWKS), old) {
		t.Error("the key is there after its last token expired")
	}
}

// Two machines that share the storage: until the other one reads the keys, what it
// signs with the old key is good.
func TestRetiredKeyOfTwoMachines(t *testing.T) {
	clock := &testClock{now: time.Now().Truncate(time.Second)}
	dir := t.TempDir()
	here, there := newRetiredNode(t, dir, clock, "ES256"), newRetiredNode(t, dir, clock, "ES256")
	there.storeID = here.storeID
	leaked := there.leak()
	here.rotate(true)
	stop := clock.Now()
	clock.advance(ReadEvery)
	late := there.forge(there.keys.Signing(), clock.Now(), clock.Now().Add(time.Minute))
	there.wantToken("there, before the reading", late, nil)
	here.wantToken("here", late, nil)
	there.read()
	there.wantToken("there, after the reading", late, nil)
	if there.keys.Signing().SigningKey().ID == leaked.SigningKey().ID {
		t.Error("the old key signs after the reading")
	}
	clock.advance(here.lifetimes.Leeway + time.Second)
	forged := there.forge(leaked, clock.Now(), clock.Now().Add(time.Minute))
	for _, n := range []*retiredNode{here, there} {
		n.wantToken("signed "+clock.Now().Sub(stop).String()+" after the stop", forged, accesstoken.ErrStopped)
	}
	// A key that was revoked has no such time, and the other machine knows of it
	// when it reads the keys.
	good := here.forge(here.keys.Signing(), clock.Now().Add(-time.Minute), clock.Now().Add(time.Minute))
	here.wantToken("before the revocation", good, nil)
	there.wantToken("before the revocation", good, nil)
	if err := here.keys.Revoke(t.Context()); err != nil {
		t.Fatal(err)
	}
	here.wantToken("of a revoked key", good, accesstoken.ErrKey)
	there.read()
	there.wantToken("of a revoked key, there", good, accesstoken.ErrKey)
	there.wantToken("of a key retired before, there", late, accesstoken.ErrKey)
}

// Revoking leaves no former key of any kind, and takes the bound back to the
// configured lifetime.
func TestRevokedKeysAreGone(t *testing.T) {
	clock := &testClock{now: time.Now().Truncate(time.Second)}
	dir := t.TempDir()
	newRetiredNode(t, dir, clock, "ES256", func(lt *session.Lifetimes) { lt.Access = 48 * time.Hour })
	n := newRetiredNode(t, dir, clock, "ES256")
	n.rotate(true)
	n.rotate(false)
	before := readRecord(t, dir)
	if err := n.keys.Revoke(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range before.Signing {
		if n.keys.Signing().Lookup(r.ID) != nil || strings.Contains(string(n.keys.View().JWKS), r.ID) {
			t.Error("a former signing key verifies")
		}
	}
	for _, r := range before.Session {
		if _, ok := n.keys.Lookup(r.ID); ok {
			t.Error("a former session key verifies")
		}
	}
	after := readRecord(t, dir)
	if len(before.Signing) != 3 || len(after.Signing) != 1 || len(after.Session) != 1 || after.RealmID != before.RealmID {
		t.Errorf("before %d keys, after %d and %d", len(before.Signing), len(after.Signing), len(after.Session))
	}
	if got := n.keys.Signing().MaxLifetime(); got != n.lifetimes.Access {
		t.Errorf("tokens of %s are accepted", got)
	}
	key, err := accesstoken.ParseKey("HS256", "a secret that is long enough to be one")
	if err != nil {
		t.Fatal(err)
	}
	configured := mustKeys(t, dir, clock, "ES256", key)
	if err := configured.Revoke(t.Context()); !errors.Is(err, ErrRevokeConfigured) {
		t.Errorf("configured keys: got %v, want %v", err, ErrRevokeConfigured)
	}
}
