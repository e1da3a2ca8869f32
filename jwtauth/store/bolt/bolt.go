// Package bolt keeps a realm's store in one bbolt file. One process at a time
// owns the file; within it all methods may be called concurrently.
//
// It imports store and the contracts. Only package jwtauth opens it.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// Options change how a file is opened. The zero value is what a server wants.
type Options struct {
	// Timeout is how long to wait for the lock of a file that another process
	// has open. Default: 1s.
	Timeout time.Duration
	// NoSync leaves writing to the operating system: what was acknowledged
	// then survives the death of the process, but not that of the machine.
	// Only for benchmarks.
	NoSync bool

	// maxSize stands in for a full disk in tests.
	maxSize int
}

// Store is a store in a bbolt file.
type Store struct {
	path    string
	id      string
	db      *bbolt.DB
	file    *os.File // the one that db holds
	changed engine.Notifier
	writer  *writer

	// mu guards closed. Operations hold running while they run.
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup

	// beginning is held while a transaction begins. A panic of bbolt there
	// leaves bbolt's locks locked; then broken is set, and nothing else
	// touches the file.
	beginning sync.Mutex
	broken    atomic.Pointer[error]
}

// ID implements [store.Store].
func (s *Store) ID() string { return s.id }

// Close waits for the methods that are running and releases the file. Methods
// called later return [store.ErrClosed].
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return store.ErrClosed
	}
	s.closed = true
	s.mu.Unlock()

	if err := s.isBroken(); err != nil {
		// What waits in bbolt waits for ever, and so would closing it. The
		// lock goes with the file.
		s.changed.Close()
		return s.fault("close", errors.Join(err, release(s.file)))
	}
	s.running.Wait()
	s.writer.stop()
	s.changed.Close()
	if err := guard(s.db.Close); err != nil {
		return s.fault("close", err)
	}
	return nil
}

func (s *Store) setBroken(err error) { s.broken.CompareAndSwap(nil, &err) }

func (s *Store) isBroken() error {
	if err := s.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// begin begins a transaction.
func (s *Store) begin(writable bool) (btx *bbolt.Tx, err error) {
	s.beginning.Lock()
	defer s.beginning.Unlock()
	if err := s.isBroken(); err != nil {
		return nil, err
	}
	err = guard(func() (err error) {
		btx, err = s.db.Begin(writable)
		return err
	})
	if panicked := new(panicError); errors.As(err, &panicked) {
		s.setBroken(err)
	}
	return btx, err
}

// enter begins an operation, which leave ends.
func (s *Store) enter(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.running.Add(1)
	return nil
}

func (s *Store) leave() { s.running.Done() }

// read runs fn in a read-only transaction.
func (s *Store) read(ctx context.Context, fn func(*tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	var answer error
	err := guard(func() error {
		btx, err := s.begin(false)
		if err != nil {
			return err
		}
		defer btx.Rollback() // a read-only transaction has nothing to lose
		answer = fn(&tx{Tx: btx})
		return nil
	})
	if err != nil {
		return s.fault("read", err)
	}
	return s.locate(answer)
}

// write runs fn in a read-write transaction, which it may share with other
// calls, and returns when that is durable. fn may be called more than once,
// each time with none of its writes done. Where ctx ends before fn was called
// it is not called.
func (s *Store) write(ctx context.Context, fn func(*tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return s.locate(s.writer.do(ctx, fn))
}

// fault adds the file to an error of bbolt or of the system.
func (s *Store) fault(doing string, err error) error {
	return fmt.Errorf("%s store file %s: %w", doing, s.path, err)
}

// guard runs fn and returns a panic of it as an error. bbolt panics on pages
// that make no sense, and a file cut off under its memory map faults.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p}
		}
	}()
	return fn()
}

// panicError is a recovered panic.
type panicError struct{ value any }

func (e *panicError) Error() string {
	return fmt.Sprintf("the file is damaged, or this program has a mistake: %v", e.value)
}

// Unwrap makes a damaged file one that cannot be read.
func (e *panicError) Unwrap() error { return store.ErrCorrupt }

var _ store.Store = (*Store)(nil)
