// Package revocation keeps what must no longer be accepted: session ids, token
// ids and all former sessions of a user, each denied until no token that carries
// it can still be valid.
//
// It imports no package of this module. Package session and the stores append entries, and
// package realm asks the [Set] about each credential.
package revocation

import (
	"context"
	"errors"
	"time"
)

// Kind says what an [Entry] denies.
type Kind string

// The kinds of entry.
const (
	// Session denies every token of one session, by its "sid".
	Session Kind = "sid"
	// Token denies one access token, by its "jti".
	Token Kind = "jti"
	// User denies every token of the sessions that one user had before an
	// epoch. It stands for entries of the other kinds where a user makes too
	// many of them.
	User Kind = "sub"
)

// Entry denies one id until a moment. Entries are facts: they are appended,
// never changed, and dropped once Until has passed. One of kind User is also
// dropped when the next one of that user is appended, which denies no less and
// no shorter.
type Entry struct {
	// Position orders the log. The store sets it, from 1 upwards.
	Position uint64 `json:"position"`
	Kind     Kind   `json:"kind"`
	// ID is the "sid", "jti" or user name that is denied.
	ID string `json:"id"`
	// User is the user whose session it is, or whose session's token, where the
	// store counts the entry among that user's.
	User string `json:"user,omitempty"`
	// Epoch belongs to kind User: the sessions of lower epochs are denied, by
	// the stamp in their ids. Only the session Except, if set, is not: it was
	// carried over to that epoch.
	Epoch  uint64 `json:"epoch,omitempty"`
	Except string `json:"except,omitempty"`
	// Until is the first moment at which no token with this id can be valid
	// any more, clock leeway included.
	Until time.Time `json:"until"`
}

// ErrPositionLost is returned by [Log.Since] for a position that the log never
// reached: the store was replaced or restored from a backup. A reader starts
// again at position 0.
var ErrPositionLost = errors.New("revocation log does not reach that position")

// Log is the durable list of revocations that a store keeps.
type Log interface {
	// Deny appends an entry of kind Session or Token and returns when it is
	// durable. The Position given is ignored. Denying the same id twice is
	// allowed. An entry of kind Session counts among those of its User, where
	// one is set, and may end that user's sessions as session.Store says; a
	// token that is denied here has no session, and no User.
	Deny(ctx context.Context, e Entry) error

	// Since returns at most limit entries with a Position above after, in
	// ascending order, and the position up to which the answer is complete:
	// with fewer entries than limit that is the end of the log, which may lie
	// above the last entry returned where expired entries were collected. An
	// entry is never seen before all entries with smaller positions.
	Since(ctx context.Context, after uint64, limit int) (entries []Entry, position uint64, err error)

	// Watch returns a channel that receives a value some time after the log
	// grew, by whichever node. Signals are merged: one may stand for many
	// entries, and one may come for nothing. The channel is closed when ctx
	// ends, or when the connection to the store is lost; a reader then calls
	// Since and watches again.
	Watch(ctx context.Context) <-chan struct{}
}
