// Package store joins the contracts that a realm's store fulfils. The engines
// are in the folders next to it; each passes the suite in storetest.
//
// It imports the packages whose contracts it joins: oauth2, revocation, session, throttle
// and user. Package realm uses a store, the modules of package jwtauth open one.
package store

import (
	"context"
	"errors"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// IDLength is the length of a store's id in characters.
const IDLength = 11

// Store is everything a realm writes down, but its keys.
//
// An engine promises: every method is one atomic step, safe for concurrent use;
// what a method has acknowledged survives the death of the process; a method
// returns early with the error of its context where it can, and never half done.
type Store interface {
	user.Store
	session.Store
	session.Collector
	revocation.Log
	throttle.Store
	oauth2.OneTimeStore

	// ID is the store's random id: [IDLength] characters of the base64url
	// alphabet, made with the store and never changed.
	ID() string

	// Meta returns the value of a small named record, nil where there is none.
	Meta(ctx context.Context, key string) ([]byte, error)
	// SetMeta replaces a record where its value is still old (nil: where there
	// is none), else returns [ErrConflict].
	SetMeta(ctx context.Context, key string, old, value []byte) error

	// Close releases the store. No other method may be running or called later.
	Close() error
}

// ErrConflict is returned by [Store.SetMeta] where the record was changed in
// the meantime.
var ErrConflict = errors.New("record was changed in the meantime")
