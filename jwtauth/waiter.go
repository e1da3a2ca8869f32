package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// startTimeout bounds how long a request waits for its realm to be opened.
const startTimeout = 30 * time.Second

// errUnavailable is wrapped by errors that mean: ask again later.
var errUnavailable = errors.New("the realm is not available")

// waiter lets requests wait for Start. Caddy starts apps in no order, so http
// may serve before the realm is open.
type waiter struct {
	opened atomic.Pointer[opened]
	ready  chan struct{}
	once   sync.Once
}

func (w *waiter) init() { w.ready = make(chan struct{}) }

// done lets the requests go on. Only the first call counts; nil says that the
// realm will not be opened.
func (w *waiter) done(o *opened) {
	w.once.Do(func() {
		w.opened.Store(o)
		close(w.ready)
	})
}

// await returns the realm as soon as it is open.
func (w *waiter) await(ctx context.Context) (*opened, error) {
	if o := w.opened.Load(); o != nil {
		return o, nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case <-w.ready:
		if o := w.opened.Load(); o != nil {
			return o, nil
		}
		return nil, fmt.Errorf("%w: it could not be opened", errUnavailable)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: it has not been opened yet: %w", errUnavailable, ctx.Err())
	}
}
