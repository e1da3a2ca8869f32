package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
)

const (
	attackers   = 8
	connections = 5 // of each attacker

	// A victim signs in this often, or for this long.
	victimTries = 20
	victimTime  = 8 * time.Second
)

// from is a visitor with an address of its own, in 127.0.0.0/8.
func from(c *testcaddy.Caddy, address string) *site {
	s := visit(c)
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 0))}
	s.http.Transport.(*http.Transport).DialContext = dialer.DialContext
	return s
}

// TestFairSlots: eight addresses with five connections each try to sign in all
// the time. A person who signs in gets in each time, and waits one turn: for at
// most one request of each attacker.
func TestFairSlots(t *testing.T) {
	hash, err := password.Default().Hash("secret")
	if err != nil {
		t.Fatal(err)
	}
	users := "user alice {$HASH}\n"
	for a := range attackers {
		users += fmt.Sprintf("user mallory%d {$HASH}\n", a)
	}
	for _, tc := range []struct {
		name     string
		throttle string // off where it would end the flood, and prove nothing
		attempt  func(a, n int) (user, password string)
	}{
		{"right passwords of their own accounts", "", func(a, _ int) (string, string) { return fmt.Sprint("mallory", a), "secret" }},
		{"right passwords of one account", "", func(int, int) (string, string) { return "mallory0", "secret" }},
		{"random names", "throttle off", func(a, n int) (string, string) { return fmt.Sprint("random", a, "-", n), "x" }},
		{"the victim's name", "throttle off", func(int, int) (string, string) { return "alice", "x" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := testcaddy.Start(t,
				"{\njwtauth {\n"+users+tc.throttle+"\npassword_hash {\nslots 1\n}\n}\n}\nhttp://127.0.0.1:{$PORT} {\ntoken_server\n}\n",
				testcaddy.Options{Env: []string{"HASH=" + hash}})
			victim := from(c, "127.0.0.100")
			mustSignIn(t, victim, "alice", "secret")
			began := time.Now()
			mustSignIn(t, victim, "alice", "secret")
			alone := time.Since(began)

			var served, refused atomic.Int64
			ctx, stop := context.WithCancel(t.Context())
			var flood sync.WaitGroup
			for a := range attackers {
				s := from(c, fmt.Sprint("127.0.0.", 10+a))
				for i := range connections {
					flood.Go(func() {
						attack(ctx, s, &served, &refused, func(n int) (string, string) { return tc.attempt(a, n*connections+i) })
					})
				}
			}
			testcaddy.Eventually(t, "the queue is full", func() bool { return refused.Load() > 0 })

			var right, tries, others, most int64
			var waited, longest time.Duration
			for began := time.Now(); tries < victimTries && time.Since(began) < victimTime; tries++ {
				pause(ctx, 50*time.Millisecond)
				before, began := served.Load(), time.Now()
				a, _, err := victim.signIn("alice", "secret")
				if err != nil {
					t.Fatal(err)
				}
				if a.status != http.StatusOK {
					continue
				}
				right++
				first := served.Load() - before
				others, most = others+first, max(most, first)
				took := time.Since(began)
				waited, longest = waited+took, max(longest, took)
			}
			stop()
			flood.Wait()
			mean := float64(others) / float64(max(1, right))
			t.Logf("%d of %d sign-ins of the victim are 200; %.1f requests of others came first (most %d), %v on average (longest %v, alone %v); attackers: %d served, %d refused",
				right, tries, mean, most, (waited / time.Duration(max(1, right))).Round(time.Millisecond), longest.Round(time.Millisecond), alone.Round(time.Millisecond), served.Load(), refused.Load())
			if right != tries || tries == 0 {
				t.Errorf("the victim got in %d times of %d", right, tries)
			}
			// One turn, and what was hashed when the victim came or before the answer arrived.
			if mean > attackers+5 || most > 2*attackers {
				t.Errorf("%.1f requests of others came first on average, %d at most; want one turn of %d", mean, most, attackers)
			}
		})
	}
}

// attack signs in until ctx ends, with a short pause after each refusal.
func attack(ctx context.Context, s *site, served, refused *atomic.Int64, attempt func(n int) (user, password string)) {
	for n := 0; ctx.Err() == nil; n++ {
		user, password := attempt(n)
		a, err := s.do(http.MethodPost, "/token", "", url.Values{"username": {user}, "password": {password}})
		switch {
		case err != nil:
			continue // a busy machine
		case a.status == http.StatusOK, a.status == http.StatusUnauthorized:
			served.Add(1)
			continue
		}
		refused.Add(1)
		pause(ctx, 10*time.Millisecond)
	}
}

// pause waits, but no longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
