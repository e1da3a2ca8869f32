package jwtauth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
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

func mustOpenState(t *testing.T, module StoreModule) (*state, string) {
	t.Helper()
	s, key, err := openState(t.Context(), "test", module, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return s, key
}

func deleteState(t *testing.T, key string) {
	t.Helper()
	if _, err := states.Delete(key); err != nil {
		t.Error(err)
	}
}

func TestStateOutlivesAConfig(t *testing.T) {
	module := &closingStore{key: t.Name()}
	before, key := mustOpenState(t, module)
	after, _ := mustOpenState(t, module) // the new config opens before the old one closes
	deleteState(t, key)
	if before != after {
		t.Error("the new config has another state")
	}
	if opened, closed := module.counts(); opened != 1 || closed != 0 {
		t.Errorf("the store was opened %d times and closed %d times, want 1 and 0", opened, closed)
	}
	deleteState(t, key)
	if _, closed := module.counts(); closed != 1 {
		t.Errorf("the store was closed %d times when its last config went, want 1", closed)
	}
}

func TestStateClosesAfterTheLastRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		module := &closingStore{key: t.Name()}
		s, key := mustOpenState(t, module)
		release, err := s.use()
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { defer close(done); deleteState(t, key) }()
		time.Sleep(drainTimeout / 2) // in the bubble's clock
		if _, closed := module.counts(); closed != 0 {
			t.Error("the store was closed under a request")
		}
		release()
		<-done
		if _, closed := module.counts(); closed != 1 {
			t.Error("the store was not closed after the last request")
		}
		if _, err := s.use(); !errors.Is(err, errClosed) {
			t.Errorf("a late request got %v, want %v", err, errClosed)
		}
	})
}

func TestStateThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	broken := errors.New("the disk is full")
	module := &closingStore{key: t.Name(), err: broken}
	if _, _, err := openState(t.Context(), "test", module, zap.NewNop()); !errors.Is(err, broken) {
		t.Fatalf("got %v, want %v", err, broken)
	}
	module.err = nil
	_, key := mustOpenState(t, module)
	deleteState(t, key)
	if opened, closed := module.counts(); opened != 1 || closed != 1 {
		t.Errorf("opened %d times and closed %d times, want 1 and 1", opened, closed)
	}
}

func TestDirectoryOfTheLastConfigRules(t *testing.T) {
	directory := func() *user.Directory {
		d, err := user.NewDirectory(nil, nil, memory.New())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	s := new(state)
	running, failing, next := directory(), directory(), directory()
	s.attach(running)
	s.attach(failing)
	if s.users() != failing {
		t.Error("the newest config does not rule")
	}
	s.detach(failing) // it did not start after all
	if s.users() != running {
		t.Error("the running config does not rule again")
	}
	s.attach(next)
	s.detach(running)
	if s.users() != next {
		t.Error("the new config does not rule")
	}
	s.detach(next)
	if s.users() == nil {
		t.Error("a last request finds no users")
	}
}

// TestRequestsWaitForStart fails without the waiting: http may serve first.
func TestRequestsWaitForStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w waiter
		w.init()
		realm := new(opened)
		got := make(chan *opened, 1)
		go func() {
			o, err := w.await(t.Context())
			if err != nil {
				t.Error(err)
			}
			got <- o
		}()
		time.Sleep(startTimeout / 2)
		select {
		case <-got:
			t.Fatal("a request was let on before the realm was open")
		default:
		}
		w.done(realm)
		if o := <-got; o != realm {
			t.Error("the request got another realm")
		}
	})
}

func TestRequestsDoNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w waiter
		w.init()
		began := time.Now()
		if _, err := w.await(t.Context()); !errors.Is(err, errUnavailable) {
			t.Errorf("got %v, want %v", err, errUnavailable)
		}
		if waited := time.Since(began); waited != startTimeout {
			t.Errorf("waited %s, want %s", waited, startTimeout)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
