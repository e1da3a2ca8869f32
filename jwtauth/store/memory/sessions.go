package memory

import (
	"context"
	"slices"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// Epoch implements [session.Store].
func (s *Store) Epoch(ctx context.Context, username string) (epoch uint64, err error) {
	err = s.read(ctx, func() error {
		epoch = s.epochs[username]
		return nil
	})
	return epoch, err
}

// CreateSession implements [session.Store].
func (s *Store) CreateSession(ctx context.Context, n session.Session, limit int) error {
	return s.write(ctx, func() error {
		if s.epochs[n.User] != n.Epoch {
			return session.ErrEpoch
		}
		if _, exists := s.sessions[n.ID]; exists {
			return engine.ErrSessionExists
		}
		b, err := engine.EncodeSession(n)
		if err != nil {
			return err
		}
		if limit > 0 {
			if err := s.makeRoom(n.User, limit-1); err != nil {
				return err
			}
		}
		s.add(n, b)
		return nil
	})
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
		c, err := change(stored, s.epochs[stored.User])
		if err != nil {
			return err
		}
		replacement, err := engine.CheckChange(stored, c)
		if err != nil {
			return err
		}
		for _, e := range c.Deny {
			s.deny(e)
		}
		switch {
		case c.End:
			s.end(engine.Ended(stored, c))
		case replacement != nil:
			s.sessions[id] = replacement
		}
		return nil
	})
}

// EndSessions implements [session.Store].
func (s *Store) EndSessions(ctx context.Context, username, except string) (ended int, err error) {
	err = s.write(ctx, func() error {
		ended, err = s.endAll(username, except)
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

// makeRoom ends the sessions of a user that were created first, until keep of
// them are left.
func (s *Store) makeRoom(username string, keep int) error {
	if len(s.byUser[username]) <= keep {
		return nil
	}
	all, err := s.sessionsOf(username)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b session.Session) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, old := range all[:len(all)-keep] {
		s.end(old)
	}
	return nil
}

// add stores a new session, whose stored form is b.
func (s *Store) add(n session.Session, b []byte) {
	s.sessions[n.ID] = b
	if s.byUser[n.User] == nil {
		s.byUser[n.User] = make(map[string]struct{})
	}
	s.byUser[n.User][n.ID] = struct{}{}
}

// endAndBegin ends all sessions of a user and stores the one that begins, if any.
func (s *Store) endAndBegin(username string, begin *session.Session) error {
	if begin == nil {
		_, err := s.endAll(username, "")
		return err
	}
	// All that can fail comes before anything is changed.
	begun, b, err := engine.EncodeBegun(*begin, username, s.epochs[username])
	if err != nil {
		return err
	}
	if _, exists := s.sessions[begun.ID]; exists {
		return engine.ErrSessionExists
	}
	if _, err := s.endAll(username, ""); err != nil {
		return err
	}
	s.add(begun, b)
	return nil
}

// endAll raises the user's epoch and ends all sessions but one.
func (s *Store) endAll(username, except string) (ended int, err error) {
	all, err := s.sessionsOf(username)
	if err != nil {
		return 0, err
	}
	epoch := s.epochs[username] + 1
	var carried []byte
	for _, one := range all {
		if one.ID == except {
			one.Epoch = epoch
			if carried, err = engine.EncodeSession(one); err != nil {
				return 0, err
			}
		}
	}
	s.epochs[username] = epoch
	for _, one := range all {
		if one.ID == except {
			s.sessions[except] = carried
			continue
		}
		s.end(one)
		ended++
	}
	return ended, nil
}

// end removes a session and denies it.
func (s *Store) end(one session.Session) {
	s.drop(one)
	if e, ok := engine.Denial(one); ok {
		s.deny(e)
	}
}

func (s *Store) drop(one session.Session) {
	delete(s.sessions, one.ID)
	delete(s.byUser[one.User], one.ID)
	if len(s.byUser[one.User]) == 0 {
		delete(s.byUser, one.User)
	}
}

var _ session.Store = (*Store)(nil)
