// Package throttle slows down guessing: it counts failed sign-ins by account and
// by client address, and says who has to wait.
//
// It imports no package of this module. Package signin asks it before each comparison,
// adminapi resets an account, and a store keeps the counters.
package throttle

import (
	"context"
	"slices"
	"time"
)

// Counter counts failed attempts under one key.
type Counter struct {
	// Failures is the number of failures that had not faded when the counter was
	// written.
	Failures int `json:"failures"`
	// BlockedUntil is the end of the current wait, or zero.
	BlockedUntil time.Time `json:"blocked_until"`
	// Expires is when the counter is forgotten. A counter whose Expires has
	// passed reads as the zero Counter; writing one with a zero Expires removes it.
	Expires time.Time `json:"expires"`
	// FadesFrom is the moment from which Failures fade, one after the other. It
	// is zero where there are none, and in counters of older versions. In the mark of an
	// address that is known to an account it is when the account last earned it a failure.
	FadesFrom time.Time `json:"fades_from,omitzero"`
	// Pending are the attempts under way, the oldest first.
	Pending []Reservation `json:"pending,omitempty"`
	// Tries are the last failures on an account, one an origin, the oldest first.
	Tries []Try `json:"tries,omitempty"`
}

// Reservation is the place of an attempt under way. Where the process that made
// it does not say how the attempt ended, it lapses and counts as a failure.
type Reservation struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	// Origin is that of [Try], where the counter has tries.
	Origin string `json:"origin,omitempty"`
}

// Try is the last failure on an account from one origin.
type Try struct {
	// Origin is a hash of the account and where the attempt came from.
	Origin string    `json:"origin"`
	At     time.Time `json:"at"`
	// Again is set where the origin had failed on the account before.
	Again bool `json:"again,omitempty"`
}

// Equal reports whether two counters say the same.
func (c Counter) Equal(d Counter) bool {
	return c.Failures == d.Failures && c.BlockedUntil.Equal(d.BlockedUntil) && c.Expires.Equal(d.Expires) &&
		c.FadesFrom.Equal(d.FadesFrom) &&
		slices.EqualFunc(c.Pending, d.Pending, func(a, b Reservation) bool {
			return a.ID == b.ID && a.At.Equal(b.At) && a.Origin == b.Origin
		}) &&
		slices.EqualFunc(c.Tries, d.Tries, func(a, b Try) bool {
			return a.Origin == b.Origin && a.At.Equal(b.At) && a.Again == b.Again
		})
}

// Store keeps attempt counters.
type Store interface {
	// UpdateAttempts reads the counters of keys (the zero Counter for each that
	// does not exist or has expired at now), calls change with them and writes
	// what it left in the slice, as one atomic step. change may be called more
	// than once; an error of change is returned and nothing is written. change
	// replaces the Pending and Tries of a counter, it does not write into them.
	UpdateAttempts(ctx context.Context, now time.Time, keys []string, change func(counters []Counter) error) error
}
