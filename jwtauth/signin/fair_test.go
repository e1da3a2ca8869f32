package signin_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
)

// A caller who loses a place to one with fewer requests waiting is told
// to come back, and has not failed: neither a user nor a client.
func TestFairDisplacedAttemptDoesNotCount(t *testing.T) {
	for name, attempt := range map[string]func(b *bench, t *testing.T, hash *password.Hash, pw string) error{
		"user":   func(b *bench, t *testing.T, _ *password.Hash, pw string) error { return b.try(t, "alice", pw) },
		"client": func(b *bench, t *testing.T, hash *password.Hash, pw string) error { return b.check(t, hash, pw) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, hash := newBench(t), parse(t, quick(t, "secret"))
				b.slots.Slots = password.NewSlots(1, 2)
				ctx, end := context.WithCancel(t.Context())
				hold := func(ctx context.Context, c password.Caller) {
					if release, err := b.slots.Slots.Acquire(ctx, c); err == nil {
						<-ctx.Done()
						release()
					}
				}
				for range 2 { // the slot, and one of the two places
					go hold(ctx, password.Caller{Address: home})
					synctest.Wait()
				}
				for range 40 { // more than an address or an account has free
					outcome := make(chan error, 1)
					go func() { outcome <- attempt(b, t, hash, "wrong") }()
					synctest.Wait()
					newcomer, leave := context.WithCancel(ctx)
					go hold(newcomer, password.Caller{Address: netip.MustParseAddr("192.0.2.99")})
					synctest.Wait()
					var busy *signin.BusyError
					if err := <-outcome; !errors.As(err, &busy) || busy.RetryAfter <= 0 {
						t.Fatalf("%v, want a BusyError", err)
					}
					leave()
					synctest.Wait()
				}
				end()
				synctest.Wait()
				if err := attempt(b, t, hash, "secret"); err != nil {
					t.Errorf("refusals for want of a place were counted: %v", err)
				}
			})
		})
	}
}

// An address that has its share of the queue is refused before anything is
// written, another one is not.
func TestFairRefusalCostsNoWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.slots.Slots = password.NewSlots(1, 2)
		b.Throttle = unaskedThrottle{t}
		ctx, end := context.WithCancel(t.Context())
		for range 3 {
			go func() {
				if release, err := b.slots.Slots.Acquire(ctx, password.Caller{Address: home, Account: "alice"}); err == nil {
					<-ctx.Done()
					release()
				}
			}()
		}
		synctest.Wait()
		if err := b.try(t, "alice", "secret"); !errors.Is(err, signin.ErrBusy) {
			t.Errorf("%v, want ErrBusy", err)
		}
		if b.slots.Full(password.Caller{Address: netip.MustParseAddr("192.0.2.99"), Account: "bob"}) {
			t.Error("full for an address that has nothing in the queue")
		}
		end()
		synctest.Wait()
	})
}
