package engine

import (
	"bytes"
	"errors"
)

// Errors of the engines that no caller has to tell apart.
var (
	ErrSessionExists = errors.New("a session of that id exists already")
	ErrKeyInUse      = errors.New("one-time key is in use")
)

// CheckKey refuses a key that a record cannot be filed under.
func CheckKey(key string) error {
	if key == "" {
		return errors.New("a record needs a key")
	}
	return nil
}

// SameMeta compares a stored value with the one that a caller expects to be
// stored. nil, which stands for "none", equals nil alone.
func SameMeta(stored, old []byte) bool {
	return (stored == nil) == (old == nil) && bytes.Equal(stored, old)
}
