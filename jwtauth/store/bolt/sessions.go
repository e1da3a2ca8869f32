package bolt

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// Epoch implements [session.Store].
func (s *Store) Epoch(ctx context.Context, username string) (epoch uint64, err error) {
	err = s.read(ctx, func(t *tx) (err error) {
		epoch, err = t.epoch(username)
		return err
	})
	return epoch, err
}

// CreateSession implements [session.Store].
func (s *Store) CreateSession(ctx context.Context, n session.Session, limit int) (ended []session.Session, err error) {
	err = s.write(ctx, func(t *tx) error {
		epoch, err := t.epoch(n.User)
		if err != nil {
			return err
		}
		if epoch != n.Epoch {
			return session.ErrEpoch
		}
		if t.get(bucketSessions, []byte(n.ID)) != nil {
			return engine.ErrSessionExists
		}
		b, err := engine.EncodeSession(n)
		if err != nil {
			return err
		}
		if limit <= 0 {
			return t.putSession(nil, n, b)
		}
		ended, err = t.create(n, b, limit-1)
		return err
	})
	return ended, err
}

// Session implements [session.Store].
func (s *Store) Session(ctx context.Context, id string) (found session.Session, err error) {
	err = s.read(ctx, func(t *tx) (err error) {
		found, err = t.session(id)
		return err
	})
	return found, err
}

// UpdateSession implements [session.Store].
func (s *Store) UpdateSession(ctx context.Context, id string, change func(session.Session, uint64) (session.Change, error)) error {
	// Asked first with what is committed: refusals and answers that write
	// nothing need no turn of the writer.
	var c session.Change
	err := s.read(ctx, func(t *tx) (err error) {
		_, c, err = t.ask(id, change)
		return err
	})
	if err != nil || (c.Session == nil && !c.End && len(c.Deny) == 0) {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		stored, c, err := t.ask(id, change)
		if err != nil {
			return err
		}
		replacement, err := engine.CheckChange(stored, c)
		if err != nil {
			return err
		}
		if entries := engine.Denials(stored, c); len(entries) > 0 {
			l, err := t.ledger(stored.User)
			if err != nil {
				return err
			}
			if !l.Room(len(entries)) {
				_, err := t.endAll(stored.User, "", engine.Latest(time.Time{}, entries...))
				return err
			}
			if err := t.denyOf(stored.User, l, entries); err != nil {
				return err
			}
		}
		switch {
		case c.End:
			return t.dropSession(stored)
		case replacement != nil:
			return t.putSession(&stored, *c.Session, replacement)
		}
		return nil
	})
}

// EndSessions implements [session.Store].
func (s *Store) EndSessions(ctx context.Context, username, except string) (ended int, err error) {
	err = s.write(ctx, func(t *tx) (err error) {
		ended, err = t.endAll(username, except, time.Time{})
		return err
	})
	if err != nil {
		return 0, err
	}
	return ended, nil
}

// CountSessions implements [session.Store]. It counts in the index, which is a
// tenth of the records.
func (s *Store) CountSessions(ctx context.Context) (n int, err error) {
	err = s.read(ctx, func(t *tx) error {
		n = t.bucket(bucketSessionsByExpiry).Stats().KeyN
		return nil
	})
	return n, err
}

// Sessions implements [session.Store].
func (s *Store) Sessions(ctx context.Context, username, after string, limit int) (found []session.Session, err error) {
	err = s.read(ctx, func(t *tx) (err error) {
		if username != "" {
			found, err = t.sessionsOf(username, after, limit)
			return err
		}
		c := t.bucket(bucketSessions).Cursor()
		for k, v := seekAfter(c, nil, after); k != nil && len(found) < limit; k, v = c.Next() {
			one, err := engine.DecodeSession(string(k), v)
			if err != nil {
				return err
			}
			found = append(found, one)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (t *tx) epoch(username string) (uint64, error) {
	l, err := t.ledger(username)
	return l.Epoch, err
}

func (t *tx) session(id string) (session.Session, error) {
	v := t.get(bucketSessions, []byte(id))
	if v == nil {
		return session.Session{}, session.ErrNotFound
	}
	return engine.DecodeSession(id, v)
}

// ask reads a session and what change makes of it. The slices and maps of what
// it returns as stored belong to change; the rest is as it was read.
func (t *tx) ask(id string, change func(session.Session, uint64) (session.Change, error)) (stored session.Session, c session.Change, err error) {
	if stored, err = t.session(id); err != nil {
		return stored, c, err
	}
	epoch, err := t.epoch(stored.User)
	if err != nil {
		return stored, c, err
	}
	if c, err = change(stored, epoch); err != nil {
		return stored, session.Change{}, err
	}
	return stored, c, nil
}

// sessionsOf returns sessions of one user, ordered by id.
func (t *tx) sessionsOf(username, after string, limit int) (found []session.Session, err error) {
	prefix := ownedKey(username, "")
	c := t.bucket(bucketSessionsByUser).Cursor()
	for k, _ := seekAfter(c, prefix, after); bytes.HasPrefix(k, prefix) && len(found) < limit; k, _ = c.Next() {
		one, err := t.owned(string(k[len(prefix):]), username)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, nil
}

// owned returns a session that an index says is there.
func (t *tx) owned(id, username string) (session.Session, error) {
	one, err := t.session(id)
	if errors.Is(err, session.ErrNotFound) || err == nil && one.User != username {
		return one, engine.Corrupt(bucketSessionsByUser, errIndex)
	}
	return one, err
}

// putSession writes a session, whose stored form is b, in place of old.
func (t *tx) putSession(old *session.Session, s session.Session, b []byte) error {
	id := []byte(s.ID)
	if err := t.put(bucketSessions, id, b); err != nil {
		return err
	}
	var due []byte
	if old != nil {
		due = dueKey(engine.KeepUntil(*old), id)
	}
	if err := t.move(bucketSessionsByExpiry, due, dueKey(engine.KeepUntil(s), id)); err != nil {
		return err
	}
	if old != nil && old.CreatedAt.Equal(s.CreatedAt) {
		return nil
	}
	return t.put(bucketSessionsByUser, ownedKey(s.User, s.ID), timeKey(s.CreatedAt))
}

func (t *tx) dropSession(s session.Session) error {
	id := []byte(s.ID)
	return errors.Join(
		t.remove(bucketSessions, id),
		t.remove(bucketSessionsByUser, ownedKey(s.User, s.ID)),
		t.remove(bucketSessionsByExpiry, dueKey(engine.KeepUntil(s), id)),
	)
}

// seekAfter moves c to the first key with prefix that is greater than after.
func seekAfter(c *bbolt.Cursor, prefix []byte, after string) (k, v []byte) {
	from := slices.Concat(prefix, []byte(after))
	k, v = c.Seek(from)
	if k != nil && after != "" && bytes.Equal(k, from) {
		return c.Next()
	}
	return k, v
}

var _ session.Store = (*Store)(nil)
