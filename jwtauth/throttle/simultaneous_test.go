package throttle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// node is another Limiter on the store of r.
func (r rig) node() rig {
	return rig{r.T, New(r.store, r.cfg), r.store}
}

// A sign-in that would be refused only for those under way waits for them.
func TestSimultaneousSignInsWait(t *testing.T) {
	for name, c := range map[string]struct {
		end     func(r rig, a *Attempt)
		success bool
		wait    time.Duration
	}{
		"they succeed":       {func(r rig, a *Attempt) { r.succeed(a) }, true, 1100 * time.Millisecond},
		"they are cancelled": {func(r rig, a *Attempt) { r.cancel(a) }, true, 1100 * time.Millisecond},
		"they fail":          {func(_ rig, a *Attempt) { a.Fail() }, false, 1100 * time.Millisecond},
		"they never end":     {func(rig, *Attempt) {}, false, patience},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{}, func(r rig) {
				var running []*Attempt
				for range 5 {
					running = append(running, r.begin("alice", stranger))
				}
				began := time.Now()
				var waited sync.WaitGroup
				for i := range 10 {
					waited.Go(func() {
						a := r.begin("alice", fmt.Sprintf("192.0.2.%d", i))
						if a.Throttled == c.success {
							t.Errorf("throttled: %v", a.Throttled)
						}
						if took := time.Since(began); took != c.wait {
							t.Errorf("waited %s, want %s", took, c.wait)
						}
						r.succeed(a)
					})
				}
				time.Sleep(1100 * time.Millisecond) // between two polls
				for _, a := range running {
					c.end(r, a)
				}
				waited.Wait()
				r.idle()
			})
		})
	}
}

// idle fails the test where something waits, or is under way.
func (r rig) idle() {
	r.Helper()
	if n := len(r.lines.waiting); n != 0 {
		r.Errorf("%d lines are left", n)
	}
}

// On a closed account, too, right sign-ins at once all pass, and guesses at once
// get no more tries.
func TestSimultaneousSignInsOnAClosedAccount(t *testing.T) {
	for _, c := range []struct {
		name      string
		addresses int
		evaluated int // of guesses
	}{{"from one address", 1, 1}, {"from ten addresses", 10, 3}} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, wide, func(r rig) {
				for range 100 {
					r.guess("alice", stranger)
				}
				time.Sleep(time.Hour)
				atOnce := func(end func(a *Attempt)) (evaluated int) {
					var count atomic.Int64
					var wg sync.WaitGroup
					for i := range 10 {
						wg.Go(func() {
							a := r.begin("alice", fmt.Sprintf("192.0.2.%d", i%c.addresses))
							time.Sleep(100 * time.Millisecond)
							if end(a); !a.Throttled {
								count.Add(1)
							}
						})
					}
					wg.Wait()
					return int(count.Load())
				}
				if got := atOnce((*Attempt).Fail); got != c.evaluated {
					t.Errorf("%d guesses at once are evaluated, want %d", got, c.evaluated)
				}
				time.Sleep(time.Hour)
				if got := atOnce(r.succeed); got != 10 {
					t.Errorf("%d right sign-ins of 10 at once pass", got)
				}
			})
		})
	}
}

// Each end lets one in, in the order in which they came.
func TestSimultaneousSignInsKeepTheirOrder(t *testing.T) {
	bubble(t, Config{AccountFree: 1}, func(r rig) {
		first := r.begin("alice", stranger)
		var mu sync.Mutex
		var order []int
		var waiting sync.WaitGroup
		for i := range 50 {
			waiting.Go(func() {
				a := r.begin("alice", owner)
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				time.Sleep(100 * time.Millisecond)
				r.succeed(a)
			})
			time.Sleep(time.Millisecond)
		}
		r.succeed(first)
		waiting.Wait()
		for i, n := range order {
			if i != n {
				t.Fatalf("the order is %v", order)
			}
		}
	})
}

// No attempt waits longer than ten seconds, or than the caller does.
func TestSimultaneousSignInsWaitNoLonger(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		for range 5 {
			r.begin("alice", stranger)
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		if a, err := r.Begin(ctx, "alice", Origin{}); !errors.Is(err, context.DeadlineExceeded) || a != nil {
			t.Errorf("%v, %v; want the end of the context", a, err)
		}
		if got := time.Since(began); got != 3*time.Second {
			t.Errorf("waited %s for a caller who leaves after 3 s", got)
		}
		began = time.Now()
		if !r.begin("alice", owner).Throttled {
			t.Error("a sixth is evaluated while five are under way")
		}
		if got := time.Since(began); got != patience {
			t.Errorf("waited %s", got)
		}
		r.idle()

		for i := range 20 {
			r.begin(fmt.Sprint("user", i), "192.0.2.9")
		}
		began = time.Now()
		if wait := r.retryAfter("192.0.2.9"); wait <= 0 || wait > lapse || time.Since(began) != patience {
			t.Errorf("waited %s, to be told %s", time.Since(began), wait)
		}
		r.idle()
	})
}

// The line has an end.
func TestSimultaneousSignInsBoundTheLine(t *testing.T) {
	bubble(t, wide, func(r rig) {
		for range 5 {
			r.begin("alice", stranger)
		}
		var atOnce atomic.Int64
		var waiting sync.WaitGroup
		for range lineLength + 100 {
			waiting.Go(func() {
				began := time.Now()
				if !r.begin("alice", owner).Throttled {
					t.Error("evaluated")
				}
				if time.Since(began) == 0 {
					atOnce.Add(1)
				}
			})
		}
		waiting.Wait()
		if got := atOnce.Load(); got != 100 {
			t.Errorf("%d were refused at once, want the 100 that the line has no place for", got)
		}
		r.idle()
	})
}

// Two nodes share one store: together they evaluate no more than one does, and
// refuse no right sign-in either.
func TestSimultaneousSignInsOnTwoNodes(t *testing.T) {
	both := func(r rig, n int, do func(r rig, i int)) {
		nodes := []rig{r, r.node()}
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { do(nodes[i%2], i) })
		}
		wg.Wait()
	}
	t.Run("guesses", func(t *testing.T) {
		bubble(t, wide, func(r rig) {
			var evaluated atomic.Int64
			both(r, 100, func(r rig, i int) {
				a := r.begin("alice", fmt.Sprintf("192.0.2.%d", i))
				time.Sleep(100 * time.Millisecond)
				if a.Fail(); !a.Throttled {
					evaluated.Add(1)
				}
			})
			if got := evaluated.Load(); got != 5 {
				t.Errorf("%d guesses were evaluated, want 5", got)
			}
		})
	})
	t.Run("from one address", func(t *testing.T) {
		bubble(t, Config{}, func(r rig) {
			var passed atomic.Int64
			both(r, 100, func(r rig, i int) {
				if r.try(i, stranger) {
					passed.Add(1)
				}
			})
			if got := passed.Load(); got != 20 {
				t.Errorf("%d guesses passed, want 20", got)
			}
		})
	})
	t.Run("right ones", func(t *testing.T) {
		bubble(t, Config{}, func(r rig) {
			both(r, 40, func(r rig, i int) {
				a := r.begin("alice", stranger)
				if a.Throttled {
					t.Error("a right sign-in is throttled")
				}
				time.Sleep(100 * time.Millisecond)
				r.succeed(a)
			})
		})
	})
}

// A process that dies leaves its attempts under way. They lapse, and count as
// failures.
func TestSimultaneousSignInsOfACrashedProcess(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		for range 5 {
			r.begin("alice", stranger)
		}
		r = r.node() // the first is no more
		began := time.Now()
		if r.open("alice", owner) {
			t.Error("the crash made five guesses free")
		}
		time.Sleep(29*time.Second - time.Since(began))
		if r.open("alice", owner) {
			t.Error("what lapsed is no failure")
		}
		time.Sleep(time.Second)
		if !r.open("alice", owner) {
			t.Error("longer than the wait after five failures")
		}
	})
}

// One that takes longer than its reservation holds counts as a failure until it
// ends; then as what it was.
func TestSimultaneousSignInsThatTakeLong(t *testing.T) {
	for name, end := range map[string]func(r rig, a *Attempt){
		"succeeds":  func(r rig, a *Attempt) { r.succeed(a) },
		"cancelled": func(r rig, a *Attempt) { r.cancel(a) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{AddressFree: 5}, func(r rig) {
				r.failed(4, "alice", stranger)
				a := r.begin("alice", stranger)
				time.Sleep(lapse)
				if r.open("alice", owner) {
					t.Error("it does not count while it runs")
				}
				if r.retryAfter(stranger) == 0 {
					t.Error("it does not count for the address")
				}
				end(r, a)
				if !r.open("alice", owner) {
					t.Error("it counts after it has ended")
				}
				if wait := r.retryAfter(stranger); wait != 0 {
					t.Errorf("the address waits %s", wait)
				}
			})
		})
	}
}

// What others have under way is not forgiven by a success.
func TestSimultaneousSignInsForgiveWhatEnded(t *testing.T) {
	bubble(t, wide, func(r rig) {
		var guesses []*Attempt
		for range 4 {
			guesses = append(guesses, r.begin("alice", stranger))
		}
		r.succeed(r.begin("alice", owner))
		for _, a := range guesses {
			a.Fail()
		}
		if !r.open("alice", stranger) {
			t.Error("four failures are free")
		}
		r.wrong("alice", stranger)
		if r.open("alice", stranger) {
			t.Error("guesses that were under way at a success were forgiven")
		}
	})
}

// A failure costs the store one write, a success two, also where others wait.
func TestSimultaneousSignInsCostNoFurtherWrite(t *testing.T) {
	bubble(t, Config{}, func(r rig) {
		r.wrong("alice", stranger)
		if r.store.calls != 1 {
			t.Errorf("a failure costs %d calls of the store, want 1", r.store.calls)
		}
		r.succeed(r.begin("alice", stranger))
		if r.store.calls != 3 {
			t.Errorf("a success costs %d calls of the store, want 2", r.store.calls-1)
		}
	})
}
