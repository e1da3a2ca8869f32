package throttle

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// memory is a Store that does what the contract allows: it calls change twice.
type memory struct {
	mu       sync.Mutex
	counters map[string]Counter
	fail     error
	calls    int
}

func (m *memory) UpdateAttempts(_ context.Context, now time.Time, keys []string, change func([]Counter) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.fail != nil {
		return m.fail
	}
	read := make([]Counter, len(keys))
	for i, key := range keys {
		if c := m.counters[key]; now.Before(c.Expires) {
			read[i] = c
		}
	}
	if err := change(slices.Clone(read)); err != nil {
		return err
	}
	if err := change(read); err != nil {
		return err
	}
	for i, key := range keys {
		if m.counters[key] = read[i]; read[i].Expires.IsZero() {
			delete(m.counters, key)
		}
	}
	return nil
}

// rig is a Limiter with its store and short ways to use it.
type rig struct {
	*testing.T
	*Limiter
	store *memory
}

func newRig(t *testing.T, cfg Config) rig {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	store := &memory{counters: map[string]Counter{}}
	return rig{t, New(store, cfg), store}
}

func (r rig) begin(account, addr string) *Attempt {
	r.Helper()
	return r.beginOn("", account, addr)
}

// beginOn begins an attempt with a browser that has a device cookie.
func (r rig) beginOn(device, account, addr string) *Attempt {
	r.Helper()
	a, err := r.Begin(r.Context(), account, Origin{address(addr), device})
	if err != nil {
		r.Fatalf("attempt on %s from %s: %v", account, addr, err)
	}
	return a
}

// wrong makes an attempt with a wrong password.
func (r rig) wrong(account, addr string) *Attempt {
	r.Helper()
	return r.wrongOn("", account, addr)
}

func (r rig) wrongOn(device, account, addr string) *Attempt {
	r.Helper()
	a := r.beginOn(device, account, addr)
	a.Fail()
	return a
}

// open reports whether an attempt would be evaluated, and takes it back.
func (r rig) open(account, addr string) bool {
	r.Helper()
	return r.openOn("", account, addr)
}

func (r rig) openOn(device, account, addr string) bool {
	r.Helper()
	a := r.beginOn(device, account, addr)
	r.cancel(a)
	return !a.Throttled
}

// retryAfter is the wait of an address, 0 where it has none.
func (r rig) retryAfter(addr string) time.Duration {
	r.Helper()
	a, err := r.Begin(r.Context(), "somebody else", Origin{Address: address(addr)})
	var wait *AddressError
	switch {
	case err == nil:
		r.cancel(a)
		return 0
	case !errors.As(err, &wait) || !errors.Is(err, ErrAddress) || wait.RetryAfter <= 0:
		r.Fatalf("from %s: %v, want an AddressError", addr, err)
	}
	return wait.RetryAfter
}

func (r rig) succeed(a *Attempt) {
	r.Helper()
	if err := a.Succeed(r.Context()); err != nil {
		r.Fatal(err)
	}
}

func (r rig) cancel(a *Attempt) {
	r.Helper()
	if err := a.Cancel(r.Context()); err != nil {
		r.Fatal(err)
	}
}

// failed makes n failures, waiting where the account has to.
func (r rig) failed(n int, account, addr string) {
	r.Helper()
	for range n {
		for r.wrong(account, addr).Throttled {
			time.Sleep(r.cfg.MaxWait)
		}
	}
}

func address(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

// Interface guards.
var _ Store = (*memory)(nil)
