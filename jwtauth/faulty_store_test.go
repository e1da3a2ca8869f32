package jwtauth_test

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"

	"time"
)

func init() {
	caddy.RegisterModule(new(faultyModule))
}

// storeIsBroken makes every call of the store `test_faulty` fail.
var storeIsBroken atomic.Bool

var errDisk = errors.New("canary: the disk is on fire")

// storeBreaksAfter makes the calls after so many fail, where it is not negative.
var storeBreaksAfter atomic.Int64

func init() { storeBreaksAfter.Store(-1) }

func fault() error {
	if storeIsBroken.Load() {
		return errDisk
	}
	if left := storeBreaksAfter.Load(); left == 0 || left > 0 && storeBreaksAfter.Add(-1) < 0 {
		return errDisk
	}
	return nil
}

// faultyModule is the store module `test_faulty`: a memory store that breaks.
type faultyModule struct{}

func (*faultyModule) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "jwtauth.stores.test_faulty", New: func() caddy.Module { return new(faultyModule) }}
}

func (*faultyModule) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (*faultyModule) StoreKey(string) string { return "test_faulty" }

func (*faultyModule) OpenStore(context.Context, string) (store.Store, error) {
	return &faultyStore{memory.New()}, fault()
}

type faultyStore struct{ store.Store }

func (s *faultyStore) Epoch(ctx context.Context, username string) (uint64, error) {
	if err := fault(); err != nil {
		return 0, err
	}
	return s.Store.Epoch(ctx, username)
}

func (s *faultyStore) Session(ctx context.Context, id string) (session.Session, error) {
	if err := fault(); err != nil {
		return session.Session{}, err
	}
	return s.Store.Session(ctx, id)
}

func (s *faultyStore) Sessions(ctx context.Context, username, after string, limit int) ([]session.Session, error) {
	if err := fault(); err != nil {
		return nil, err
	}
	return s.Store.Sessions(ctx, username, after, limit)
}

func (s *faultyStore) CreateSession(ctx context.Context, in session.Session, limit int) ([]session.Session, error) {
	if err := fault(); err != nil {
		return nil, err
	}
	return s.Store.CreateSession(ctx, in, limit)
}

func (s *faultyStore) UpdateSession(ctx context.Context, id string, change func(session.Session, uint64) (session.Change, error)) error {
	if err := fault(); err != nil {
		return err
	}
	return s.Store.UpdateSession(ctx, id, change)
}

func (s *faultyStore) EndSessions(ctx context.Context, username, except string) (int, error) {
	if err := fault(); err != nil {
		return 0, err
	}
	return s.Store.EndSessions(ctx, username, except)
}

func (s *faultyStore) User(ctx context.Context, username string) (user.Record, error) {
	if err := fault(); err != nil {
		return user.Record{}, err
	}
	return s.Store.User(ctx, username)
}

func (s *faultyStore) Deny(ctx context.Context, e revocation.Entry) error {
	if err := fault(); err != nil {
		return err
	}
	return s.Store.Deny(ctx, e)
}

func (s *faultyStore) UpdateAttempts(ctx context.Context, now time.Time, keys []string, change func([]throttle.Counter) error) error {
	if err := fault(); err != nil {
		return err
	}
	return s.Store.UpdateAttempts(ctx, now, keys, change)
}

// Interface guards
var _ jwtauth.StoreModule = (*faultyModule)(nil)
