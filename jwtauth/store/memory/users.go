package memory

import (
	"context"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// User implements [user.Store].
func (s *Store) User(ctx context.Context, username string) (rec user.Record, err error) {
	err = s.read(ctx, func() error {
		rec, err = s.user(username)
		return err
	})
	return rec, err
}

// Users implements [user.Store].
func (s *Store) Users(ctx context.Context, after string, limit int) (recs []user.Record, err error) {
	err = s.read(ctx, func() error {
		for _, name := range page(s.users, after, limit) {
			rec, err := s.user(name)
			if err != nil {
				return err
			}
			recs = append(recs, rec)
		}
		return nil
	})
	return recs, err
}

// PutUser implements [user.Store].
func (s *Store) PutUser(ctx context.Context, rec user.Record, end *user.Ending) (version uint64, err error) {
	err = s.write(ctx, func() error {
		var stored uint64
		if _, exists := s.users[rec.Username]; exists {
			old, err := s.user(rec.Username)
			if err != nil {
				return err
			}
			stored = old.Version
		}
		if stored != rec.Version {
			return user.ErrConflict
		}
		rec.Version++
		b, err := engine.EncodeUser(rec)
		if err != nil {
			return err
		}
		if end != nil {
			if err := s.endAndBegin(rec.Username, end.Begin); err != nil {
				return err
			}
		}
		s.users[rec.Username] = b
		version = rec.Version
		return nil
	})
	return version, err
}

// RemoveUser implements [user.Store].
func (s *Store) RemoveUser(ctx context.Context, username string, version uint64) error {
	return s.write(ctx, func() error {
		old, err := s.user(username)
		if err != nil {
			return err
		}
		if old.Version != version {
			return user.ErrConflict
		}
		if _, err := s.endAll(username, "", time.Time{}); err != nil {
			return err
		}
		delete(s.users, username)
		return nil
	})
}

func (s *Store) user(name string) (user.Record, error) {
	b, ok := s.users[name]
	if !ok {
		return user.Record{}, engine.NoUser()
	}
	return engine.DecodeUser(name, b)
}

var _ user.Store = (*Store)(nil)
