// Package user knows the people of a realm and the places they come from: the
// configuration, a users file, and the realm's store.
//
// It imports accesstoken, password, policy, session and strictjson. Package realm holds the
// [Directory]; signin, oauth2 and pages look users up, adminapi changes them.
package user

import (
	"errors"
	"time"
)

// User is one person who may sign in.
type User struct {
	// Username identifies the user. Compared byte by byte.
	Username string `json:"username"`
	FullName string `json:"full_name,omitempty"`
	Email    string `json:"email,omitempty"`
	// Disabled users can neither sign in nor refresh.
	Disabled bool     `json:"disabled,omitempty"`
	Roles    []string `json:"roles,omitempty"`
	// Scopes are the most that a token of this user may carry.
	Scopes []string `json:"scopes,omitempty"`
	// Claims are added to the user's access tokens. Names that a registered
	// claim uses are refused (see [CheckClaimName]).
	Claims map[string]any `json:"claims,omitempty"`
	// PasswordHash is a hash string in one of the formats of package
	// password. Empty means that the user cannot sign in with a password.
	PasswordHash string `json:"password_hash,omitempty"`
}

// Record is a user as a store keeps it.
type Record struct {
	User
	// Version counts the writes of this record and is the token of the
	// compare-and-swap in [Store.PutUser]. 0 stands for "does not exist".
	Version           uint64    `json:"version"`
	CreatedAt         time.Time `json:"created_at"`
	UpdatedAt         time.Time `json:"updated_at"`
	PasswordChangedAt time.Time `json:"password_changed_at"`
}

// Errors of this package. Stores return them wrapped or as they are.
var (
	// ErrNotFound is returned where no user has the name asked for.
	ErrNotFound = errors.New("user not found")
	// ErrConflict is returned by a compare-and-swap that came too late, and
	// by one that creates a user who exists.
	ErrConflict = errors.New("user was changed or created in the meantime")
	// ErrReadOnly is returned for a change to a user who is not in the store.
	ErrReadOnly = errors.New("user comes from the configuration or a users file")
)
