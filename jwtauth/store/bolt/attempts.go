package bolt

import (
	"context"
	"slices"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// UpdateAttempts implements [throttle.Store].
func (s *Store) UpdateAttempts(ctx context.Context, now time.Time, keys []string, change func([]throttle.Counter) error) error {
	// Asked first with what is committed: most calls only look.
	same := true
	err := s.read(ctx, func(t *tx) error {
		a, err := t.attempts(now, keys, change)
		same = err == nil && !slices.ContainsFunc(a, attempts.changed)
		return err
	})
	if err != nil || same {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		all, err := t.attempts(now, keys, change)
		if err != nil {
			return err
		}
		records := make([][]byte, len(all))
		for i, a := range all {
			if !a.changed() || a.after.Expires.IsZero() {
				continue
			}
			if records[i], err = engine.Encode("attempts", a.after); err != nil {
				return err
			}
		}
		for i, a := range all {
			if !a.changed() {
				continue
			}
			if err := t.putAttempts(keys[i], a, records[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// attempts are a counter as it is stored, as it is at some time, and as a change
// left it.
type attempts struct{ stored, before, after throttle.Counter }

// changed reports that a counter has to be written. A zero one that takes the
// place of an expired one need not.
func (a attempts) changed() bool { return !a.before.Equal(a.after) }

// attempts reads counters and has them changed.
func (t *tx) attempts(now time.Time, keys []string, change func([]throttle.Counter) error) ([]attempts, error) {
	all, counters := make([]attempts, len(keys)), make([]throttle.Counter, len(keys))
	for i, key := range keys {
		if err := engine.CheckKey(key); err != nil {
			return nil, err
		}
		var err error
		if all[i].stored, err = t.counter(key); err != nil {
			return nil, err
		}
		if now.Before(all[i].stored.Expires) {
			all[i].before = all[i].stored
		}
		counters[i] = all[i].before
	}
	if err := change(counters); err != nil {
		return nil, err
	}
	for i := range all {
		all[i].after = counters[i]
	}
	return all, nil
}

func (t *tx) counter(key string) (c throttle.Counter, err error) {
	if v := t.get(bucketAttempts, []byte(key)); v != nil {
		err = engine.Decode("attempts", v, &c)
	}
	return c, err
}

// putAttempts writes a counter's record, or removes it where that is nil.
func (t *tx) putAttempts(key string, a attempts, record []byte) error {
	k := []byte(key)
	var from, to []byte
	if !a.stored.Expires.IsZero() {
		from = dueKey(a.stored.Expires, k)
	}
	if record == nil {
		if err := t.remove(bucketAttempts, k); err != nil {
			return err
		}
	} else {
		to = dueKey(a.after.Expires, k)
		if err := t.put(bucketAttempts, k, record); err != nil {
			return err
		}
	}
	return t.move(bucketAttemptsByExpiry, from, to)
}

var _ throttle.Store = (*Store)(nil)
