package keyring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// testClock is a clock that the test sets.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func newTestClock() *testClock {
	return &testClock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const testRealm = "default"

func testOpen(t *testing.T, storage Storage, clock *testClock, algorithm string, lt session.Lifetimes, given ...*accesstoken.Key) (*Keys, error) {
	t.Helper()
	o := Options{Algorithm: algorithm, Configured: given, Lifetimes: lt, Logger: zap.NewNop()}
	return open(t.Context(), o, stored{storage: storage, realm: testRealm, now: clock.Now})
}

func testKeys(t *testing.T, dir string, clock *testClock, algorithm string, given ...*accesstoken.Key) (*Keys, error) {
	t.Helper()
	return testOpen(t, &certmagic.FileStorage{Path: dir}, clock, algorithm, session.DefaultLifetimes(), given...)
}

func mustKeys(t *testing.T, dir string, clock *testClock, algorithm string, given ...*accesstoken.Key) *Keys {
	t.Helper()
	keys, err := testKeys(t, dir, clock, algorithm, given...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestKeysAreMadeOnce(t *testing.T) {
	dir, clock := t.TempDir(), newTestClock()
	first := mustKeys(t, dir, clock, "ES256")
	second := mustKeys(t, dir, clock, "ES256")
	if a, b := first.Signing().SigningKey().ID, second.Signing().SigningKey().ID; a != b {
		t.Errorf("the signing key changed over a restart: %s, %s", a, b)
	}
	if a, b := first.Current(), second.Current(); a.ID != b.ID || string(a.Secret) != string(b.Secret) {
		t.Error("the session key changed over a restart")
	}
	if a, b := first.View().RealmID, second.View().RealmID; a != b || a == "" {
		t.Errorf("the realm's id changed over a restart: %q, %q", a, b)
	}
	info, err := os.Stat(filepath.Join(dir, "jwtauth", testRealm, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the keys can be read by others: %v", info.Mode())
	}
}

func TestKeysAreMadeOnceByManyMachines(t *testing.T) {
	dir, clock := t.TempDir(), newTestClock()
	ids := make([]string, 8)
	var machines sync.WaitGroup
	for i := range ids {
		machines.Go(func() {
			keys, err := testKeys(t, dir, clock, "ES256")
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = keys.Signing().SigningKey().ID + keys.Current().ID
		})
	}
	machines.Wait()
	for _, id := range ids[1:] {
		if id != ids[0] {
			t.Fatalf("two machines made keys of their own: %v", ids)
		}
	}
}

// brokenStorage fails to load with an error that is not "does not exist".
type brokenStorage struct{ certmagic.Storage }

var errBrokenStorage = errors.New("the network is down")

func (brokenStorage) Load(context.Context, string) ([]byte, error) { return nil, errBrokenStorage }

func TestOnlyAbsenceMakesKeys(t *testing.T) {
	dir, clock := t.TempDir(), newTestClock()
	_, err := testOpen(t, brokenStorage{&certmagic.FileStorage{Path: dir}}, clock, "ES256", session.DefaultLifetimes())
	if !errors.Is(err, errBrokenStorage) {
		t.Errorf("got %v, want %v", err, errBrokenStorage)
	}
	if _, err := os.Stat(filepath.Join(dir, "jwtauth", testRealm, "keys.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("keys were written although the storage could not be read")
	}
}

func TestDamagedKeysAreLeftAlone(t *testing.T) {
	for name, content := range map[string]string{
		"empty":           "",
		"not JSON":        "secret-looking garbage",
		"another version": `{"version": 2}`,
		"incomplete":      `{"version": 1}`,
		"broken refresh":  `{"version": 1, "realm_id": "x", "fingerprint_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "refresh": [{"id": "", "secret": ""}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir, clock := t.TempDir(), newTestClock()
			path := filepath.Join(dir, "jwtauth", testRealm, "keys.json")
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := testKeys(t, dir, clock, "ES256")
			if err == nil || !strings.Contains(err.Error(), "keys.json") {
				t.Errorf("got %v, want an error that names the record", err)
			}
			if err != nil && strings.Contains(err.Error(), "garbage") {
				t.Errorf("the error quotes the record: %v", err)
			}
			if now, _ := os.ReadFile(path); string(now) != content {
				t.Error("the damaged record was overwritten")
			}
		})
	}
}

func TestRotationPublishesBeforeItSigns(t *testing.T) {
	dir, clock := t.TempDir(), newTestClock()
	keys, other := mustKeys(t, dir, clock, "ES256"), mustKeys(t, dir, clock, "ES256")
	old, oldRefresh := keys.Signing().SigningKey().ID, keys.Current().ID
	if err := keys.Rotate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	reread := func() {
		t.Helper()
		for _, k := range []*Keys{keys, other} {
			if err := k.read(t.Context(), true); err != nil {
				t.Fatal(err)
			}
		}
	}
	reread()
	for _, k := range []*Keys{keys, other} {
		if got := len(k.Signing().All()); got != 2 {
			t.Fatalf("%d keys are published, want the old and the new one", got)
		}
		if k.Signing().SigningKey().ID != old || k.Current().ID != oldRefresh {
			t.Fatal("the new key is used before everybody can have seen it")
		}
	}
	clock.advance(PublishAhead)
	reread()
	for _, k := range []*Keys{keys, other} {
		if k.Signing().SigningKey().ID == old || k.Current().ID == oldRefresh {
			t.Fatal("the new key is not used when its time has come")
		}
		if k.Signing().Lookup(old) == nil {
			t.Fatal("the old key no longer verifies")
		}
		if _, ok := k.Lookup(oldRefresh); !ok {
			t.Fatal("the old session key no longer verifies")
		}
	}
}

func TestRotationNow(t *testing.T) {
	keys := mustKeys(t, t.TempDir(), newTestClock(), "ES256")
	old := keys.Signing().SigningKey().ID
	if err := keys.Rotate(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if keys.Signing().SigningKey().ID == old {
		t.Error("the old key still signs")
	}
	if keys.Signing().Lookup(old) == nil {
		t.Error("the old key no longer verifies")
	}
}

func TestRotationNowReplacesAWaitingKey(t *testing.T) {
	clock := newTestClock()
	keys := mustKeys(t, t.TempDir(), clock, "ES256")
	for _, now := range []bool{false, true} {
		if err := keys.Rotate(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	wanted, wantedRefresh := keys.Signing().SigningKey().ID, keys.Current().ID
	clock.advance(2 * PublishAhead)
	if err := keys.read(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if keys.Signing().SigningKey().ID != wanted || keys.Current().ID != wantedRefresh {
		t.Error("the key that waited took over from the one made at once")
	}
}

func TestOldKeysAreDroppedWhenNothingNeedsThem(t *testing.T) {
	dir, clock := t.TempDir(), newTestClock()
	keys := mustKeys(t, dir, clock, "ES256")
	old, oldRefresh := keys.Signing().SigningKey().ID, keys.Current().ID
	rotate := func() {
		t.Helper()
		if err := keys.Rotate(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	rotate()
	lt := session.DefaultLifetimes()
	clock.advance(lt.Access)
	rotate()
	if keys.Signing().Lookup(old) == nil {
		t.Error("a key was dropped while tokens of it could be valid within the margin")
	}
	clock.advance(2 * time.Hour)
	rotate()
	if keys.Signing().Lookup(old) != nil {
		t.Error("a signing key is kept after its last token expired")
	}
	if _, ok := keys.Lookup(oldRefresh); !ok {
		t.Error("a session key was dropped while its sessions live")
	}
	clock.advance(lt.Refresh + 2*time.Hour)
	rotate()
	if _, ok := keys.Lookup(oldRefresh); ok {
		t.Error("a session key is kept after its last session ended")
	}
}

func TestOldKeysStayAsLongAsTheLongestLifetime(t *testing.T) {
	dir, clock := t.TempDir(), newTestClock()
	storage := &certmagic.FileStorage{Path: dir}
	long, short := session.DefaultLifetimes(), session.DefaultLifetimes()
	long.Access = 48 * time.Hour
	keys, err := testOpen(t, storage, clock, "ES256", long)
	if err != nil {
		t.Fatal(err)
	}
	old := keys.Signing().SigningKey().ID
	// A reload shortens the lifetime; tokens of two days are out.
	if keys, err = testOpen(t, storage, clock, "ES256", short); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := keys.Rotate(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		clock.advance(24 * time.Hour)
	}
	if err := keys.read(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if keys.Signing().Lookup(old) == nil {
		t.Error("the key was dropped while tokens of it were valid")
	}
}

func TestAnotherAlgorithmWaitsLikeARotation(t *testing.T) {
	dir, clock := t.TempDir(), newTestClock()
	mustKeys(t, dir, clock, "ES256")
	keys := mustKeys(t, dir, clock, "EdDSA")
	if got := keys.Signing().SigningKey().Algorithm; got != "ES256" {
		t.Errorf("%s signs before it was published", got)
	}
	clock.advance(PublishAhead)
	if err := keys.read(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if got := keys.Signing().SigningKey().Algorithm; got != "EdDSA" {
		t.Errorf("%s signs, want EdDSA", got)
	}
}

// Changed to another algorithm and back again, the first key signs once more: what
// it signs must verify, however old the key is.
func TestAlgorithmChangedBack(t *testing.T) {
	dir, clock := t.TempDir(), newTestClock()
	first := mustKeys(t, dir, clock, "ES256").Signing().SigningKey().ID
	clock.advance(24 * time.Hour)
	mustKeys(t, dir, clock, "EdDSA")
	clock.advance(PublishAhead + time.Minute)
	mustKeys(t, dir, clock, "EdDSA")
	for range 3 {
		keys := mustKeys(t, dir, clock, "ES256")
		if got := keys.Signing().SigningKey(); got.ID != first || got.Algorithm != "ES256" {
			t.Fatalf("%s signs, want the first key again", got)
		}
		clock.advance(24 * time.Hour)
	}
	if keys := mustKeys(t, dir, clock, "ES256"); len(keys.Signing().All()) != 1 {
		t.Error("the key of the other algorithm is kept for ever")
	}
	mustKeys(t, dir, clock, "EdDSA") // makes a key, which waits
	clock.advance(PublishAhead + time.Minute)
	if keys := mustKeys(t, dir, clock, "EdDSA"); keys.Signing().Lookup(first) == nil {
		t.Error("the first key was dropped although it signed until now")
	}
}

func TestConfiguredSecretsKeepTheirRandomID(t *testing.T) {
	dir, clock := t.TempDir(), newTestClock()
	parse := func(secret string) *accesstoken.Key {
		t.Helper()
		key, err := accesstoken.ParseKey("HS256", secret)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	const secret, next = "a secret that is long enough to be one", "another secret that is long enough too"
	first := mustKeys(t, dir, clock, "ES256", parse(secret)).Signing().SigningKey().ID
	if first == "" {
		t.Fatal("the key has no id")
	}
	rotated := mustKeys(t, dir, clock, "ES256", parse(next), parse(secret)).Signing()
	if rotated.SigningKey().ID == first {
		t.Error("two secrets have one id")
	}
	if rotated.Lookup(first) == nil {
		t.Error("the old secret lost its id when a new one was put before it")
	}
	other := mustKeys(t, t.TempDir(), clock, "ES256", parse(secret)).Signing().SigningKey().ID
	if other == first {
		t.Error("the id can be computed from the secret")
	}
	record, err := os.ReadFile(filepath.Join(dir, "jwtauth", testRealm, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(record), secret) {
		t.Error("the configured secret was copied into the storage")
	}
}

func TestConfiguredKeysAreNotRotatedHere(t *testing.T) {
	key, err := accesstoken.ParseKey("HS256", "a secret that is long enough to be one")
	if err != nil {
		t.Fatal(err)
	}
	keys := mustKeys(t, t.TempDir(), newTestClock(), "ES256", key)
	if err := keys.Rotate(t.Context(), true); !errors.Is(err, ErrConfigured) {
		t.Errorf("got %v, want %v", err, ErrConfigured)
	}
}

func TestJWKSHoldsNoPrivateKey(t *testing.T) {
	keys := mustKeys(t, t.TempDir(), newTestClock(), "RS256")
	for _, member := range []string{`"d"`, `"p"`, `"q"`, `"dp"`, `"dq"`, `"qi"`, `"k"`} {
		if strings.Contains(string(keys.View().JWKS), member+":") {
			t.Errorf("the JWKS has the member %s", member)
		}
	}
}
