package memory

import (
	"context"
	"slices"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// PutOnce implements [oauth2.OneTimeStore]. An expired key is in use until it
// is collected.
func (s *Store) PutOnce(ctx context.Context, key string, value []byte, expires time.Time) error {
	return s.write(ctx, func() error {
		if err := engine.CheckKey(key); err != nil {
			return err
		}
		if _, exists := s.once[key]; exists {
			return engine.ErrKeyInUse
		}
		s.once[key] = engine.OneTime{Value: append([]byte{}, value...), Expires: expires}
		return nil
	})
}

// TakeOnce implements [oauth2.OneTimeStore].
func (s *Store) TakeOnce(ctx context.Context, key string, now time.Time) (value []byte, err error) {
	err = s.write(ctx, func() error {
		v, ok := s.once[key]
		if !ok || !now.Before(v.Expires) {
			return oauth2.ErrCodeNotFound
		}
		value = slices.Clone(v.Value)
		if v.Taken {
			return oauth2.ErrCodeTaken
		}
		v.Taken = true
		s.once[key] = v
		return nil
	})
	return value, err
}

var _ oauth2.OneTimeStore = (*Store)(nil)
