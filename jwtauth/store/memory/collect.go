package memory

import (
	"context"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// Collect implements [session.Collector].
func (s *Store) Collect(ctx context.Context, now time.Time, limit int) (removed int, err error) {
	past := func(t time.Time) bool { return !now.Before(t) && removed < limit }
	err = s.write(ctx, func() error {
		for id := range s.sessions {
			one, err := s.session(id)
			if err != nil {
				return err
			}
			if past(engine.KeepUntil(one)) {
				s.drop(one)
				removed++
			}
		}
		kept := s.log[:0]
		for _, e := range s.log {
			if past(e.Until) {
				removed++
				if l, ok := s.ledgers[e.User]; ok {
					l.Collected(1)
					s.ledgers[e.User] = l
				}
			} else {
				kept = append(kept, e)
			}
		}
		clear(s.log[len(kept):])
		s.log = kept
		for key, c := range s.counters {
			if past(c.Expires) {
				delete(s.counters, key)
				removed++
			}
		}
		for key, v := range s.once {
			if past(v.Expires) {
				delete(s.once, key)
				removed++
			}
		}
		return nil
	})
	return removed, err
}

var _ session.Collector = (*Store)(nil)
