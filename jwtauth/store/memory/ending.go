package memory

import (
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// create stores a new session, whose stored form is b. Of the user's other ones
// those that were created first end, until keep of them are left. Where the
// log has no room for that, they all end.
func (s *Store) create(n session.Session, b []byte, keep int) (ending []session.Session, err error) {
	if len(s.byUser[n.User]) > keep {
		all, err := s.sessionsOf(n.User)
		if err != nil {
			return nil, err
		}
		ending = engine.Surplus(all, n, keep)
	}
	denials := engine.DenialsOf(ending)
	l := s.ledgers[n.User]
	if !l.Room(len(denials)) {
		s.put(n, b)
		_, err := s.endAll(n.User, n.ID, engine.Latest(time.Time{}, denials...))
		return ending, err
	}
	for _, one := range ending {
		s.drop(one)
	}
	s.denyOf(n.User, l, denials)
	s.put(n, b)
	return ending, nil
}

// endAll raises the user's epoch and ends all sessions but one. Where the log has
// no room for an entry each, or where until is set, one entry denies them, and
// whatever else is to be denied until then.
func (s *Store) endAll(username, except string, until time.Time) (ended int, err error) {
	all, err := s.sessionsOf(username)
	if err != nil {
		return 0, err
	}
	l := s.ledgers[username]
	l.Epoch++
	carried, stored := "", []byte(nil) // only a session that lives may be excepted
	for _, one := range all {
		if one.ID == except {
			one.Epoch = l.Epoch
			if stored, err = engine.EncodeSession(one); err != nil {
				return 0, err
			}
			carried = except
		}
	}
	var denials []revocation.Entry
	for _, one := range all {
		if one.ID == except {
			s.sessions[except] = stored
			continue
		}
		s.drop(one)
		denials = append(denials, engine.DenialsOf([]session.Session{one})...)
		ended++
	}
	if until.IsZero() && l.Room(len(denials)) {
		s.denyOf(username, l, denials)
	} else {
		s.denyUser(username, l, carried, engine.Latest(until, denials...))
	}
	return ended, nil
}

// endAndBegin ends all sessions of a user and stores the one that begins, if any.
func (s *Store) endAndBegin(username string, begin *session.Session) error {
	if begin == nil {
		_, err := s.endAll(username, "", time.Time{})
		return err
	}
	// All that can fail comes before anything is changed.
	b, err := engine.EncodeBegun(*begin, username, s.ledgers[username].Epoch)
	if err != nil {
		return err
	}
	if _, exists := s.sessions[begin.ID]; exists {
		return engine.ErrSessionExists
	}
	s.put(*begin, b)
	if _, err = s.endAll(username, begin.ID, time.Time{}); err != nil {
		s.drop(*begin)
	}
	return err
}

// put stores a session, whose stored form is b.
func (s *Store) put(one session.Session, b []byte) {
	s.sessions[one.ID] = b
	if s.byUser[one.User] == nil {
		s.byUser[one.User] = make(map[string]struct{})
	}
	s.byUser[one.User][one.ID] = struct{}{}
}
