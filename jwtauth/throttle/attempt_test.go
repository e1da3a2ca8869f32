package throttle

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func TestSuccessForgivesTheAccountOnly(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		for i := range 17 {
			r.wrong(fmt.Sprint("victim", i), "192.0.2.1")
		}
		// The attacker signs in to an account of his own, again and again: one guess more a day.
		for range 50 {
			r.succeed(r.begin("mallory", "192.0.2.1"))
		}
		for range 3 {
			r.wrong("victim", "192.0.2.1")
		}
		if wait := r.retryAfter("192.0.2.1"); wait != 0 {
			t.Fatalf("successes were counted: after 20 failures, of which one is pardoned, the address waits %s", wait)
		}
		r.wrong("victim", "192.0.2.1")
		if r.retryAfter("192.0.2.1") == 0 {
			t.Error("own successes gave the address new guesses")
		}

		r.failed(4, "alice", "192.0.2.2")
		r.succeed(r.begin("alice", "192.0.2.2"))
		for range 5 {
			if r.wrong("alice", "192.0.2.2").Throttled {
				t.Fatal("the failures before a success still count")
			}
		}
	})
}

func TestSuccessLeavesNoWait(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		for i := range 20 {
			r.wrong(fmt.Sprint("user", i), "192.0.2.1")
		}
		time.Sleep(30 * time.Second)
		a := r.begin("alice", "192.0.2.1")
		if got := r.retryAfter("192.0.2.1"); got == 0 {
			t.Fatal("over the free ones, two are evaluated at once")
		}
		r.succeed(a)
		if got := r.retryAfter("192.0.2.1"); got != 0 {
			t.Errorf("after a right password the address waits %s", got)
		}
	})
}

func TestManyAtOnceFromOneAddress(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		// A whole office signs in at nine.
		var running []*Attempt
		for i := range 20 {
			running = append(running, r.begin(fmt.Sprint("user", i), "192.0.2.1"))
		}
		if r.retryAfter("192.0.2.1") == 0 {
			t.Fatal("more than the free ones may run at once")
		}
		r.succeed(running[3]) // not the one that filled the room
		if got := r.retryAfter("192.0.2.1"); got != 0 {
			t.Errorf("with room again the address waits %s", got)
		}
		for _, a := range running {
			r.succeed(a)
		}
		for i := range 20 {
			r.wrong(fmt.Sprint("stranger", i), "192.0.2.1")
		}
		if r.retryAfter("192.0.2.1") == 0 {
			t.Error("successes took back more than they had been charged")
		}
	})
}

func TestKnownAddressHasItsOwnCounter(t *testing.T) {
	bubble(t, wide, func(r rig) {
		const home, abroad = "2001:db8:1:2::1", "198.51.100.1"
		r.succeed(r.begin("alice", home))
		r.failed(5, "alice", abroad)
		if r.open("alice", abroad) {
			t.Fatal("open for the stranger")
		}
		if !r.open("alice", "2001:db8:1:2::77") {
			t.Error("closed for a known address")
		}
		if !r.open("bob", abroad) || r.open("alice", "2001:db8:1:3::1") {
			t.Error("known is not what it should be: this account, this address")
		}
		// It is throttled too, by itself.
		r.failed(5, "alice", home)
		if r.open("alice", home) {
			t.Error("a known address may guess without end")
		}
		time.Sleep(time.Hour)
		r.succeed(r.begin("alice", home))
		for range 5 {
			if r.wrong("alice", home).Throttled {
				t.Fatal("a success did not forgive the known address")
			}
		}
	})
}

func TestKnownAddressExpires(t *testing.T) {
	bubble(t, Config{AddressFree: 1000, KnownFor: 10 * day}, func(r rig) {
		const home, abroad = "192.0.2.1", "198.51.100.1"
		r.succeed(r.begin("alice", home))
		time.Sleep(9 * day)
		r.succeed(r.begin("alice", home))
		time.Sleep(9 * day)
		r.failed(5, "alice", abroad)
		if !r.open("alice", home) {
			t.Error("a sign-in did not renew it")
		}
		time.Sleep(day)
		r.failed(5, "alice", abroad)
		if r.open("alice", home) {
			t.Error("known for longer than KnownFor")
		}
	})
}

func TestNoAddressIsNeverKnown(t *testing.T) {
	bubble(t, wide, func(r rig) {
		r.succeed(r.begin("alice", ""))
		r.failed(5, "alice", "198.51.100.1")
		if r.open("alice", "") {
			t.Error("everybody without an address is known to alice")
		}
	})
}

func TestThrottledAttemptCannotSucceed(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		r.failed(5, "alice", "192.0.2.1")
		a := r.begin("alice", "192.0.2.1")
		r.succeed(a) // the right password, too early
		if r.open("alice", "192.0.2.1") {
			t.Error("a throttled success opened the account")
		}
		for i := range 14 {
			r.wrong(fmt.Sprint("user", i), "192.0.2.1")
		}
		if r.retryAfter("192.0.2.1") == 0 {
			t.Error("a throttled success was free for the address")
		}
	})
}

func TestCancelTakesBack(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		for range 500 {
			a := r.begin("alice", "192.0.2.1")
			if a.Throttled {
				t.Fatal("attempts that were not evaluated count")
			}
			r.cancel(a)
		}
		if n := len(r.store.counters); n != 0 {
			t.Errorf("%d counters are left of nothing", n)
		}

		r.failed(4, "alice", "192.0.2.1")
		a := r.begin("alice", "192.0.2.1")
		if !r.wrong("alice", "192.0.2.1").Throttled {
			t.Fatal("a sixth at once is evaluated")
		}
		r.cancel(a)
		if !r.open("alice", "192.0.2.1") {
			t.Error("the wait that a cancelled attempt began goes on")
		}
		// Ending it again takes nothing more back.
		r.cancel(a)
		r.succeed(a)
		r.wrong("alice", "192.0.2.1")
		if r.open("alice", "192.0.2.1") {
			t.Error("an attempt was taken back twice")
		}
	})
}

func TestCancelOnKnownAddress(t *testing.T) {
	bubble(t, wide, func(r rig) {
		const home, abroad = "192.0.2.1", "198.51.100.1"
		r.succeed(r.begin("alice", home))
		r.failed(4, "alice", abroad)
		r.failed(4, "alice", home)
		r.cancel(r.begin("alice", home))
		r.wrong("alice", abroad)
		if r.open("alice", abroad) {
			t.Error("the cancelled attempt was taken back from the strangers' counter")
		}
		if r.wrong("alice", home).Throttled {
			t.Error("the cancelled attempt was not taken back from its own counter")
		}
	})
}

func TestZeroAttempt(t *testing.T) {
	var a Attempt
	if err := a.Succeed(t.Context()); err != nil {
		t.Error(err)
	}
	if err := a.Cancel(t.Context()); err != nil {
		t.Error(err)
	}
}

// retrying is a Store whose first reading is of a throttled account, and stale.
type retrying struct{ Store }

func (r retrying) UpdateAttempts(ctx context.Context, now time.Time, keys []string, change func([]Counter) error) error {
	stale := make([]Counter, len(keys))
	for i := range stale[1:] {
		stale[i+1] = Counter{Failures: 5, BlockedUntil: now.Add(time.Minute), Expires: now.Add(time.Hour)}
	}
	if err := change(stale); err != nil {
		return err
	}
	return r.Store.UpdateAttempts(ctx, now, keys, change)
}

func TestStaleReadingIsForgotten(t *testing.T) {
	r := newRig(t, Config{})
	r.Limiter.store = retrying{r.store}
	if r.wrong("alice", "192.0.2.1").Throttled {
		t.Error("throttled by what the store read before it tried again")
	}
}

// Interface guards.
var _ Store = retrying{}
