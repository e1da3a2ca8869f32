package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

func testUpdateSession(t *testing.T, s *suite) {
	ctx := t.Context()
	called := false
	err := s.UpdateSession(ctx, s.sid("none"), func(session.Session, uint64) (session.Change, error) {
		called = true
		return session.Change{}, nil
	})
	wantErr(t, "unknown session", err, session.ErrNotFound)
	if called {
		t.Error("change was called without a session")
	}

	one := s.create(t, s.session("alice", "one"))
	must(t, s.UpdateSession(ctx, one.ID, func(got session.Session, epoch uint64) (session.Change, error) {
		if !sameSession(got, one) || epoch != 0 {
			t.Errorf("change was given %+v and epoch %d, want %+v", got, epoch, one)
		}
		got.Counter++
		got.Rotations = append(got.Rotations, s.at(time.Second))
		got.IdleExpiresAt = s.at(48 * time.Hour)
		return session.Change{Session: &got}, nil
	}))
	want := one
	want.Counter, want.Rotations, want.IdleExpiresAt = 2, []time.Time{s.now, s.at(time.Second)}, s.at(48*time.Hour)
	if got := s.wantLive(t, one.ID); !sameSession(got, want) {
		t.Errorf("stored %+v, want %+v", got, want)
	}

	must(t, s.UpdateSession(ctx, one.ID, func(got session.Session, _ uint64) (session.Change, error) {
		got.Counter = 99
		got.Scopes[0] = "written to by change"
		return session.Change{}, nil
	}))
	if got := s.wantLive(t, one.ID); !sameSession(got, want) {
		t.Errorf("a change of nothing stored %+v, want %+v", got, want)
	}

	refused := errors.New("refused")
	err = s.UpdateSession(ctx, one.ID, func(got session.Session, _ uint64) (session.Change, error) {
		got.Counter = 99
		return session.Change{Session: &got, End: true, Deny: []revocation.Entry{s.token("jti")}}, refused
	})
	wantErr(t, "change refuses", err, refused)
	if got := s.wantLive(t, one.ID); !sameSession(got, want) || len(s.denials(t)) != 0 {
		t.Errorf("a refused change stored %+v and denied %v", got, s.denials(t))
	}

	// The epoch that change sees is the one at the moment of writing.
	_, err = s.EndSessions(ctx, "alice", one.ID)
	must(t, err)
	must(t, s.UpdateSession(ctx, one.ID, func(got session.Session, epoch uint64) (session.Change, error) {
		if epoch != 1 || got.Epoch != 1 {
			t.Errorf("change was given epoch %d and a session of epoch %d, want 1 and 1", epoch, got.Epoch)
		}
		return session.Change{}, nil
	}))
}

func testUpdateEnds(t *testing.T, s *suite) {
	ctx := t.Context()
	plain := s.create(t, s.session("alice", "plain"))
	must(t, s.UpdateSession(ctx, plain.ID, func(session.Session, uint64) (session.Change, error) {
		return session.Change{End: true}, nil
	}))
	s.wantEnded(t, plain)

	// A token issued in the same breath makes the denial longer.
	longer := s.create(t, s.session("alice", "longer"))
	must(t, s.UpdateSession(ctx, longer.ID, func(got session.Session, _ uint64) (session.Change, error) {
		got.DenyUntil = s.at(3 * time.Hour)
		return session.Change{Session: &got, End: true}, nil
	}))
	longer.DenyUntil = s.at(3 * time.Hour)
	s.wantEnded(t, longer)

	// Without tokens there is nothing to deny.
	bare := s.session("alice", "bare")
	bare.DenyUntil = time.Time{}
	s.create(t, bare)
	must(t, s.UpdateSession(ctx, bare.ID, func(session.Session, uint64) (session.Change, error) {
		return session.Change{End: true}, nil
	}))
	_, err := s.Session(ctx, bare.ID)
	wantErr(t, "an ended session", err, session.ErrNotFound)
	err = s.UpdateSession(ctx, bare.ID, func(session.Session, uint64) (session.Change, error) {
		return session.Change{End: true}, nil
	})
	wantErr(t, "end again", err, session.ErrNotFound)
	wantSlice(t, "sessions of alice", s.sessionIDs(t, "alice"), []string{})
}

func testUpdateDenies(t *testing.T, s *suite) {
	one := s.create(t, s.session("alice", "one"))
	must(t, s.UpdateSession(t.Context(), one.ID, func(got session.Session, _ uint64) (session.Change, error) {
		got.RevokedTokens = map[string]time.Time{"a": s.at(time.Hour), "b": s.at(time.Hour)}
		return session.Change{Session: &got, Deny: []revocation.Entry{s.token("a"), s.token("b")}}, nil
	}))
	if got := s.wantLive(t, one.ID); len(got.RevokedTokens) != 2 {
		t.Errorf("the session knows the revoked tokens %v", got.RevokedTokens)
	}
	var ids []string
	for _, e := range s.log(t, 0) {
		ids = append(ids, string(e.Kind)+" "+e.ID)
	}
	wantSlice(t, "log", ids, []string{"jti a", "jti b"})
}

func testUpdateRefuses(t *testing.T, s *suite) {
	one := s.create(t, s.session("alice", "one"))
	for name, change := range map[string]func(got session.Session) session.Change{
		"another id": func(got session.Session) session.Change {
			got.ID = s.sid("two")
			return session.Change{Session: &got}
		},
		"another user": func(got session.Session) session.Change {
			got.User = "bob"
			return session.Change{Session: &got}
		},
		"a revocation of nothing": func(got session.Session) session.Change {
			got.Counter = 7
			return session.Change{Session: &got, Deny: []revocation.Entry{s.token("good"), {Kind: revocation.Token}}}
		},
	} {
		err := s.UpdateSession(t.Context(), one.ID, func(got session.Session, _ uint64) (session.Change, error) {
			return change(got), nil
		})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := s.wantLive(t, one.ID); !sameSession(got, one) || len(s.denials(t)) != 0 {
			t.Errorf("%s: stored %+v and denied %v", name, got, s.denials(t))
		}
	}
}

func testUpdateIsAtomic(t *testing.T, s *suite) {
	ctx := context.WithoutCancel(t.Context())
	one := s.create(t, s.session("alice", "one"))
	late := errors.New("rotated already")
	winners := atOnce(t, func(int) error {
		return s.UpdateSession(ctx, one.ID, func(got session.Session, _ uint64) (session.Change, error) {
			if got.Counter != 1 {
				return session.Change{}, late
			}
			got.Counter++
			return session.Change{Session: &got}, nil
		})
	}, late)
	if len(winners) != 1 {
		t.Errorf("%d callers rotated from 1", len(winners))
	}
	if got := s.wantLive(t, one.ID); got.Counter != 2 {
		t.Errorf("the counter is %d, want 2", got.Counter)
	}
	// No update is lost where all may write.
	atOnce(t, func(int) error {
		return s.UpdateSession(ctx, one.ID, func(got session.Session, _ uint64) (session.Change, error) {
			got.Counter++
			return session.Change{Session: &got}, nil
		})
	}, nil)
	if got := s.wantLive(t, one.ID); got.Counter != 2+callers {
		t.Errorf("the counter is %d, want %d", got.Counter, 2+callers)
	}
}

// testEndRaces signs a user in and refreshes while all sessions are ended:
// what is not ended must be of the new epoch.
func testEndRaces(t *testing.T, s *suite) {
	ctx := context.WithoutCancel(t.Context())
	for i := range 20 {
		s.create(t, s.session("alice", fmt.Sprintf("old%02d", i)))
	}
	atOnce(t, func(i int) error {
		switch {
		case i == callers/2:
			_, err := s.EndSessions(ctx, "alice", "")
			return err
		case i%2 == 0:
			return s.createWithin(ctx, s.session("alice", fmt.Sprintf("new%02d", i)), 1000)
		}
		err := s.UpdateSession(ctx, s.sid(fmt.Sprintf("old%02d", i%20)), func(got session.Session, epoch uint64) (session.Change, error) {
			if got.Epoch != epoch {
				t.Error("a session outlived its epoch")
			}
			got.Counter++
			return session.Change{Session: &got}, nil
		})
		if errors.Is(err, session.ErrNotFound) {
			return session.ErrEpoch
		}
		return err
	}, session.ErrEpoch)
	wantSlice(t, "sessions of alice", s.sessionIDs(t, "alice"), []string{})
	s.wantEpoch(t, "alice", 1)
	if n := len(s.log(t, 0)); n < 20 {
		t.Errorf("%d denials, want at least 20", n)
	}
}
