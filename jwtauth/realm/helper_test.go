package realm

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/keyring"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
)

// keyStorage keeps keys in memory.
type keyStorage struct {
	lock   sync.Mutex
	mu     sync.Mutex
	values map[string][]byte
}

func (s *keyStorage) Load(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.values[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return value, nil
}

func (s *keyStorage) Store(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = make(map[string][]byte)
	}
	s.values[key] = value
	return nil
}

func (s *keyStorage) Lock(context.Context, string) error {
	s.lock.Lock()
	return nil
}

func (s *keyStorage) Unlock(context.Context, string) error {
	s.lock.Unlock()
	return nil
}

// recorder keeps the events that it is told of, in order.
type recorder struct {
	mu     sync.Mutex
	events []audit.Event
}

func (r *recorder) Event(_ context.Context, e audit.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (*recorder) SignIn(string)                   {}
func (*recorder) Issued(audit.Credential)         {}
func (*recorder) Verified(audit.Credential, bool) {}
func (*recorder) Refused(string)                  {}

func (r *recorder) names() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		names = append(names, e.Name)
	}
	return names
}

// testConfig is a config of a realm without users.
func testConfig(t *testing.T) Config {
	t.Helper()
	hasher, err := password.NewHasher("pbkdf2-sha256", password.Params{Iterations: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	lt := session.DefaultLifetimes()
	return Config{
		Name: "test", Lifetimes: lt, Hasher: hasher, Slots: password.NewSlots(1, 1),
		Keys:     keyring.Options{Storage: new(keyStorage), Realm: "test", Algorithm: "ES256", Lifetimes: lt, Logger: zap.NewNop()},
		Recorder: new(recorder), Logger: zap.NewNop(),
	}
}

// openTest opens a realm over a store in memory. The caller closes both.
func openTest(t *testing.T, c Config) (*Realm, *Shared) {
	t.Helper()
	shared, err := NewShared(t.Context(), memory.New(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), c, shared)
	if err != nil {
		t.Fatal(err)
	}
	r.Announce(t.Context())
	return r, shared
}

func closeTest(t *testing.T, r *Realm, shared *Shared) {
	t.Helper()
	for _, close := range []func() error{r.Close, shared.Close} {
		if err := close(); err != nil {
			t.Error(fmt.Errorf("closing: %w", err))
		}
	}
}
