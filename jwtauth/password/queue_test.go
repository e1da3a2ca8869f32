package password

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// Random arrivals, services and departures: the line never holds more than its
// places, none is lost, none who has less makes room for one who has more, and
// none waits longer than its turn.
func TestFairProperties(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1)) // a seed, so that a failure comes again
		places := r.IntN(24)
		addresses, accounts := 1+r.IntN(12), 1+r.IntN(12)
		l := newFairQueue()
		type caller struct {
			*waiter
			at    keys
			turns int // of others, since it came
			bound int
		}
		var waiting []*caller
		drop := func(w *waiter) *caller {
			for i, c := range waiting {
				if c.waiter == w {
					waiting = append(waiting[:i], waiting[i+1:]...)
					return c
				}
			}
			t.Fatalf("seed %d: a waiter that is not in the queue", seed)
			return nil
		}
		// Every second turn is an address's. Each address, each account of its own
		// address, and those before it of the same account may come first.
		join := func(k keys) {
			ahead := l.cells[k].count()
			waiting = append(waiting, &caller{waiter: l.join(k), at: k, bound: 2 * addresses * accounts * (ahead + 1)})
		}
		for step := range 3000 {
			switch k := keysOf(at(r.IntN(addresses), fmt.Sprint(r.IntN(accounts)))); {
			case r.IntN(10) < 6 && l.waiting < places:
				join(k)
			case l.waiting == places && r.IntN(2) == 0:
				count := func(address netip.Prefix) (n int) {
					for _, c := range waiting {
						if c.at.address == address {
							n++
						}
					}
					return n
				}
				most := 0
				for _, c := range waiting {
					most = max(most, count(c.at.address))
				}
				own := count(k.address)
				last := l.yields(k)
				switch {
				case last == nil && most > own+1:
					t.Fatalf("seed %d, step %d: refused with %d waiting, where another address has %d", seed, step, own, most)
				case last != nil:
					had := count(last.at.keys.address)
					if had <= own && last.at.keys.address != k.address {
						t.Fatalf("seed %d, step %d: an address with %d made room for one with %d", seed, step, had, own)
					}
					l.remove(last)
					drop(last)
					join(k)
				}
			case r.IntN(12) == 0 && len(waiting) > 0:
				w := waiting[r.IntN(len(waiting))].waiter
				l.remove(w)
				drop(w)
			default:
				w := l.next()
				if (w == nil) != (len(waiting) == 0) {
					t.Fatalf("seed %d, step %d: next is %v while %d wait", seed, step, w, len(waiting))
				}
				if w == nil {
					continue
				}
				l.remove(w)
				served := drop(w)
				if served.turns > served.bound {
					t.Fatalf("seed %d, step %d: waited %d turns, want at most %d", seed, step, served.turns, served.bound)
				}
				for _, c := range waiting {
					c.turns++
				}
			}
			if l.waiting != len(waiting) || l.waiting > places {
				t.Fatalf("seed %d, step %d: %d wait, want %d of %d", seed, step, l.waiting, len(waiting), places)
			}
		}
	}
}
