package session_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// writes counts what is written to sessions, and can fail.
type writes struct {
	session.Store
	count atomic.Int64
	// epochs is added to the epoch that a change sees.
	epochs uint64
	err    error
}

func (w *writes) UpdateSession(ctx context.Context, id string, change func(session.Session, uint64) (session.Change, error)) error {
	if w.err != nil {
		return w.err
	}
	return w.Store.UpdateSession(ctx, id, func(s session.Session, epoch uint64) (session.Change, error) {
		c, err := change(s, epoch+w.epochs)
		if c.Session != nil || c.End {
			w.count.Add(1)
		}
		return c, err
	})
}

// newTouched is a realm whose writes are counted, and a session in it.
func newTouched(t *testing.T) (*realm, *writes, session.Session) {
	t.Helper()
	r := newRealm(t)
	w := &writes{Store: r.store}
	r.use(w, r.keys)
	return r, w, r.create(t, session.NewSession{}).Session
}

func (r *realm) touch(t *testing.T, s session.Session) session.Session {
	t.Helper()
	touched, err := r.Touch(t.Context(), r.lt, s)
	if err != nil {
		t.Fatal(err)
	}
	return touched
}

// Who comes every day is not signed out for having been away a week, and who
// stays away is.
func TestTouchProlongsTheIdleTime(t *testing.T) {
	r, _, s := newTouched(t)
	end := s.ExpiresAt
	for range 20 {
		r.now = r.now.Add(24 * time.Hour)
		live, err := r.Live(t.Context(), s.ID)
		if err != nil {
			t.Fatalf("signed out while in use: %v", err)
		}
		s = r.touch(t, live)
		if !s.LastUsedAt.Equal(r.now) || !s.IdleExpiresAt.Equal(r.now.Add(r.lt.Idle)) || !s.ExpiresAt.Equal(end) {
			t.Fatalf("at %s: last used %s, idle until %s, ends %s", r.now, s.LastUsedAt, s.IdleExpiresAt, s.ExpiresAt)
		}
		if stored, err := r.Live(t.Context(), s.ID); err != nil || !stored.LastUsedAt.Equal(s.LastUsedAt) || !stored.IdleExpiresAt.Equal(s.IdleExpiresAt) {
			t.Fatalf("stored %+v, %v", stored, err)
		}
	}
	r.now = r.now.Add(r.lt.Idle)
	if _, err := r.Live(t.Context(), s.ID); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("after a week of idleness: %v", err)
	}
	// The one that a request saw while it was alive is not revived either.
	if _, err := r.Touch(t.Context(), r.lt, s); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("revived: %v", err)
	}
}

// However often it is used, no session outlives its absolute end.
func TestTouchDoesNotMoveTheEnd(t *testing.T) {
	r, _, s := newTouched(t)
	for !r.now.Add(24 * time.Hour).After(s.ExpiresAt.Add(-time.Second)) {
		r.now = r.now.Add(24 * time.Hour)
		s = r.touch(t, s)
	}
	r.now = s.ExpiresAt
	if _, err := r.Touch(t.Context(), r.lt, s); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("after %s: %v", r.lt.Refresh, err)
	}
}

// A page and its twenty images are one write, if any: once in half of the shorter
// of access token lifetime and idle time.
func TestTouchWritesSeldom(t *testing.T) {
	for name, idle := range map[string]time.Duration{"access": 0, "idle": 4 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			r, w, s := newTouched(t)
			half := r.lt.Access / 2
			if idle != 0 {
				r.lt.Idle = idle
				half = idle / 2
			}
			r.now = r.now.Add(half - time.Nanosecond)
			if s = r.touch(t, s); w.count.Load() != 0 || s.LastUsedAt.Equal(r.now) {
				t.Errorf("%d writes before it was due", w.count.Load())
			}
			for n := range int64(3) {
				r.now = r.now.Add(half)
				for range 10 {
					s = r.touch(t, s)
				}
				if w.count.Load() != n+1 {
					t.Errorf("%d writes in %d times %s", w.count.Load(), n+1, half)
				}
			}
		})
	}
}

// All requests that come at once, with the session as it was before, are one
// write, and each gets the session as it is then.
func TestTouchAtOnceIsOneWrite(t *testing.T) {
	r, w, s := newTouched(t)
	r.now = r.now.Add(r.lt.Access)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			touched, err := r.Touch(context.Background(), r.lt, s)
			if err != nil || !touched.LastUsedAt.Equal(r.now) || !touched.DenyUntil.After(s.DenyUntil) {
				t.Errorf("%+v, %v", touched, err)
			}
		})
	}
	wg.Wait()
	if w.count.Load() != 1 {
		t.Errorf("%d writes, want one", w.count.Load())
	}
}

// A session that was ended between the look-up and the touch stays ended.
func TestTouchRevivesNothing(t *testing.T) {
	for name, end := range map[string]func(r *realm, s session.Session) error{
		"revoked": func(r *realm, s session.Session) error { return r.EndSession(t.Context(), s.ID) },
		"all ended": func(r *realm, s session.Session) error {
			_, err := r.EndAll(t.Context(), s.User, "")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, w, s := newTouched(t)
			if err := end(r, s); err != nil {
				t.Fatal(err)
			}
			before := w.count.Load()
			r.now = r.now.Add(r.lt.Access)
			if touched, err := r.Touch(t.Context(), r.lt, s); !errors.Is(err, session.ErrNotFound) || touched.ID != "" {
				t.Errorf("%+v, %v", touched, err)
			}
			if _, err := r.Live(t.Context(), s.ID); !errors.Is(err, session.ErrNotFound) || w.count.Load() != before {
				t.Errorf("it is back: %v, %d writes", err, w.count.Load()-before)
			}
		})
	}
}

// A session of an older epoch is dead, also where its record is still there.
func TestTouchRefusesAnOlderEpoch(t *testing.T) {
	r, w, s := newTouched(t)
	w.epochs = 1
	r.now = r.now.Add(r.lt.Access)
	if touched, err := r.Touch(t.Context(), r.lt, s); !errors.Is(err, session.ErrEpoch) || touched.ID != "" || w.count.Load() != 0 {
		t.Errorf("%+v, %v, %d writes", touched, err, w.count.Load())
	}
}

// The session that a new password spares is carried over to the new epoch, and is
// touched with what a request before it knew.
func TestTouchAfterTheOthersWereEnded(t *testing.T) {
	r, _, s := newTouched(t)
	if _, err := r.EndAll(t.Context(), s.User, s.ID); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(r.lt.Access)
	if touched := r.touch(t, s); touched.Epoch == s.Epoch || !touched.LastUsedAt.Equal(r.now) {
		t.Errorf("%+v", touched)
	}
}

// A guard believes in a session for as long as an access token lives: when the
// session is ended after that, its denial is still in force.
func TestTouchProlongsTheDenial(t *testing.T) {
	r, _, s := newTouched(t)
	first := s.DenyUntil
	r.now = r.now.Add(r.lt.Access)
	s = r.touch(t, s)
	want := r.now.Add(r.lt.Access).Truncate(time.Second).Add(r.lt.Leeway)
	if !s.DenyUntil.Equal(want) || !s.DenyUntil.After(first) {
		t.Errorf("denied until %s, want %s", s.DenyUntil, want)
	}
	// A reload with a shorter lifetime takes nothing back.
	r.lt.Access = time.Minute
	r.now = r.now.Add(time.Minute)
	if s = r.touch(t, s); s.DenyUntil.Before(want) {
		t.Errorf("denied until %s, which was %s", s.DenyUntil, want)
	}
	if err := r.EndSession(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if until := r.denied(t, revocation.Session, s.ID); !until.Equal(s.DenyUntil) {
		t.Errorf("the denial ends at %s, want %s", until, s.DenyUntil)
	}
}

// A store that cannot write says so; what is done about it is the caller's.
func TestTouchFails(t *testing.T) {
	r, w, s := newTouched(t)
	w.err = errors.New("disk full")
	r.now = r.now.Add(r.lt.Access)
	if touched, err := r.Touch(t.Context(), r.lt, s); !errors.Is(err, w.err) || touched.ID != "" {
		t.Errorf("%+v, %v", touched, err)
	}
}
