package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// Collect implements [session.Collector]. It looks only at what it removes.
func (s *Store) Collect(ctx context.Context, now time.Time, limit int) (removed int, err error) {
	err = s.write(ctx, func(t *tx) error {
		removed = 0
		for _, collect := range []func(*tx, time.Time, int) (int, error){
			(*tx).collectSessions, (*tx).collectRevocations, (*tx).collectAttempts, (*tx).collectOnce,
		} {
			n, err := collect(t, now, limit-removed)
			if err != nil {
				return err
			}
			removed += n
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

func (t *tx) collectSessions(now time.Time, limit int) (int, error) {
	ids, err := t.past(bucketSessionsByExpiry, now, limit)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		one, err := t.session(string(id))
		if errors.Is(err, session.ErrNotFound) || err == nil && engine.KeepUntil(one).After(now) {
			err = engine.Corrupt(bucketSessionsByExpiry, errIndex)
		}
		if err != nil {
			return 0, err
		}
		if err := t.dropSession(one); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

func (t *tx) collectRevocations(now time.Time, limit int) (int, error) {
	positions, err := t.past(bucketRevocationsByUntil, now, limit)
	if err != nil {
		return 0, err
	}
	gone := make(map[string]uint64) // user → entries
	for _, p := range positions {
		if len(p) != 8 {
			return 0, engine.Corrupt(bucketRevocationsByUntil, errIndex)
		}
		e, found, err := t.entry(binary.BigEndian.Uint64(p))
		if err == nil && !found {
			err = engine.Corrupt(bucketRevocationsByUntil, errIndex)
		}
		if err != nil {
			return 0, err
		}
		if err := t.dropEntry(e); err != nil {
			return 0, err
		}
		if e.User != "" {
			gone[e.User]++
		}
	}
	for username, n := range gone {
		l, err := t.ledger(username)
		if err != nil {
			return 0, err
		}
		l.Collected(n)
		if err := t.putLedger(username, l); err != nil {
			return 0, err
		}
	}
	return len(positions), nil
}

func (t *tx) collectAttempts(now time.Time, limit int) (int, error) {
	keys, err := t.past(bucketAttemptsByExpiry, now, limit)
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		stored, err := t.counter(string(k))
		if err != nil {
			return 0, err
		}
		if err := t.putAttempts(string(k), attempts{stored: stored}, nil); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

func (t *tx) collectOnce(now time.Time, limit int) (int, error) {
	keys, err := t.past(bucketOnceByExpiry, now, limit)
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		b := t.get(bucketOnce, k)
		var v engine.OneTime
		if err := engine.Decode("one-time value", b, &v); err != nil {
			return 0, err
		}
		if err := errors.Join(t.remove(bucketOnce, k), t.remove(bucketOnceByExpiry, dueKey(v.Expires, k))); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

var _ session.Collector = (*Store)(nil)
