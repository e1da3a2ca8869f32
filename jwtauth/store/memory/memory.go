// Package memory is a store that loses everything when the process ends. It
// is made for tests and for trying things out: paging sorts and collecting scans.
//
// It imports store and the contracts. Package jwtauth opens it, and tests do.
package memory

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// Store is a store in memory. Records are kept encoded, so that nothing a
// caller holds on to is shared with it.
type Store struct {
	id      string
	changed engine.Notifier

	mu       sync.RWMutex
	closed   bool
	users    map[string][]byte
	ledgers  map[string]engine.Ledger
	sessions map[string][]byte
	byUser   map[string]map[string]struct{}
	log      []revocation.Entry
	position uint64
	counters map[string]throttle.Counter
	once     map[string]engine.OneTime
	meta     map[string][]byte
}

// New returns an empty store.
func New() *Store {
	id, err := engine.NewID(rand.Reader)
	if err != nil {
		panic(err) // crypto/rand never fails: it ends the process first
	}
	return &Store{
		id:       id,
		users:    make(map[string][]byte),
		ledgers:  make(map[string]engine.Ledger),
		sessions: make(map[string][]byte),
		byUser:   make(map[string]map[string]struct{}),
		counters: make(map[string]throttle.Counter),
		once:     make(map[string]engine.OneTime),
		meta:     make(map[string][]byte),
	}
}

// ID implements [store.Store].
func (s *Store) ID() string { return s.id }

// Close implements [store.Store]. What was stored is gone.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.closed = true
	s.changed.Close()
	return nil
}

// Meta implements [store.Store].
func (s *Store) Meta(ctx context.Context, key string) (value []byte, err error) {
	err = s.read(ctx, func() error {
		value = bytesOf(s.meta, key)
		return nil
	})
	return value, err
}

// SetMeta implements [store.Store].
func (s *Store) SetMeta(ctx context.Context, key string, old, value []byte) error {
	return s.write(ctx, func() error {
		if err := engine.CheckKey(key); err != nil {
			return err
		}
		if !engine.SameMeta(s.meta[key], old) {
			return store.ErrConflict
		}
		if value == nil {
			delete(s.meta, key)
			return nil
		}
		s.meta[key] = append([]byte{}, value...)
		return nil
	})
}

// read runs fn together with other readers.
func (s *Store) read(ctx context.Context, fn func() error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn()
}

// write runs fn alone. fn decides before it writes: what it returns an error
// for, it has not touched. Watchers are told if the log grew.
func (s *Store) write(ctx context.Context, fn func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	before := s.position
	err := fn()
	if s.position != before {
		s.changed.Notify()
	}
	return err
}

// page returns the keys of m after after, in byte order, at most limit.
func page[V any](m map[string]V, after string, limit int) []string {
	var keys []string
	for k := range m {
		if k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys[:min(len(keys), max(limit, 0))]
}

func bytesOf(m map[string][]byte, key string) []byte {
	if v, ok := m[key]; ok {
		return append([]byte{}, v...)
	}
	return nil
}

var _ store.Store = (*Store)(nil)
