// Package session keeps sign-ins: their lifetimes, the refresh tokens that
// renew them, and the cookie value that names them in a browser.
//
// It imports package revocation only. Package realm holds the [Manager], package keyring
// the keys; oauth2 and pages use sessions through interfaces of their own, and a store
// keeps them.
package session

import (
	"errors"
	"time"
)

// Session is one sign-in of one user.
type Session struct {
	// ID is the "sid" of the session's tokens. It begins with the id of the
	// store that keeps it.
	ID   string `json:"id"`
	User string `json:"user"`
	// Client is the OAuth2 client the session was given to, "" for the first party.
	Client string `json:"client,omitempty"`
	// Scopes are what was granted at sign-in; a refresh may ask for less, never for more.
	Scopes []string `json:"scopes,omitempty"`
	// Epoch is the user's epoch at sign-in. A session of an older epoch is dead.
	Epoch uint64 `json:"epoch"`

	// Counter is the n of the one refresh token that is current.
	Counter uint64 `json:"counter"`
	// Rotations are the times of the latest rotations, oldest first: the last
	// is the one that made Counter current.
	Rotations []time.Time `json:"rotations,omitempty"`
	// Key is the id of the session key that the current token is derived with.
	Key string `json:"key"`

	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	// ExpiresAt is the absolute end.
	ExpiresAt time.Time `json:"expires_at"`
	// IdleExpiresAt is the end unless the session is used before.
	IdleExpiresAt time.Time `json:"idle_expires_at"`
	// DenyUntil is the latest "exp" ever issued to this session plus the clock
	// leeway: how long a revocation of the session has to be kept.
	DenyUntil time.Time `json:"deny_until"`
	// RevokedTokens are the live "jti" entries of this session, with the
	// moment each is forgotten.
	RevokedTokens map[string]time.Time `json:"revoked_tokens,omitempty"`

	// Kept is set where the browser was asked to keep the session's cookie when it
	// is closed.
	Kept bool `json:"kept,omitempty"`

	// Browser is set for a session that the sign-in page has begun.
	Browser bool `json:"browser,omitempty"`

	// IP and UserAgent are those of the sign-in.
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
}

// OfBrowser reports a session of the sign-in page, and not of a program. Those of older
// versions say so where the browser keeps the cookie.
func (s Session) OfBrowser() bool { return s.Browser || s.Kept }

// Expired reports whether the session has ended by age or by idleness.
func (s Session) Expired(now time.Time) bool {
	return !now.Before(s.Expires())
}

// Expires returns the earlier of the absolute and the idle end.
func (s Session) Expires() time.Time {
	if s.IdleExpiresAt.Before(s.ExpiresAt) {
		return s.IdleExpiresAt
	}
	return s.ExpiresAt
}

// Errors of this package. Stores return the first two, wrapped or as they are.
var (
	// ErrNotFound is returned where no session has that id: it never existed,
	// was ended, or expired.
	ErrNotFound = errors.New("session not found")
	// ErrEpoch is returned where the user's epoch was raised in the meantime.
	ErrEpoch = errors.New("the user's sessions were ended in the meantime")
	// ErrInvalidToken is returned for a refresh token or cookie value that
	// this realm never made, or no longer can verify.
	ErrInvalidToken = errors.New("not a token of this realm")
	// ErrReused is returned, within a [ReusedError], for a refresh token that was used before. The
	// session has been ended.
	ErrReused = errors.New("refresh token was used before; its session has been ended")
	// ErrClient is returned for a refresh token of another client.
	ErrClient = errors.New("refresh token belongs to another client")
)

// ReusedError is an [ErrReused] that says whose session was ended.
type ReusedError struct{ User string }

// Error says nothing about the user.
func (e *ReusedError) Error() string { return ErrReused.Error() }

// Unwrap returns [ErrReused].
func (e *ReusedError) Unwrap() error { return ErrReused }
