package signin_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

var (
	home  = netip.MustParseAddr("192.0.2.1")
	other = netip.MustParseAddr("198.51.100.7")
)

// quick is a bcrypt hash of the lowest cost that is read.
func quick(t *testing.T, pw string) string {
	t.Helper()
	text, err := bcrypt.GenerateFromPassword([]byte(pw), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bench is a Service over a store in memory that counts what it does.
type bench struct {
	*signin.Service
	store   *memory.Store
	users   *watchedUsers
	slots   *watchedSlots
	decoys  atomic.Int64
	chosen  atomic.Int64
	hashed  atomic.Int64
	reports []error
	upgrade bool
}

type watchedUsers struct {
	*user.Directory
	before func() error
	failUp error
}

func (u *watchedUsers) Lookup(ctx context.Context, name string) (user.Entry, error) {
	if u.before != nil {
		if err := u.before(); err != nil {
			return user.Entry{}, err
		}
	}
	return u.Directory.Lookup(ctx, name)
}

func (u *watchedUsers) UpgradeHash(ctx context.Context, name string, version uint64, oldHash, newHash string) (bool, error) {
	if u.failUp != nil {
		return false, u.failUp
	}
	return u.Directory.UpgradeHash(ctx, name, version, oldHash, newHash)
}

type watchedSlots struct {
	*password.Slots
	acquired atomic.Int64
}

func (s *watchedSlots) Acquire(ctx context.Context, c password.Caller) (func(), error) {
	release, err := s.Slots.Acquire(ctx, c)
	if err == nil {
		s.acquired.Add(1)
	}
	return release, err
}

// Compare makes bench the Decoys.
func (b *bench) Compare(string, string) { b.decoys.Add(1) }
func (b *bench) Choose(string)          { b.chosen.Add(1) }

// NeedsUpgrade and Hash make it the Hasher.
func (b *bench) NeedsUpgrade(*password.Hash) bool { return b.upgrade }

func (b *bench) Hash(pw string) (string, error) {
	b.hashed.Add(1)
	text, err := bcrypt.GenerateFromPassword([]byte(pw), bcrypt.MinCost+1)
	return string(text), err
}

func newBench(t *testing.T, users ...user.User) *bench {
	t.Helper()
	store := memory.New()
	directory, err := user.NewDirectory([]user.User{
		{Username: "carol", PasswordHash: quick(t, "carol's")},
	}, nil, store)
	if err != nil {
		t.Fatal(err)
	}
	if users == nil {
		users = []user.User{
			{Username: "alice", PasswordHash: quick(t, "secret"), Roles: []string{"admin"}},
			{Username: "bob", PasswordHash: quick(t, "password"), Disabled: true},
			{Username: "dave"},
		}
	}
	for _, u := range users {
		if _, err := directory.Create(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{
		store: store,
		users: &watchedUsers{Directory: directory},
		slots: &watchedSlots{Slots: password.NewSlots(4, 4)},
	}
	b.Service = &signin.Service{
		Users: b.users, Epochs: store, Throttle: throttle.New(store, throttle.Config{}),
		Slots: b.slots, Hasher: b, Decoys: b,
		Report: func(_ string, err error) { b.reports = append(b.reports, err) },
	}
	return b
}

func (b *bench) try(t *testing.T, name, pw string) error {
	t.Helper()
	res, err := b.SignIn(t.Context(), signin.Attempt{Username: name, Password: pw, Address: home})
	if err == nil && res.User.Username != name || err != nil && res.User.Username != "" {
		t.Errorf("%q signed in as %q with error %v", name, res.User.Username, err)
	}
	return err
}

func TestSignIn(t *testing.T) {
	for _, tc := range []struct {
		name, user, pw string
		want           error
		decoys         int64
	}{
		{"right", "alice", "secret", nil, 0},
		{"right, from the configuration", "carol", "carol's", nil, 0},
		{"wrong", "alice", "Secret", signin.ErrCredentials, 0},
		{"empty password", "alice", "", signin.ErrCredentials, 0},
		{"overlong for bcrypt", "alice", "secret" + strings.Repeat("x", 100), signin.ErrCredentials, 0},
		{"very long", "alice", strings.Repeat("x", 16<<10), signin.ErrCredentials, 0},
		{"NUL in the password", "alice", "secret\x00secret", signin.ErrCredentials, 0},
		{"disabled, right", "bob", "password", signin.ErrDisabled, 0},
		{"disabled, wrong", "bob", "secret", signin.ErrCredentials, 0},
		{"no password", "dave", "", signin.ErrCredentials, 1},
		{"unknown", "mallory", "secret", signin.ErrCredentials, 1},
		{"another case", "Alice", "secret", signin.ErrCredentials, 1},
		{"empty name", "", "secret", signin.ErrCredentials, 1},
		{"overlong name", strings.Repeat("a", 16<<10), "secret", signin.ErrCredentials, 1},
		{"NUL in the name", "alice\x00", "secret", signin.ErrCredentials, 1},
		{"not UTF-8", "\xff", "secret", signin.ErrCredentials, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			if err := b.try(t, tc.user, tc.pw); !errors.Is(err, tc.want) || tc.want == nil && err != nil {
				t.Errorf("%v, want %v", err, tc.want)
			}
			if got := b.slots.acquired.Load(); got != 1 {
				t.Errorf("%d slots, want 1", got)
			}
			if got := b.chosen.Load(); got != 1-tc.decoys {
				t.Errorf("a decoy was chosen %d times, and compared %d times", got, tc.decoys)
			}
			if got := b.decoys.Load(); got != tc.decoys {
				t.Errorf("%d decoys, want %d", got, tc.decoys)
			}
			if b.slots.InUse() != 0 {
				t.Error("the slot was not given back")
			}
			if len(b.reports) != 0 {
				t.Errorf("reported %v", b.reports)
			}
		})
	}
}

// A throttled account is compared as ever, and lets nobody in.
func TestThrottledAccountAnswersAsAWrongPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		for range 5 {
			if err := b.try(t, "alice", "wrong"); !errors.Is(err, signin.ErrCredentials) {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := b.try(t, "alice", "secret"); err == nil || err.Error() != signin.ErrCredentials.Error() {
				t.Fatalf("throttled: %v, want ErrCredentials as it is", err)
			}
		}
		if got := b.slots.acquired.Load(); got != 7 {
			t.Errorf("%d comparisons, want 7", got)
		}
		time.Sleep(31 * time.Second)
		if err := b.try(t, "alice", "secret"); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

func TestBlockedAddressHashesNothing(t *testing.T) {
	b := newBench(t)
	for i := range 20 {
		if err := b.try(t, "nobody"+string(rune('a'+i)), "x"); !errors.Is(err, signin.ErrCredentials) {
			t.Fatal(err)
		}
	}
	before := b.slots.acquired.Load()
	var blocked *throttle.AddressError
	if err := b.try(t, "alice", "secret"); !errors.As(err, &blocked) || blocked.RetryAfter <= 0 {
		t.Fatalf("%v, want an AddressError", err)
	}
	if b.slots.acquired.Load() != before {
		t.Error("a blocked address took a slot")
	}
	if _, err := b.SignIn(t.Context(), signin.Attempt{Username: "alice", Password: "secret", Address: other}); err != nil {
		t.Errorf("from another address: %v", err)
	}
}

// Neither a success nor a failure: it clears no counter and adds to none.
func TestDisabledUserCountsAsNeither(t *testing.T) {
	b := newBench(t)
	for range 4 {
		if err := b.try(t, "bob", "wrong"); !errors.Is(err, signin.ErrCredentials) {
			t.Fatal(err)
		}
	}
	for range 10 {
		if err := b.try(t, "bob", "password"); !errors.Is(err, signin.ErrDisabled) {
			t.Fatal(err)
		}
	}
	if err := b.try(t, "bob", "wrong"); !errors.Is(err, signin.ErrCredentials) {
		t.Fatal(err)
	}
	if err := b.try(t, "bob", "password"); !errors.Is(err, signin.ErrCredentials) {
		t.Errorf("after five failures: %v, want the account throttled", err)
	}
}

func TestBusy(t *testing.T) {
	b := newBench(t)
	b.slots.Slots = password.NewSlots(1, 0)
	release, err := b.slots.Slots.Acquire(t.Context(), password.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 { // more than an address or an account has free
		var busy *signin.BusyError
		if err := b.try(t, "alice", "wrong"); !errors.As(err, &busy) || !errors.Is(err, signin.ErrBusy) || busy.RetryAfter < time.Second {
			t.Fatalf("%v, want a BusyError", err)
		}
	}
	release()
	if err := b.try(t, "alice", "secret"); err != nil {
		t.Errorf("refusals for want of a slot were counted: %v", err)
	}
}

func TestCallerWhoLeft(t *testing.T) {
	b := newBench(t)
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		b.users.before = func() error { cancel(); return ctx.Err() }
		if _, err := b.SignIn(ctx, signin.Attempt{Username: "alice", Password: "x", Address: home}); !errors.Is(err, context.Canceled) {
			t.Fatalf("%v, want context.Canceled", err)
		}
	}
	b.users.before = nil
	if err := b.try(t, "alice", "secret"); err != nil {
		t.Errorf("attempts that were never compared were counted: %v", err)
	}
}

func TestStoreFailureLetsNobodyIn(t *testing.T) {
	down := errors.New("disk full")
	for _, tc := range []struct {
		name string
		harm func(b *bench)
	}{
		{"users", func(b *bench) { b.users.before = func() error { return down } }},
		{"epochs", func(b *bench) { b.Epochs = brokenEpochs{down} }},
		{"throttle at the start", func(b *bench) { b.Throttle = throttle.New(&brokenCounters{b.store, down, 0}, throttle.Config{}) }},
		{"throttle at the end", func(b *bench) { b.Throttle = throttle.New(&brokenCounters{b.store, down, 1}, throttle.Config{}) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			tc.harm(b)
			if err := b.try(t, "alice", "secret"); !errors.Is(err, down) {
				t.Errorf("%v, want the store's error", err)
			}
			if b.slots.InUse() != 0 {
				t.Error("the slot was not given back")
			}
		})
	}
}

type brokenEpochs struct{ err error }

func (e brokenEpochs) Epoch(context.Context, string) (uint64, error) { return 0, e.err }

// brokenCounters fails after some calls.
type brokenCounters struct {
	throttle.Store
	err  error
	good int
}

func (c *brokenCounters) UpdateAttempts(ctx context.Context, now time.Time, keys []string, change func([]throttle.Counter) error) error {
	if c.good == 0 {
		return c.err
	}
	c.good--
	return c.Store.UpdateAttempts(ctx, now, keys, change)
}

// A user who is disabled between the epoch and the look-up, or later, must not
// get a session: the epoch in the result is the older one.
func TestEpochIsReadBeforeTheUser(t *testing.T) {
	b := newBench(t)
	b.users.before = func() error {
		_, err := b.store.EndSessions(t.Context(), "alice", "")
		return err
	}
	res, err := b.SignIn(t.Context(), signin.Attempt{Username: "alice", Password: "secret", Address: home})
	if err != nil {
		t.Fatal(err)
	}
	now, err := b.store.Epoch(t.Context(), "alice")
	if err != nil || res.Epoch >= now {
		t.Errorf("epoch %d of the result is not older than %d (%v)", res.Epoch, now, err)
	}
}

func TestUpgrade(t *testing.T) {
	hashOf := func(b *bench, name string) string {
		e, err := b.users.Directory.Lookup(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		return e.PasswordHash
	}
	t.Run("replaced after a success", func(t *testing.T) {
		b := newBench(t)
		b.upgrade = true
		before := hashOf(b, "alice")
		if err := b.try(t, "alice", "wrong"); !errors.Is(err, signin.ErrCredentials) || hashOf(b, "alice") != before {
			t.Fatalf("a wrong password replaced the hash, or %v", err)
		}
		if err := b.try(t, "alice", "secret"); err != nil || hashOf(b, "alice") == before {
			t.Fatalf("not replaced, or %v", err)
		}
		b.upgrade = false
		if err := b.try(t, "alice", "secret"); err != nil {
			t.Errorf("with the new hash: %v", err)
		}
		if got := b.slots.acquired.Load(); got != 3 {
			t.Errorf("%d slots, want 3: the upgrade shares the one of its sign-in", got)
		}
	})
	t.Run("not for a disabled user", func(t *testing.T) {
		b := newBench(t)
		b.upgrade = true
		before := hashOf(b, "bob")
		if err := b.try(t, "bob", "password"); !errors.Is(err, signin.ErrDisabled) || hashOf(b, "bob") != before {
			t.Errorf("replaced, or %v", err)
		}
	})
	t.Run("not in the configuration", func(t *testing.T) {
		b := newBench(t)
		b.upgrade = true
		if err := b.try(t, "carol", "carol's"); err != nil || len(b.reports) != 0 || b.hashed.Load() != 0 {
			t.Errorf("%v, reported %v, hashed %d", err, b.reports, b.hashed.Load())
		}
	})
	t.Run("a failed write is reported and no more", func(t *testing.T) {
		b := newBench(t)
		b.upgrade = true
		b.users.failUp = errors.New("disk full")
		if err := b.try(t, "alice", "secret"); err != nil {
			t.Errorf("%v", err)
		}
		if len(b.reports) != 1 || !errors.Is(b.reports[0], b.users.failUp) {
			t.Errorf("reported %v", b.reports)
		}
	})
}

func TestAmbiguousNameIsAWrongPasswordAndReported(t *testing.T) {
	b := newBench(t)
	rec := user.Record{User: user.User{Username: "carol", PasswordHash: quick(t, "carol's")}}
	if _, err := b.store.PutUser(t.Context(), rec, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.try(t, "carol", "carol's"); !errors.Is(err, signin.ErrCredentials) || b.decoys.Load() != 1 {
		t.Errorf("%v with %d decoys", err, b.decoys.Load())
	}
	if len(b.reports) != 1 || !errors.Is(b.reports[0], user.ErrAmbiguous) {
		t.Errorf("reported %v", b.reports)
	}
}

func TestUnreadableHashIsAWrongPasswordAndReported(t *testing.T) {
	b := newBench(t)
	rec := user.Record{User: user.User{Username: "erin", PasswordHash: "plain text"}}
	if _, err := b.store.PutUser(t.Context(), rec, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.try(t, "erin", "plain text"); !errors.Is(err, signin.ErrCredentials) || b.decoys.Load() != 1 {
		t.Errorf("%v with %d decoys", err, b.decoys.Load())
	}
	if len(b.reports) != 1 || strings.Contains(b.reports[0].Error(), "plain text") {
		t.Errorf("reported %v", b.reports)
	}
}

func TestCheckSecret(t *testing.T) {
	hash, err := password.Parse(quick(t, "a+b"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		hash    *password.Hash
		secrets []string
		want    error
		decoys  int64
	}{
		{"right", hash, []string{"a+b"}, nil, 0},
		{"the second reading", hash, []string{"a b", "a+b"}, nil, 0},
		{"wrong", hash, []string{"a b"}, signin.ErrCredentials, 0},
		{"none", hash, nil, signin.ErrCredentials, 0},
		{"no such client", nil, []string{"a b", "a+b"}, signin.ErrCredentials, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			err := b.CheckSecret(t.Context(), signin.SecretAttempt{ClientID: "web", Hash: tc.hash, Secrets: tc.secrets, Address: home})
			if !errors.Is(err, tc.want) || tc.want == nil && err != nil {
				t.Errorf("%v, want %v", err, tc.want)
			}
			if b.slots.acquired.Load() != 1 || b.slots.InUse() != 0 || b.decoys.Load() != tc.decoys {
				t.Errorf("%d slots, %d decoys", b.slots.acquired.Load(), b.decoys.Load())
			}
		})
	}
}

// Two readings of a secret are one failure, and a client's failures are not
// those of a user of the same name.
func TestSecretsAreCountedOnceAndApart(t *testing.T) {
	hash, err := password.Parse(quick(t, "right"))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	check := func(secrets ...string) error {
		return b.CheckSecret(t.Context(), signin.SecretAttempt{ClientID: "alice", Hash: hash, Secrets: secrets, Address: home})
	}
	for range 4 {
		if err := check("wrong", "wrong too"); !errors.Is(err, signin.ErrCredentials) {
			t.Fatal(err)
		}
	}
	if err := check("right"); err != nil {
		t.Fatalf("after four failures: %v", err)
	}
	for range 5 {
		if _, err := b.SignIn(t.Context(), signin.Attempt{Username: "mallory", Password: "x", Address: other}); !errors.Is(err, signin.ErrCredentials) {
			t.Fatal(err)
		}
		if err := b.CheckSecret(t.Context(), signin.SecretAttempt{ClientID: "web", Hash: hash, Secrets: []string{"x"}, Address: other}); !errors.Is(err, signin.ErrCredentials) {
			t.Fatal(err)
		}
	}
	err = b.CheckSecret(t.Context(), signin.SecretAttempt{ClientID: "web", Hash: hash, Secrets: []string{"right"}, Address: home})
	if !errors.Is(err, signin.ErrCredentials) {
		t.Errorf("a throttled client: %v, want ErrCredentials", err)
	}
	if err := b.try(t, "alice", "secret"); err != nil {
		t.Errorf("a user of a client's name: %v", err)
	}
}

// unaskedThrottle fails the test where it is asked.
type unaskedThrottle struct{ t *testing.T }

func (u unaskedThrottle) Begin(context.Context, string, throttle.Origin) (*throttle.Attempt, error) {
	u.t.Error("the throttle was asked, which writes to the store")
	return new(throttle.Attempt), nil
}

// A flood costs no more than the answers to it.
func TestFullSlotsCostNoWrite(t *testing.T) {
	b := newBench(t)
	b.slots.Slots = password.NewSlots(1, 0)
	b.Throttle = unaskedThrottle{t}
	release, err := b.slots.Acquire(t.Context(), password.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for _, name := range []string{"alice", "nobody"} {
		if err := b.try(t, name, "secret"); !errors.Is(err, signin.ErrBusy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.CheckSecret(t.Context(), signin.SecretAttempt{ClientID: "app", Secrets: []string{"x"}}); !errors.Is(err, signin.ErrBusy) {
		t.Error(err)
	}
}
