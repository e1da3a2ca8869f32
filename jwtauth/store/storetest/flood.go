package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// stamped returns a session whose id says which epoch it is of.
func (s *suite) stamped(t *testing.T, username, name string, epoch uint64) session.Session {
	t.Helper()
	stamp, err := revocation.Stamp(epoch)
	must(t, err)
	one := s.session(username, stamp+name)
	one.Epoch = epoch
	return one
}

// fill has a user make as many revocations as there is room for.
func (s *suite) fill(t *testing.T, username string) {
	t.Helper()
	filler := s.create(t, s.session(username, "filler"+username))
	for i := range session.MaxRevocations / 100 {
		must(t, s.UpdateSession(t.Context(), filler.ID, func(session.Session, uint64) (c session.Change, err error) {
			for j := range 100 {
				c.Deny = append(c.Deny, s.token(fmt.Sprintf("%s-%d-%d", username, i, j)))
			}
			return c, nil
		}))
	}
	if single, whole := s.about(t, username); single != session.MaxRevocations || len(whole) != 0 {
		t.Fatalf("%d entries of %s and %v, want %d", single, username, whole, session.MaxRevocations)
	}
}

// about counts the entries of a user's sessions and tokens, and returns those of
// all of them.
func (s *suite) about(t *testing.T, username string) (single int, whole []revocation.Entry) {
	t.Helper()
	for _, e := range s.log(t, 0) {
		switch {
		case e.Kind == revocation.User && e.ID == username:
			whole = append(whole, e)
		case e.User == username:
			single++
		}
	}
	return single, whole
}

// deniedNow builds the set that a node has which reads the log from the start.
func (s *suite) deniedNow(t *testing.T) *revocation.Set {
	t.Helper()
	set := revocation.NewSet()
	for _, e := range s.log(t, 0) {
		set.Add(e)
	}
	return set
}

// testRevocationFlood: what a user can make the log grow by is bounded, whichever
// way it is tried. The step that is one too many ends what the user has, as one
// entry, and denies all that it would have denied otherwise.
func testRevocationFlood(t *testing.T, s *suite) {
	ctx := t.Context()
	n := 0
	// Each way is given a session of the user, and returns the id of the one that
	// lives on, "" for none.
	for name, way := range map[string]func(username string, own session.Session, version uint64) (kept string, err error){
		"a token": func(_ string, own session.Session, _ uint64) (string, error) {
			return "", s.UpdateSession(ctx, own.ID, func(session.Session, uint64) (session.Change, error) {
				return session.Change{Deny: []revocation.Entry{s.token("jti of " + own.ID)}}, nil
			})
		},
		"a session": func(_ string, own session.Session, _ uint64) (string, error) {
			return "", s.UpdateSession(ctx, own.ID, endSession)
		},
		"a session that is denied for longer": func(_ string, own session.Session, _ uint64) (string, error) {
			return "", s.UpdateSession(ctx, own.ID, func(got session.Session, _ uint64) (session.Change, error) {
				got.DenyUntil = s.at(3 * time.Hour)
				return session.Change{Session: &got, End: true}, nil
			})
		},
		"one sign-in too many": func(username string, _ session.Session, _ uint64) (string, error) {
			n++
			epoch, err := s.Epoch(ctx, username)
			must(t, err)
			fresh := s.stamped(t, username, fmt.Sprint("fresh", n), epoch)
			return fresh.ID, s.createWithin(ctx, fresh, 2)
		},
		"a session that is there no more": func(username string, own session.Session, _ uint64) (string, error) {
			return "", s.Deny(ctx, revocation.Entry{Kind: revocation.Session, ID: s.sid("gone"), User: username, Until: own.DenyUntil})
		},
		"all": func(username string, _ session.Session, _ uint64) (string, error) {
			_, err := s.EndSessions(ctx, username, "")
			return "", err
		},
		"all but one": func(username string, own session.Session, _ uint64) (string, error) {
			_, err := s.EndSessions(ctx, username, own.ID)
			return own.ID, err
		},
		"a new password": func(username string, _ session.Session, version uint64) (string, error) {
			n++
			epoch, err := s.Epoch(ctx, username)
			must(t, err)
			begun := s.stamped(t, username, fmt.Sprint("begun", n), epoch)
			rec := s.record(username)
			rec.Version = version
			_, err = s.PutUser(ctx, rec, &user.Ending{Begin: &begun})
			return begun.ID, err
		},
	} {
		username := "user " + name
		version := s.put(t, s.record(username)).Version
		s.fill(t, username)
		former := s.create(t, s.session(username, "of a former version"+name))
		former.ID, former.DenyUntil = s.sid("long"+name), s.at(2*time.Hour)
		s.create(t, former)
		dead := []session.Session{former}
		for round := range 3 {
			epoch, err := s.Epoch(ctx, username)
			must(t, err)
			own := s.create(t, s.stamped(t, username, fmt.Sprint("own", round, name), epoch))
			other := s.create(t, s.stamped(t, username, fmt.Sprint("other", round, name), epoch))
			if set := s.deniedNow(t); set.Denied(username, own.ID, "") || set.Denied(username, other.ID, "") {
				t.Fatalf("%s, round %d: a session that began after the others ended is denied", name, round)
			}
			kept, err := way(username, own, version)
			must(t, err)
			version++
			s.wantEpoch(t, username, epoch+1)
			single, whole := s.about(t, username)
			if single != session.MaxRevocations || len(whole) != 1 {
				t.Fatalf("%s, round %d: %d entries and %v, want %d and one", name, round, single, whole, session.MaxRevocations)
			}
			if whole[0].Until.Before(s.at(2 * time.Hour)) {
				t.Errorf("%s, round %d: it lasts until %v, not as long as a token of the first round", name, round, whole[0].Until)
			}
			if name == "a session that is denied for longer" && whole[0].Until.Before(s.at(3*time.Hour)) {
				t.Errorf("%s: it lasts until %v", name, whole[0].Until)
			}
			dead = append(dead, other)
			if kept != own.ID {
				dead = append(dead, own)
			}
			set := s.deniedNow(t)
			for _, one := range dead {
				if _, err := s.Session(ctx, one.ID); !errors.Is(err, session.ErrNotFound) {
					t.Errorf("%s, round %d: session %s is there, or: %v", name, round, one.ID, err)
				}
				if !set.Denied(username, one.ID, "") {
					t.Errorf("%s, round %d: session %s is not denied", name, round, one.ID)
				}
			}
			for i := range session.MaxRevocations / 100 {
				if !set.Denied(username, "", fmt.Sprintf("%s-%d-99", username, i)) {
					t.Errorf("%s, round %d: a token that was revoked before is not denied", name, round)
				}
			}
			if kept == "" {
				continue
			}
			if one := s.wantLive(t, kept); one.Epoch != epoch+1 || set.Denied(username, kept, "") {
				t.Errorf("%s, round %d: the session that goes on has epoch %d, denied %v", name, round, one.Epoch, set.Denied(username, kept, ""))
			}
			dead = append(dead, session.Session{ID: kept, User: username}) // from the next round on
		}
	}
}

// testFloodExcepts: a session that has ended is no exception, whatever names it.
func testFloodExcepts(t *testing.T, s *suite) {
	ctx := t.Context()
	s.fill(t, "alice")
	ended := s.create(t, s.stamped(t, "alice", "ended", 0))
	bob := s.create(t, s.stamped(t, "bob", "bob", 0))
	for _, except := range []string{"", ended.ID, bob.ID, "no such session"} {
		epoch, err := s.Epoch(ctx, "alice")
		must(t, err)
		s.create(t, s.stamped(t, "alice", "again"+except, epoch))
		_, err = s.EndSessions(ctx, "alice", except)
		must(t, err)
		if set := s.deniedNow(t); !set.Denied("alice", ended.ID, "") || set.Denied("bob", bob.ID, "") {
			t.Errorf("except %q: the ended session is denied: %v, another user's: %v", except, set.Denied("alice", ended.ID, ""), set.Denied("bob", bob.ID, ""))
		}
	}
	s.wantLive(t, bob.ID)
	for _, e := range []revocation.Entry{
		{Kind: revocation.User, ID: "bob", Epoch: 1, Until: s.at(time.Hour)},
		{Kind: revocation.Token, ID: "jti", User: "bob", Until: s.at(time.Hour)}, // one of kind User would not stand for it
	} {
		if err := s.Deny(ctx, e); err == nil {
			t.Errorf("taken from outside: %+v", e)
		}
	}
}

// testFloodEnds: what was collected makes room, and others are not touched.
func testFloodEnds(t *testing.T, s *suite) {
	ctx := t.Context()
	s.fill(t, "alice")
	other := s.create(t, s.session("bob", "bob's"))
	must(t, s.UpdateSession(ctx, s.create(t, s.stamped(t, "alice", "one too many", 0)).ID, endSession))
	for {
		n, err := s.Collect(ctx, s.at(2*time.Hour), 300)
		must(t, err)
		if n < 300 {
			break
		}
	}
	if single, whole := s.about(t, "alice"); single+len(whole) != 0 {
		t.Errorf("%d entries and %v are left", single, whole)
	}
	s.wantLive(t, other.ID)
	s.wantEpoch(t, "bob", 0)
	// One by one again, also where many come at once.
	s.fill(t, "alice2")
	var all []session.Session
	for i := range callers {
		all = append(all, s.create(t, s.stamped(t, "alice", fmt.Sprint("new", i), 1)))
	}
	background := context.WithoutCancel(ctx)
	atOnce(t, func(i int) error { return s.UpdateSession(background, all[i].ID, endSession) }, nil)
	if single, whole := s.about(t, "alice"); single != callers || len(whole) != 0 {
		t.Errorf("%d entries and %v, want %d", single, whole, callers)
	}
	s.wantEpoch(t, "alice", 1)
}
