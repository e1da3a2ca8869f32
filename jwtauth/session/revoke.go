package session

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
)

// EndSession ends a session. It returns when that is durable; a session that does
// not exist has ended already.
func (m *Manager) EndSession(ctx context.Context, sid string) error {
	_, err := m.End(ctx, sid)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// End is Revoke that returns the session it ended, or [ErrNotFound].
func (m *Manager) End(ctx context.Context, sid string) (ended Session, err error) {
	err = m.store.UpdateSession(ctx, sid, func(s Session, _ uint64) (Change, error) {
		ended = s
		return Change{End: true}, nil
	})
	return ended, err
}

// EndAll ends the sessions of a user, but the one named except ("" for none),
// and with them everything that is being issued to that user. It returns how
// many it ended.
func (m *Manager) EndAll(ctx context.Context, username, except string) (int, error) {
	return m.store.EndSessions(ctx, username, except)
}

// RevokeAccessToken denies one access token, named by its "jti", until its "exp"
// and the leeway have passed. It returns when that is durable. username and sid
// are the user and the session of the token; sid is "" for a token without one. Where a session has more
// than [MaxRevokedTokens] live ones, the session ends instead, and where the
// user has more than [MaxRevocations], all of the user's sessions do.
func (m *Manager) RevokeAccessToken(ctx context.Context, lt Lifetimes, username, sid, jti string, exp time.Time) error {
	if jti == "" {
		return errors.New("a token without a jti cannot be revoked by itself")
	}
	until := exp.UTC().Round(0).Add(lt.Leeway)
	if !until.After(m.clock()) {
		return nil
	}
	entry := revocation.Entry{Kind: revocation.Token, ID: jti, Until: until}
	if sid == "" {
		return m.log.Deny(ctx, entry)
	}
	err := m.store.UpdateSession(ctx, sid, func(s Session, _ uint64) (Change, error) {
		now := m.clock()
		live := make(map[string]time.Time, len(s.RevokedTokens)+1)
		maps.Copy(live, s.RevokedTokens)
		maps.DeleteFunc(live, func(_ string, until time.Time) bool { return !until.After(now) })
		if known, ok := live[jti]; ok && !known.Before(until) {
			return Change{}, nil
		}
		live[jti] = until
		s.RevokedTokens = live
		// The session's denial covers this token too, should the leeway have
		// grown since it was issued.
		if until.After(s.DenyUntil) {
			s.DenyUntil = until
		}
		if len(live) > MaxRevokedTokens {
			return Change{Session: &s, End: true}, nil
		}
		return Change{Session: &s, Deny: []revocation.Entry{entry}}, nil
	})
	if errors.Is(err, ErrNotFound) {
		// The session was collected or ended; what it had issued may live on,
		// and none of it is wanted. One entry does for all.
		return m.log.Deny(ctx, revocation.Entry{Kind: revocation.Session, ID: sid, User: username, Until: until})
	}
	return err
}
