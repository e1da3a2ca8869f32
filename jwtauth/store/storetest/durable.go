package storetest

import (
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// RunDurable tests that an engine keeps everything from one opening to the
// next. open returns the store in dir, empty where dir is new; the suite
// closes it.
func RunDurable(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	t.Run("Reopen", func(t *testing.T) { testReopen(t, open) })
	t.Run("StoresDiffer", func(t *testing.T) {
		one, two := open(t, t.TempDir()), open(t, t.TempDir())
		if one.ID() == two.ID() {
			t.Errorf("two stores have the id %s", one.ID())
		}
		must(t, one.Close())
		must(t, two.Close())
	})
}

func testReopen(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	ctx, dir := t.Context(), t.TempDir()
	s := &suite{Store: open(t, dir), now: time.Now().UTC()}
	id := s.ID()
	rec := s.put(t, s.record("alice"))
	_, err := s.EndSessions(ctx, "bob", "")
	must(t, err)
	kept := s.create(t, s.session("alice", "kept"))
	ended := s.create(t, s.session("carol", "ended"))
	must(t, s.UpdateSession(ctx, ended.ID, endSession))
	must(t, s.Deny(ctx, s.token("jti")))
	must(t, s.UpdateAttempts(ctx, s.now, []string{"a"}, func(c []throttle.Counter) error {
		c[0] = throttle.Counter{Failures: 4, Expires: s.at(time.Hour)}
		return nil
	}))
	must(t, s.PutOnce(ctx, "taken", []byte("t"), s.at(time.Hour)))
	_, err = s.TakeOnce(ctx, "taken", s.now)
	must(t, err)
	must(t, s.PutOnce(ctx, "fresh", []byte("f"), s.at(time.Hour)))
	must(t, s.SetMeta(ctx, "m", nil, []byte("v")))
	log := s.log(t, 0)
	must(t, s.Close())

	s.Store = open(t, dir)
	if s.ID() != id {
		t.Errorf("the id was %s and is %s", id, s.ID())
	}
	if got, err := s.User(ctx, "alice"); err != nil || got.Version != rec.Version || got.PasswordHash != rec.PasswordHash {
		t.Errorf("the user is %+v, %v", got, err)
	}
	_, err = s.PutUser(ctx, s.record("alice"), nil)
	wantErr(t, "create a user who exists", err, user.ErrConflict)
	s.wantEpoch(t, "bob", 1)
	if got := s.wantLive(t, kept.ID); !sameSession(got, kept) {
		t.Errorf("the session is %+v, want %+v", got, kept)
	}
	wantSlice(t, "sessions of alice", s.sessionIDs(t, "alice"), []string{kept.ID})
	s.wantEnded(t, ended)
	if got := s.log(t, 0); len(got) != len(log) || got[len(got)-1].Position != log[len(log)-1].Position {
		t.Errorf("the log is %v, was %v", got, log)
	}
	must(t, s.Deny(ctx, s.token("later")))
	if later := s.log(t, log[len(log)-1].Position); len(later) != 1 {
		t.Errorf("the log goes on with %v", later)
	}
	wantSlice(t, "counters", s.failures(t, s.now, "a"), []int{4})
	_, err = s.TakeOnce(ctx, "taken", s.now)
	wantErr(t, "take again", err, oauth2.ErrCodeTaken)
	if v, err := s.TakeOnce(ctx, "fresh", s.now); string(v) != "f" || err != nil {
		t.Errorf("took %q, %v", v, err)
	}
	if v, err := s.Meta(ctx, "m"); string(v) != "v" || err != nil {
		t.Errorf("the record is %q, %v", v, err)
	}
	must(t, s.Close())
}
