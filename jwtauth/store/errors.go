package store

import "errors"

// Errors that any engine may return, wrapped with what it knows.
var (
	// ErrClosed is returned by a method called after [Store.Close].
	ErrClosed = errors.New("store is closed")
	// ErrCorrupt is returned where a stored record cannot be read. It never
	// stands for "there is none".
	ErrCorrupt = errors.New("stored record is corrupt")
)
