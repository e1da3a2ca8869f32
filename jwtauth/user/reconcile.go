package user

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
)

// Meta keeps small named records and replaces them by compare-and-swap, as
// store.Store does.
type Meta interface {
	Meta(ctx context.Context, key string) ([]byte, error)
	SetMeta(ctx context.Context, key string, old, value []byte) error
}

// SessionEnder ends the sessions of a user; see session.Store.
type SessionEnder interface {
	EndSessions(ctx context.Context, username, except string) (int, error)
}

// metaReadOnly is the record of the read-only users and their fingerprints.
const metaReadOnly = "read_only_users"

// Reconcile ends the sessions of every read-only user who, since the last time,
// was removed, was disabled, or got another password hash, and returns their
// names. What it compares with is kept in meta, so that a change made while the
// server was down counts as well.
//
// Call it when the users in force have changed, never before: a sign-in that
// still saw the old user is refused because its epoch was read earlier. After an
// error call it again; it then does again what may have been done. The nodes of
// a realm share the record and should be given the same users.
func (d *Directory) Reconcile(ctx context.Context, meta Meta, sessions SessionEnder) ([]string, error) {
	done := make(map[string]bool)
	for range maxAttempts {
		old, err := meta.Meta(ctx, metaReadOnly)
		if err != nil {
			return slices.Sorted(maps.Keys(done)), err
		}
		value, err := d.reconcile(ctx, old, sessions, done)
		if err == nil && !bytes.Equal(old, value) {
			err = meta.SetMeta(ctx, metaReadOnly, old, value)
		}
		if err == nil {
			return slices.Sorted(maps.Keys(done)), nil
		}
		// Another node, or a newer list of users, may have come first.
		now, readErr := meta.Meta(ctx, metaReadOnly)
		if value == nil || readErr != nil || bytes.Equal(now, old) {
			return slices.Sorted(maps.Keys(done)), fmt.Errorf("comparing the users of configuration and files with those before: %w", err)
		}
	}
	return slices.Sorted(maps.Keys(done)), fmt.Errorf("record %s: %w", metaReadOnly, ErrConflict)
}

// reconcile ends what the record old asks to end, marks it in done, and returns
// the record that is to replace old.
func (d *Directory) reconcile(ctx context.Context, old []byte, sessions SessionEnder, done map[string]bool) ([]byte, error) {
	before := make(map[string]string)
	if old != nil {
		if err := json.Unmarshal(old, &before); err != nil {
			return nil, fmt.Errorf("the store's record %s is corrupt; restore the store from a backup", metaReadOnly)
		}
	}
	all := d.readOnly.Load()
	now := make(map[string]string, len(all.names))
	for name, e := range all.byName {
		now[name] = fingerprint(e.PasswordHash, e.Disabled)
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		u, still := all.byName[name]
		if still && (before[name] == now[name] ||
			// Enabled again, and nothing else.
			before[name] == fingerprint(u.PasswordHash, true)) {
			continue
		}
		if _, err := sessions.EndSessions(ctx, name, ""); err != nil {
			return nil, err
		}
		done[name] = true
	}
	return json.Marshal(now, json.Deterministic(true))
}

// fingerprint stands for what of a user must not change while its sessions live.
func fingerprint(hash string, disabled bool) string {
	state := "enabled "
	if disabled {
		state = "disabled "
	}
	sum := sha256.Sum256([]byte(state + hash))
	return hex.EncodeToString(sum[:])
}
