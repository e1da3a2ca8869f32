package bolt

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// A writer commits write operations one batch after the other. A batch is all
// that came while the one before it was written to disk: a lone operation
// does not wait, and a hundred at once share one fsync.
type writer struct {
	begin func() (*bbolt.Tx, error)
	// stuck is called with why a transaction could not be given up.
	stuck func(error)
	// appended is called after a batch that grew the revocation log.
	appended func()
	fault    func(doing string, err error) error

	mu    sync.Mutex
	queue []*operation
	wake  chan struct{}
	done  chan struct{}
}

// An operation is one call that waits for its commit.
type operation struct {
	fn  func(*tx) error
	err error
	// claimed decides between the writer that runs the operation and the
	// caller that gives up waiting.
	claimed atomic.Bool
	done    chan struct{}
}

// errStopped is for operations that the writer goroutine left behind.
var errStopped = errors.New("the store no longer writes; restart the process")

func newWriter(s *Store) *writer {
	w := &writer{
		begin:    func() (*bbolt.Tx, error) { return s.begin(true) },
		stuck:    s.setBroken,
		appended: s.changed.Notify,
		fault:    s.fault,
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
	}
	go w.run()
	return w
}

// do returns when fn is committed or has failed, or when ctx ended before it
// was begun.
func (w *writer) do(ctx context.Context, fn func(*tx) error) error {
	op := &operation{fn: fn, done: make(chan struct{})}
	w.mu.Lock()
	w.queue = append(w.queue, op)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	cancelled := ctx.Done()
	for {
		select {
		case <-op.done:
			return op.err
		case <-cancelled:
			if op.claimed.CompareAndSwap(false, true) {
				return ctx.Err()
			}
			cancelled = nil // it is being written: only the writer knows how it ends
		case <-w.done:
			// The writer may have finished this operation before it stopped.
			select {
			case <-op.done:
				return op.err
			default:
				return errStopped
			}
		}
	}
}

// stop ends the writer. No operation may be waiting.
func (w *writer) stop() {
	close(w.wake)
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	for range w.wake {
		w.mu.Lock()
		batch := w.queue
		w.queue = nil
		w.mu.Unlock()
		batch = slices.DeleteFunc(batch, func(op *operation) bool { return !op.claimed.CompareAndSwap(false, true) })
		w.commit(batch)
	}
}

// commit writes a batch. An operation that fails after it began to write
// spoils the transaction: it gets its error, the rest gets another one.
func (w *writer) commit(batch []*operation) {
	for len(batch) > 0 {
		spoiler, err := w.try(batch)
		if spoiler < 0 {
			for _, op := range batch {
				if err != nil {
					op.err = err
				}
				close(op.done)
			}
			return
		}
		close(batch[spoiler].done)
		batch = slices.Delete(batch, spoiler, spoiler+1)
	}
}

// try runs a batch in one transaction and commits it. It returns the index of
// an operation that spoiled it, or -1 and the error that all share.
func (w *writer) try(batch []*operation) (spoiler int, err error) {
	spoiler = -1
	t := &tx{}
	wrote, appended := false, false
	err = guard(func() error {
		btx, err := w.begin()
		if err != nil {
			return err
		}
		defer w.giveUp(btx)
		t.Tx = btx
		for i, op := range batch {
			t.wrote, t.appended = false, false
			op.err = guard(func() error { return op.fn(t) })
			var panicked *panicError
			if op.err != nil && (t.wrote || errors.As(op.err, &panicked)) {
				spoiler = i
				return nil
			}
			wrote = wrote || t.wrote
			appended = appended || t.appended
		}
		if !wrote {
			return nil
		}
		return btx.Commit()
	})
	if spoiler >= 0 {
		return spoiler, nil
	}
	if err != nil {
		return -1, w.fault("write", err)
	}
	if appended {
		w.appended()
	}
	return -1, nil
}

// giveUp ends a transaction that was not committed. One that was has ended.
func (w *writer) giveUp(btx *bbolt.Tx) {
	err := guard(btx.Rollback)
	if err != nil && !errors.Is(err, bolterrors.ErrTxClosed) {
		w.stuck(err)
	}
}
