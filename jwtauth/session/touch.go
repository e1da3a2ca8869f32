package session

import (
	"context"
	"time"
)

// Touch notes that a session is in use by its cookie, which nothing rotates: its
// idle time begins again, and a denial of it will last long enough for a
// caller who keeps the answer for an access token's lifetime. It writes once in half
// of the shorter of the two, whatever the number of requests, and returns the
// session as it is then; [ErrNotFound] or [ErrEpoch] where it has ended
// meanwhile.
func (m *Manager) Touch(ctx context.Context, lt Lifetimes, s Session) (Session, error) {
	if !touchDue(s, lt, m.clock()) {
		return s, nil
	}
	touched := s
	err := m.store.UpdateSession(ctx, s.ID, func(s Session, epoch uint64) (Change, error) {
		now := m.clock()
		switch {
		case s.Expired(now):
			return Change{}, ErrNotFound
		case s.Epoch != epoch:
			return Change{}, ErrEpoch
		case !touchDue(s, lt, now):
			touched = s // another request was first
			return Change{}, nil
		}
		s.LastUsedAt = now
		s.IdleExpiresAt = now.Add(lt.Idle)
		issue(&s, lt, now)
		touched = s
		return Change{Session: &s}, nil
	})
	if err != nil {
		return Session{}, err
	}
	return touched, nil
}

func touchDue(s Session, lt Lifetimes, now time.Time) bool {
	return now.Sub(s.LastUsedAt) >= min(lt.Access, lt.Idle)/2
}
