package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func testUserVersions(t *testing.T, s *suite) {
	ctx := t.Context()
	_, err := s.User(ctx, "alice")
	wantErr(t, "unknown user", err, user.ErrNotFound)
	stale := s.record("alice")
	stale.Version = 1
	_, err = s.PutUser(ctx, stale, nil)
	wantErr(t, "change a user who does not exist", err, user.ErrConflict)

	rec := s.put(t, s.record("alice"))
	if rec.Version != 1 {
		t.Errorf("the first version is %d", rec.Version)
	}
	_, err = s.PutUser(ctx, s.record("alice"), nil)
	wantErr(t, "create a user who exists", err, user.ErrConflict)

	got, err := s.User(ctx, "alice")
	must(t, err)
	if !reflect.DeepEqual(got.User, rec.User) || got.Version != 1 || !got.CreatedAt.Equal(rec.CreatedAt) ||
		!got.UpdatedAt.Equal(rec.UpdatedAt) || !got.PasswordChangedAt.Equal(rec.PasswordChangedAt) {
		t.Errorf("stored %+v, want %+v", got, rec)
	}
	got.FullName = "Alice"
	got.Roles[0] = "written to by the caller"
	if again, err := s.User(ctx, "alice"); err != nil || again.Roles[0] != "admin" {
		t.Errorf("a record shares memory with what was returned: %+v, %v", again, err)
	}
	rec.FullName = "Alice"
	if changed := s.put(t, rec); changed.Version != 2 {
		t.Errorf("the second version is %d", changed.Version)
	}
	rec.FullName = "Late"
	_, err = s.PutUser(ctx, rec, &user.Ending{})
	wantErr(t, "stale version", err, user.ErrConflict)
	if got, err := s.User(ctx, "alice"); err != nil || got.FullName != "Alice" || got.Version != 2 {
		t.Errorf("after a stale write the user is %+v, %v", got, err)
	}
	s.wantEpoch(t, "alice", 0) // a refused write ends nothing

	// Names are bytes: no folding, no trimming.
	for _, name := range []string{"Alice", "alice ", "álice"} {
		_, err := s.User(ctx, name)
		wantErr(t, fmt.Sprintf("user %q", name), err, user.ErrNotFound)
	}
	winners := atOnce(t, func(int) error {
		_, err := s.PutUser(context.WithoutCancel(ctx), s.record("race"), nil)
		return err
	}, user.ErrConflict)
	if len(winners) != 1 {
		t.Errorf("%d callers created one user", len(winners))
	}
}

func testUserPages(t *testing.T, s *suite) {
	ctx := t.Context()
	if recs, err := s.Users(ctx, "", 10); len(recs) != 0 || err != nil {
		t.Fatalf("an empty store lists %v, %v", recs, err)
	}
	names := []string{"Zoe", "a", "a b", "a-b", "a.b", "aa", "b", "z", "zé", "é", "日本"}
	for i := range 1000 {
		names = append(names, fmt.Sprintf("user%d", i))
	}
	atOnce(t, func(i int) error {
		for ; i < len(names); i += callers {
			if _, err := s.PutUser(context.WithoutCancel(ctx), s.record(names[i]), nil); err != nil {
				return err
			}
		}
		return nil
	}, nil)
	slices.Sort(names) // bytewise, as Go compares strings
	for _, limit := range []int{7, 1000, 5000} {
		var got []string
		for after := ""; ; {
			recs, err := s.Users(ctx, after, limit)
			must(t, err)
			if len(recs) > limit {
				t.Fatalf("%d users for a limit of %d", len(recs), limit)
			}
			if len(recs) == 0 {
				break
			}
			for _, rec := range recs {
				got = append(got, rec.Username)
			}
			after = recs[len(recs)-1].Username
		}
		if !slices.Equal(got, names) {
			t.Fatalf("by %d: got %d names, want %d: %v", limit, len(got), len(names), got)
		}
	}
	recs, err := s.Users(ctx, "zz", 1) // after a name that does not exist
	must(t, err)
	if len(recs) != 1 || recs[0].Username != "zé" {
		t.Errorf("after %q comes %v", "zz", recs)
	}
}

func testRemoveUser(t *testing.T, s *suite) {
	ctx := t.Context()
	wantErr(t, "remove no user", s.RemoveUser(ctx, "alice", 1), user.ErrNotFound)
	s.wantEpoch(t, "alice", 0)
	rec := s.put(t, s.record("alice"))
	one := s.create(t, s.session("alice", "one"))
	wantErr(t, "remove a version that is gone", s.RemoveUser(ctx, "alice", rec.Version+1), user.ErrConflict)
	s.wantLive(t, one.ID)

	must(t, s.RemoveUser(ctx, "alice", rec.Version))
	_, err := s.User(ctx, "alice")
	wantErr(t, "a removed user", err, user.ErrNotFound)
	s.wantEnded(t, one)
	// The epoch outlives the user: a sign-in that began before must not succeed.
	s.wantEpoch(t, "alice", 1)
	wantErr(t, "remove again", s.RemoveUser(ctx, "alice", rec.Version), user.ErrNotFound)
	if again := s.put(t, s.record("alice")); again.Version != 1 {
		t.Errorf("made again, the user has version %d", again.Version)
	}
	s.wantEpoch(t, "alice", 1)
}

func testPutUserEnding(t *testing.T, s *suite) {
	ctx := t.Context()
	rec := s.put(t, s.record("alice"))
	begun := s.session("alice", "begun")
	ended := s.create(t, s.session("alice", "ended"))
	other := s.create(t, s.session("bob", "other"))

	rec.PasswordHash = "$test$new"
	version, err := s.PutUser(ctx, rec, &user.Ending{Begin: &begun})
	must(t, err)
	if version != 2 {
		t.Errorf("version %d, want 2", version)
	}
	s.wantEpoch(t, "alice", 1)
	s.wantEpoch(t, "bob", 0)
	s.wantEnded(t, ended)
	s.wantLive(t, other.ID)
	if got := s.wantLive(t, begun.ID); got.Epoch != 1 || !slices.Equal(got.Scopes, begun.Scopes) {
		t.Errorf("the session that begins is %+v", got)
	}
	if begun.Epoch != 0 {
		t.Error("the caller's session was written to")
	}
	wantSlice(t, "sessions of alice", s.sessionIDs(t, "alice"), []string{begun.ID})

	rec.Version = version
	if _, err := s.PutUser(ctx, rec, &user.Ending{}); err != nil {
		t.Fatal(err)
	}
	s.wantEpoch(t, "alice", 2)
	begun.Epoch = 1
	s.wantEnded(t, begun)

	// Creating a user can end sessions too: those of a read-only user before.
	before := s.create(t, s.session("carol", "before"))
	if _, err := s.PutUser(ctx, s.record("carol"), &user.Ending{}); err != nil {
		t.Fatal(err)
	}
	s.wantEnded(t, before)
	s.wantLive(t, other.ID)
}

// testPutUserBeginsNothing where the step is refused: neither user, epoch nor any
// session is changed then.
func testPutUserBeginsNothing(t *testing.T, s *suite) {
	ctx := t.Context()
	rec := s.put(t, s.record("alice"))
	mine, other := s.create(t, s.session("alice", "mine")), s.create(t, s.session("bob", "other"))
	late, foreign, taken, nameless := s.session("alice", "late"), s.session("bob", "foreign"), s.session("alice", "other"), s.session("alice", "x")
	late.Epoch = 1
	taken.ID, nameless.ID = other.ID, ""
	for name, begin := range map[string]session.Session{"of another epoch": late, "of another user": foreign, "that exists": taken, "without an id": nameless} {
		changed := rec
		changed.PasswordHash = "$test$new"
		_, err := s.PutUser(ctx, changed, &user.Ending{Begin: &begin})
		if err == nil || begin.Epoch == 1 && !errors.Is(err, session.ErrEpoch) {
			t.Errorf("a session %s: %v", name, err)
		}
		if got, err := s.User(ctx, "alice"); err != nil || got.PasswordHash != rec.PasswordHash || got.Version != rec.Version {
			t.Errorf("after a session %s: %+v, %v", name, got, err)
		}
		s.wantEpoch(t, "alice", 0)
		wantSlice(t, "sessions of alice", s.sessionIDs(t, "alice"), []string{mine.ID})
		if got := s.wantLive(t, other.ID); got.User != "bob" {
			t.Errorf("after a session %s: %+v", name, got)
		}
	}
	old := rec
	old.Version++
	begin := s.session("alice", "begun")
	_, err := s.PutUser(ctx, old, &user.Ending{Begin: &begin})
	wantErr(t, "a version that is gone", err, user.ErrConflict)
	wantSlice(t, "sessions of alice", s.sessionIDs(t, "alice"), []string{mine.ID})
	s.wantEpoch(t, "alice", 0)
}
