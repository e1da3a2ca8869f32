package throttle

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// try makes a wrong attempt on an account of its own, and reports whether the
// address let it pass.
func (r rig) try(n int, addr string) bool {
	r.Helper()
	a, err := r.Begin(r.Context(), fmt.Sprint("user", n), Origin{Address: address(addr)})
	switch {
	case err == nil:
		a.Fail()
	case !errors.Is(err, ErrAddress):
		r.Fatal(err)
	}
	return err == nil
}

// walk makes attempts from one address after the other until none of them passes.
func (r rig) walk(addresses []string) (passed int) {
	r.Helper()
	for _, addr := range addresses {
		for r.try(passed, addr) {
			passed++
		}
	}
	return passed
}

// nets are the first addresses of n blocks of that length, in 2001:db8:1::/48 and
// beyond.
func nets(bits, n int) (all []string) {
	for i := range n {
		net := uint64(0x2001_0db8_0001_0000) + uint64(i)<<(64-bits)
		all = append(all, fmt.Sprintf("%x:%x:%x:%x::1", net>>48, net>>32&0xffff, net>>16&0xffff, net&0xffff))
	}
	return all
}

// Walking through the networks of a prefix gives its own allowance, no multiple
// of that of a network: a /48 has 65,536 of them.
func TestPrefixesWalked(t *testing.T) {
	for _, c := range []struct {
		name      string
		addresses []string
		passed    int
	}{
		{"one address", nets(64, 1), 20},
		{"a /64, address by address", []string{"2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::ffff:1", "2001:db8:1:0:1::1"}, 20},
		{"a /56, /64 by /64", nets(64, 256), 80},
		{"a /48, /64 by /64", nets(64, 5000), 320},
		{"a /48, /56 by /56", nets(56, 256), 320},
		{"a /47, /56 by /56", nets(56, 512), 640},
		{"eight /48s", nets(48, 8), 160}, // one /64 in each
		{"IPv4, address by address", []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, 60},
		{"IPv4 in IPv6 is the IPv4 address", []string{"192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"}, 40},
		{"zones of one link", []string{"fe80::1%eth0", "fe80::1%eth1", "fe80::2%eth2"}, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, Config{}, func(r rig) {
				if got := r.walk(c.addresses); got != c.passed {
					t.Errorf("%d guesses are free, want %d", got, c.passed)
				}
			})
		})
	}
}

// In its first day a /48 has some 704 guesses, over all accounts, and 384 in each
// one after it: 16 an hour. Keeping below the limit gives that many, trying
// whenever a wait is over not many more.
func TestPrefixesInADay(t *testing.T) {
	for _, c := range []struct {
		name        string
		addresses   []string
		first, next int
	}{
		{"IPv4", []string{"192.0.2.1"}, 20 + 24, 24},
		{"a /64", nets(64, 1), 20 + 24, 24},
		{"a /56", nets(64, 32), 80 + 4*24, 4 * 24},
		{"a /48", nets(56, 64), 320 + 16*24, 16 * 24},
	} {
		for _, way := range []struct {
			name    string
			patient bool
		}{{"patient", true}, {"greedy", false}} {
			t.Run(c.name+", "+way.name, func(t *testing.T) {
				bubble(t, Config{}, func(r rig) {
					began, made, at := time.Now(), 0, 0
					// Where it is patient it stops one below the limit, and waits
					// until one fades.
					allowance := c.first - c.next
					guess := func() bool {
						for range len(c.addresses) {
							if r.try(made, c.addresses[at%len(c.addresses)]) {
								made++
								return true
							}
							at++
						}
						return false
					}
					for range allowance - 1 {
						guess()
					}
					pause := 24 * time.Hour / time.Duration(c.next)
					day := func() int {
						before := made
						for time.Since(began) < 24*time.Hour {
							if way.patient {
								time.Sleep(pause)
								guess()
							} else if !guess() {
								time.Sleep(10 * time.Minute)
							}
						}
						began = began.Add(24 * time.Hour)
						return made - before
					}
					first := made
					first += day()
					next := day()
					// Seven are over the limit, while the waits grow to an hour.
					if first > c.first+7 || next > c.next {
						t.Errorf("%d guesses in a day and %d in the next, want %d and %d at most", first, next, c.first+7, c.next)
					}
					if way.patient && (first < c.first-2 || next < c.next-2) {
						t.Errorf("%d guesses in a day and %d in the next: the documented figures are %d and %d", first, next, c.first, c.next)
					}
				})
			})
		}
	}
}

// A network that is over its limit leaves the rest of its site alone.
func TestPrefixesOfNeighbours(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		// A day of attempts, as soon as each wait is over.
		for range 24 * 60 {
			r.try(0, "2001:db8:1:2::1")
			time.Sleep(time.Minute)
		}
		for _, addr := range []string{"2001:db8:1:3::1", "2001:db8:1:ff00::1", "2001:db8:2::1"} {
			if wait := r.retryAfter(addr); wait != 0 {
				t.Errorf("%s waits %s for what another /64 did", addr, wait)
			}
		}
	})
}

// The wait that is told is the longest of the three.
func TestPrefixesTellTheLongestWait(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		r.walk(nets(64, 4)) // a whole /56
		if got := r.retryAfter("2001:db8:1:9::1"); got != 30*time.Second {
			t.Errorf("another /64 of the /56 waits %s", got)
		}
		time.Sleep(30 * time.Second)
		r.try(0, "2001:db8:1::1") // the /64 waits two minutes now, the /56 one
		time.Sleep(time.Minute)
		if got := r.retryAfter("2001:db8:1::1"); got != 0 && got > 2*time.Minute {
			t.Errorf("the /64 waits %s", got)
		}
	})
}

// A success takes back what its attempt cost, of all three.
func TestPrefixesSuccessCostsNothing(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		for i := range 1000 {
			r.succeed(r.begin(fmt.Sprint("user", i), nets(64, 4)[i%4]))
			r.cancel(r.begin(fmt.Sprint("user", i), nets(64, 4)[i%4]))
		}
		if got := r.walk(nets(64, 256)); got != 80 {
			t.Errorf("after a thousand successes %d failures are free, want 80", got)
		}
	})
}
