package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// token returns a revocation of an access token.
func (s *suite) token(id string) revocation.Entry {
	return revocation.Entry{Kind: revocation.Token, ID: id, Until: s.at(time.Hour)}
}

func testPositions(t *testing.T, s *suite) {
	ctx := t.Context()
	entries, position, err := s.Since(ctx, 0, 10)
	if len(entries) != 0 || position != 0 || err != nil {
		t.Fatalf("an empty log has %v up to %d, %v", entries, position, err)
	}
	_, _, err = s.Since(ctx, 1, 10)
	wantErr(t, "beyond an empty log", err, revocation.ErrPositionLost)

	for i := range 5 {
		e := s.token(fmt.Sprint(i))
		e.Position = 77 // ignored
		must(t, s.Deny(ctx, e))
	}
	must(t, s.Deny(ctx, s.token("0"))) // twice is allowed
	entries, position, err = s.Since(ctx, 0, 10)
	must(t, err)
	if len(entries) != 6 || position != entries[5].Position {
		t.Fatalf("%d entries up to %d: %v", len(entries), position, entries)
	}
	before := uint64(0)
	for i, e := range entries {
		if e.Position <= before || e.Kind != revocation.Token || e.ID != fmt.Sprint(i%5) || !e.Until.Equal(s.at(time.Hour)) {
			t.Errorf("entry %d after position %d is %+v", i, before, e)
		}
		before = e.Position
	}

	first, position, err := s.Since(ctx, 0, 4)
	must(t, err)
	if len(first) != 4 || position != entries[3].Position {
		t.Errorf("the first 4 are %v, complete up to %d", first, position)
	}
	rest, position, err := s.Since(ctx, position, 4)
	must(t, err)
	if len(rest) != 2 || rest[0].Position != entries[4].Position || position != entries[5].Position {
		t.Errorf("the rest is %v, complete up to %d", rest, position)
	}
	none, end, err := s.Since(ctx, position, 4)
	if len(none) != 0 || end != position || err != nil {
		t.Errorf("after the end: %v up to %d, %v", none, end, err)
	}
	_, _, err = s.Since(ctx, position+1, 4)
	wantErr(t, "beyond the end", err, revocation.ErrPositionLost)

	// Where the last entries were collected the log still ends where it ended.
	removed := 0
	for {
		n, err := s.Collect(ctx, s.at(2*time.Hour), 4)
		must(t, err)
		if removed += n; n < 4 {
			break
		}
	}
	if removed != 6 {
		t.Errorf("collected %d entries, want 6", removed)
	}
	none, end, err = s.Since(ctx, 0, 4)
	if len(none) != 0 || end != position || err != nil {
		t.Errorf("after collecting: %v up to %d, %v; want none up to %d", none, end, err, position)
	}
	must(t, s.Deny(ctx, s.token("next")))
	next, _, err := s.Since(ctx, position, 4)
	must(t, err)
	if len(next) != 1 || next[0].Position <= position {
		t.Errorf("after collecting the log goes on with %v, want a position above %d", next, position)
	}
}

func testDenyRefuses(t *testing.T, s *suite) {
	for name, e := range map[string]revocation.Entry{
		"no kind":      {ID: "a", Until: s.at(time.Hour)},
		"unknown kind": {Kind: "x", ID: "a", Until: s.at(time.Hour)},
		"no id":        {Kind: revocation.Token, Until: s.at(time.Hour)},
		"no end":       {Kind: revocation.Token, ID: "a"},
	} {
		if s.Deny(t.Context(), e) == nil {
			t.Errorf("%s: taken for a revocation", name)
		}
	}
	if log := s.log(t, 0); len(log) != 0 {
		t.Errorf("the log has %v", log)
	}
}

func testCatchUp(t *testing.T, s *suite) {
	const n = 1000
	ctx := context.WithoutCancel(t.Context())
	atOnce(t, func(i int) error {
		for j := range n / callers {
			if err := s.Deny(ctx, s.token(fmt.Sprintf("%d-%d", i, j))); err != nil {
				return err
			}
		}
		return nil
	}, nil)
	seen := make(map[string]bool)
	for _, e := range s.log(t, 0) {
		seen[e.ID] = true
	}
	if len(seen) != n {
		t.Errorf("a node that was cut off reads %d of %d revocations", len(seen), n)
	}
}

// testNoGaps reads the log while it is written. A reader that goes on from a
// position must not have missed an entry below it.
func testNoGaps(t *testing.T, s *suite) {
	ctx := context.WithoutCancel(t.Context())
	const writers, each = 8, 25
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if err := s.Deny(ctx, s.token(fmt.Sprintf("%d-%d", w, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	written := make(chan struct{})
	go func() {
		writing.Wait()
		close(written)
	}()

	seen := make(map[string]bool)
	after, last := uint64(0), false
	for {
		entries, position, err := s.Since(ctx, after, 7)
		if err != nil {
			t.Error(err)
			break
		}
		for _, e := range entries {
			if e.Position <= after || e.Position > position || seen[e.ID] {
				t.Errorf("after %d, complete up to %d: %+v", after, position, e)
			}
			after = e.Position
			seen[e.ID] = true
		}
		after = position
		if len(entries) < 7 {
			if last {
				break
			}
			select {
			case <-written:
				last = true // one more reading sees the rest
			default:
			}
		}
	}
	<-written
	if len(seen) != writers*each {
		t.Errorf("a reader saw %d of %d entries", len(seen), writers*each)
	}
}

func testWatch(t *testing.T, s *suite) {
	rec := s.put(t, s.record("alice"))
	doomed := s.put(t, s.record("doomed"))
	for _, c := range []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"Deny", func(ctx context.Context) error { return s.Deny(ctx, s.token("jti")) }},
		{"PutUser", func(ctx context.Context) error {
			s.create(t, s.session("alice", "put"))
			_, err := s.PutUser(ctx, rec, &user.Ending{})
			return err
		}},
		{"RemoveUser", func(ctx context.Context) error {
			s.create(t, s.session("doomed", "remove"))
			return s.RemoveUser(ctx, "doomed", doomed.Version)
		}},
		{"CreateSession", func(ctx context.Context) error {
			s.create(t, s.session("bob", "first"))
			return s.createWithin(ctx, s.session("bob", "second"), 1)
		}},
		{"UpdateSession ends", func(ctx context.Context) error {
			return s.UpdateSession(ctx, s.sid("second"), func(session.Session, uint64) (session.Change, error) {
				return session.Change{End: true}, nil
			})
		}},
		{"UpdateSession denies", func(ctx context.Context) error {
			return s.UpdateSession(ctx, s.create(t, s.session("carol", "denies")).ID, func(session.Session, uint64) (session.Change, error) {
				return session.Change{Deny: []revocation.Entry{s.token("other")}}, nil
			})
		}},
		{"EndSessions", func(ctx context.Context) error {
			_, err := s.EndSessions(ctx, "carol", "")
			return err
		}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		one, two := s.Watch(ctx), s.Watch(ctx)
		settle(one, two)
		before := len(s.log(t, 0))
		must(t, c.do(ctx))
		for _, ch := range []<-chan struct{}{one, two} {
			select {
			case _, open := <-ch:
				if !open {
					t.Errorf("%s: the watch was closed", c.name)
				}
			case <-time.After(patience):
				t.Errorf("%s: no signal", c.name)
			}
		}
		if len(s.log(t, 0)) == before {
			t.Errorf("%s: the log did not grow", c.name)
		}
		cancel()
		for _, ch := range []<-chan struct{}{one, two} {
			if !closes(ch) {
				t.Errorf("%s: the watch is not closed when its context ends", c.name)
			}
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if !closes(s.Watch(ended)) {
		t.Error("a watch under a context that has ended is not closed")
	}
}

// settle takes the signals that may have come for nothing.
func settle(channels ...<-chan struct{}) {
	for _, ch := range channels {
		select {
		case <-ch:
		default:
		}
	}
}

func closes(ch <-chan struct{}) bool {
	deadline := time.After(patience)
	for {
		select {
		case _, open := <-ch:
			if !open {
				return true
			}
		case <-deadline:
			return false
		}
	}
}
