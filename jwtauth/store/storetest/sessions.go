package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

func testEpoch(t *testing.T, s *suite) {
	for _, name := range []string{"nobody", "", "a\x00b", strings.Repeat("x", 4000)} {
		s.wantEpoch(t, name, 0)
	}
	n, err := s.EndSessions(t.Context(), "nobody", "")
	must(t, err)
	if n != 0 {
		t.Errorf("ended %d sessions of no user", n)
	}
	s.wantEpoch(t, "nobody", 1)
	s.wantEpoch(t, "nobod", 0)
}

func testCreateSession(t *testing.T, s *suite) {
	ctx := t.Context()
	_, err := s.Session(ctx, s.sid("none"))
	wantErr(t, "unknown session", err, session.ErrNotFound)
	_, err = s.Session(ctx, "")
	wantErr(t, "no id", err, session.ErrNotFound)

	one := s.session("alice", "one")
	one.Client, one.RevokedTokens = "app", map[string]time.Time{"jti": s.at(time.Minute)}
	s.create(t, one)
	got := s.wantLive(t, one.ID)
	if !sameSession(got, one) {
		t.Errorf("stored %+v, want %+v", got, one)
	}
	got.Scopes[0] = "written to by the caller"
	got.RevokedTokens["other"] = s.now
	if again := s.wantLive(t, one.ID); again.Scopes[0] != "read" || len(again.RevokedTokens) != 1 {
		t.Errorf("a record shares memory with what was returned: %+v", again)
	}

	twin := s.session("mallory", "one")
	if err := s.CreateSession(ctx, twin, 100); err == nil {
		t.Error("a session was replaced by another of its id")
	}
	if got := s.wantLive(t, one.ID); got.User != "alice" {
		t.Errorf("the session belongs to %s now", got.User)
	}

	// A sign-in that read the epoch before it was raised comes too late.
	_, err = s.EndSessions(ctx, "alice", "")
	must(t, err)
	late := s.session("alice", "late")
	wantErr(t, "epoch 0 after it was raised", s.CreateSession(ctx, late, 100), session.ErrEpoch)
	early := s.session("alice", "early")
	early.Epoch = 2
	wantErr(t, "an epoch that has not been", s.CreateSession(ctx, early, 100), session.ErrEpoch)
	wantSlice(t, "sessions of alice", s.sessionIDs(t, "alice"), []string{})
	fresh := s.session("alice", "fresh")
	fresh.Epoch = 1
	s.create(t, fresh)

	odd := s.session("alice", "odd")
	odd.Epoch, odd.UserAgent = 1, "curl/\xff"
	if err := s.CreateSession(ctx, odd, 100); err != nil {
		t.Errorf("a client's user agent that is no UTF-8 keeps its user out: %v", err)
	}
}

func testSessionLimit(t *testing.T, s *suite) {
	ctx := t.Context()
	// Created in another order than their ids have.
	var made []session.Session
	for i, name := range []string{"c", "a", "b"} {
		one := s.session("alice", name)
		one.CreatedAt = s.at(time.Duration(i) * time.Minute)
		one.DenyUntil = s.at(time.Duration(i+1) * time.Hour)
		must(t, s.CreateSession(ctx, one, 3))
		made = append(made, one)
	}
	other := s.create(t, s.session("bob", "0"))
	for _, one := range made {
		s.wantLive(t, one.ID)
	}
	fourth := s.session("alice", "d")
	fourth.CreatedAt = s.at(3 * time.Minute)
	must(t, s.CreateSession(ctx, fourth, 3))
	s.wantEnded(t, made[0])
	s.wantLive(t, made[1].ID)

	// A lower limit ends as many as it takes.
	fifth := s.session("alice", "e")
	fifth.CreatedAt = s.at(4 * time.Minute)
	must(t, s.CreateSession(ctx, fifth, 1))
	for _, one := range []session.Session{made[1], made[2], fourth} {
		s.wantEnded(t, one)
	}
	wantSlice(t, "sessions of alice", s.sessionIDs(t, "alice"), []string{fifth.ID})
	s.wantLive(t, other.ID)

	// Whatever the clock said: who signs in now is not the one who has to go.
	sixth := s.session("alice", "f")
	sixth.CreatedAt = s.at(-time.Hour)
	must(t, s.CreateSession(ctx, sixth, 1))
	s.wantEnded(t, fifth)
	s.wantLive(t, sixth.ID)
}

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
			return s.CreateSession(ctx, s.session("alice", fmt.Sprintf("new%02d", i)), 1000)
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

func testEndSessions(t *testing.T, s *suite) {
	ctx := t.Context()
	var all []session.Session
	for i := range 5 {
		all = append(all, s.create(t, s.session("alice", fmt.Sprint(i))))
	}
	other := s.create(t, s.session("bob", "other"))
	s.wantCount(t, 6)

	n, err := s.EndSessions(ctx, "alice", all[3].ID)
	must(t, err)
	if n != 4 {
		t.Errorf("ended %d, want 4", n)
	}
	for i, one := range all {
		if i != 3 {
			s.wantEnded(t, one)
		}
	}
	kept := s.wantLive(t, all[3].ID)
	if kept.Epoch != 1 {
		t.Errorf("the session that was kept has epoch %d, want 1", kept.Epoch)
	}
	all[3].Epoch = 1
	if !sameSession(kept, all[3]) {
		t.Errorf("the session that was kept is %+v, want %+v", kept, all[3])
	}

	// A session of another user is no exception and is not touched.
	n, err = s.EndSessions(ctx, "alice", other.ID)
	must(t, err)
	if n != 1 {
		t.Errorf("ended %d, want 1", n)
	}
	s.wantEpoch(t, "alice", 2)
	if got := s.wantLive(t, other.ID); got.Epoch != 0 {
		t.Errorf("the session of another user was moved to epoch %d", got.Epoch)
	}
	s.wantCount(t, 1)
}

// testLikeNames makes users whose names begin alike, with the bytes that an
// engine could be tempted to join keys with.
func testLikeNames(t *testing.T, s *suite) {
	names := []string{"a", "aa", "a:", "a/", "a\x00", "a\x00b", "a b", "a,b", "a*", "A", "á"}
	for i, name := range names {
		s.create(t, s.session(name, fmt.Sprint("one", i)))
	}
	for i, name := range names {
		wantSlice(t, fmt.Sprintf("sessions of %q", name), s.sessionIDs(t, name), []string{s.sid(fmt.Sprint("one", i))})
	}
	n, err := s.EndSessions(t.Context(), "a", "")
	must(t, err)
	if n != 1 {
		t.Errorf("ended %d sessions, want 1", n)
	}
	for i := range names[1:] {
		s.wantLive(t, s.sid(fmt.Sprint("one", i+1)))
	}
}

func testSessionPages(t *testing.T, s *suite) {
	ctx := t.Context()
	const n = 1000
	var alice, all []string
	var made []session.Session
	for i := range n {
		// One user's sessions lie between another's.
		made = append(made, s.session([]string{"alice", "bob"}[i%2], fmt.Sprintf("%x", i*7919%n)))
		all = append(all, made[i].ID)
		if made[i].User == "alice" {
			alice = append(alice, made[i].ID)
		}
	}
	atOnce(t, func(i int) error {
		for ; i < n; i += callers {
			if err := s.CreateSession(context.WithoutCancel(ctx), made[i], n); err != nil {
				return err
			}
		}
		return nil
	}, nil)
	slices.Sort(alice)
	slices.Sort(all)
	for username, want := range map[string][]string{"alice": alice, "": all, "nobody": {}} {
		for _, limit := range []int{17, n / 2, 2 * n} {
			var got []string
			for after := ""; ; {
				page, err := s.Sessions(ctx, username, after, limit)
				must(t, err)
				if len(page) > limit {
					t.Fatalf("%d sessions for a limit of %d", len(page), limit)
				}
				if len(page) == 0 {
					break
				}
				for _, one := range page {
					if username != "" && one.User != username {
						t.Fatalf("a session of %q among those of %q", one.User, username)
					}
					got = append(got, one.ID)
				}
				after = page[len(page)-1].ID
			}
			if !slices.Equal(got, want) {
				t.Fatalf("user %q by %d: got %d sessions, want %d", username, limit, len(got), len(want))
			}
		}
	}
}

// sameSession compares what is stored of two sessions.
func sameSession(a, b session.Session) bool {
	same := func(a, b *time.Time) bool {
		equal := a.Equal(*b)
		*a, *b = time.Time{}, time.Time{}
		return equal
	}
	if !same(&a.CreatedAt, &b.CreatedAt) || !same(&a.LastUsedAt, &b.LastUsedAt) || !same(&a.ExpiresAt, &b.ExpiresAt) ||
		!same(&a.IdleExpiresAt, &b.IdleExpiresAt) || !same(&a.DenyUntil, &b.DenyUntil) {
		return false
	}
	if !slices.EqualFunc(a.Rotations, b.Rotations, time.Time.Equal) || len(a.RevokedTokens) != len(b.RevokedTokens) {
		return false
	}
	for id, until := range a.RevokedTokens {
		if other, ok := b.RevokedTokens[id]; !ok || !other.Equal(until) {
			return false
		}
	}
	a.Rotations, b.Rotations, a.RevokedTokens, b.RevokedTokens = nil, nil, nil, nil
	return reflect.DeepEqual(a, b)
}
