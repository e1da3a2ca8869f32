package memory

import (
	"context"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// Epoch implements [session.Store].
func (s *Store) Epoch(ctx context.Context, username string) (epoch uint64, err error) {
	err = s.read(ctx, func() error {
		epoch = s.ledgers[username].Epoch
		return nil
	})
	return epoch, err
}

// CreateSession implements [session.Store].
func (s *Store) CreateSession(ctx context.Context, n session.Session, limit int) (ended []session.Session, err error) {
	err = s.write(ctx, func() error {
		if s.ledgers[n.User].Epoch != n.Epoch {
			return session.ErrEpoch
		}
		if _, exists := s.sessions[n.ID]; exists {
			return engine.ErrSessionExists
		}
		b, err := engine.EncodeSession(n)
		if err != nil {
			return err
		}
		if limit <= 0 {
			s.put(n, b)
			return nil
		}
		ended, err = s.create(n, b, limit-1)
		return err
	})
	return ended, err
}

// Session implements [session.Store].
func (s *Store) Session(ctx context.Context, id string) (found session.Session, err error) {
	err = s.read(ctx, func() error {
		found, err = s.session(id)
		return err
	})
	return found, err
}

// UpdateSession implements [session.Store].
func (s *Store) UpdateSession(ctx context.Context, id string, change func(session.Session, uint64) (session.Change, error)) error {
	return s.write(ctx, func() error {
		stored, err := s.session(id)
		if err != nil {
			return err
		}
		c, err := change(stored, s.ledgers[stored.User].Epoch)
		if err != nil {
			return err
		}
		replacement, err := engine.CheckChange(stored, c)
		if err != nil {
			return err
		}
		if entries := engine.Denials(stored, c); len(entries) > 0 {
			l := s.ledgers[stored.User]
			if !l.Room(len(entries)) {
				_, err := s.endAll(stored.User, "", engine.Latest(time.Time{}, entries...))
				return err
			}
			s.denyOf(stored.User, l, entries)
		}
		switch {
		case c.End:
			s.drop(stored)
		case replacement != nil:
			s.sessions[id] = replacement
		}
		return nil
	})
}

// EndSessions implements [session.Store].
func (s *Store) EndSessions(ctx context.Context, username, except string) (ended int, err error) {
	err = s.write(ctx, func() error {
		ended, err = s.endAll(username, except, time.Time{})
		return err
	})
	return ended, err
}

// CountSessions implements [session.Store].
func (s *Store) CountSessions(ctx context.Context) (n int, err error) {
	err = s.read(ctx, func() error {
		n = len(s.sessions)
		return nil
	})
	return n, err
}

// Sessions implements [session.Store].
func (s *Store) Sessions(ctx context.Context, username, after string, limit int) (found []session.Session, err error) {
	err = s.read(ctx, func() error {
		ids := page(s.sessions, after, limit)
		if username != "" {
			ids = page(s.byUser[username], after, limit)
		}
		found, err = s.load(ids)
		return err
	})
	return found, err
}

func (s *Store) session(id string) (session.Session, error) {
	b, ok := s.sessions[id]
	if !ok {
		return session.Session{}, session.ErrNotFound
	}
	return engine.DecodeSession(id, b)
}

func (s *Store) load(ids []string) ([]session.Session, error) {
	var found []session.Session
	for _, id := range ids {
		one, err := s.session(id)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, nil
}

// sessionsOf returns the sessions of a user, ordered by id.
func (s *Store) sessionsOf(username string) ([]session.Session, error) {
	of := s.byUser[username]
	return s.load(page(of, "", len(of)))
}

func (s *Store) drop(one session.Session) {
	delete(s.sessions, one.ID)
	delete(s.byUser[one.User], one.ID)
	if len(s.byUser[one.User]) == 0 {
		delete(s.byUser, one.User)
	}
}

var _ session.Store = (*Store)(nil)
