package session

import (
	"context"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
)

// Change is what [Store.UpdateSession] is to write.
type Change struct {
	// Session replaces the stored session; nil leaves it as it is.
	Session *Session
	// End ends the session: it is removed and denied until the DenyUntil of
	// Session where that is set, else of the stored one.
	End bool
	// Deny are revocations to append in the same step.
	Deny []revocation.Entry
}

// Store keeps the sessions of a realm and the epochs of its users.
//
// To end a session means, in one atomic step: to remove it and to append a
// [revocation.Entry] of kind Session until its DenyUntil. (No entry is needed
// where DenyUntil has passed.) A method that ends sessions returns when that is
// durable.
//
// The log holds at most [MaxRevocations] entries of kind Session and Token of one
// user. A step that would append more instead raises the user's epoch, ends all
// of the user's sessions but the one that the step creates or keeps, which is
// carried over to the new epoch, and appends one entry of kind User with that
// epoch, in place of the user's former one. It lasts as long as each of the
// entries that it stands for, and that former one.
type Store interface {
	// Epoch returns the user's epoch, 0 where it was never raised. Any name
	// has one, whether or not the store knows a user of that name.
	Epoch(ctx context.Context, username string) (uint64, error)

	// CreateSession stores s where the user's epoch is still s.Epoch, else
	// returns [ErrEpoch]. Where the user then has more than limit sessions of its kind
	// (see [Session.OfBrowser]), those that were least recently used end in the same
	// step, and are returned.
	CreateSession(ctx context.Context, s Session, limit int) (ended []Session, err error)

	// Session returns a session, or [ErrNotFound]. An expired one may still
	// be returned: callers look at [Session.Expired].
	Session(ctx context.Context, id string) (Session, error)

	// UpdateSession reads the session and its user's epoch, calls change and
	// writes what it returns, as one atomic step with respect to that session
	// and that epoch. change may be called more than once and must have no
	// effect but its answer; its error is returned as it is and nothing is
	// written. Without such a session change is not called and the answer is
	// [ErrNotFound].
	UpdateSession(ctx context.Context, id string, change func(s Session, epoch uint64) (Change, error)) error

	// EndSessions raises the user's epoch and ends all sessions of the user
	// but the one named except ("" for none), which is carried over to the
	// new epoch. It returns how many it ended.
	EndSessions(ctx context.Context, username, except string) (int, error)

	// Sessions returns at most limit sessions, ordered by id, beginning
	// after the id after ("" begins at the start): those of one user, or,
	// with username "", of all users. Expired ones may be among them.
	Sessions(ctx context.Context, username, after string, limit int) ([]Session, error)

	// CountSessions returns how many sessions there are, expired ones that were
	// not collected yet among them.
	CountSessions(ctx context.Context) (int, error)
}

// Collector is what a store offers for throwing away what has expired.
type Collector interface {
	// Collect removes at most limit things (sessions, revocations, attempt
	// counters, one-time values) that expired before now, and returns how many it
	// removed; fewer than limit means that it is done for now. A session stays
	// until its DenyUntil has passed too: as long as a token of it can be valid,
	// it must be there to be ended.
	Collect(ctx context.Context, now time.Time, limit int) (int, error)
}
