package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

func TestRefreshRotates(t *testing.T) {
	r := newRealm(t)
	first := r.create(t, session.NewSession{})
	r.now = r.now.Add(time.Hour)
	second := r.mustRefresh(t, first.RefreshToken)
	if second.RefreshToken == first.RefreshToken || second.Replayed || second.Session.ID != first.Session.ID {
		t.Fatalf("no rotation: %+v", second)
	}
	stored, err := r.store.Session(t.Context(), first.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Counter != first.Session.Counter+1 || !stored.LastUsedAt.Equal(r.now) ||
		!stored.IdleExpiresAt.Equal(r.now.Add(r.lt.Idle)) || !stored.ExpiresAt.Equal(first.Session.ExpiresAt) {
		t.Errorf("stored %+v", stored)
	}
	if !second.AccessExpiresAt.Equal(r.now.Add(r.lt.Access).Truncate(time.Second)) {
		t.Errorf("access tokens may last until %s at %s", second.AccessExpiresAt, r.now)
	}
	if !stored.DenyUntil.Equal(second.AccessExpiresAt.Add(r.lt.Leeway)) {
		t.Errorf("denied until %s, want leeway beyond %s", stored.DenyUntil, second.AccessExpiresAt)
	}
}

func TestHundredRefreshesLeaveOneLineage(t *testing.T) {
	r := newRealm(t)
	first := r.create(t, session.NewSession{})
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		next  = map[string]int{}
		fresh int
	)
	for range 100 {
		wg.Go(func() {
			ref, err := r.Parse(first.RefreshToken)
			if err != nil {
				t.Error(err)
				return
			}
			g, err := r.Refresh(context.Background(), r.lt, ref, "", nil)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			next[g.RefreshToken]++
			if !g.Replayed {
				fresh++
			}
		})
	}
	wg.Wait()
	if len(next) != 1 || fresh != 1 {
		t.Fatalf("%d successors and %d rotations, want one of each", len(next), fresh)
	}
	all, err := r.List(t.Context(), "alice")
	if err != nil || len(all) != 1 || all[0].Counter != first.Session.Counter+1 {
		t.Fatalf("got %+v, %v; want one session, rotated once", all, err)
	}
	for token := range next {
		r.mustRefresh(t, token)
	}
}

func TestGrace(t *testing.T) {
	const grace = 10 * time.Second
	for name, c := range map[string]struct {
		grace, after time.Duration
		want         error
	}{
		"at once":                {grace, 0, nil},
		"just within":            {grace, grace - 1, nil},
		"at the edge":            {grace, grace, session.ErrReused},
		"long after":             {grace, time.Hour, session.ErrReused},
		"clock a little back":    {grace, -time.Second, nil},
		"clock back a day":       {grace, -24 * time.Hour, session.ErrReused},
		"switched off":           {0, 0, session.ErrReused},
		"switched off, one tick": {0, -1, session.ErrReused},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRealm(t)
			r.lt.Grace = c.grace
			first := r.create(t, session.NewSession{})
			second := r.mustRefresh(t, first.RefreshToken)
			r.now = r.now.Add(c.after)
			again, err := r.refresh(t, first.RefreshToken)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if c.want == nil {
				if again.RefreshToken != second.RefreshToken || !again.Replayed {
					t.Fatalf("got %+v, want the current token", again)
				}
				r.mustRefresh(t, second.RefreshToken)
				return
			}
			if _, err := r.refresh(t, second.RefreshToken); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("the thief's or the victim's token goes on: %v", err)
			}
			if until := r.denied(t, revocation.Session, first.Session.ID); until.Before(second.AccessExpiresAt.Add(r.lt.Leeway)) {
				t.Errorf("denied until %s, but access tokens last until %s", until, second.AccessExpiresAt)
			}
		})
	}
}

// The grace counts from a token's own rotation, not from the latest.
func TestGraceIsEachTokensOwn(t *testing.T) {
	r := newRealm(t)
	first := r.create(t, session.NewSession{})
	second := r.mustRefresh(t, first.RefreshToken)
	r.now = r.now.Add(6 * time.Second)
	third := r.mustRefresh(t, second.RefreshToken)
	r.now = r.now.Add(3 * time.Second)
	if g := r.mustRefresh(t, first.RefreshToken); g.RefreshToken != third.RefreshToken {
		t.Fatal("9 s after its rotation the first token did not get the current one")
	}
	r.now = r.now.Add(3 * time.Second)
	if g := r.mustRefresh(t, second.RefreshToken); g.RefreshToken != third.RefreshToken {
		t.Fatal("6 s after its rotation the second token did not get the current one")
	}
	if _, err := r.refresh(t, first.RefreshToken); !errors.Is(err, session.ErrReused) {
		t.Fatalf("12 s after its rotation, 6 s after the latest: got %v, want ErrReused", err)
	}
}

func TestRotationsAreBounded(t *testing.T) {
	r := newRealm(t)
	tokens := []string{r.create(t, session.NewSession{}).RefreshToken}
	for range 40 {
		tokens = append(tokens, r.mustRefresh(t, tokens[len(tokens)-1]).RefreshToken)
	}
	current := tokens[len(tokens)-1]
	all, err := r.List(t.Context(), "alice")
	if err != nil || len(all) != 1 || len(all[0].Rotations) != 16 {
		t.Fatalf("got %+v, %v; want 16 rotations kept", all, err)
	}
	if g := r.mustRefresh(t, tokens[len(tokens)-17]); g.RefreshToken != current {
		t.Fatal("16 rotations back, within the grace: not the current token")
	}
	if _, err := r.refresh(t, tokens[len(tokens)-18]); !errors.Is(err, session.ErrReused) {
		t.Fatalf("17 rotations back: got %v, want ErrReused", err)
	}
}

// A replay issues an access token too, which a later denial has to outlive.
func TestReplayMovesTheDenialForward(t *testing.T) {
	r := newRealm(t)
	r.lt.Grace = time.Minute
	first := r.create(t, session.NewSession{})
	r.mustRefresh(t, first.RefreshToken)
	r.now = r.now.Add(30 * time.Second)
	replay := r.mustRefresh(t, first.RefreshToken)
	if err := r.EndSession(t.Context(), first.Session.ID); err != nil {
		t.Fatal(err)
	}
	if until := r.denied(t, revocation.Session, first.Session.ID); !until.Equal(replay.AccessExpiresAt.Add(r.lt.Leeway)) {
		t.Errorf("denied until %s, want %s", until, replay.AccessExpiresAt.Add(r.lt.Leeway))
	}
}

func TestShorterLifetimesLeaveTheDenialLong(t *testing.T) {
	r := newRealm(t)
	first := r.create(t, session.NewSession{})
	r.lt.Access = time.Minute
	r.mustRefresh(t, first.RefreshToken)
	if err := r.EndSession(t.Context(), first.Session.ID); err != nil {
		t.Fatal(err)
	}
	if until := r.denied(t, revocation.Session, first.Session.ID); until.Before(first.AccessExpiresAt.Add(r.lt.Leeway)) {
		t.Errorf("denied until %s, before the first token is dead", until)
	}
}

func TestExpiry(t *testing.T) {
	const day = 24 * time.Hour
	t.Run("idle", func(t *testing.T) {
		r := newRealm(t)
		g := r.create(t, session.NewSession{})
		r.now = r.now.Add(7*day - 1)
		g = r.mustRefresh(t, g.RefreshToken)
		r.now = r.now.Add(7 * day)
		expired(t, r, g)
	})
	t.Run("absolute", func(t *testing.T) {
		r := newRealm(t)
		g := r.create(t, session.NewSession{})
		end := g.Session.ExpiresAt
		for r.now.Add(6 * day).Before(end) {
			r.now = r.now.Add(6 * day)
			g = r.mustRefresh(t, g.RefreshToken)
		}
		r.now = end.Add(-time.Minute)
		g = r.mustRefresh(t, g.RefreshToken)
		if g.AccessExpiresAt.After(end) {
			t.Errorf("access tokens last until %s, the session until %s", g.AccessExpiresAt, end)
		}
		r.now = end
		expired(t, r, g)
	})
}

func expired(t *testing.T, r *realm, g session.Issued) {
	t.Helper()
	ref, err := r.Parse(g.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	_, refresh := r.Refresh(t.Context(), r.lt, ref, "", nil)
	_, peek := r.Peek(t.Context(), ref)
	_, live := r.Live(t.Context(), ref.SID)
	for name, err := range map[string]error{"Refresh": refresh, "Peek": peek, "Live": live} {
		if !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
	if all, err := r.List(t.Context(), "alice"); err != nil || len(all) != 0 {
		t.Errorf("List: got %v, %v; want nothing", all, err)
	}
}

func TestRefusedRefreshUsesNothingUp(t *testing.T) {
	r := newRealm(t)
	first := r.create(t, session.NewSession{Client: "app"})
	ref, err := r.Parse(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	wider := errors.New("wider scope")
	if _, err := r.Refresh(t.Context(), r.lt, ref, "", nil); !errors.Is(err, session.ErrClient) {
		t.Errorf("no client: got %v, want ErrClient", err)
	}
	if _, err := r.Refresh(t.Context(), r.lt, ref, "other", nil); !errors.Is(err, session.ErrClient) {
		t.Errorf("another client: got %v, want ErrClient", err)
	}
	if _, err := r.Refresh(t.Context(), r.lt, ref, "app", func(session.Session) error { return wider }); !errors.Is(err, wider) {
		t.Errorf("got %v, want the error of check", err)
	}
	g, err := r.Refresh(t.Context(), r.lt, ref, "app", nil)
	if err != nil || g.Replayed || g.Session.Counter != first.Session.Counter+1 {
		t.Fatalf("got %+v, %v; want the first rotation", g, err)
	}
	// Even a stale token is the other client's affair.
	r.now = r.now.Add(time.Hour)
	if _, err := r.Refresh(t.Context(), r.lt, ref, "other", nil); !errors.Is(err, session.ErrClient) {
		t.Errorf("another client with a stale token: got %v, want ErrClient", err)
	}
	if _, err := r.Live(t.Context(), ref.SID); err != nil {
		t.Errorf("another client ended the session: %v", err)
	}
}

// After a backup was restored honest clients hold tokens the store has not made
// yet. They sign in again; nobody else is signed out.
func TestTokenFromTheFuture(t *testing.T) {
	r := newRealm(t)
	first := r.create(t, session.NewSession{})
	future, err := session.TokenFor(r.keys.Current(), first.Session.ID, first.Session.Counter+1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.refresh(t, future); !errors.Is(err, session.ErrInvalidToken) {
		t.Fatalf("got %v, want ErrInvalidToken", err)
	}
	r.mustRefresh(t, first.RefreshToken)
}

func TestKeyRotation(t *testing.T) {
	r := newRealm(t)
	old := r.keys.Current()
	first := r.create(t, session.NewSession{})
	before := r.mustRefresh(t, first.RefreshToken)
	cookie, err := r.Cookie(first.Session)
	if err != nil {
		t.Fatal(err)
	}

	next := newKey(t)
	r.use(r.store, newKeys(t, next, old))
	if g := r.mustRefresh(t, first.RefreshToken); g.RefreshToken != before.RefreshToken {
		t.Fatal("a replay after the key rotation got another token than before it")
	}
	if _, err := r.ParseCookie(cookie); err != nil {
		t.Errorf("the key rotation signed a browser out: %v", err)
	}
	after := r.mustRefresh(t, before.RefreshToken)
	if after.Session.Key != next.ID {
		t.Errorf("the new token is derived with key %s, want %s", after.Session.Key, next.ID)
	}
	// Whoever got hold of the old key cannot make the current token with it.
	forged, err := session.TokenFor(old, first.Session.ID, after.Session.Counter)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.refresh(t, forged); !errors.Is(err, session.ErrInvalidToken) {
		t.Errorf("forged with the old key: got %v, want ErrInvalidToken", err)
	}

	// A node that does not have the new key yet can answer neither token, and
	// must not end the session over it.
	newer := r.keys
	r.use(r.store, newKeys(t, old))
	for _, token := range []string{before.RefreshToken, after.RefreshToken} {
		if _, err := r.refresh(t, token); !errors.Is(err, session.ErrInvalidToken) {
			t.Errorf("without the key: got %v, want ErrInvalidToken", err)
		}
	}
	r.use(r.store, newer)
	r.mustRefresh(t, after.RefreshToken)
}

// raised is a store in which another node ends the user's sessions at the worst
// moment of a refresh or a sign-in: after everything was read.
type raised struct {
	session.Store
	user string
}

func (s raised) CreateSession(ctx context.Context, n session.Session, limit int) ([]session.Session, error) {
	if _, err := s.EndSessions(ctx, s.user, ""); err != nil {
		return nil, err
	}
	return s.Store.CreateSession(ctx, n, limit)
}

// UpdateSession is that of a store which raises the epoch first and ends the
// sessions one by one.
func (s raised) UpdateSession(ctx context.Context, id string, change func(session.Session, uint64) (session.Change, error)) error {
	return s.Store.UpdateSession(ctx, id, func(n session.Session, epoch uint64) (session.Change, error) {
		return change(n, epoch+1)
	})
}

func TestEpochRaces(t *testing.T) {
	r := newRealm(t)
	first := r.create(t, session.NewSession{})
	r.use(raised{r.store, "alice"}, r.keys)
	if _, err := r.refresh(t, first.RefreshToken); !errors.Is(err, session.ErrEpoch) {
		t.Errorf("refresh: got %v, want ErrEpoch", err)
	}
	epoch, err := r.Epoch(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Create(t.Context(), r.lt, session.NewSession{User: "alice", Epoch: epoch}); !errors.Is(err, session.ErrEpoch) {
		t.Errorf("sign-in: got %v, want ErrEpoch", err)
	}
	if all, err := r.List(t.Context(), "alice"); err != nil || len(all) != 0 {
		t.Errorf("got %v, %v; want no session to outlive its end", all, err)
	}
}

// Whatever a refresh gave out while all sessions were being ended is denied.
func TestRefreshAgainstEndAll(t *testing.T) {
	for range 50 {
		r := newRealm(t)
		first := r.create(t, session.NewSession{})
		ref, err := r.Parse(first.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		var (
			wg    sync.WaitGroup
			grant session.Issued
			won   error
		)
		wg.Go(func() { grant, won = r.Refresh(context.Background(), r.lt, ref, "", nil) })
		wg.Go(func() {
			if _, err := r.EndAll(context.Background(), "alice", ""); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if won != nil && !errors.Is(won, session.ErrNotFound) {
			t.Fatal(won)
		}
		if _, err := r.Live(t.Context(), ref.SID); !errors.Is(err, session.ErrNotFound) {
			t.Fatalf("got %v, want ErrNotFound", err)
		}
		if until := r.denied(t, revocation.Session, ref.SID); until.Before(grant.AccessExpiresAt) || until.IsZero() {
			t.Fatalf("denied until %s, but access tokens last until %s", until, grant.AccessExpiresAt)
		}
	}
}

func TestEndAllKeepsTheExcepted(t *testing.T) {
	r := newRealm(t)
	here, there := r.create(t, session.NewSession{}), r.create(t, session.NewSession{})
	if n, err := r.EndAll(t.Context(), "alice", here.Session.ID); err != nil || n != 1 {
		t.Fatalf("got %d, %v; want one ended", n, err)
	}
	r.mustRefresh(t, here.RefreshToken)
	if _, err := r.refresh(t, there.RefreshToken); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
