package throttle

import (
	"fmt"
	"testing"
	"time"
)

const (
	owner    = "203.0.113.5"
	stranger = "198.51.100.1"
)

// guess tries until it is evaluated, and returns how long that took.
func (r rig) guess(account, addr string) time.Duration {
	r.Helper()
	began := time.Now()
	for r.wrong(account, addr).Throttled {
		time.Sleep(time.Minute)
	}
	return time.Since(began)
}

// attack has so many addresses guess every five minutes, and returns how many of
// their attempts were evaluated.
func (r rig) attack(d time.Duration, addresses int, account string) (evaluated int) {
	r.Helper()
	for range d / (5 * time.Minute) {
		for i := range addresses {
			if !r.wrong(account, fmt.Sprintf("10.%d.%d.1", i/256, i%256)).Throttled {
				evaluated++
			}
		}
		time.Sleep(5 * time.Minute)
	}
	return evaluated
}

// After a hundred failures, and while the stranger goes on as soon as each hour is
// over, the owner signs in from an address that is new.
func TestLockoutOfOwnersNewAddress(t *testing.T) {
	for name, goesOn := range map[string]bool{"the stranger has stopped": false, "the stranger goes on": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, wide, func(r rig) {
				for range 100 {
					r.guess("alice", stranger)
				}
				for day := range 330 {
					from := fmt.Sprintf("203.0.%d.%d", day/250, day%250) // new each day
					if !r.open("alice", from) {
						t.Fatalf("day %d: the owner is refused", day)
					}
					for range 24 {
						if goesOn {
							r.guess("alice", stranger)
						}
						time.Sleep(time.Hour - time.Minute)
					}
				}
			})
		})
	}
}

// However exactly a stranger hits the end of each wait, after an hour at most an
// address that is not known has a try of its own.
func TestLockoutLastsAnHourAtMost(t *testing.T) {
	bubble(t, wide, func(r rig) {
		var longest time.Duration
		for hours := range 24 {
			for range 60 {
				r.wrong("alice", stranger)
				time.Sleep(time.Minute)
			}
			began := time.Now()
			for !r.open("alice", owner) {
				r.wrong("alice", stranger)
				time.Sleep(time.Minute)
			}
			if longest = max(longest, time.Since(began)); longest > time.Hour {
				t.Fatalf("hour %d: the owner waited %s", hours, longest)
			}
		}
	})
}

// The owner mistypes, too: an hour later there is another try, whatever a
// stranger does in between.
func TestLockoutOwnerMayMistype(t *testing.T) {
	bubble(t, wide, func(r rig) {
		for range 100 {
			r.guess("alice", stranger)
		}
		if took := r.guess("alice", owner); took > 0 {
			t.Fatalf("the first try came after %s", took)
		}
		if r.open("alice", owner) {
			t.Error("a second try within the hour")
		}
		for range 59 {
			r.wrong("alice", stranger)
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Minute)
		r.wrong("alice", stranger) // at the moment the hour is over
		a := r.begin("alice", owner)
		if a.Throttled {
			t.Fatal("the hour after a typing error the owner is refused")
		}
		r.succeed(a)
		if !r.open("alice", owner) {
			t.Error("after a success")
		}
	})
}

// One address has one try an hour; more of them share a number that does not grow
// with them.
func TestLockoutBoundsGuesses(t *testing.T) {
	const days = 3
	for _, c := range []struct {
		addresses int
		perHour   float64
	}{
		{1, 1}, {2, 2}, {3, 2}, {50, 5}, {80, 5},
	} {
		t.Run(fmt.Sprint(c.addresses, " addresses"), func(t *testing.T) {
			bubble(t, wide, func(r rig) {
				first := r.attack(2*time.Hour, c.addresses, "alice")
				if most := 5 + 7 + 2*5; first > most {
					t.Errorf("%d guesses in the first two hours, want %d at most", first, most)
				}
				later := r.attack(days*24*time.Hour, c.addresses, "alice")
				if got := float64(later) / (days * 24); got > c.perHour+0.05 || got < c.perHour-0.25 {
					t.Errorf("%.2f guesses an hour, want %.0f", got, c.perHour)
				}
			})
		})
	}
}

// However many failures are free, two guesses an hour at least and sixteen at most
// are left to all addresses together.
func TestLockoutBoundsGuessesWhateverIsFree(t *testing.T) {
	for free, perHour := range map[int]int{1: 2, 3: 3, 40: 16} {
		t.Run(fmt.Sprint(free, " free"), func(t *testing.T) {
			bubble(t, Config{AccountFree: free, AddressFree: wide.AddressFree}, func(r rig) {
				r.attack(24*time.Hour, 60, "alice")
				if got := r.attack(24*time.Hour, 60, "alice"); got != perHour*24 {
					t.Errorf("%d guesses in a day, want %d", got, perHour*24)
				}
			})
		})
	}
}

// Twenty addresses that go on trying leave the owner a try: those that are new to
// the account have more than half of them. Forty take that, too, as the README
// says; a known browser is still let in.
func TestLockoutByManyAddresses(t *testing.T) {
	for addresses, keepOut := range map[int]bool{2: false, 20: false, 40: true} {
		t.Run(fmt.Sprint(addresses), func(t *testing.T) {
			bubble(t, wide, func(r rig) {
				r.succeed(r.beginOn("laptop", "alice", "192.0.2.1"))
				r.attack(2*24*time.Hour, addresses, "alice")
				refused := 0
				for hour := range 50 {
					r.attack(time.Hour, addresses, "alice")
					from := fmt.Sprintf("203.0.113.%d", hour)
					if !r.open("alice", from) {
						refused++
					}
					if !r.openOn("laptop", "alice", from) {
						t.Error("a known browser is refused")
					}
				}
				if refused > 0 != keepOut {
					t.Errorf("the owner was refused %d times of 50", refused)
				}
			})
		})
	}
}

// A whole /48 is one address here.
func TestLockoutCountsNetworksAsOne(t *testing.T) {
	bubble(t, wide, func(r rig) {
		for range 100 {
			r.guess("alice", "2001:db8:1::1")
		}
		for i := range 100 {
			if r.open("alice", fmt.Sprintf("2001:db8:1:%x::1", i)) {
				t.Fatal("another /64 of the /48 has a try of its own")
			}
		}
		if !r.open("alice", "2001:db8:2::1") {
			t.Error("another /48 has none")
		}
	})
}

// What a stranger has done fades: a failure each five hours, so that a hundred
// are gone in three weeks.
func TestLockoutFades(t *testing.T) {
	freeNow := func(r rig) (free int) {
		for free < 5 && !r.wrong("alice", owner).Throttled {
			free++
		}
		return free
	}
	for _, c := range []struct {
		after time.Duration
		free  int
	}{
		{0, 1}, // the try of its own
		{400 * time.Hour, 1},
		{485 * time.Hour, 2}, // three are left
		{491 * time.Hour, 3},
		{501 * time.Hour, 5},
	} {
		t.Run(c.after.String(), func(t *testing.T) {
			bubble(t, wide, func(r rig) {
				for range 200 { // more than are counted
					r.guess("alice", stranger)
				}
				time.Sleep(time.Hour + c.after) // the last wait, in which nothing fades
				if free := freeNow(r); free != c.free {
					t.Errorf("%d tries at once, want %d", free, c.free)
				}
			})
		})
	}
}

// Failures fade also while others come: five a day never have to wait, six do.
func TestLockoutFadesContinuously(t *testing.T) {
	for every, waits := range map[time.Duration]bool{5 * time.Hour: false, 4 * time.Hour: true} {
		t.Run(every.String(), func(t *testing.T) {
			bubble(t, wide, func(r rig) {
				r.failed(4, "alice", stranger)
				waited := false
				for range 200 {
					time.Sleep(every)
					waited = waited || !r.open("alice", owner)
					r.wrong("alice", stranger)
					waited = waited || !r.open("alice", owner)
				}
				if waited != waits {
					t.Errorf("waited: %v, want %v", waited, waits)
				}
			})
		})
	}
}

// A browser, and an address, that signed in before cannot be locked out by others,
// however many there are.
func TestLockoutOfKnownBrowser(t *testing.T) {
	bubble(t, wide, func(r rig) {
		r.succeed(r.beginOn("laptop", "alice", "192.0.2.1"))
		r.attack(24*time.Hour, 100, "alice")
		for _, from := range []string{owner, "10.0.0.1", "192.0.2.1", ""} {
			if !r.openOn("laptop", "alice", from) {
				t.Errorf("her browser is locked out at %q", from)
			}
		}
		if !r.open("alice", "192.0.2.1") {
			t.Error("her address is locked out")
		}
		if r.openOn("phone", "alice", "10.0.0.1") || r.open("alice", "10.0.0.1") {
			t.Error("open for a browser that never signed in")
		}
		// Her success gives the others nothing.
		r.succeed(r.beginOn("laptop", "alice", owner))
		if r.open("alice", "10.0.0.1") {
			t.Error("her success at home gave a stranger new guesses")
		}
	})
}

// A stranger behind the same address, or in the same site's network, makes all wait
// there but a browser that signed in to the account before. What that may try is
// bounded by its own counter.
func TestLockoutOfKnownBrowserByItsAddress(t *testing.T) {
	for name, addresses := range map[string][]string{
		"IPv4": {"192.0.2.1"}, "a /64": {"2001:db8:1:2::1"}, "a /48": append(nets(64, 1024), "2001:db8::1"),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{}, func(r rig) {
				home := addresses[len(addresses)-1]
				r.succeed(r.beginOn("laptop", "alice", home))
				made := 0
				// Until even the longest of the waits has begun.
				for range 10 {
					for _, addr := range addresses {
						for r.try(made, addr) {
							made++
						}
					}
					time.Sleep(time.Hour)
				}
				if wait := r.retryAfter(home); wait == 0 {
					for _, addr := range addresses {
						for r.try(made, addr) {
							made++
						}
					}
				}
				if r.retryAfter(home) == 0 {
					t.Fatal("the address need not wait")
				}
				refused := func(device, account string) bool {
					t.Helper()
					a, err := r.Begin(t.Context(), account, Origin{address(home), device})
					if err != nil {
						return true
					}
					r.cancel(a)
					return a.Throttled
				}
				if refused("laptop", "alice") {
					t.Error("her browser is locked out")
				}
				if !refused("phone", "alice") || !refused("", "alice") || !refused("laptop", "bob") {
					t.Error("open for a browser that never signed in to the account")
				}
				before := r.retryAfter(home)
				evaluated := 0
				for range 100 {
					if a, err := r.Begin(t.Context(), "alice", Origin{address(home), "laptop"}); err == nil {
						if a.Fail(); !a.Throttled {
							evaluated++
						}
					}
				}
				if evaluated != 5 || !refused("laptop", "alice") {
					t.Errorf("%d guesses in her browser, want the 5 free ones", evaluated)
				}
				if after := r.retryAfter(home); after > before {
					t.Errorf("her typos have the others wait %s, not %s", after, before)
				}
			})
		})
	}
}

// Nor does it wait for sign-ins that others at its address have under way, and it
// leaves their counters as they were.
func TestLockoutOfKnownBrowserInAFullAddress(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		const home = "192.0.2.1"
		r.succeed(r.beginOn("laptop", "alice", home))
		for i := range 20 {
			r.begin(fmt.Sprint("user", i), home)
		}
		of := newRecord("alice", Origin{Address: address(home)}).keys[0]
		before := r.store.counters[of]
		for name, end := range map[string]func(a *Attempt){
			"success": r.succeed, "cancelled": r.cancel, "failure": (*Attempt).Fail,
		} {
			began := time.Now()
			end(r.beginOn("laptop", "alice", home))
			if waited := time.Since(began); waited > 0 {
				t.Errorf("%s: it waited %s", name, waited)
			}
		}
		if after := r.store.counters[of]; !after.Equal(before) {
			t.Errorf("the address has %+v, not %+v", after, before)
		}
	})
}

// A device id is worth something for the accounts it signed in to, and nothing
// else.
func TestLockoutDeviceIDsMultiplyNothing(t *testing.T) {
	t.Run("invented ones", func(t *testing.T) {
		bubble(t, wide, func(r rig) {
			evaluated := 0
			for i := range 500 {
				if !r.wrongOn(fmt.Sprint("device", i), "alice", stranger).Throttled {
					evaluated++
				}
			}
			if evaluated != 5 {
				t.Errorf("%d guesses with 500 device ids, want the 5 free ones", evaluated)
			}
		})
	})
	t.Run("those of another account", func(t *testing.T) {
		bubble(t, wide, func(r rig) {
			for i := range 50 {
				r.succeed(r.beginOn(fmt.Sprint("device", i), "mallory", stranger))
			}
			evaluated := 0
			for i := range 500 {
				if !r.wrongOn(fmt.Sprint("device", i%50), "alice", stranger).Throttled {
					evaluated++
				}
			}
			if evaluated != 5 {
				t.Errorf("%d guesses with devices of an own account, want the 5 free ones", evaluated)
			}
		})
	})
	t.Run("a stolen one", func(t *testing.T) {
		bubble(t, wide, func(r rig) {
			r.succeed(r.beginOn("laptop", "alice", "192.0.2.1"))
			evaluated := 0
			for minute := range 24 * 60 {
				if !r.wrongOn("laptop", "alice", stranger).Throttled {
					evaluated++
				}
				if minute%60 == 30 && !r.openOn("laptop", "alice", owner) && minute > 120 {
					t.Fatalf("minute %d: the thief locks the browser out that it was stolen from", minute)
				}
				time.Sleep(time.Minute)
			}
			// Five and a wait that grows to an hour, twice: with it and without.
			if evaluated > 2*(5+7+24) {
				t.Errorf("%d guesses in a day with a stolen device", evaluated)
			}
		})
	})
	t.Run("after a reset", func(t *testing.T) {
		bubble(t, wide, func(r rig) {
			r.succeed(r.beginOn("laptop", "alice", "192.0.2.1"))
			late := r.beginOn("laptop", "alice", "192.0.2.1") // with the former password
			if err := r.Reset(r.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			r.succeed(late)
			r.failed(5, "alice", stranger)
			if r.openOn("laptop", "alice", "192.0.2.1") {
				t.Error("a browser, or an address, is known from before the reset")
			}
			time.Sleep(time.Hour)
			late = r.beginOn("laptop", "alice", "192.0.2.1")
			if err := r.Reset(r.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			r.succeed(r.beginOn("laptop", "alice", "192.0.2.1"))
			r.succeed(late) // takes no mark away either
			r.failed(5, "alice", stranger)
			if !r.openOn("laptop", "alice", owner) {
				t.Error("a browser that signed in after the reset is not known")
			}
		})
	})
}

func TestLockoutReset(t *testing.T) {
	bubble(t, wide, func(r rig) {
		r.attack(24*time.Hour, 100, "alice")
		if err := r.Reset(r.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if r.wrong("alice", stranger).Throttled {
				t.Fatal("closed after an administrator's reset")
			}
		}
	})
}

// A counter of a version that closed accounts for a year, and had no tries.
func TestLockoutOfOlderVersion(t *testing.T) {
	bubble(t, wide, func(r rig) {
		now := time.Now().UTC()
		r.store.counters[key(kindAccount, "bob")] = Counter{Failures: 100, BlockedUntil: now.Add(-300 * day), Expires: now.Add(65 * day)}
		for range 5 {
			if r.wrong("bob", stranger).Throttled {
				t.Fatal("what was done 300 days ago has not faded")
			}
		}
		for _, c := range []Counter{
			{Failures: 100, BlockedUntil: now.Add(time.Hour), Expires: now.Add(year)},
			{Failures: 100, BlockedUntil: now.Add(-300 * day), Expires: now.Add(65 * day)},
			{Failures: 5_000, Expires: now.Add(year)},
		} {
			r.store.counters[key(kindAccount, "alice")] = c
			a := r.begin("alice", owner)
			if a.Throttled {
				t.Errorf("closed by %+v", c)
			}
			r.succeed(a)
			if !r.open("alice", stranger) {
				t.Errorf("a success did not forgive %+v", c)
			}
		}
	})
}
