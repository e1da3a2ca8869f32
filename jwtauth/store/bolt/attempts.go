package bolt

import (
	"context"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// UpdateAttempts implements [throttle.Store].
func (s *Store) UpdateAttempts(ctx context.Context, now time.Time, keys []string, change func([]throttle.Counter) error) error {
	// Asked first with what is committed: most calls only look.
	same := true
	err := s.read(ctx, func(t *tx) error {
		stored, counters, err := t.attempts(now, keys)
		if err != nil {
			return err
		}
		if err := change(counters); err != nil {
			return err
		}
		for i := range counters {
			same = same && stored[i].Equal(counters[i])
		}
		return nil
	})
	if err != nil || same {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		stored, counters, err := t.attempts(now, keys)
		if err != nil {
			return err
		}
		if err := change(counters); err != nil {
			return err
		}
		records := make([][]byte, len(keys))
		for i, c := range counters {
			if c.Expires.IsZero() {
				continue
			}
			if records[i], err = engine.Encode("attempts", c); err != nil {
				return err
			}
		}
		for i, key := range keys {
			if stored[i].Equal(counters[i]) {
				continue
			}
			if err := t.putAttempts(key, counters[i].Expires, records[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// attempts reads counters as they are stored, and as they are at now.
func (t *tx) attempts(now time.Time, keys []string) (stored, counters []throttle.Counter, err error) {
	stored, counters = make([]throttle.Counter, len(keys)), make([]throttle.Counter, len(keys))
	for i, key := range keys {
		if err := engine.CheckKey(key); err != nil {
			return nil, nil, err
		}
		if stored[i], err = t.counter(key); err != nil {
			return nil, nil, err
		}
		if now.Before(stored[i].Expires) {
			counters[i] = stored[i]
		} else {
			stored[i] = throttle.Counter{} // a zero one changes nothing by staying
		}
	}
	return stored, counters, nil
}

func (t *tx) counter(key string) (c throttle.Counter, err error) {
	if v := t.get(bucketAttempts, []byte(key)); v != nil {
		err = engine.Decode("attempts", v, &c)
	}
	return c, err
}

// putAttempts writes a counter's record, or removes it where that is nil.
func (t *tx) putAttempts(key string, expires time.Time, record []byte) error {
	k := []byte(key)
	old, err := t.counter(key)
	if err != nil {
		return err
	}
	var from, to []byte
	if !old.Expires.IsZero() {
		from = dueKey(old.Expires, k)
	}
	if record == nil {
		if err := t.remove(bucketAttempts, k); err != nil {
			return err
		}
	} else {
		to = dueKey(expires, k)
		if err := t.put(bucketAttempts, k, record); err != nil {
			return err
		}
	}
	return t.move(bucketAttemptsByExpiry, from, to)
}

var _ throttle.Store = (*Store)(nil)
