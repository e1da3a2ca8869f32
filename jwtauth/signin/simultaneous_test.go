package signin_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// slowly runs a test on a clock of its own, with a service that has room for a
// hundred comparisons at once, each of which takes a second.
func slowly(t *testing.T, users []user.User, test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, users...)
		b.slots.Slots = password.NewSlots(100, 100)
		b.users.before = func() error { time.Sleep(time.Second); return nil }
		test(t, b)
	})
}

// atOnce makes attempts at once and returns how each ended.
func (b *bench) atOnce(t *testing.T, attempts []signin.Attempt) []error {
	t.Helper()
	ended := make([]error, len(attempts))
	var wg sync.WaitGroup
	for i, a := range attempts {
		wg.Go(func() { _, ended[i] = b.SignIn(t.Context(), a) })
	}
	wg.Wait()
	return ended
}

// However many sign in at once with the right password, all of them do: on one
// account, from one address, or both.
func TestSimultaneousSignInsAllSucceed(t *testing.T) {
	crowd := make([]user.User, 30)
	for i := range crowd {
		crowd[i] = user.User{Username: fmt.Sprintf("user%d", i), PasswordHash: quick(t, "secret")}
	}
	for _, tc := range []struct {
		name string
		n    int
		of   func(i int) signin.Attempt
	}{
		{"six on one account from one address", 6, func(int) signin.Attempt {
			return signin.Attempt{Username: "user0", Address: home}
		}},
		{"six on one account from six addresses", 6, func(i int) signin.Attempt {
			return signin.Attempt{Username: "user0", Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}
		}},
		{"twenty from one address", 20, func(i int) signin.Attempt {
			return signin.Attempt{Username: crowd[i].Username, Address: home}
		}},
		{"thirty from one address", 30, func(i int) signin.Attempt {
			return signin.Attempt{Username: crowd[i].Username, Address: home}
		}},
		{"thirty on one account from one address", 30, func(int) signin.Attempt {
			return signin.Attempt{Username: "user0", Address: home}
		}},
		{"thirty without an address", 30, func(i int) signin.Attempt {
			return signin.Attempt{Username: crowd[i].Username}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			slowly(t, crowd, func(t *testing.T, b *bench) {
				var attempts []signin.Attempt
				for i := range tc.n {
					a := tc.of(i)
					a.Password = "secret"
					attempts = append(attempts, a)
				}
				for i, err := range b.atOnce(t, attempts) {
					if err != nil {
						t.Errorf("right sign-in %d of %d at once: %v", i+1, tc.n, err)
					}
				}
				// None of them is left as a failure, or as one under way.
				if err := b.atOnce(t, attempts[:1])[0]; err != nil {
					t.Errorf("one more: %v", err)
				}
			})
		})
	}
}

// While twenty right sign-ins of an office are under way, one more from there is
// no 429.
func TestSimultaneousSignInsDoNotBlockTheirAddress(t *testing.T) {
	slowly(t, nil, func(t *testing.T, b *bench) {
		var office sync.WaitGroup
		for range 20 {
			office.Go(func() {
				if err := b.try(t, "alice", "secret"); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(time.Second / 2)
		if err := b.try(t, "carol", "carol's"); err != nil {
			t.Errorf("while others sign in: %v", err)
		}
		office.Wait()
	})
}

// counter is a recorder that counts the passwords that were compared and found wrong.
type counter struct {
	audit.Recorder
	atomic.Int32
}

func (c *counter) SignIn(result string) {
	if result == audit.ResultCredentials {
		c.Add(1)
	}
}

func (*counter) Event(context.Context, audit.Event) {}

// Guesses at once are compared no more often than guesses one after the other.
func TestSimultaneousSignInsOfGuessersGetTheFreeOnes(t *testing.T) {
	slowly(t, nil, func(t *testing.T, b *bench) {
		evaluated := new(counter)
		b.Recorder = evaluated
		var attempts []signin.Attempt
		for i := range 50 {
			attempts = append(attempts, signin.Attempt{
				Username: "alice", Password: "guess", Address: netip.AddrFrom4([4]byte{10, 0, byte(i), 1}),
			})
		}
		for _, err := range b.atOnce(t, attempts) {
			if !errors.Is(err, signin.ErrCredentials) {
				t.Errorf("a guess: %v, want ErrCredentials", err)
			}
		}
		if evaluated.Load() != 5 {
			t.Errorf("%d guesses at once were evaluated, want the 5 free ones", evaluated.Load())
		}
		evaluated.Store(0)
		attempts = nil
		for i := range 50 {
			attempts = append(attempts, signin.Attempt{Username: fmt.Sprint("nobody", i), Password: "guess", Address: other})
		}
		refused := 0
		for _, err := range b.atOnce(t, attempts) {
			if errors.Is(err, throttle.ErrAddress) {
				refused++
			}
		}
		if evaluated.Load() != 20 || refused != 30 {
			t.Errorf("from one address %d guesses at once were evaluated and %d refused, want 20 and 30", evaluated, refused)
		}
	})
}

// One that leaves once its password has been compared is a failure, also of the
// right password: what it proved could not be written down.
func TestSimultaneousSignInsOfThoseWhoLeave(t *testing.T) {
	b := newBench(t)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		b.Users = leaving{b.users, cancel}
		_, err := b.SignIn(ctx, signin.Attempt{Username: "alice", Password: "secret", Address: home})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("%v, want context.Canceled", err)
		}
	}
	b.Users = b.users
	began := time.Now()
	if err := b.try(t, "alice", "secret"); !errors.Is(err, signin.ErrCredentials) {
		t.Errorf("after five who left: %v, want the account throttled", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it waited %s for those who had left", took)
	}
}

// leaving are Users whose caller leaves when it has the user.
type leaving struct {
	*watchedUsers
	leave func()
}

func (l leaving) Lookup(ctx context.Context, name string) (user.Entry, error) {
	defer l.leave()
	return l.watchedUsers.Lookup(ctx, name)
}

// One that leaves while it waits in line is not compared, and leaves nothing
// under way.
func TestSimultaneousSignInsOfThoseWhoLeaveTheLine(t *testing.T) {
	slowly(t, nil, func(t *testing.T, b *bench) {
		var running sync.WaitGroup
		for range 5 {
			running.Go(func() {
				if err := b.try(t, "alice", "secret"); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(time.Second / 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/4)
		defer cancel()
		_, err := b.SignIn(ctx, signin.Attempt{Username: "alice", Password: "secret", Address: other})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want context.DeadlineExceeded", err)
		}
		running.Wait()
		if got := b.slots.acquired.Load(); got != 5 {
			t.Errorf("%d comparisons, want 5", got)
		}
	})
}

// Each refusal costs the store the same: unknown, wrong, throttled or closed,
// one step that changes as many counters.
func TestSimultaneousSignInsCostTheSameForAllNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		counted := &countedSteps{Store: b.store}
		b.Throttle = throttle.New(counted, throttle.Config{AddressFree: 1000})
		for n := range 130 {
			for _, a := range []signin.Attempt{
				{Username: "nobody", Password: "wrong", Address: home},
				{Username: "alice", Password: "wrong", Address: home},
				{Username: "alice", Password: "secret", Address: home},
			} {
				if n < 5 && a.Password == "secret" {
					continue // would succeed
				}
				time.Sleep(time.Millisecond)
				before := *counted
				if _, err := b.SignIn(t.Context(), a); !errors.Is(err, signin.ErrCredentials) {
					t.Fatalf("%s, attempt %d: %v", a.Username, n, err)
				}
				if steps, changed := counted.steps-before.steps, counted.changed-before.changed; steps != 1 || changed != 2 {
					t.Errorf("%s with %s, attempt %d: %d steps that change %d counters, want 1 and 2", a.Username, a.Password, n, steps, changed)
				}
			}
			if n > 20 {
				// The waits are over, and both fail again at once.
				time.Sleep(time.Hour)
				for _, name := range []string{"nobody", "alice"} {
					_ = b.try(t, name, "wrong")
				}
			}
		}
	})
}

// countedSteps counts the steps of a store, and the counters that they change.
type countedSteps struct {
	throttle.Store
	steps, changed int
}

func (c *countedSteps) UpdateAttempts(ctx context.Context, now time.Time, keys []string, change func([]throttle.Counter) error) error {
	c.steps++
	return c.Store.UpdateAttempts(ctx, now, keys, func(counters []throttle.Counter) error {
		before := slices.Clone(counters)
		err := change(counters)
		for i := range counters {
			if !counters[i].Equal(before[i]) {
				c.changed++
			}
		}
		return err
	})
}

// The device of an attempt reaches the throttle: a browser that signed in before
// is not locked out, at an address that is new.
func TestLockoutOfABrowserThatSignedIn(t *testing.T) {
	b := newBench(t)
	signIn := func(device, pw string, from netip.Addr) error {
		_, err := b.SignIn(t.Context(), signin.Attempt{Username: "alice", Password: pw, Address: from, Device: device})
		return err
	}
	if err := signIn("laptop", "secret", home); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if err := signIn("mallory's", "wrong", other); !errors.Is(err, signin.ErrCredentials) {
			t.Fatal(err)
		}
	}
	abroad := netip.MustParseAddr("203.0.113.77")
	for _, device := range []string{"", "mallory's", "invented"} {
		if err := signIn(device, "secret", abroad); !errors.Is(err, signin.ErrCredentials) {
			t.Errorf("device %q: %v, want the account throttled", device, err)
		}
	}
	if err := signIn("laptop", "secret", abroad); err != nil {
		t.Errorf("her browser: %v", err)
	}
}
