package bolt

import (
	"context"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// User implements [user.Store].
func (s *Store) User(ctx context.Context, username string) (rec user.Record, err error) {
	err = s.read(ctx, func(t *tx) (err error) {
		rec, err = t.user(username)
		return err
	})
	return rec, err
}

// Users implements [user.Store].
func (s *Store) Users(ctx context.Context, after string, limit int) (recs []user.Record, err error) {
	err = s.read(ctx, func(t *tx) error {
		c := t.bucket(bucketUsers).Cursor()
		for k, v := seekAfter(c, nil, after); k != nil && len(recs) < limit; k, v = c.Next() {
			rec, err := engine.DecodeUser(string(k), v)
			if err != nil {
				return err
			}
			recs = append(recs, rec)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recs, nil
}

// PutUser implements [user.Store].
func (s *Store) PutUser(ctx context.Context, rec user.Record, end *user.Ending) (version uint64, err error) {
	given := rec.Version
	err = s.write(ctx, func(t *tx) error {
		var stored uint64
		if v := t.get(bucketUsers, []byte(rec.Username)); v != nil {
			old, err := engine.DecodeUser(rec.Username, v)
			if err != nil {
				return err
			}
			stored = old.Version
		}
		if stored != given {
			return user.ErrConflict
		}
		rec.Version = given + 1
		b, err := engine.EncodeUser(rec)
		if err != nil {
			return err
		}
		if end != nil {
			if err := t.endAndBegin(rec.Username, end.Begin); err != nil {
				return err
			}
		}
		return t.put(bucketUsers, []byte(rec.Username), b)
	})
	if err != nil {
		return 0, err
	}
	return given + 1, nil
}

// RemoveUser implements [user.Store].
func (s *Store) RemoveUser(ctx context.Context, username string, version uint64) error {
	return s.write(ctx, func(t *tx) error {
		old, err := t.user(username)
		if err != nil {
			return err
		}
		if old.Version != version {
			return user.ErrConflict
		}
		if _, err := t.endAll(username, "", time.Time{}); err != nil {
			return err
		}
		return t.remove(bucketUsers, []byte(username))
	})
}

func (t *tx) user(name string) (user.Record, error) {
	v := t.get(bucketUsers, []byte(name))
	if v == nil {
		return user.Record{}, engine.NoUser()
	}
	return engine.DecodeUser(name, v)
}

var _ user.Store = (*Store)(nil)
