package password

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// at is a caller: the n-th address of 192.0.2.0/24, and an account.
func at(n int, account string) Caller {
	return Caller{Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), Account: account}
}

// queue is Slots under test. One slot is taken, by the test.
type queue struct {
	*Slots
	t    *testing.T
	free func()
	mu   sync.Mutex
	// served and refused are names of callers, in order.
	served, refused []string
	running         sync.WaitGroup
}

func newQueue(t *testing.T, places int) *queue {
	t.Helper()
	q := &queue{Slots: NewSlots(1, places), t: t}
	var err error
	if q.free, err = q.Acquire(t.Context(), Caller{}); err != nil {
		t.Fatal(err)
	}
	return q
}

// arrive has a caller come and settle in the queue.
func (q *queue) arrive(ctx context.Context, name string, c Caller) {
	q.running.Go(func() {
		release, err := q.Acquire(ctx, c)
		q.mu.Lock()
		defer q.mu.Unlock()
		if err != nil {
			q.refused = append(q.refused, name)
			if ctx.Err() == nil && !errors.Is(err, ErrBusy) {
				q.t.Errorf("%s: %v", name, err)
			}
			return
		}
		q.served = append(q.served, name)
		q.free = release
	})
	synctest.Wait()
}

// serve ends a hashing, so that the next begins.
func (q *queue) serve() (name string) {
	q.t.Helper()
	before := len(q.served)
	q.free()
	synctest.Wait()
	if len(q.served) != before+1 {
		q.t.Fatalf("a free slot went to %d callers, %d wait", len(q.served)-before, q.Waiting())
	}
	return q.served[before]
}

// close serves all who wait.
func (q *queue) close() {
	for q.Waiting() > 0 {
		q.serve()
	}
	q.free()
	q.running.Wait()
	if q.InUse() != 0 || len(q.queue.cells)+len(q.queue.addresses.of)+len(q.queue.accounts.of)+
		q.queue.addresses.turns.Len()+q.queue.accounts.turns.Len()+len(q.queue.addresses.sizes.of)+len(q.queue.accounts.sizes.of) != 0 {
		q.t.Errorf("%d slots in use; the empty line is %+v", q.InUse(), q.queue)
	}
}

// A person who sends one request waits one turn, whatever the others do.
func TestFairTurn(t *testing.T) {
	const attackers, each = 8, 5
	for name, tc := range map[string]struct {
		account func(attacker, i int) string
		turns   int
	}{
		"an account of each address":          {func(a, _ int) string { return fmt.Sprint("own", a) }, attackers + 1},
		"a random name each time":             {func(a, i int) string { return fmt.Sprint("random", a, i) }, attackers + 1},
		"one account from all addresses":      {func(int, int) string { return "mallory" }, 4},
		"the victim's name":                   {func(int, int) string { return "alice" }, attackers + 1},
		"the victim's name and another":       {func(_, i int) string { return []string{"alice", "mallory"}[i%2] }, 2 * (attackers + 1)},
		"the victim's name and random others": {func(a, i int) string { return []string{"alice", fmt.Sprint(a, i)}[i%2] }, 2 * (attackers + 1)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, DefaultQueue(1))
				n := 0
				attack := func(a int) {
					q.arrive(t.Context(), fmt.Sprint("attacker ", a), at(a, tc.account(a, n)))
					n++
				}
				for range each {
					for a := range attackers {
						attack(a)
					}
				}
				if q.Waiting() != DefaultQueue(1) {
					t.Fatalf("%d wait", q.Waiting())
				}
				// Time and again, while each attacker who is served or refused comes back.
				for round := range 20 {
					q.arrive(t.Context(), "alice", at(100, "alice"))
					for turn := 1; ; turn++ {
						for a := range attackers {
							attack(a)
						}
						if q.serve() == "alice" {
							break
						}
						if turn == tc.turns {
							t.Fatalf("round %d: not served within %d turns", round, turn)
						}
					}
				}
				for _, who := range q.refused {
					if who == "alice" {
						t.Error("a person who sends one request at a time was refused")
					}
				}
				q.close()
			})
		})
	}
}

// Where more addresses come than there are places, the account with the most
// requests makes room.
func TestFairByAccountWhereAddressesAreMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, 16)
		for a := range 50 {
			q.arrive(t.Context(), "mallory", at(a, "mallory"))
		}
		q.arrive(t.Context(), "alice", at(100, "alice"))
		q.arrive(t.Context(), "bob", at(101, "bob"))
		for range 6 {
			q.serve()
		}
		if !slices.Contains(q.served, "alice") || !slices.Contains(q.served, "bob") {
			t.Errorf("served %v", q.served)
		}
		q.close()
	})
}

// The waiter who has to go where the queue is full.
func TestFairPlaces(t *testing.T) {
	for name, tc := range map[string]struct {
		waiting  []Caller
		newcomer Caller
		// leaves is the index of the one who has to, -1 for the newcomer.
		leaves int
	}{
		"the last of the fullest address": {
			[]Caller{at(1, "a"), at(1, "a"), at(1, "a"), at(2, "b")}, at(3, "c"), 2,
		},
		"also for an address that has less than it": {
			[]Caller{at(1, "a"), at(1, "a"), at(1, "a"), at(2, "b")}, at(2, "c"), 2,
		},
		"of the fullest address the account with most": {
			[]Caller{at(1, "office"), at(1, "mallory"), at(1, "mallory"), at(1, "other")}, at(3, "c"), 2,
		},
		"a newcomer of the fullest address":     {[]Caller{at(1, "a"), at(1, "a"), at(2, "b")}, at(1, "a"), -1},
		"who would only change places":          {[]Caller{at(1, "a"), at(2, "b"), at(3, "c")}, at(4, "d"), -1},
		"who would have as many as the fullest": {[]Caller{at(1, "a"), at(1, "a"), at(2, "b")}, at(2, "c"), -1},
		"a person who shares the fullest address with a crowd": {
			[]Caller{at(1, "a"), at(1, "a"), at(1, "a")}, at(1, "b"), 2,
		},
		"the account with most, where each address has one": {
			[]Caller{at(1, "a"), at(2, "b"), at(3, "a"), at(4, "c")}, at(5, "d"), 2,
		},
		"not for that account":           {[]Caller{at(1, "a"), at(2, "b"), at(3, "a")}, at(5, "a"), -1},
		"not for an address that waits":  {[]Caller{at(1, "a"), at(2, "b"), at(3, "a")}, at(2, "d"), -1},
		"no address counts as one":       {[]Caller{{Account: "a"}, {Account: "b"}, {Account: "c"}}, Caller{Account: "d"}, -1},
		"an address makes room for none": {[]Caller{at(1, "a"), at(1, "b"), at(1, "c")}, Caller{Account: "d"}, 2},
		"IPv4 within IPv6": {
			[]Caller{at(1, "a"), at(1, "b"), at(1, "c")},
			Caller{Address: netip.MustParseAddr("::ffff:192.0.2.1"), Account: "d"}, -1,
		},
		"IPv6 of one /48": {
			[]Caller{v6("2001:db8:1::1", "a"), v6("2001:db8:1:8000::1", "b"), v6("2001:db8:1:ffff::1%eth0", "c")}, v6("2001:db8:1:1::1", "d"), -1,
		},
		"IPv6 of another /48": {
			[]Caller{v6("2001:db8:1::1", "a"), v6("2001:db8:1:8000::1", "b")}, v6("2001:db8:2::1", "d"), 1,
		},
		"no place at all": {nil, at(1, "a"), -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, len(tc.waiting))
				for i, c := range tc.waiting {
					q.arrive(t.Context(), fmt.Sprint(i), c)
				}
				if full := q.Full(tc.newcomer); full != (tc.leaves < 0) {
					t.Errorf("Full is %v", full)
				}
				q.arrive(t.Context(), "-1", tc.newcomer)
				if len(q.refused) != 1 || q.refused[0] != fmt.Sprint(tc.leaves) {
					t.Errorf("refused %v, want %d", q.refused, tc.leaves)
				}
				q.close()
			})
		})
	}
}

func v6(text, account string) Caller {
	return Caller{Address: netip.MustParseAddr(text), Account: account}
}

// A waiter who gives up leaves at once, and a slot that was on its way goes to the next.
func TestFairCallerWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, 2)
		ctx, leave := context.WithCancel(t.Context())
		q.arrive(ctx, "left", at(1, "a"))
		q.arrive(t.Context(), "stays", at(1, "a"))
		leave()
		synctest.Wait()
		if q.Waiting() != 1 || q.Full(at(2, "b")) {
			t.Errorf("%d wait after one left", q.Waiting())
		}
		if got := q.serve(); got != "stays" {
			t.Errorf("served %s", got)
		}
		q.close()
	})
	// The slot and the end of the context at once, over and over.
	s := NewSlots(1, 4)
	for range 2000 {
		release, err := s.Acquire(t.Context(), Caller{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		var one sync.WaitGroup
		one.Go(func() {
			if release, err := s.Acquire(ctx, at(1, "a")); err == nil {
				release()
			}
		})
		one.Go(leave)
		release()
		one.Wait()
		if s.InUse() != 0 || s.Waiting() != 0 {
			t.Fatalf("%d in use, %d wait after all have left", s.InUse(), s.Waiting())
		}
	}
}

// Many at once: slots are never exceeded, and each caller gets one
// answer.
func TestFairUnderConcurrentUse(t *testing.T) {
	const slots, callers, each = 3, 40, 60
	s := NewSlots(slots, 8)
	var running, most, served, refused, left atomic.Int64
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for n := range each {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(2000))*time.Microsecond)
				c := at(i%11, fmt.Sprint((i*n)%7))
				s.Full(c)
				release, err := s.Acquire(ctx, c)
				switch {
				case err == nil:
					served.Add(1)
					now := running.Add(1)
					for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
					}
					runtime.Gosched()
					running.Add(-1)
					release()
				case errors.Is(err, ErrBusy):
					refused.Add(1)
				case errors.Is(err, context.DeadlineExceeded):
					left.Add(1)
				default:
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if most.Load() > slots || s.InUse() != 0 || s.Waiting() != 0 {
		t.Errorf("%d at once with %d slots; %d in use, %d wait after all", most.Load(), slots, s.InUse(), s.Waiting())
	}
	if served.Load()+refused.Load()+left.Load() != callers*each || served.Load() == 0 {
		t.Errorf("%d served, %d refused, %d left of %d", served.Load(), refused.Load(), left.Load(), callers*each)
	}
}
