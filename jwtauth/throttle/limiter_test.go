package throttle

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs a test on a clock of its own: its sleeps take no time.
func bubble(t *testing.T, cfg Config, test func(r rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newRig(t, cfg)) })
}

// wide leaves addresses out of a test of accounts.
var wide = Config{AddressFree: 1_000_000}

func TestAccountFreeThenGrowingWaits(t *testing.T) {
	bubble(t, wide, func(r rig) {
		for i := range 5 {
			if r.wrong("alice", "192.0.2.1").Throttled {
				t.Fatalf("failure %d of 5 free ones is throttled", i+1)
			}
		}
		for _, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
			16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour, time.Hour} {
			time.Sleep(wait - time.Second)
			if r.open("alice", "192.0.2.1") {
				t.Fatalf("open a second before the end of %s", wait)
			}
			time.Sleep(time.Second)
			if r.wrong("alice", "192.0.2.1").Throttled {
				t.Fatalf("still closed after %s", wait)
			}
		}
		if !r.open("bob", "192.0.2.1") {
			t.Error("the failures on alice count for bob")
		}
	})
}

func TestAttemptsWhileWaitingDoNotExtendTheWait(t *testing.T) {
	bubble(t, wide, func(r rig) {
		r.failed(5, "alice", "192.0.2.1")
		for range 29 {
			time.Sleep(time.Second)
			if !r.wrong("alice", "192.0.2.1").Throttled {
				t.Fatal("open within the wait")
			}
		}
		time.Sleep(time.Second)
		if !r.open("alice", "192.0.2.1") {
			t.Error("a stranger who keeps trying keeps the account closed")
		}
	})
}

func TestThrottledAttemptsCostTheAddress(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		for range 20 {
			r.wrong("alice", "192.0.2.1")
		}
		if got := r.retryAfter("192.0.2.1"); got != 30*time.Second {
			t.Errorf("after 20 failures, 15 of them throttled, the address waits %s", got)
		}
	})
}

func TestAddressFreeThenGrowingWaits(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		for i := range 20 {
			if wait := r.retryAfter("192.0.2.1"); wait != 0 {
				t.Fatalf("failure %d of 20 free ones waits %s", i+1, wait)
			}
			r.wrong(fmt.Sprint("user", i), "192.0.2.1")
		}
		for i, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
			16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
			if got := r.retryAfter("192.0.2.1"); got != wait {
				t.Fatalf("wait %d is %s, want %s", i+1, got, wait)
			}
			// Asking meanwhile changes nothing, for the address or the account.
			time.Sleep(wait / 2)
			if _, err := r.Begin(r.Context(), "alice", Origin{Address: address("192.0.2.1")}); !errors.Is(err, ErrAddress) {
				t.Fatalf("error %v, want ErrAddress", err)
			}
			if got := r.retryAfter("192.0.2.1"); got != wait/2 {
				t.Fatalf("after half of %s another %s are left", wait, got)
			}
			time.Sleep(wait / 2)
			r.wrong(fmt.Sprint("user", i), "192.0.2.1")
		}
		if got := r.retryAfter("192.0.2.2"); got != 0 {
			t.Errorf("the neighbour's address waits %s", got)
		}
		for range 5 {
			if r.wrong("alice", "192.0.2.2").Throttled {
				t.Fatal("refused addresses were counted against the account")
			}
		}
	})
}

func TestAddressBuckets(t *testing.T) {
	for _, c := range []struct {
		name, failing, other string
		shared               bool
	}{
		{"same v4", "192.0.2.1", "192.0.2.1", true},
		{"other v4", "192.0.2.1", "192.0.2.2", false},
		{"v4 mapped into v6", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"other v4 mapped into v6", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		{"same /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
		{"other /64", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"zone", "fe80::1%eth0", "fe80::1%eth1", true},
		{"no address", "", "", true},
		{"no address and v4", "", "0.0.0.0", false},
		{"no address and v6", "", "::", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, Config{}, func(r rig) {
				for i := range 20 {
					r.wrong(fmt.Sprint("user", i), c.failing)
				}
				if waits := r.retryAfter(c.other) > 0; waits != c.shared {
					t.Errorf("%q waits for %q: %v, want %v", c.other, c.failing, waits, c.shared)
				}
			})
		})
	}
}

func TestParallelAttemptsPassOnlyTheFreeOnes(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		var open, throttled atomic.Int64
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				a, err := r.Begin(r.Context(), "alice", Origin{Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})})
				switch {
				case err != nil:
					t.Error(err)
				case a.Throttled:
					throttled.Add(1)
				default:
					open.Add(1)
				}
			})
		}
		wg.Wait()
		if open.Load() != 5 || throttled.Load() != 195 {
			t.Errorf("on one account %d were evaluated, %d throttled; want 5, 195", open.Load(), throttled.Load())
		}

		var passed, refused atomic.Int64
		for i := range 200 {
			wg.Go(func() {
				switch _, err := r.Begin(r.Context(), fmt.Sprint("user", i), Origin{Address: address("192.0.2.9")}); {
				case err == nil:
					passed.Add(1)
				case errors.Is(err, ErrAddress):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if passed.Load() != 20 || refused.Load() != 180 {
			t.Errorf("from one address %d passed, %d were refused; want 20, 180", passed.Load(), refused.Load())
		}
	})
}

func TestHundredInARowLeavesKnownAddressesOpen(t *testing.T) {
	bubble(t, wide, func(r rig) {
		const home, abroad = "192.0.2.1", "198.51.100.1"
		r.succeed(r.begin("alice", home))
		r.failed(100, "alice", abroad)
		a := r.begin("alice", home)
		if a.Throttled {
			t.Fatal("a stranger locked alice out of an address that is known to be hers")
		}
		r.succeed(a)
		if r.open("alice", abroad) {
			t.Error("her success at home gave a stranger new guesses")
		}
	})
}

// A program that signs in every minute, from a known address, is no reason to let
// strangers guess on.
func TestOwnersSuccessDoesNotFeedStrangers(t *testing.T) {
	bubble(t, wide, func(r rig) {
		const home, abroad = "192.0.2.1", "198.51.100.1"
		r.succeed(r.begin("alice", home))
		guesses := 0
		for range 50 {
			for range 6 {
				if !r.wrong("alice", abroad).Throttled {
					guesses++
				}
			}
			r.succeed(r.begin("alice", home))
		}
		if guesses != 5 {
			t.Errorf("%d guesses of a stranger, want the 5 free ones", guesses)
		}
	})
}

func TestFreeFailuresAreForgotten(t *testing.T) {
	bubble(t, wide, func(r rig) {
		r.failed(4, "alice", "192.0.2.1")
		time.Sleep(24 * time.Hour)
		r.failed(4, "alice", "192.0.2.1")
		if !r.open("alice", "192.0.2.1") {
			t.Error("the typing errors of two days add up")
		}
	})
}

func TestAddressForgivesOverTime(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		for i := range 19 {
			r.wrong(fmt.Sprint("user", i), "192.0.2.1")
		}
		// One failure an hour, for days, is what an office of people does.
		for i := range 100 {
			time.Sleep(time.Hour)
			if wait := r.retryAfter("192.0.2.1"); wait != 0 {
				t.Fatalf("hour %d: the office waits %s", i, wait)
			}
			r.wrong(fmt.Sprint("user", i), "192.0.2.1")
		}
		r.wrong("one too many", "192.0.2.1")
		if r.retryAfter("192.0.2.1") == 0 {
			t.Error("a second failure in that hour is free")
		}
	})
}

func TestReset(t *testing.T) {
	bubble(t, wide, func(r rig) {
		const home = "192.0.2.1"
		r.succeed(r.begin("alice", home))
		r.failed(100, "alice", home)
		r.failed(100, "alice", "198.51.100.1")
		r.failed(5, "bob", home)
		if err := r.Reset(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		for _, addr := range []string{home, "198.51.100.1"} {
			if !r.open("alice", addr) {
				t.Errorf("closed from %s after a reset", addr)
			}
		}
		if r.open("bob", home) {
			t.Error("the reset of alice opened bob")
		}
		// Whoever used the old password from home is a stranger now.
		r.failed(5, "alice", "198.51.100.1")
		if r.open("alice", home) {
			t.Error("an address is known from before the reset")
		}
		time.Sleep(time.Hour)
		r.succeed(r.begin("alice", home))
		r.failed(5, "alice", "198.51.100.1")
		if !r.open("alice", home) {
			t.Error("an address that signed in after the reset is not known")
		}
	})
}

func TestClockSetBack(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		clock := time.Now().Add(30 * day)
		r.now = func() time.Time { return clock }
		r.failed(5, "alice", "192.0.2.1")
		for i := range 15 {
			r.wrong(fmt.Sprint("user", i), "192.0.2.1")
		}
		clock = time.Now()
		a := r.begin("alice", "192.0.2.1")
		if a.Throttled {
			t.Error("alice waits for a month because a clock was wrong")
		}
		if wait := r.retryAfter("192.0.2.1"); wait == 0 || wait > time.Hour {
			t.Errorf("after a further failure the address waits %s", wait)
		}
	})
}

// A closed account that was tried while the clock was ahead gives tries of their
// own, as ever, once it is right.
func TestClockSetBackOnAClosedAccount(t *testing.T) {
	bubble(t, wide, func(r rig) {
		ahead := 30 * day
		r.now = func() time.Time { return time.Now().Add(ahead) }
		r.attack(day, 40, "alice")
		ahead = 0
		time.Sleep(time.Hour)
		if !r.open("alice", owner) {
			t.Error("alice waits for a month because a clock was wrong")
		}
	})
}

func TestStoreError(t *testing.T) {
	r := newRig(t, Config{})
	ok := r.begin("alice", "192.0.2.1")
	r.store.fail = errors.New("disk full")
	if a, err := r.Begin(t.Context(), "alice", Origin{Address: address("192.0.2.1")}); a != nil || !errors.Is(err, r.store.fail) {
		t.Errorf("Begin = %v, %v; nobody may pass", a, err)
	}
	if err := ok.Succeed(t.Context()); !errors.Is(err, r.store.fail) {
		t.Errorf("Succeed = %v", err)
	}
	if err := r.Reset(t.Context(), "alice"); !errors.Is(err, r.store.fail) {
		t.Errorf("Reset = %v", err)
	}
	r.store.fail = nil
	if r.succeed(ok); len(r.store.counters) != 1 {
		t.Error("a second try to write the success changed nothing")
	}
}

func TestOff(t *testing.T) {
	r := newRig(t, Config{Off: true})
	for range 1000 {
		a := r.begin("alice", "192.0.2.1")
		if a.Throttled {
			t.Fatal("throttled")
		}
		r.succeed(a)
		r.cancel(a)
	}
	if r.store.calls != 0 {
		t.Errorf("%d writes", r.store.calls)
	}
}

func TestKeysAreBoundedAndDistinct(t *testing.T) {
	seen := map[string]string{}
	for _, account := range []string{
		"", "alice", "Alice", "alice ", "client\x00alice", strings.Repeat("a", 1<<20),
		ClientAccount("bob"), UserAccount("bob"), UserAccount("client\x00bob"), "a\x00192.0.2.1", "a",
	} {
		for i, k := range newRecord(account, Origin{Address: address("192.0.2.1"), Device: "d"}).keys[1:] {
			if len(k) != 43 || strings.Contains(k, "alice") {
				t.Errorf("key %q of %.20q", k, account)
			}
			if seen[k] != "" {
				t.Errorf("%.20q and %s share a counter", account, seen[k])
			}
			seen[k] = fmt.Sprintf("%.20q/%d", account, i)
		}
	}
	if UserAccount("alice") != "alice" {
		t.Error("a user's account is not the name")
	}
}

func TestConfigValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		says string // "" for a valid one
	}{
		{"default", Config{}, ""},
		{"all set", Config{AccountFree: 1, AddressFree: 1, AccountMax: 1, MinWait: time.Second, MaxWait: time.Second, KnownFor: day}, ""},
		{"negative count", Config{AccountFree: -1}, "account_free takes 1 to"},
		{"negative address", Config{AddressFree: -1}, "address_free takes 1 to"},
		{"negative max", Config{AccountMax: -1}, "account_max takes 1 to"},
		{"negative wait", Config{MinWait: -time.Second}, "min_wait takes a duration"},
		{"tiny wait", Config{MinWait: time.Millisecond}, "min_wait takes a duration"},
		{"a year of waiting", Config{MaxWait: year}, "max_wait takes a duration"},
		{"known for ages", Config{KnownFor: 2 * year}, "known_for takes a duration"},
		{"min over max", Config{MinWait: 2 * time.Hour}, "min_wait must not be longer than max_wait"},
		{"max below free", Config{AccountFree: 10, AccountMax: 9}, "account_max must not be less"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.cfg.Validate()
			switch {
			case c.says == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.says != "" && !errors.Is(err, ErrConfig):
				t.Errorf("error %v, want ErrConfig", err)
			case c.says != "" && !strings.Contains(err.Error(), c.says):
				t.Errorf("%q does not say %q", err, c.says)
			}
		})
	}
}
