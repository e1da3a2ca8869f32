package bolt

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// A store with a new id has no session of the old one, and all of its users.
func TestResetID(t *testing.T) {
	path := newPath(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := s.ID()
	var sids []string
	for _, name := range []string{"alice", "bob", "bob"} {
		one := session.Session{
			ID: before + "x" + string(rune('a'+len(sids))), User: name, Counter: 1, CreatedAt: time.Now(),
			ExpiresAt: time.Now().Add(time.Hour), IdleExpiresAt: time.Now().Add(time.Hour),
		}
		if _, err := s.CreateSession(t.Context(), one, 100); err != nil {
			t.Fatal(err)
		}
		sids = append(sids, one.ID)
	}
	if _, err := s.PutUser(t.Context(), user.Record{User: user.User{Username: "alice"}}, nil); err != nil {
		t.Fatal(err)
	}
	ended, err := s.ResetID(t.Context())
	if err != nil || ended != len(sids) {
		t.Errorf("%d sessions ended, %v", ended, err)
	}
	id := s.ID()
	if id == before || !engine.ValidID(id) {
		t.Errorf("the id was %s and is %s", before, id)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(path, Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if s.ID() != id {
		t.Errorf("the id is %s after it was opened again, want %s", s.ID(), id)
	}
	for _, sid := range sids {
		if _, err := s.Session(t.Context(), sid); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("session of the old id: %v", err)
		}
	}
	if list, err := s.Sessions(t.Context(), "", "", 10); err != nil || len(list) != 0 {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	if n, err := s.CountSessions(t.Context()); err != nil || n != 0 {
		t.Errorf("%d sessions are counted, %v", n, err)
	}
	if _, err := s.User(t.Context(), "alice"); err != nil {
		t.Errorf("the user: %v", err)
	}
	if _, err := s.EndSessions(t.Context(), "bob", ""); err != nil {
		t.Errorf("an index names what is gone: %v", err)
	}
}
