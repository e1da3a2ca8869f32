package user

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// maxAttempts bounds how often a change is tried against others of the same
// user. Each failure means that another change was written.
const maxAttempts = 32

// Create adds a user to the store. A name that the configuration or a users file
// has is [ErrReadOnly], one that the store has is [ErrConflict].
func (d *Directory) Create(ctx context.Context, u User) (Entry, error) {
	if err := CheckNew(u); err != nil {
		return Entry{}, err
	}
	if d.fixed(u.Username) {
		return Entry{}, fmt.Errorf("%w: %s", ErrReadOnly, quote(u.Username))
	}
	now := d.now().UTC().Round(0)
	rec := Record{User: Entry{Record: Record{User: u}}.clone().User, CreatedAt: now, UpdatedAt: now, PasswordChangedAt: now}
	version, err := d.store.PutUser(ctx, rec, nil)
	if err != nil {
		return Entry{}, fmt.Errorf("user %s: %w", quote(u.Username), err)
	}
	rec.Version = version
	return Entry{Record: rec, Source: SourceStore}.clone(), nil
}

// Update changes a user of the store. change may be called more than once, each
// time with the user as stored, and must have no effect but on it; its error is
// returned as it is. The name cannot be changed. Where the password hash is
// another afterwards, or the user is newly disabled, the user's sessions end in
// the same step.
//
// This and the other changes return [ErrNotFound], [ErrReadOnly],
// [ErrAmbiguous], or [ErrConflict] where others changed the user again and again.
// They return when the change is durable.
func (d *Directory) Update(ctx context.Context, username string, change func(*User) error) error {
	return d.update(ctx, username, nil, change)
}

// ChangePassword replaces the password hash of a user who has just proved to know the
// password of the hash from. Where that is no longer the user's hash, or the user
// was disabled meanwhile, or the user's sessions were ended since begin.Epoch was
// read, nothing is written and the answer is [ErrConflict]: who did so wanted to
// shut others out. All former sessions end, and begin begins, in one step.
func (d *Directory) ChangePassword(ctx context.Context, username, from, to string, begin session.Session) error {
	if to == "" {
		return fmt.Errorf("user %s: password_hash: must not be empty", quote(username))
	}
	err := d.update(ctx, username, &Ending{Begin: &begin}, func(u *User) error {
		if u.Disabled || !equal(u.PasswordHash, from) {
			return fmt.Errorf("user %s: %w", quote(username), ErrConflict)
		}
		u.PasswordHash = to
		return nil
	})
	if errors.Is(err, session.ErrEpoch) {
		return fmt.Errorf("user %s: %w: %w", quote(username), ErrConflict, err)
	}
	return err
}

// SetRoles replaces the roles of a user. They act when the next token is issued;
// with now the user's sessions end, and they act at once.
func (d *Directory) SetRoles(ctx context.Context, username string, roles []string, now bool) error {
	var end *Ending
	if now {
		end = &Ending{}
	}
	return d.update(ctx, username, end, func(u *User) error {
		u.Roles = slices.Clone(roles)
		return nil
	})
}

// Remove removes a user from the store and ends the user's sessions. It is the
// one change that an ambiguous name allows.
func (d *Directory) Remove(ctx context.Context, username string) error {
	for range maxAttempts {
		rec, err := d.stored(ctx, username)
		if err == nil {
			err = d.store.RemoveUser(ctx, username, rec.Version)
		}
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("user %s: %w", quote(username), ErrConflict)
}

// UpgradeHash replaces oldHash, just verified on a record of that version, by a
// newer hash of the same password. The user's sessions go on. It reports whether
// it did: a record that was changed since is left alone, as is a user who is not
// in the store.
func (d *Directory) UpgradeHash(ctx context.Context, username string, version uint64, oldHash, newHash string) (bool, error) {
	if _, err := password.Parse(newHash); err != nil {
		return false, fmt.Errorf("user %s: password_hash: %w", quote(username), err)
	}
	rec, err := d.stored(ctx, username)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrReadOnly):
		return false, nil
	case err != nil:
		return false, err
	case rec.Version != version || !equal(rec.PasswordHash, oldHash):
		return false, nil
	}
	rec.PasswordHash = newHash
	rec.UpdatedAt = d.now().UTC().Round(0)
	if _, err := d.store.PutUser(ctx, rec, nil); err != nil {
		if errors.Is(err, ErrConflict) {
			return false, nil
		}
		return false, err
	}
	return true, nil
}

// update writes what change makes of a user, trying again where another change
// came between. With end the sessions end whatever was changed.
func (d *Directory) update(ctx context.Context, username string, end *Ending, change func(*User) error) error {
	for range maxAttempts {
		rec, err := d.stored(ctx, username)
		if err != nil {
			return err
		}
		if d.fixed(username) {
			return fmt.Errorf("%w: %s", ErrAmbiguous, quote(username))
		}
		old := rec.User
		if err := change(&rec.User); err != nil {
			return err
		}
		if rec.Username != username {
			return fmt.Errorf("user %s: username: cannot be changed", quote(username))
		}
		if err := Check(rec.User); err != nil {
			return err
		}
		rec.UpdatedAt = d.now().UTC().Round(0)
		rehashed := !equal(old.PasswordHash, rec.PasswordHash)
		if rehashed {
			rec.PasswordChangedAt = rec.UpdatedAt
		}
		ending := end
		if ending == nil && (rehashed || rec.Disabled && !old.Disabled) {
			ending = &Ending{}
		}
		if _, err := d.store.PutUser(ctx, rec, ending); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("user %s: %w", quote(username), ErrConflict)
}

// stored returns the record of a user in the store; [ErrReadOnly] where the name
// is only elsewhere.
func (d *Directory) stored(ctx context.Context, username string) (Record, error) {
	if CheckUsername(username) != nil {
		return Record{}, fmt.Errorf("%w: %s", ErrNotFound, quote(username))
	}
	rec, err := d.store.User(ctx, username)
	if errors.Is(err, ErrNotFound) {
		if d.fixed(username) {
			err = ErrReadOnly
		}
		return Record{}, fmt.Errorf("%w: %s", err, quote(username))
	}
	return rec, err
}

func (d *Directory) fixed(username string) bool {
	_, fixed := d.readOnly.Load().byName[username]
	return fixed
}

// equal compares two hashes in a time that does not tell where they differ.
func equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
