package signin_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

func (b *bench) check(t *testing.T, hash *password.Hash, secret string) error {
	t.Helper()
	return b.CheckSecret(t.Context(), signin.SecretAttempt{ClientID: "web", Hash: hash, Secrets: []string{secret}, Address: home})
}

func parse(t *testing.T, text string) *password.Hash {
	t.Helper()
	hash, err := password.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// Want of a slot is nobody's failure, also not a client's.
func TestBusyCountsNoSecret(t *testing.T) {
	b, hash := newBench(t), parse(t, quick(t, "right"))
	b.slots.Slots = password.NewSlots(1, 0)
	release, err := b.slots.Slots.Acquire(t.Context(), password.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 { // more than an address or an account has free
		var busy *signin.BusyError
		if err := b.check(t, hash, "wrong"); !errors.As(err, &busy) || busy.RetryAfter < time.Second {
			t.Fatalf("%v, want a BusyError", err)
		}
	}
	release()
	if err := b.check(t, hash, "right"); err != nil {
		t.Errorf("refusals for want of a slot were counted: %v", err)
	}
}

func TestStoreFailureLetsNoClientIn(t *testing.T) {
	down := errors.New("disk full")
	hash := parse(t, quick(t, "right"))
	for name, good := range map[string]int{"at the start": 0, "at the end": 1} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.Throttle = throttle.New(&brokenCounters{b.store, down, good}, throttle.Config{})
			if err := b.check(t, hash, "right"); !errors.Is(err, down) {
				t.Errorf("%v, want the store's error", err)
			}
			if b.slots.InUse() != 0 {
				t.Error("the slot was not given back")
			}
		})
	}
}

// However many sign-ins replace an outdated hash at once, all of them succeed and
// the one that is kept is of the right password.
func TestRacingUpgradesStayConsistent(t *testing.T) {
	b := newBench(t)
	b.upgrade = true
	b.Throttle = throttle.New(b.store, throttle.Config{Off: true})
	b.slots.Slots = password.NewSlots(4, 64)
	before, err := b.users.Directory.Lookup(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			if _, err := b.SignIn(t.Context(), signin.Attempt{Username: "alice", Password: "secret", Address: home}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	after, err := b.users.Directory.Lookup(t.Context(), "alice")
	if err != nil || after.PasswordHash == before.PasswordHash || !parse(t, after.PasswordHash).Verify("secret") {
		t.Errorf("the hash was not replaced by one of the password: %v", err)
	}
	if len(b.reports) != 0 {
		t.Errorf("reported %v", b.reports)
	}
}
