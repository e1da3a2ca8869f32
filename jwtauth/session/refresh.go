package session

import (
	"context"
	"fmt"
	"time"
)

// maxRotations is how many rotations a session keeps: how far behind the
// current one a token may be and still be within the grace.
const maxRotations = 16

// Parse verifies a refresh token without any look-up. Whatever this realm's
// keys did not make for a session of this store is [ErrInvalidToken].
func (m *Manager) Parse(token string) (Ref, error) {
	ref, err := parseRefreshToken(m.keys, token)
	if err != nil {
		return Ref{}, err
	}
	if !m.ofThisStore(ref.SID) {
		return Ref{}, ErrInvalidToken
	}
	return ref, nil
}

// Peek returns the live session that ref names, or [ErrNotFound]. It neither
// uses nor judges the token: only [Manager.Refresh] does.
func (m *Manager) Peek(ctx context.Context, ref Ref) (Session, error) {
	return m.Live(ctx, ref.SID)
}

// Refresh uses a refresh token, in one atomic step of the store. The current
// token rotates: it is retired and the issued carries its successor. A token
// retired less than lt.Grace ago is answered with the current one, so that
// however many callers hold it, one lineage lives on. What the issued allows is
// durable when Refresh returns.
//
// check, which may be nil, may refuse a live token before it is used; its error
// is returned as it is. It may be called more than once and must have no effect.
//
// The errors, and what they leave behind:
//   - [ErrNotFound]: the session has ended or expired.
//   - [ErrEpoch]: the user's sessions are being ended. Nothing is used up.
//   - [ErrClient]: the session is another client's. Nothing is used up.
//   - [ErrReused]: the token was retired before the grace. The session has ended.
//   - [ErrInvalidToken]: the token is from the future of this session, as an
//     honest client's is after the store was restored from a backup, or is one
//     that its key cannot have made, or whose key, or that of the current
//     token, is gone.
//     Nothing is used up, and the session goes on.
func (m *Manager) Refresh(ctx context.Context, lt Lifetimes, ref Ref, client string, check func(Session) error) (Issued, error) {
	if !m.ofThisStore(ref.SID) {
		return Issued{}, ErrInvalidToken
	}
	current := m.keys.Current()
	if err := current.Check(); err != nil {
		return Issued{}, err
	}
	var (
		issued Issued
		key    Key
		reused bool
		user   string
	)
	err := m.store.UpdateSession(ctx, ref.SID, func(s Session, epoch uint64) (Change, error) {
		issued, key, reused = Issued{}, current, false
		now := m.clock()
		switch {
		case s.Expired(now):
			return Change{}, ErrNotFound
		case s.Epoch != epoch:
			return Change{}, ErrEpoch
		case s.Client != client:
			return Change{}, ErrClient
		case ref.N > s.Counter, ref.N == s.Counter && ref.key != s.Key, !sealedFor(m.keys, ref.key, s):
			return Change{}, ErrInvalidToken
		case ref.N < s.Counter && !withinGrace(s, ref.N, now, lt.Grace):
			reused, user = true, s.User
			return Change{End: true}, nil
		}
		if ref.N < s.Counter {
			var known bool
			if key, known = m.keys.Lookup(s.Key); !known {
				return Change{}, ErrInvalidToken
			}
		}
		if check != nil {
			if err := check(s); err != nil {
				return Change{}, err
			}
		}
		issued.Replayed = ref.N < s.Counter
		if !issued.Replayed {
			rotate(&s, current, lt, now)
		}
		issued.AccessExpiresAt = issue(&s, lt, now)
		issued.Session = s
		return Change{Session: &s}, nil
	})
	switch {
	case err != nil:
		return Issued{}, err
	case reused:
		return Issued{}, &ReusedError{User: user}
	}
	issued.RefreshToken, err = refreshToken(key, issued.Session.ID, issued.Session.Counter)
	if err != nil {
		return Issued{}, fmt.Errorf("making a refresh token: %w", err)
	}
	return issued, nil
}

// rotate retires the current token of s and makes way for its successor.
func rotate(s *Session, key Key, lt Lifetimes, now time.Time) {
	kept := s.Rotations[max(0, len(s.Rotations)-(maxRotations-1)):]
	// A fresh slice: the stored one is not ours to write to.
	s.Rotations = append(append(make([]time.Time, 0, maxRotations), kept...), now)
	s.Counter++
	s.Key = key.ID
	if now.After(s.LastUsedAt) {
		s.LastUsedAt = now
	}
	s.IdleExpiresAt = now.Add(lt.Idle)
}

// withinGrace reports whether the rotation that retired token n is known and
// younger than grace. A clock that was set back is no reason to assume that it
// is: a rotation in the future counts by its distance too.
func withinGrace(s Session, n uint64, now time.Time, grace time.Duration) bool {
	behind := s.Counter - n
	if behind > uint64(len(s.Rotations)) {
		return false
	}
	return now.Sub(s.Rotations[len(s.Rotations)-int(behind)]).Abs() < grace
}
