package storetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

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
	if _, err := s.CreateSession(ctx, twin, 100); err == nil {
		t.Error("a session was replaced by another of its id")
	}
	if got := s.wantLive(t, one.ID); got.User != "alice" {
		t.Errorf("the session belongs to %s now", got.User)
	}

	// A sign-in that read the epoch before it was raised comes too late.
	_, err = s.EndSessions(ctx, "alice", "")
	must(t, err)
	late := s.session("alice", "late")
	wantErr(t, "epoch 0 after it was raised", s.createWithin(ctx, late, 100), session.ErrEpoch)
	early := s.session("alice", "early")
	early.Epoch = 2
	wantErr(t, "an epoch that has not been", s.createWithin(ctx, early, 100), session.ErrEpoch)
	wantSlice(t, "sessions of alice", s.sessionIDs(t, "alice"), []string{})
	fresh := s.session("alice", "fresh")
	fresh.Epoch = 1
	s.create(t, fresh)

	odd := s.session("alice", "odd")
	odd.Epoch, odd.UserAgent = 1, "curl/\xff"
	if _, err := s.CreateSession(ctx, odd, 100); err != nil {
		t.Errorf("a client's user agent that is no UTF-8 keeps its user out: %v", err)
	}
}

func testSessionLimit(t *testing.T, s *suite) {
	ctx := t.Context()
	// Created in another order than their ids have.
	var made []session.Session
	for i, name := range []string{"c", "a", "b"} {
		one := s.session("alice", name)
		one.LastUsedAt = s.at(time.Duration(i) * time.Minute)
		one.DenyUntil = s.at(time.Duration(i+1) * time.Hour)
		must(t, s.createWithin(ctx, one, 3))
		made = append(made, one)
	}
	other := s.create(t, s.session("bob", "0"))
	for _, one := range made {
		s.wantLive(t, one.ID)
	}
	fourth := s.session("alice", "d")
	fourth.LastUsedAt = s.at(3 * time.Minute)
	ended, err := s.CreateSession(ctx, fourth, 3)
	must(t, err)
	if len(ended) != 1 || ended[0].ID != made[0].ID {
		t.Errorf("%v are said to have ended, want %s", ended, made[0].ID)
	}
	s.wantEnded(t, made[0])
	s.wantLive(t, made[1].ID)

	// A lower limit ends as many as it takes.
	fifth := s.session("alice", "e")
	fifth.LastUsedAt = s.at(4 * time.Minute)
	must(t, s.createWithin(ctx, fifth, 1))
	for _, one := range []session.Session{made[1], made[2], fourth} {
		s.wantEnded(t, one)
	}
	wantSlice(t, "sessions of alice", s.sessionIDs(t, "alice"), []string{fifth.ID})
	s.wantLive(t, other.ID)

	// Whatever the clock said: who signs in now is not the one who has to go.
	sixth := s.session("alice", "f")
	sixth.LastUsedAt = s.at(-time.Hour)
	must(t, s.createWithin(ctx, sixth, 1))
	s.wantEnded(t, fifth)
	s.wantLive(t, sixth.ID)

	// Browsers and programs are counted apart.
	browser := s.session("alice", "g")
	browser.Browser, browser.LastUsedAt = true, s.at(-2*time.Hour)
	must(t, s.createWithin(ctx, browser, 1))
	seventh := s.session("alice", "h")
	must(t, s.createWithin(ctx, seventh, 1))
	s.wantEnded(t, sixth)
	s.wantLive(t, browser.ID)
	kept := s.session("alice", "i") // of an older version
	kept.Kept = true
	must(t, s.createWithin(ctx, kept, 1))
	s.wantEnded(t, browser)
	s.wantLive(t, seventh.ID)
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
			if _, err := s.CreateSession(context.WithoutCancel(ctx), made[i], n); err != nil {
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
