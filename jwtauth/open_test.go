package jwtauth

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
)

// closingStore is a store module whose stores tell when they were closed.
type closingStore struct {
	MemoryStore
	key    string
	mu     sync.Mutex
	opened int
	closed int
	err    error
}

func (c *closingStore) StoreKey(string) string { return c.key }

func (c *closingStore) OpenStore(context.Context, string) (store.Store, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	c.opened++
	return &closeCounter{memory.New(), c}, nil
}

func (c *closingStore) counts() (opened, closed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opened, c.closed
}

type closeCounter struct {
	store.Store
	of *closingStore
}

func (c *closeCounter) Close() error {
	c.of.mu.Lock()
	c.of.closed++
	c.of.mu.Unlock()
	return c.Store.Close()
}

func mustOpenShared(t *testing.T, module StoreModule) (*realm.Shared, *Realm) {
	t.Helper()
	r := &Realm{name: "test", store: module, logger: zap.NewNop()}
	shared, err := r.openShared(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return shared, r
}

func TestStateOutlivesAConfig(t *testing.T) {
	module := &closingStore{key: t.Name()}
	before, old := mustOpenShared(t, module)
	after, new := mustOpenShared(t, module) // the new config opens before the old one closes
	old.close()
	if before != after {
		t.Error("the new config has another state")
	}
	if opened, closed := module.counts(); opened != 1 || closed != 0 {
		t.Errorf("the store was opened %d times and closed %d times, want 1 and 0", opened, closed)
	}
	new.close()
	if _, closed := module.counts(); closed != 1 {
		t.Errorf("the store was closed %d times when its last config went, want 1", closed)
	}
}

func TestStateThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	broken := errors.New("the disk is full")
	module := &closingStore{key: t.Name(), err: broken}
	if _, err := (&Realm{name: "test", store: module, logger: zap.NewNop()}).openShared(t.Context()); !errors.Is(err, broken) {
		t.Fatalf("got %v, want %v", err, broken)
	}
	module.err = nil
	_, r := mustOpenShared(t, module)
	r.close()
	if opened, closed := module.counts(); opened != 1 || closed != 1 {
		t.Errorf("opened %d times and closed %d times, want 1 and 1", opened, closed)
	}
}
