package user

import "context"

// Ending names the sessions that a change of a user ends.
type Ending struct {
	// Except is the id of a session that stays, or "". It is carried over to
	// the user's new epoch.
	Except string
}

// Store keeps the writable users of a realm. Its errors are logged, so they do not
// show the name that was asked for: it may be a password, typed into the wrong
// field.
type Store interface {
	// User returns the record of a user, or [ErrNotFound].
	User(ctx context.Context, username string) (Record, error)

	// Users returns at most limit records, ordered by user name (bytewise),
	// beginning behind the name after. "" begins at the start.
	Users(ctx context.Context, after string, limit int) ([]Record, error)

	// PutUser writes rec where the stored record still has rec.Version (0:
	// where none exists), under Version+1, and returns that version. Else it
	// writes nothing and returns [ErrConflict].
	//
	// With end, the same atomic step raises the user's epoch, ends the user's
	// sessions and appends a revocation for each; see session.Store.
	PutUser(ctx context.Context, rec Record, end *Ending) (version uint64, err error)

	// RemoveUser removes a user where the record still has that version (else
	// [ErrConflict]; [ErrNotFound] without one), raises the epoch, which
	// outlives the user, and ends the user's sessions in the same step.
	RemoveUser(ctx context.Context, username string, version uint64) error
}
