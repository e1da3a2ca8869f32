// Package revocation keeps what must no longer be accepted: session ids and
// token ids, each denied until no token that carries it can still be valid.
package revocation

import (
	"context"
	"errors"
	"time"
)

// Kind says what an [Entry] denies.
type Kind string

// The two kinds of entry.
const (
	// Session denies every token of one session, by its "sid".
	Session Kind = "sid"
	// Token denies one access token, by its "jti".
	Token Kind = "jti"
)

// Entry denies one id until a moment. Entries are facts: they are appended,
// never changed, and dropped once Until has passed.
type Entry struct {
	// Position orders the log. The store sets it, from 1 upwards.
	Position uint64 `json:"position"`
	Kind     Kind   `json:"kind"`
	// ID is the "sid" or "jti" that is denied.
	ID string `json:"id"`
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
	// Deny appends an entry and returns when it is durable. The Position
	// given is ignored. Denying the same id twice is allowed.
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
