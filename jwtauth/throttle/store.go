// Package throttle slows down guessing: it counts failed sign-ins by account and
// by client address, and says who has to wait.
package throttle

import (
	"context"
	"time"
)

// Counter counts failed attempts under one key.
type Counter struct {
	// Failures is the number of failures in a row.
	Failures int `json:"failures"`
	// BlockedUntil is the end of the current wait, or zero.
	BlockedUntil time.Time `json:"blocked_until"`
	// Expires is when the counter is forgotten. A counter whose Expires has
	// passed reads as the zero Counter; writing one with a zero Expires removes it.
	Expires time.Time `json:"expires"`
}

// Store keeps attempt counters.
type Store interface {
	// UpdateAttempts reads the counters of keys (the zero Counter for each that
	// does not exist or has expired at now), calls change with them and writes
	// what it left in the slice, as one atomic step. change may be called more
	// than once; an error of change is returned and nothing is written.
	UpdateAttempts(ctx context.Context, now time.Time, keys []string, change func(counters []Counter) error) error
}
