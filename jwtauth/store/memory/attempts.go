package memory

import (
	"context"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// UpdateAttempts implements [throttle.Store].
func (s *Store) UpdateAttempts(ctx context.Context, now time.Time, keys []string, change func([]throttle.Counter) error) error {
	return s.write(ctx, func() error {
		counters := make([]throttle.Counter, len(keys))
		for i, key := range keys {
			if err := engine.CheckKey(key); err != nil {
				return err
			}
			if c := s.counters[key]; now.Before(c.Expires) {
				counters[i] = c
			}
		}
		if err := change(counters); err != nil {
			return err
		}
		for i, key := range keys {
			if counters[i].Expires.IsZero() {
				delete(s.counters, key)
			} else {
				s.counters[key] = counters[i]
			}
		}
		return nil
	})
}

var _ throttle.Store = (*Store)(nil)
