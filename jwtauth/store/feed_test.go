package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/storetest"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func TestFedStoreIsAStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store {
		s := memory.New()
		return store.WithFeed(s, revocation.NewFeed(s, revocation.NewSet()))
	})
}

// fedStore is a store whose log can be made unreadable.
type fedStore struct {
	store.Store
	set    *revocation.Set
	broken atomic.Bool
	reads  atomic.Int64
}

var errBroken = errors.New("broken")

// unreadable is the log of a fedStore.
type unreadable struct {
	revocation.Log
	of *fedStore
}

func (u unreadable) Since(ctx context.Context, after uint64, limit int) ([]revocation.Entry, uint64, error) {
	u.of.reads.Add(1)
	if u.of.broken.Load() {
		return nil, 0, errBroken
	}
	return u.Log.Since(ctx, after, limit)
}

func newFed() *fedStore {
	s := memory.New()
	f := &fedStore{set: revocation.NewSet()}
	f.Store = store.WithFeed(s, revocation.NewFeed(unreadable{s, f}, f.set))
	return f
}

func aSession(username, id string) session.Session {
	now := time.Now()
	return session.Session{ID: id, User: username, CreatedAt: now, ExpiresAt: now.Add(time.Hour), IdleExpiresAt: now.Add(time.Hour), DenyUntil: now.Add(time.Hour)}
}

func end(session.Session, uint64) (session.Change, error) { return session.Change{End: true}, nil }

// revoking are the methods that revoke, each with what it revokes.
var revoking = []struct {
	name     string
	sid, jti string
	do       func(ctx context.Context, s store.Store) error
}{
	{"Deny", "", "jti", func(ctx context.Context, s store.Store) error {
		return s.Deny(ctx, revocation.Entry{Kind: revocation.Token, ID: "jti", Until: time.Now().Add(time.Hour)})
	}},
	{"PutUser", "of-alice", "", func(ctx context.Context, s store.Store) error {
		_, err := s.PutUser(ctx, user.Record{User: user.User{Username: "alice"}, Version: 1}, &user.Ending{})
		return err
	}},
	{"RemoveUser", "of-alice", "", func(ctx context.Context, s store.Store) error { return s.RemoveUser(ctx, "alice", 1) }},
	{"CreateSession", "of-alice", "", func(ctx context.Context, s store.Store) error {
		_, err := s.CreateSession(ctx, aSession("alice", "second"), 1)
		return err
	}},
	{"UpdateSession ends", "of-alice", "", func(ctx context.Context, s store.Store) error {
		return s.UpdateSession(ctx, "of-alice", end)
	}},
	{"UpdateSession denies", "", "jti", func(ctx context.Context, s store.Store) error {
		return s.UpdateSession(ctx, "of-alice", func(session.Session, uint64) (session.Change, error) {
			return session.Change{Deny: []revocation.Entry{{Kind: revocation.Token, ID: "jti", Until: time.Now().Add(time.Hour)}}}, nil
		})
	}},
	{"EndSessions", "of-alice", "", func(ctx context.Context, s store.Store) error {
		_, err := s.EndSessions(ctx, "alice", "")
		return err
	}},
}

func prepare(t *testing.T) *fedStore {
	t.Helper()
	f := newFed()
	if _, err := f.PutUser(t.Context(), user.Record{User: user.User{Username: "alice"}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.CreateSession(t.Context(), aSession("alice", "of-alice"), 100); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRevokedMeansDeniedHere(t *testing.T) {
	for _, c := range revoking {
		f := prepare(t)
		if err := c.do(t.Context(), f); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !f.set.Denied("", c.sid, c.jti) {
			t.Errorf("%s returned before what it revoked is denied", c.name)
		}
	}
}

func TestFailedReadingIsReported(t *testing.T) {
	for _, c := range revoking {
		f := prepare(t)
		f.broken.Store(true)
		if err := c.do(t.Context(), f); !errors.Is(err, store.ErrNotDeniedYet) || !errors.Is(err, errBroken) {
			t.Errorf("%s: got %v", c.name, err)
		}
		if log, _, err := f.Store.Since(t.Context(), 0, 10); err != nil || len(log) != 1 {
			t.Errorf("%s: the log has %v, %v", c.name, log, err)
		}
	}
}

func TestRotationReadsNoLog(t *testing.T) {
	f := prepare(t)
	before := f.reads.Load()
	err := f.UpdateSession(t.Context(), "of-alice", func(s session.Session, _ uint64) (session.Change, error) {
		s.Counter++
		return session.Change{Session: &s}, nil
	})
	if err != nil || f.reads.Load() != before {
		t.Errorf("a rotation read the log %d times, %v", f.reads.Load()-before, err)
	}
}

func TestRefusedChangeIsReturnedAsItIs(t *testing.T) {
	f := prepare(t)
	f.broken.Store(true)
	refused := errors.New("refused")
	err := f.UpdateSession(t.Context(), "of-alice", func(session.Session, uint64) (session.Change, error) {
		return session.Change{End: true}, refused
	})
	if err != refused { // the contract says "as it is"
		t.Errorf("got %v", err)
	}
	if err := f.RemoveUser(t.Context(), "nobody", 1); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
