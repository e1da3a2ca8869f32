package realm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

const (
	collectEvery = time.Minute
	// drainTimeout bounds the wait for requests that use a store after the last
	// config that used it is gone.
	drainTimeout = 10 * time.Second
)

// Shared is what a realm keeps over a config reload: its store, the deny set and the
// feed that fills it, and the users that are in force. Configs overlap while Caddy
// reloads; each opens a [Realm] of its own over the same Shared. Methods may be called
// concurrently.
type Shared struct {
	store  store.Store // returns from a revocation once the deny set has it
	denied *revocation.Set
	feed   *revocation.Feed

	tokens tokenCache
	// signing is the id of the key that signed last.
	signing atomic.Pointer[string]

	holding gate // passed by all that use the store
	streams streams

	// background ends when Shared is closed.
	background context.Context
	cancel     context.CancelFunc
	loops      sync.WaitGroup

	// A new config may still fail to start, so this is a list. The last one is in
	// force.
	mu          sync.Mutex
	directories []*user.Directory
	directory   atomic.Pointer[user.Directory]
	reconciling sync.Mutex
}

// NewShared takes over an open store, reads what it has revoked, and closes it where
// that fails.
func NewShared(ctx context.Context, opened store.Store, logger *zap.Logger) (*Shared, error) {
	s := &Shared{denied: revocation.NewSet()}
	s.feed = revocation.NewFeed(opened, s.denied)
	s.feed.OnError = func(err error) { logger.Error("reading the revocations", zap.Error(err)) }
	if err := s.feed.Sync(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("reading the revocations: %w", err), opened.Close())
	}
	// Set only now: what was in the log before was logged then.
	s.feed.OnEnded = func(username string) {
		logger.Warn("a user has more revocations than are kept one by one: all sessions of the user have ended",
			zap.String("username", username), zap.Int("revocations", session.MaxRevocations))
	}
	s.store = store.WithFeed(opened, s.feed)

	background, cancel := context.WithCancel(context.Background())
	s.background, s.cancel = background, cancel
	s.loops.Go(func() { s.feed.Run(background) })
	s.loops.Go(func() {
		store.RunCollector(background, opened, collectEvery, func(removed int, err error) {
			if err != nil {
				logger.Error("removing expired records", zap.Error(err))
			} else if c := logger.Check(zap.DebugLevel, "expired records removed"); c != nil {
				c.Write(zap.Int("removed", removed))
			}
		})
	})
	return s, nil
}

// Close closes the store when the last request that uses it has ended, and after
// drainTimeout in any case.
func (s *Shared) Close() error {
	s.cancel()
	s.streams.close()
	s.loops.Wait()
	timeout := time.NewTimer(drainTimeout)
	defer timeout.Stop()
	select {
	case <-s.holding.close():
	case <-timeout.C:
	}
	return s.store.Close()
}

// signs notes which key signs, and returns the one before where that was another.
func (s *Shared) signs(key string) (before string) {
	old := s.signing.Swap(&key)
	if old == nil || *old == key {
		return ""
	}
	return *old
}

// hold keeps the store open until release is called. A caller that holds it already may
// hold it once more, also while it is being closed.
func (s *Shared) hold() (release func(), err error) {
	if !s.holding.enter() {
		return nil, errClosed
	}
	return s.holding.leave, nil
}

var errClosed = errors.New("the realm was closed by a config reload")

// reconcile ends the sessions of users that d has changed, if d is in force. One
// directory at a time is compared with the users that the store has on record: an old
// config that watches a file must not record its users after those of a new config.
func (s *Shared) reconcile(ctx context.Context, d *user.Directory) (ended []string, inForce bool, err error) {
	s.reconciling.Lock()
	defer s.reconciling.Unlock()
	if s.users() != d {
		return nil, false, nil
	}
	ended, err = d.Reconcile(ctx, s.store, s.store)
	return ended, true, err
}

// attach puts a config's directory in force.
func (s *Shared) attach(d *user.Directory) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.directories = append(s.directories, d)
	s.directory.Store(d)
}

// detach takes a directory back. If it was in force, because its config failed to
// start, that of the config before it is in force again and is returned.
func (s *Shared) detach(d *user.Directory) (back *user.Directory) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.directories = slices.DeleteFunc(s.directories, func(other *user.Directory) bool { return other == d })
	n := len(s.directories)
	if n == 0 || s.directory.Load() != d {
		// Without another one the last stays: a request of the config that ends
		// may still be looking up a user.
		return nil
	}
	s.directory.Store(s.directories[n-1])
	return s.directories[n-1]
}

// users returns the directory that is in force.
func (s *Shared) users() *user.Directory { return s.directory.Load() }
