// Package engine holds what the engines of package store have in common.
package engine

import (
	"fmt"
	"io"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// NewID reads a new store id from random.
func NewID(random io.Reader) (string, error) {
	id := make([]byte, store.IDLength)
	if _, err := io.ReadFull(random, id); err != nil {
		return "", fmt.Errorf("make a store id: %w", err)
	}
	for i, b := range id {
		id[i] = alphabet[b&63]
	}
	if id[0] == '-' || id[0] == '_' {
		id[0] = 'A' // session ids begin with this one; none may look like a flag
	}
	return string(id), nil
}

// ValidID reports whether id could have been made by [NewID].
func ValidID(id string) bool {
	if len(id) != store.IDLength {
		return false
	}
	for _, r := range []byte(id) {
		switch {
		case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
		default:
			return false
		}
	}
	return true
}
