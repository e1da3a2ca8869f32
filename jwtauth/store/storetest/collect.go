package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func testCollect(t *testing.T, s *suite) {
	ctx := t.Context()
	const each = 25
	// Of everything there are some that live an hour and some that live a day.
	for i := range each {
		for j, life := range []time.Duration{time.Hour, 24 * time.Hour} {
			name := fmt.Sprintf("%d-%d", j, i)
			one := s.session("alice", name)
			one.ExpiresAt, one.IdleExpiresAt, one.DenyUntil = s.at(48*time.Hour), s.at(life), s.at(life)
			if i%2 == 0 {
				one.ExpiresAt, one.IdleExpiresAt = one.IdleExpiresAt, one.ExpiresAt
			}
			s.create(t, one)
			must(t, s.Deny(ctx, revocation.Entry{Kind: revocation.Token, ID: name, Until: s.at(life)}))
			must(t, s.UpdateAttempts(ctx, s.now, []string{name}, func(c []throttle.Counter) error {
				c[0] = throttle.Counter{Failures: 1, Expires: s.at(life)}
				return nil
			}))
			must(t, s.PutOnce(ctx, name, []byte("v"), s.at(life)))
		}
	}
	// One that would have gone was renewed.
	must(t, s.UpdateSession(ctx, s.sid("0-1"), func(one session.Session, _ uint64) (session.Change, error) {
		one.IdleExpiresAt = s.at(24 * time.Hour)
		return session.Change{Session: &one}, nil
	}))
	s.put(t, s.record("alice"))
	_, end, err := s.Since(ctx, 0, 1000)
	must(t, err)

	if n, err := s.Collect(ctx, s.at(time.Hour-time.Second), 1000); n != 0 || err != nil {
		t.Fatalf("collected %d, %v before anything expired", n, err)
	}
	const limit, want = 10, 4*each - 1
	removed, calls := 0, 0
	for {
		n, err := s.Collect(ctx, s.at(2*time.Hour), limit)
		must(t, err)
		if n > limit {
			t.Fatalf("collected %d at once, the limit is %d", n, limit)
		}
		removed += n
		if calls++; n < limit {
			break
		}
		if calls > want {
			t.Fatal("collecting does not end")
		}
	}
	if removed != want {
		t.Errorf("collected %d, want %d", removed, want)
	}
	if n := len(s.sessionIDs(t, "alice")); n != each+1 {
		t.Errorf("%d sessions of alice are left, want %d", n, each+1)
	}
	if n := len(s.sessionIDs(t, "")); n != each+1 {
		t.Errorf("%d sessions are left, want %d", n, each+1)
	}
	s.wantCount(t, each+1)
	s.wantLive(t, s.sid("0-1"))
	_, err = s.Session(ctx, s.sid("0-2"))
	wantErr(t, "a collected session", err, session.ErrNotFound)
	log, position, err := s.Since(ctx, 0, 1000)
	must(t, err)
	if len(log) != each || position != end {
		t.Errorf("%d revocations up to %d are left, want %d up to %d", len(log), position, each, end)
	}
	for _, e := range log {
		if e.Kind != revocation.Token {
			t.Errorf("collecting denied %+v: its tokens had expired", e)
		}
	}
	for i := range each {
		gone, stays := fmt.Sprintf("0-%d", i), fmt.Sprintf("1-%d", i)
		wantSlice(t, "counters", s.failures(t, s.now, gone, stays), []int{0, 1})
		if _, err := s.TakeOnce(ctx, stays, s.now); err != nil {
			t.Errorf("a live one-time value: %v", err)
		}
		_, err := s.TakeOnce(ctx, gone, s.now)
		wantErr(t, "a collected one-time value", err, oauth2.ErrCodeNotFound)
		must(t, s.PutOnce(ctx, gone, []byte("again"), s.at(time.Hour)))
	}
	if _, err := s.User(ctx, "alice"); err != nil {
		t.Errorf("collecting took a user: %v", err)
	}
	if n, err := s.Collect(ctx, s.at(2*time.Hour), 0); n != 0 || err != nil {
		t.Errorf("a limit of 0 collected %d, %v", n, err)
	}
}

// testCollectKeepsSessions: a session that expired while a token of it is
// valid may go unused, but ending the user's sessions must still deny it.
func testCollectKeepsSessions(t *testing.T, s *suite) {
	ctx := t.Context()
	one := s.session("alice", "one")
	one.IdleExpiresAt, one.DenyUntil = s.at(time.Hour), s.at(3*time.Hour)
	s.create(t, one)
	if n, err := s.Collect(ctx, s.at(2*time.Hour), 10); n != 0 || err != nil {
		t.Errorf("collected %d, %v while a token was valid", n, err)
	}
	if len(s.denials(t)) != 0 {
		t.Error("collecting denied a token that is valid by design")
	}
	if _, err := s.EndSessions(ctx, "alice", ""); err != nil {
		t.Fatal(err)
	}
	s.wantEnded(t, one)

	bare := s.session("bob", "bare")
	bare.DenyUntil = time.Time{}
	s.create(t, bare)
	if n, err := s.Collect(ctx, s.at(25*time.Hour), 10); n != 2 || err != nil {
		t.Errorf("collected %d, %v; want a session and a revocation", n, err)
	}
	if n, err := s.Collect(ctx, s.at(25*time.Hour), 10); n != 0 || err != nil {
		t.Errorf("collected %d, %v again", n, err)
	}
}

// testContext calls every method under a context that has ended.
func testContext(t *testing.T, s *suite) {
	one := s.create(t, s.session("alice", "one"))
	rec := s.put(t, s.record("alice"))
	must(t, s.PutOnce(t.Context(), "code", []byte("v"), s.at(time.Hour)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func() error{
		"User":     func() error { _, err := s.User(ctx, "alice"); return err },
		"Users":    func() error { _, err := s.Users(ctx, "", 10); return err },
		"PutUser":  func() error { _, err := s.PutUser(ctx, rec, &user.Ending{}); return err },
		"Remove":   func() error { return s.RemoveUser(ctx, "alice", rec.Version) },
		"Epoch":    func() error { _, err := s.Epoch(ctx, "alice"); return err },
		"Create":   func() error { return s.createWithin(ctx, s.session("alice", "two"), 1) },
		"Session":  func() error { _, err := s.Session(ctx, one.ID); return err },
		"Sessions": func() error { _, err := s.Sessions(ctx, "", "", 10); return err },
		"Count":    func() error { _, err := s.CountSessions(ctx); return err },
		"End":      func() error { _, err := s.EndSessions(ctx, "alice", ""); return err },
		"Deny":     func() error { return s.Deny(ctx, s.token("jti")) },
		"Since":    func() error { _, _, err := s.Since(ctx, 0, 10); return err },
		"PutOnce":  func() error { return s.PutOnce(ctx, "other", []byte("v"), s.at(time.Hour)) },
		"TakeOnce": func() error { _, err := s.TakeOnce(ctx, "code", s.now); return err },
		"Collect":  func() error { _, err := s.Collect(ctx, s.at(48*time.Hour), 10); return err },
		"Meta":     func() error { _, err := s.Meta(ctx, "a"); return err },
		"SetMeta":  func() error { return s.SetMeta(ctx, "a", nil, []byte("v")) },
		"Update":   func() error { return s.UpdateSession(ctx, one.ID, endSession) },
		"Attempts": func() error {
			return s.UpdateAttempts(ctx, s.now, []string{"a"}, func([]throttle.Counter) error { return nil })
		},
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
	if got := s.wantLive(t, one.ID); !sameSession(got, one) {
		t.Errorf("the session is %+v", got)
	}
	if got, err := s.User(t.Context(), "alice"); err != nil || got.Version != rec.Version {
		t.Errorf("the user is %+v, %v", got, err)
	}
	s.wantEpoch(t, "alice", 0)
	if log := s.log(t, 0); len(log) != 0 {
		t.Errorf("denied %v", log)
	}
	if _, err := s.TakeOnce(t.Context(), "code", s.now); err != nil {
		t.Errorf("the one-time value: %v", err)
	}
	must(t, s.PutOnce(t.Context(), "other", []byte("v"), s.at(time.Hour)))
	if v, err := s.Meta(t.Context(), "a"); v != nil || err != nil {
		t.Errorf("the record is %q, %v", v, err)
	}
}

func endSession(session.Session, uint64) (session.Change, error) {
	return session.Change{End: true}, nil
}
