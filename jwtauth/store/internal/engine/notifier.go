package engine

import (
	"context"
	"sync"
)

// Notifier tells watchers in this process that the revocation log grew. The
// zero value is ready.
type Notifier struct {
	mu       sync.Mutex
	watchers map[chan struct{}]struct{}
	closed   bool
}

// Watch returns a channel as revocation.Log describes it.
func (n *Notifier) Watch(ctx context.Context) <-chan struct{} {
	ch := make(chan struct{}, 1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || ctx.Err() != nil {
		close(ch)
		return ch
	}
	if n.watchers == nil {
		n.watchers = make(map[chan struct{}]struct{})
	}
	n.watchers[ch] = struct{}{}
	context.AfterFunc(ctx, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if _, watching := n.watchers[ch]; watching {
			delete(n.watchers, ch)
			close(ch)
		}
	})
	return ch
}

// Notify signals all watchers and waits for none.
func (n *Notifier) Notify() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for ch := range n.watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Close closes all channels, those to come too.
func (n *Notifier) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for ch := range n.watchers {
		close(ch)
	}
	clear(n.watchers)
}
