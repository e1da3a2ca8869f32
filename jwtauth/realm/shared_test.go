package realm

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// closeCounter is a store that counts how often it was closed.
type closeCounter struct {
	store.Store
	closed atomic.Int32
}

func (c *closeCounter) Close() error {
	c.closed.Add(1)
	return c.Store.Close()
}

func TestSharedClosesAfterTheLastRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &closeCounter{Store: memory.New()}
		s, err := NewShared(t.Context(), kept, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		release, err := s.hold()
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(drainTimeout / 2) // in the bubble's clock
		if kept.closed.Load() != 0 {
			t.Error("the store was closed under a request")
		}
		release()
		<-done
		if kept.closed.Load() != 1 {
			t.Error("the store was not closed after the last request")
		}
		if _, err := s.hold(); !errors.Is(err, errClosed) {
			t.Errorf("a late request got %v, want %v", err, errClosed)
		}
	})
}

func TestDirectoryOfTheLastConfigIsInForce(t *testing.T) {
	directory := func() *user.Directory {
		d, err := user.NewDirectory(nil, nil, memory.New())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	s := new(Shared)
	running, failing, next := directory(), directory(), directory()
	s.attach(running)
	s.attach(failing)
	if s.users() != failing {
		t.Error("the newest config is not in force")
	}
	s.detach(failing) // it did not start after all
	if s.users() != running {
		t.Error("the running config is not in force again")
	}
	s.attach(next)
	s.detach(running)
	if s.users() != next {
		t.Error("the new config is not in force")
	}
	s.detach(next)
	if s.users() == nil {
		t.Error("a last request finds no users")
	}
}
