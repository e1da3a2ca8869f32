package bolt

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// PutOnce implements [oauth2.OneTimeStore]. An expired key is in use until it
// is collected.
func (s *Store) PutOnce(ctx context.Context, key string, value []byte, expires time.Time) error {
	return s.write(ctx, func(t *tx) error {
		if err := engine.CheckKey(key); err != nil {
			return err
		}
		if t.get(bucketOnce, []byte(key)) != nil {
			return engine.ErrKeyInUse
		}
		if err := t.putOnce(key, engine.OneTime{Value: value, Expires: expires}); err != nil {
			return err
		}
		return t.put(bucketOnceByExpiry, dueKey(expires, []byte(key)), nil)
	})
}

// TakeOnce implements [oauth2.OneTimeStore].
func (s *Store) TakeOnce(ctx context.Context, key string, now time.Time) (value []byte, err error) {
	// Misses and later uses write nothing and need no turn of the writer.
	err = s.read(ctx, func(t *tx) error {
		v, err := t.once(key, now)
		value = v.Value
		return err
	})
	if err != nil {
		return value, err
	}
	value = nil
	err = s.write(ctx, func(t *tx) error {
		v, err := t.once(key, now)
		value = v.Value
		if err != nil {
			return err
		}
		v.Taken = true
		return t.putOnce(key, v)
	})
	if err != nil && !errors.Is(err, oauth2.ErrCodeTaken) {
		return nil, err
	}
	return value, err
}

// once reads a value that has not expired. One that was taken comes with
// [oauth2.ErrCodeTaken].
func (t *tx) once(key string, now time.Time) (engine.OneTime, error) {
	b := t.get(bucketOnce, []byte(key))
	if b == nil {
		return engine.OneTime{}, oauth2.ErrCodeNotFound
	}
	var v engine.OneTime
	if err := engine.Decode("one-time value", b, &v); err != nil {
		return engine.OneTime{}, err
	}
	if !now.Before(v.Expires) {
		return engine.OneTime{}, oauth2.ErrCodeNotFound
	}
	if v.Taken {
		return v, oauth2.ErrCodeTaken
	}
	return v, nil
}

func (t *tx) putOnce(key string, v engine.OneTime) error {
	b, err := engine.Encode("one-time value", v)
	if err != nil {
		return err
	}
	return t.put(bucketOnce, []byte(key), b)
}

var _ oauth2.OneTimeStore = (*Store)(nil)
