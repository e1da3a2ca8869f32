package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

const (
	collectEvery = time.Minute
	// drainTimeout bounds the wait for requests that still use a store that
	// no config uses any more.
	drainTimeout = 10 * time.Second
)

// What outlives a config. Every load of an entry is followed by exactly one
// Delete, in Cleanup of the config that loaded it.
var (
	states    = caddy.NewUsagePool()
	slotPools = caddy.NewUsagePool()
)

// state is what a realm keeps over a config reload: its store, the deny set
// and the feed that fills it, and who its users are now.
type state struct {
	store  store.Store // returns from a revocation once the deny set has it
	denied *revocation.Set
	feed   *revocation.Feed

	tokens tokenCache
	// signing is the id of the key that signed last.
	signing atomic.Pointer[string]

	using  gate // passed by whoever uses the store
	cancel context.CancelFunc
	loops  sync.WaitGroup

	// Configs overlap while Caddy reloads, and a new one may still fail to
	// start, so this is a list. The last one rules.
	mu          sync.Mutex
	directories []*user.Directory
	directory   atomic.Pointer[user.Directory]
	reconciling sync.Mutex
}

// openState returns the state that a realm shares with the config before it,
// or opens it.
func openState(ctx context.Context, realm string, module StoreModule, logger *zap.Logger) (*state, string, error) {
	key := module.StoreKey(realm)
	value, _, err := states.LoadOrNew(key, func() (caddy.Destructor, error) {
		return newState(ctx, realm, module, logger)
	})
	if err != nil {
		return nil, "", err
	}
	return value.(*state), key, nil
}

func newState(ctx context.Context, realm string, module StoreModule, logger *zap.Logger) (*state, error) {
	opened, err := module.OpenStore(ctx, realm)
	if err != nil {
		return nil, err
	}
	s := &state{denied: revocation.NewSet()}
	s.feed = revocation.NewFeed(opened, s.denied)
	s.feed.OnError = func(err error) { logger.Error("reading the revocations", zap.Error(err)) }
	if err := s.feed.Sync(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("reading the revocations: %w", err), opened.Close())
	}
	// From here on: what the log has from before was said then.
	s.feed.OnEnded = func(username string) {
		logger.Warn("a user revoked more than is remembered one by one: all sessions of the user have ended",
			zap.String("username", username), zap.Int("revocations", session.MaxRevocations))
	}
	s.store = store.WithFeed(opened, s.feed)

	background, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
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

// Destruct closes the store when the last config that used it is gone and the
// last request that uses it has ended.
func (s *state) Destruct() error {
	s.cancel()
	s.loops.Wait()
	timeout := time.NewTimer(drainTimeout)
	defer timeout.Stop()
	select {
	case <-s.using.close():
	case <-timeout.C:
	}
	return s.store.Close()
}

// signs notes which key signs, and returns the one before where that was another.
func (s *state) signs(key string) (before string) {
	old := s.signing.Swap(&key)
	if old == nil || *old == key {
		return ""
	}
	return *old
}

// use keeps the store open until release is called. Who uses it already may do
// so once more, whatever happens in between.
func (s *state) use() (release func(), err error) {
	if !s.using.enter() {
		return nil, errClosed
	}
	return s.using.leave, nil
}

var errClosed = errors.New("the realm was closed by a config reload")

// reconcile ends the sessions of users whom d has changed, where d rules. One
// directory at a time is compared with what the store remembers: an old config's
// watch must not write its users down after those of a new config.
func (s *state) reconcile(ctx context.Context, d *user.Directory) (ended []string, ruling bool, err error) {
	s.reconciling.Lock()
	defer s.reconciling.Unlock()
	if s.users() != d {
		return nil, false, nil
	}
	ended, err = d.Reconcile(ctx, s.store, s.store)
	return ended, true, err
}

// attach makes a config's directory the one that rules.
func (s *state) attach(d *user.Directory) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.directories = append(s.directories, d)
	s.directory.Store(d)
}

// detach takes a directory back. Where it ruled, because its config failed to
// start, that of the config before it rules again and is returned.
func (s *state) detach(d *user.Directory) (back *user.Directory) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.directories = slices.DeleteFunc(s.directories, func(other *user.Directory) bool { return other == d })
	n := len(s.directories)
	if n == 0 || s.directory.Load() != d {
		// Without another one the last stays: a request of the config that
		// ends may still be looking somebody up.
		return nil
	}
	s.directory.Store(s.directories[n-1])
	return s.directories[n-1]
}

// users returns the directory that rules now.
func (s *state) users() *user.Directory { return s.directory.Load() }

// gate counts who is inside. Unlike a sync.RWMutex it may be passed again by
// who is inside while it is being closed. The zero gate is open.
type gate struct {
	mu     sync.Mutex
	inside int
	empty  chan struct{} // set when closing, closed when nobody is inside
}

// enter lets a caller in, unless the gate is closing and nobody is inside.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.empty != nil && g.inside == 0 {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 && g.empty != nil {
		close(g.empty)
	}
}

// close is called once. What it returns is closed when nobody is inside.
func (g *gate) close() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.empty = make(chan struct{})
	if g.inside == 0 {
		close(g.empty)
	}
	return g.empty
}

// sharedSlots are hashing slots that outlive a config, so that a reload does
// not let twice as many hashings run.
type sharedSlots struct{ *password.Slots }

func (sharedSlots) Destruct() error { return nil }

type slotsKey struct {
	realm        string
	slots, queue int
}

// Interface guards
var (
	_ caddy.Destructor = (*state)(nil)
	_ caddy.Destructor = sharedSlots{}
)
