package bolt

import (
	"path/filepath"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, newPath(t)) })
	storetest.RunDurable(t, func(t *testing.T, dir string) store.Store {
		s, err := Open(filepath.Join(dir, "realm.db"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "realm.db") }

// open opens a store that is closed when the test ends.
func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func BenchmarkStore(b *testing.B) {
	b.Run("Sync", func(b *testing.B) { storetest.Benchmark(b, open(b, newPath(b))) })
	b.Run("NoSync", func(b *testing.B) {
		s, err := Open(newPath(b), Options{NoSync: true})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		storetest.Benchmark(b, s)
	})
}
