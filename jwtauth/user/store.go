package user

import (
	"context"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// Ending says that a change of a user ends all sessions of the user.
type Ending struct {
	// Begin is a new session of that user, which takes their place in the same step,
	// nil for none. It is stored with the raised epoch. Its Epoch is what the user's
	// epoch has to be until then: else nothing is written, and the answer is
	// [session.ErrEpoch].
	Begin *session.Session
}

// Store keeps the writable users of a realm. Its errors are logged, so they do not
// show the name that was asked for: it may be a password, typed into the wrong
// field.
type Store interface {
	// User returns the record of a user, or [ErrNotFound].
	User(ctx context.Context, username string) (Record, error)

	// Users returns at most limit records, ordered by user name (bytewise),
	// beginning after the name after. "" begins at the start.
	Users(ctx context.Context, after string, limit int) ([]Record, error)

	// PutUser writes rec where the stored record still has rec.Version (0:
	// where none exists), under Version+1, and returns that version. Else it
	// writes nothing and returns [ErrConflict].
	//
	// With end, the same atomic step raises the user's epoch, ends the user's
	// sessions and appends a revocation for each (see session.Store), and stores
	// the session that begins.
	PutUser(ctx context.Context, rec Record, end *Ending) (version uint64, err error)

	// RemoveUser removes a user where the record still has that version (else
	// [ErrConflict]; [ErrNotFound] without one), raises the epoch, which
	// outlives the user, and ends the user's sessions in the same step.
	RemoveUser(ctx context.Context, username string, version uint64) error
}
