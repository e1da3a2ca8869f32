package jwtauth

import (
	"context"
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
	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// retiredNode is one machine of a realm, with a clock that the test sets.
type retiredNode struct {
	*opened
	t     *testing.T
	dir   string
	clock *testClock
}

// newRetiredNode opens the keys in dir as a start does, for a guard.
func newRetiredNode(t *testing.T, dir string, clock *testClock, algorithm string, change ...func(*session.Lifetimes)) *retiredNode {
	t.Helper()
	shared, key := mustOpenState(t, &closingStore{key: t.Name() + dir + time.Now().String()})
	t.Cleanup(func() { deleteState(t, key) })
	lt := session.DefaultLifetimes()
	for _, c := range change {
		c(&lt)
	}
	o := &opened{
		name: "test", logger: zap.NewNop(), auditLog: zap.NewNop(), metrics: metrics.of("test"),
		lifetimes: lt, state: shared, storeID: shared.store.ID(),
		verifier: &accesstoken.Verifier{Issuer: "test", Audience: []string{"test"}, Leeway: lt.Leeway, Now: clock.Now},
	}
	storage := keyringStorage{storage: &certmagic.FileStorage{Path: dir}, realm: DefaultRealm, now: clock.Now}
	keys, err := openKeys(t.Context(), storage, algorithm, nil, lt, zap.NewNop(), o.caches)
	if err != nil {
		t.Fatal(err)
	}
	o.keys = keys
	o.verifier.Keys = keys.Signing
	return &retiredNode{o, t, dir, clock}
}

// read is what happens every minute.
func (n *retiredNode) read() {
	n.t.Helper()
	if err := n.keys.read(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

func (n *retiredNode) rotate(now bool) {
	n.t.Helper()
	if err := n.keys.rotate(n.t.Context(), now); err != nil {
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

func readRecord(t *testing.T, dir string) *keyring {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "jwtauth", DefaultRealm, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	ring := new(keyring)
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

// wantToken presents a token to the verifier, and three times to the guard.
func (n *retiredNode) wantToken(what, token string, want error) {
	n.t.Helper()
	if _, err := n.verifier.Verify(token); !errors.Is(err, want) {
		n.t.Errorf("%s: the verifier says %v, want %v", what, err, want)
	}
	for range 3 {
		p, refusal := n.bearer(token)
		switch {
		case want == nil && refusal != nil:
			n.t.Errorf("%s: the guard says %v", what, refusal.Cause)
		case want != nil && (refusal == nil || p != nil || !errors.Is(refusal, want)):
			n.t.Errorf("%s: the guard lets it pass, or says %v, want %v", what, refusal, want)
		}
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
	if strings.Contains(string(n.keys.JWKS()), old) {
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
				clock.advance(publishAhead - time.Second)
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
			if key, _ := n.keys.Lookup(refresh); !key.Until.Equal(stop.Add(keysReadEvery + n.lifetimes.Leeway)) {
				t.Errorf("the refresh key ends %s after the stop", key.Until.Sub(stop))
			}
			for clock.Now().Before(stop.Add(n.lifetimes.Access)) {
				n.wantToken("before it expires", issued, nil)
				if !strings.Contains(string(n.keys.JWKS()), old) {
					t.Fatalf("the key is not published %s after it stopped", clock.Now().Sub(stop))
				}
				clock.advance(keysReadEvery)
				n.read()
			}
			// One reading interval, the leeway, and the minute until the reading.
			clock.advance(keysReadEvery + n.lifetimes.Leeway + keysReadEvery)
			n.read()
			if n.keys.Signing().Lookup(old) != nil || strings.Contains(string(n.keys.JWKS()), old) {
				t.Error("the key verifies, or is published, after its last token expired")
			}
			if _, ok := n.keys.Lookup(refresh); !ok {
				t.Error("the refresh key is gone while sessions of it live")
			}
			clock.advance(n.lifetimes.Refresh - n.lifetimes.Access)
			n.read()
			if _, ok := n.keys.Lookup(refresh); ok {
				t.Error("the refresh key is there after its last session ended")
			}
			if ring := readRecord(t, n.dir); len(ring.Signing) != 1 || len(ring.Refresh) != 1 {
				t.Errorf("%d signing keys and %d refresh keys are kept in the storage", len(ring.Signing), len(ring.Refresh))
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
	n.keys.storage.storage = brokenStorage{n.keys.storage.storage}
	clock.advance(time.Hour)
	if err := n.keys.read(t.Context()); !errors.Is(err, errBrokenStorage) {
		t.Errorf("got %v, want %v", err, errBrokenStorage)
	}
	if n.keys.Signing().Lookup(old) != nil || strings.Contains(string(n.keys.JWKS()), old) {
		t.Error("the key is there after its last token expired")
	}
}

// What was verified stays known from reading to reading, until the keys change.
func TestRetiredKeyAndKnownTokens(t *testing.T) {
	clock := &testClock{now: time.Now().Truncate(time.Second)}
	n := newRetiredNode(t, t.TempDir(), clock, "ES256")
	cache := func() *principals { return n.keys.view.Load().tokens }
	token := n.forge(n.keys.Signing(), clock.Now(), clock.Now().Add(n.lifetimes.Access))
	n.wantToken("known", token, nil)
	n.rotate(true)
	n.wantToken("of a key that stopped", token, nil)
	known := cache()
	for range 5 {
		clock.advance(keysReadEvery)
		n.read()
	}
	if cache() != known {
		t.Error("a reading that changed nothing threw away what was known")
	}
	if entries, _ := known.Size(); entries != 1 {
		t.Errorf("%d tokens are known, want 1", entries)
	}
	cookies := n.keys.view.Load().cookies
	if err := n.keys.revoke(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n.keys.view.Load().cookies == cookies {
		t.Error("cookies of a revoked key are known")
	}
	n.wantToken("known, of a revoked key", token, accesstoken.ErrKey)
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
	clock.advance(keysReadEvery)
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
	if err := here.keys.revoke(t.Context()); err != nil {
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
	if err := n.keys.revoke(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range before.Signing {
		if n.keys.Signing().Lookup(r.ID) != nil || strings.Contains(string(n.keys.JWKS()), r.ID) {
			t.Error("a former signing key verifies")
		}
	}
	for _, r := range before.Refresh {
		if _, ok := n.keys.Lookup(r.ID); ok {
			t.Error("a former refresh key verifies")
		}
	}
	after := readRecord(t, dir)
	if len(before.Signing) != 3 || len(after.Signing) != 1 || len(after.Refresh) != 1 || after.RealmID != before.RealmID {
		t.Errorf("before %d keys, after %d and %d", len(before.Signing), len(after.Signing), len(after.Refresh))
	}
	if got := n.keys.Signing().MaxLifetime(); got != n.lifetimes.Access {
		t.Errorf("tokens of %s are accepted", got)
	}
	key, err := accesstoken.ParseKey("HS256", "a secret that is long enough to be one")
	if err != nil {
		t.Fatal(err)
	}
	configured := mustKeys(t, dir, clock, "ES256", key)
	if err := configured.revoke(t.Context()); !errors.Is(err, errRevokeConfigured) {
		t.Errorf("configured keys: got %v, want %v", err, errRevokeConfigured)
	}
}

// What was verified is not known to those who would verify it otherwise.
func TestRetiredKeyIsAnotherWayOfVerifying(t *testing.T) {
	key, err := accesstoken.GenerateKey("ES256")
	if err != nil {
		t.Fatal(err)
	}
	set := func(key *accesstoken.Key) *accesstoken.KeySet {
		t.Helper()
		keys, err := accesstoken.NewKeySet(key)
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	seen := make(map[string]string)
	for name, keys := range map[string]*accesstoken.KeySet{
		"plain": set(key), "stopped": set(key.StoppedAt(time.Unix(1, 0))), "stopped later": set(key.StoppedAt(time.Unix(2, 0))),
		"bounded": set(key).WithMaxLifetime(time.Minute), "bounded otherwise": set(key).WithMaxLifetime(time.Hour),
	} {
		print := fingerprint(new(accesstoken.Verifier), keys, "store")
		if other, same := seen[print]; same {
			t.Errorf("%s and %s share what they know", name, other)
		}
		seen[print] = name
	}
}
