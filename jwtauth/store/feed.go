package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// WithFeed returns s with every method that revokes something returning only
// when the feed's set has it, so that what was revoked here is denied here from
// then on. An error that wraps [ErrNotDeniedYet] says that the change itself is
// durable.
func WithFeed(s Store, feed *revocation.Feed) Store { return &fed{Store: s, feed: feed} }

// ErrNotDeniedYet is returned, with the reason, where a change was made and its
// revocations are durable, but this node could not read them back. It denies
// them as soon as it can read the log again.
var ErrNotDeniedYet = errors.New("the change is stored, but this node may not deny what it revoked yet")

type fed struct {
	Store
	feed *revocation.Feed
}

// Deny implements [revocation.Log].
func (f *fed) Deny(ctx context.Context, e revocation.Entry) error {
	return f.after(ctx, f.Store.Deny(ctx, e))
}

// PutUser implements [user.Store].
func (f *fed) PutUser(ctx context.Context, rec user.Record, end *user.Ending) (uint64, error) {
	version, err := f.Store.PutUser(ctx, rec, end)
	if end == nil {
		return version, err
	}
	return version, f.after(ctx, err)
}

// RemoveUser implements [user.Store].
func (f *fed) RemoveUser(ctx context.Context, username string, version uint64) error {
	return f.after(ctx, f.Store.RemoveUser(ctx, username, version))
}

// CreateSession implements [session.Store]: it may end other sessions of the user.
func (f *fed) CreateSession(ctx context.Context, s session.Session, limit int) ([]session.Session, error) {
	ended, err := f.Store.CreateSession(ctx, s, limit)
	return ended, f.after(ctx, err)
}

// UpdateSession implements [session.Store].
func (f *fed) UpdateSession(ctx context.Context, id string, change func(session.Session, uint64) (session.Change, error)) error {
	revokes := false
	err := f.Store.UpdateSession(ctx, id, func(s session.Session, epoch uint64) (session.Change, error) {
		c, err := change(s, epoch)
		revokes = revokes || c.End || len(c.Deny) > 0
		return c, err
	})
	if !revokes {
		return err
	}
	return f.after(ctx, err)
}

// EndSessions implements [session.Store].
func (f *fed) EndSessions(ctx context.Context, username, except string) (int, error) {
	ended, err := f.Store.EndSessions(ctx, username, except)
	return ended, f.after(ctx, err)
}

// after reads the log where a change succeeded with err nil.
func (f *fed) after(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	if err := f.feed.Sync(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrNotDeniedYet, err)
	}
	return nil
}

var _ Store = (*fed)(nil)
