package realm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// StartTimeout bounds how long a request waits for its realm to be opened, and how
// long opening it may take.
const StartTimeout = 30 * time.Second

// ErrUnavailable is wrapped by errors that mean: ask again later.
var ErrUnavailable = errors.New("the realm is not available")

// Future is a realm that is still to be opened. Requests wait for it: Caddy starts apps
// in no order, so its HTTP server may serve before the realm is open. Call Init first.
type Future struct {
	realm    atomic.Pointer[Realm]
	resolved chan struct{}
	once     sync.Once
}

// Init makes the future one that can be awaited.
func (f *Future) Init() { f.resolved = make(chan struct{}) }

// Resolve ends all waits. nil says that the realm will not be opened. Only the first
// call counts.
func (f *Future) Resolve(r *Realm) {
	if f.resolved == nil {
		return // never initialised: its config failed before
	}
	f.once.Do(func() {
		f.realm.Store(r)
		close(f.resolved)
	})
}

// Await returns the realm as soon as it is open. The error wraps [ErrUnavailable].
func (f *Future) Await(ctx context.Context) (*Realm, error) {
	if r := f.realm.Load(); r != nil {
		return r, nil
	}
	ctx, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	select {
	case <-f.resolved:
		if r := f.realm.Load(); r != nil {
			return r, nil
		}
		return nil, fmt.Errorf("%w: it could not be opened", ErrUnavailable)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: it has not been opened yet: %w", ErrUnavailable, ctx.Err())
	}
}

// Opened returns the realm if it is open, and else nil.
func (f *Future) Opened() *Realm { return f.realm.Load() }
