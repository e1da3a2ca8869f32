// Package storetest is what an engine of package store has to pass.
//
// It imports store and the contracts. The tests of each engine call [Run].
//
// The suite asks through the contracts alone. It takes all moments from the
// present onwards and hands later ones to Collect, so that engines which
// expire records by their own clock pass it too.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// callers is how many ask at once where a step has to be atomic.
const callers = 100

// patience is how long a test waits for what should come soon.
const patience = 10 * time.Second

// Run tests an engine. open returns an empty store of its own at every call
// and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"ID", testID},
		{"Meta", testMeta},
		{"Users/CompareAndSwap", testUserVersions},
		{"Users/Pages", testUserPages},
		{"Users/Remove", testRemoveUser},
		{"Users/PutUserEndsSessions", testPutUserEnding},
		{"Users/PutUserBeginsNothing", testPutUserBeginsNothing},
		{"Sessions/Epoch", testEpoch},
		{"Sessions/Create", testCreateSession},
		{"Sessions/Limit", testSessionLimit},
		{"Sessions/Update", testUpdateSession},
		{"Sessions/UpdateEnds", testUpdateEnds},
		{"Sessions/UpdateDenies", testUpdateDenies},
		{"Sessions/UpdateRefuses", testUpdateRefuses},
		{"Sessions/UpdateIsAtomic", testUpdateIsAtomic},
		{"Sessions/EndRacesCreateAndUpdate", testEndRaces},
		{"Sessions/End", testEndSessions},
		{"Sessions/LikeNames", testLikeNames},
		{"Sessions/Pages", testSessionPages},
		{"Revocations/Positions", testPositions},
		{"Revocations/Refuses", testDenyRefuses},
		{"Revocations/CatchUp", testCatchUp},
		{"Revocations/NoGaps", testNoGaps},
		{"Revocations/Watch", testWatch},
		{"Revocations/Flood", testRevocationFlood},
		{"Revocations/FloodExcepts", testFloodExcepts},
		{"Revocations/FloodEnds", testFloodEnds},
		{"Attempts", testAttempts},
		{"Attempts/Atomic", testAttemptsAtomic},
		{"OneTime", testOneTime},
		{"OneTime/Atomic", testOneTimeAtomic},
		{"Collect", testCollect},
		{"Collect/KeepsWhatCanBeDenied", testCollectKeepsSessions},
		{"Context", testContext},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(t, &suite{Store: open(t), now: time.Now().UTC().Truncate(time.Millisecond)})
		})
	}
}

// suite is a store under test and the moment at which its test began.
type suite struct {
	store.Store
	now time.Time
}

// at returns the moment d after the test began.
func (s *suite) at(d time.Duration) time.Time { return s.now.Add(d) }

// sid returns a session id of this store.
func (s *suite) sid(name string) string { return s.ID() + name }

// session returns a session of a user that lives for a day.
func (s *suite) session(username, name string) session.Session {
	return session.Session{
		ID: s.sid(name), User: username, Counter: 1, Key: "k1", Scopes: []string{"read", "write"},
		CreatedAt: s.now, LastUsedAt: s.now, Rotations: []time.Time{s.now},
		ExpiresAt: s.at(24 * time.Hour), IdleExpiresAt: s.at(24 * time.Hour), DenyUntil: s.at(time.Hour),
		IP: "192.0.2.1", UserAgent: "test",
	}
}

// createWithin is CreateSession for a test that does not ask which sessions have ended.
func (s *suite) createWithin(ctx context.Context, one session.Session, limit int) error {
	_, err := s.CreateSession(ctx, one, limit)
	return err
}

func (s *suite) create(t *testing.T, one session.Session) session.Session {
	t.Helper()
	must(t, s.createWithin(t.Context(), one, 1000))
	return one
}

// sessionIDs returns the ids of a user's sessions.
func (s *suite) sessionIDs(t *testing.T, username string) []string {
	t.Helper()
	all, err := s.Sessions(t.Context(), username, "", 10_000)
	must(t, err)
	ids := make([]string, len(all))
	for i, one := range all {
		ids[i] = one.ID
	}
	return ids
}

// denials reads the whole log and returns the moment each id is denied until.
func (s *suite) denials(t *testing.T) map[string]time.Time {
	t.Helper()
	denied := make(map[string]time.Time)
	for _, e := range s.log(t, 0) {
		denied[string(e.Kind)+" "+e.ID] = e.Until
	}
	return denied
}

// log reads the revocation log from a position on to its end.
func (s *suite) log(t *testing.T, after uint64) (all []revocation.Entry) {
	t.Helper()
	const limit = 64
	for {
		entries, position, err := s.Since(t.Context(), after, limit)
		must(t, err)
		all = append(all, entries...)
		if len(entries) < limit {
			return all
		}
		after = position
	}
}

func (s *suite) wantDenied(t *testing.T, one session.Session, until time.Time) {
	t.Helper()
	if got, ok := s.denials(t)[string(revocation.Session)+" "+one.ID]; !ok || !got.Equal(until) {
		t.Errorf("session %s of %s is denied until %v (%v), want %v", one.ID, one.User, got, ok, until)
	}
}

func (s *suite) wantEnded(t *testing.T, one session.Session) {
	t.Helper()
	if _, err := s.Session(t.Context(), one.ID); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("session %s of %s is there, or: %v", one.ID, one.User, err)
	}
	s.wantDenied(t, one, one.DenyUntil)
}

// wantLive returns the session as it is stored and fails where it is not, or
// where it is denied.
func (s *suite) wantLive(t *testing.T, id string) session.Session {
	t.Helper()
	one, err := s.Session(t.Context(), id)
	if err != nil {
		t.Errorf("session %s: %v", id, err)
	}
	if _, denied := s.denials(t)[string(revocation.Session)+" "+id]; denied {
		t.Errorf("session %s is there and denied", id)
	}
	return one
}

func (s *suite) wantCount(t *testing.T, want int) {
	t.Helper()
	got, err := s.CountSessions(t.Context())
	must(t, err)
	if got != want {
		t.Errorf("there are %d sessions, want %d", got, want)
	}
}

func (s *suite) wantEpoch(t *testing.T, username string, want uint64) {
	t.Helper()
	got, err := s.Epoch(t.Context(), username)
	must(t, err)
	if got != want {
		t.Errorf("epoch of %q is %d, want %d", username, got, want)
	}
}

// record returns a new user.
func (s *suite) record(name string) user.Record {
	return user.Record{
		User:      user.User{Username: name, Roles: []string{"admin"}, PasswordHash: "$test$hash", Claims: map[string]any{"tenant": "acme"}},
		CreatedAt: s.now, UpdatedAt: s.now, PasswordChangedAt: s.now,
	}
}

func (s *suite) put(t *testing.T, rec user.Record) user.Record {
	t.Helper()
	v, err := s.PutUser(t.Context(), rec, nil)
	must(t, err)
	rec.Version = v
	return rec
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func wantSlice[E comparable](t *testing.T, what string, got, want []E) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func testID(t *testing.T, s *suite) {
	if id := s.ID(); len(id) != store.IDLength || !isBase64URL(id) {
		t.Errorf("id %q is not %d characters of base64url", id, store.IDLength)
	}
}

func isBase64URL(id string) bool {
	for _, r := range id {
		switch {
		case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
		default:
			return false
		}
	}
	return true
}

func testMeta(t *testing.T, s *suite) {
	ctx := t.Context()
	if v, err := s.Meta(ctx, "a"); v != nil || err != nil {
		t.Errorf("a record that was never set is %q, %v", v, err)
	}
	wantErr(t, "replace what is not there", s.SetMeta(ctx, "a", []byte("0"), []byte("1")), store.ErrConflict)
	must(t, s.SetMeta(ctx, "a", nil, []byte("1")))
	wantErr(t, "create what is there", s.SetMeta(ctx, "a", nil, []byte("2")), store.ErrConflict)
	wantErr(t, "replace another value", s.SetMeta(ctx, "a", []byte("0"), []byte("2")), store.ErrConflict)
	if v, err := s.Meta(ctx, "a"); string(v) != "1" || err != nil {
		t.Errorf("the record is %q, %v after refused changes", v, err)
	}
	must(t, s.SetMeta(ctx, "a", []byte("1"), []byte("3\x00\xff")))
	if v, err := s.Meta(ctx, "a"); string(v) != "3\x00\xff" || err != nil {
		t.Errorf("the record is %q, %v", v, err)
	}

	// Of many who replace the same value exactly one does.
	winners := atOnce(t, func(i int) error {
		return s.SetMeta(context.WithoutCancel(ctx), "race", nil, fmt.Append(nil, i))
	}, store.ErrConflict)
	if len(winners) != 1 {
		t.Errorf("%d callers created the record", len(winners))
	}
}
