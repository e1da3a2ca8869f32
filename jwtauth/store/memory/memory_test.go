package memory_test

import (
	"errors"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s := memory.New()
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	})
}

func TestClosedStoreAnswersWithAnError(t *testing.T) {
	s := memory.New()
	watch := s.Watch(t.Context())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, open := <-watch; open {
		t.Error("a watch outlives its store")
	}
	if _, err := s.Epoch(t.Context(), "alice"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, memory.New()) }
