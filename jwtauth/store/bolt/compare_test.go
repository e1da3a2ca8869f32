package bolt

import (
	"errors"
	"fmt"
	"math/rand/v2" // a sequence that can be repeated is wanted here, not a secret
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// TestSameAnswersAsMemory asks this engine and the one in memory, which share
// little but the contract, the same random questions.
func TestSameAnswersAsMemory(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s, err := Open(newPath(t), Options{NoSync: true})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			other := memory.New()
			defer other.Close()
			random := rand.New(rand.NewPCG(seed, 1))
			clock := now
			for step := range 1000 {
				clock = clock.Add(time.Duration(random.IntN(120)) * time.Second)
				what, ask := question(random, clock)
				got, want := answer(t, s, ask), answer(t, other, ask)
				if got != want {
					t.Fatalf("step %d, %s:\nbolt:   %s\nmemory: %s", step, what, got, want)
				}
			}
			if a, b := everything(t, s), everything(t, other); a != b {
				t.Fatalf("in the end:\nbolt:   %s\nmemory: %s", a, b)
			}
		})
	}
}

// An ask is a question with all its random parts decided.
type ask func(t *testing.T, s store.Store) (any, error)

func question(random *rand.Rand, clock time.Time) (string, ask) {
	name := fmt.Sprint("user", random.IntN(5))
	id := fmt.Sprint("s", random.IntN(60))
	key := fmt.Sprint("key", random.IntN(10))
	n := random.IntN(4)
	soon := clock.Add(time.Duration(random.IntN(3600)) * time.Second)
	later := clock.Add(time.Duration(random.IntN(3600)) * time.Second)
	switch random.IntN(14) {
	case 0:
		return "PutUser", func(t *testing.T, s store.Store) (any, error) {
			rec, err := s.User(t.Context(), name)
			if err != nil && !errors.Is(err, user.ErrNotFound) {
				return nil, err
			}
			rec.Username, rec.Roles = name, []string{key}
			if n == 0 {
				rec.Version++ // a conflict
			}
			var end *user.Ending
			if n == 1 {
				epoch, err := s.Epoch(t.Context(), name)
				if err != nil {
					return nil, err
				}
				if key == "key0" {
					epoch++
				}
				end = &user.Ending{Begin: &session.Session{
					ID: id, User: name, Epoch: epoch, CreatedAt: clock, ExpiresAt: later, IdleExpiresAt: soon, DenyUntil: later,
				}}
			}
			return s.PutUser(t.Context(), rec, end)
		}
	case 1:
		return "RemoveUser", func(t *testing.T, s store.Store) (any, error) {
			return nil, s.RemoveUser(t.Context(), name, uint64(n))
		}
	case 2, 3, 4, 5:
		return "CreateSession", func(t *testing.T, s store.Store) (any, error) {
			epoch, err := s.Epoch(t.Context(), name)
			if err != nil {
				return nil, err
			}
			if key == "key0" {
				epoch++
			}
			used := clock.Add(-time.Duration(n) * time.Minute)
			ended, err := s.CreateSession(t.Context(), session.Session{
				ID: id, User: name, Epoch: epoch, Browser: n%3 == 0, CreatedAt: used, LastUsedAt: used,
				ExpiresAt: later, IdleExpiresAt: soon, DenyUntil: later,
			}, 5)
			var ids []string
			for _, one := range ended {
				ids = append(ids, one.ID)
			}
			return fmt.Sprint(epoch, ids), err
		}
	case 6, 7:
		return "UpdateSession", func(t *testing.T, s store.Store) (any, error) {
			return nil, s.UpdateSession(t.Context(), id, func(one session.Session, epoch uint64) (session.Change, error) {
				if epoch != one.Epoch {
					return session.Change{}, session.ErrEpoch
				}
				one.Counter++
				one.IdleExpiresAt, one.DenyUntil = later, soon
				c := session.Change{Session: &one, End: n == 0}
				if n == 1 {
					c = session.Change{End: true}
				}
				if n == 2 {
					c.Deny = []revocation.Entry{{Kind: revocation.Token, ID: key, Until: soon}}
				}
				if n == 3 { // as many as there is room for: the next ends all of the user's sessions
					c.Deny = make([]revocation.Entry, session.MaxRevocations)
					for i := range c.Deny {
						c.Deny[i] = revocation.Entry{Kind: revocation.Token, ID: fmt.Sprint(key, i), Until: soon}
					}
				}
				return c, nil
			})
		}
	case 8:
		return "EndSessions", func(t *testing.T, s store.Store) (any, error) {
			return s.EndSessions(t.Context(), name, id)
		}
	case 9:
		return "Sessions", func(t *testing.T, s store.Store) (any, error) {
			if n == 0 {
				return s.Sessions(t.Context(), "", id, 10)
			}
			return s.Sessions(t.Context(), name, id, n)
		}
	case 10:
		return "Since", func(t *testing.T, s store.Store) (any, error) {
			entries, position, err := s.Since(t.Context(), uint64(n*n*n), n)
			return []any{entries, position}, err
		}
	case 11:
		return "UpdateAttempts", func(t *testing.T, s store.Store) (any, error) {
			var seen []throttle.Counter
			err := s.UpdateAttempts(t.Context(), clock, []string{key, name}, func(c []throttle.Counter) error {
				seen = append([]throttle.Counter{}, c...)
				c[0].Failures++
				c[0].Expires = soon
				if n == 0 {
					c[1] = throttle.Counter{}
				}
				if n == 1 {
					return session.ErrReused
				}
				return nil
			})
			return seen, err
		}
	case 12:
		return "once", func(t *testing.T, s store.Store) (any, error) {
			if n == 0 {
				return nil, s.PutOnce(t.Context(), key, []byte(id), later)
			}
			return s.TakeOnce(t.Context(), key, clock)
		}
	}
	return "Collect", func(t *testing.T, s store.Store) (any, error) {
		removed := 0
		for {
			step, err := s.Collect(t.Context(), clock, 7)
			if removed += step; err != nil || step < 7 {
				return removed, err
			}
		}
	}
}

// answer writes what an engine said in a way that can be compared.
func answer(t *testing.T, s store.Store, ask ask) string {
	t.Helper()
	value, err := ask(t, s)
	class := fmt.Sprint(err != nil)
	for _, sentinel := range []error{
		user.ErrNotFound, user.ErrConflict, session.ErrNotFound, session.ErrEpoch, session.ErrReused,
		revocation.ErrPositionLost, oauth2.ErrCodeNotFound, oauth2.ErrCodeTaken,
	} {
		if errors.Is(err, sentinel) {
			class = sentinel.Error()
		}
	}
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return class + " " + string(b)
}

// everything reads all that the contracts show.
func everything(t *testing.T, s store.Store) string {
	t.Helper()
	return answer(t, s, func(t *testing.T, s store.Store) (any, error) {
		ctx := t.Context()
		users, err := s.Users(ctx, "", 1000)
		sessions, err2 := s.Sessions(ctx, "", "", 1000)
		log, position, err3 := s.Since(ctx, 0, 100_000)
		return []any{users, sessions, log, position}, errors.Join(err, err2, err3)
	})
}
