package oauth2

import (
	"context"
	"errors"
	"time"
)

// Errors of [OneTimeStore].
var (
	// ErrCodeNotFound is returned for a key that was never stored, or has expired.
	ErrCodeNotFound = errors.New("one-time value not found")
	// ErrCodeTaken is returned, with the value, for a key that was taken before.
	ErrCodeTaken = errors.New("one-time value was taken before")
)

// OneTimeStore keeps values that can be taken once, such as authorization codes.
type OneTimeStore interface {
	// PutOnce stores value under key until expires. A key in use is an error.
	PutOnce(ctx context.Context, key string, value []byte, expires time.Time) error

	// TakeOnce returns the value to exactly one caller, however many ask at
	// once. Until the value expires, every later caller gets it together with
	// [ErrCodeTaken], so that a second use can undo what the first one gave
	// (RFC 6749 §4.1.2). Expired or unknown: [ErrCodeNotFound].
	TakeOnce(ctx context.Context, key string, now time.Time) ([]byte, error)
}
