package session_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
)

// realm is a Manager over a store in memory, with a clock that stands still.
type realm struct {
	*session.Manager
	store *memory.Store
	keys  *session.KeySet
	lt    session.Lifetimes
	now   time.Time
}

func newRealm(t testing.TB) *realm {
	t.Helper()
	keys := newKeys(t, newKey(t))
	r := &realm{store: memory.New(), lt: session.DefaultLifetimes(), now: time.Date(2030, 1, 2, 3, 4, 5, 600, time.UTC)}
	t.Cleanup(func() { r.store.Close() })
	r.use(r.store, keys)
	return r
}

// use gives the realm another store (or a wrapper) and other keys.
func (r *realm) use(store session.Store, keys *session.KeySet) {
	r.keys = keys
	r.Manager = session.New(store, r.store.ID(), keys, r.store)
	session.SetClock(r.Manager, func() time.Time { return r.now })
}

func (r *realm) create(t testing.TB, n session.NewSession) session.Issued {
	t.Helper()
	if n.User == "" {
		n.User = "alice"
	}
	g, err := r.Create(t.Context(), r.lt, n)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// refresh uses a token as the first party would.
func (r *realm) refresh(t testing.TB, token string) (session.Issued, error) {
	t.Helper()
	ref, err := r.Parse(token)
	if err != nil {
		return session.Issued{}, err
	}
	return r.Refresh(t.Context(), r.lt, ref, "", nil)
}

func (r *realm) mustRefresh(t testing.TB, token string) session.Issued {
	t.Helper()
	g, err := r.refresh(t, token)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// denied returns until when an id is denied, the zero time if it is not.
func (r *realm) denied(t testing.TB, kind revocation.Kind, id string) (until time.Time) {
	t.Helper()
	entries, _, err := r.store.Since(context.Background(), 0, 10000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == kind && e.ID == id && e.Until.After(until) {
			until = e.Until
		}
	}
	return until
}

func newKey(t testing.TB) session.Key {
	t.Helper()
	k, err := session.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newKeys(t testing.TB, current session.Key, others ...session.Key) *session.KeySet {
	t.Helper()
	set, err := session.NewKeys(current, others...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
