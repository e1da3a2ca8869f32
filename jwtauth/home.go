package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
)

// metaHome is the record of a store that says where a server opened it last.
const metaHome = "home"

// home is a place where a store in a file is opened: a copy of it has another.
type home struct {
	Host string `json:"host"`
	Path string `json:"path"`
}

func homeOf(s *BoltStore, realm string) home {
	host, _ := os.Hostname() // "" is as good as any other
	return home{Host: host, Path: s.path(realm)}
}

// note writes the place into the store, and returns the one before where that was
// another.
func (h home) note(ctx context.Context, kept store.Store) (before *home, err error) {
	old, err := kept.Meta(ctx, metaHome)
	if err != nil {
		return nil, err
	}
	now, err := json.Marshal(h)
	if err != nil || string(now) == string(old) {
		return nil, err
	}
	if err := kept.SetMeta(ctx, metaHome, old, now); err != nil {
		return nil, err
	}
	if old == nil {
		return nil, nil
	}
	before = new(home)
	return before, json.Unmarshal(old, before)
}

// hintAtCopy warns where the store was opened elsewhere before: what a copy of it
// issues is accepted where the original goes on. It is a hint and stops nothing.
func (o *opened) hintAtCopy(ctx context.Context, module StoreModule) {
	kept, ok := module.(*BoltStore)
	if !ok {
		return
	}
	here := homeOf(kept, o.name)
	switch before, err := here.note(ctx, o.state.store); {
	case err != nil:
		o.logger.Warn("noting where the store is", zap.Error(err))
	case before != nil:
		o.logger.Warn("the store was last opened elsewhere; where this is a copy and the original goes on, stop this Caddy and run `caddy jwtauth store reset-id`, or the tokens of each are accepted by the other",
			zap.String("path", here.Path), zap.String("last_host", before.Host), zap.String("last_path", before.Path))
	}
}

// StoreReset is what [App.ResetStore] did.
type StoreReset struct {
	// Path is the file of the store, Ended how many sessions it had.
	Path  string `json:"path"`
	Ended int    `json:"ended"`
	// NewKeys reports that new keys are made at the next start; without them
	// KeysKept says why.
	NewKeys  bool   `json:"new_keys"`
	KeysKept string `json:"keys_kept,omitempty"`
}

// ResetStore makes a copy of a realm's store and keys a realm of its own, which
// shares nothing but the users with the original. The app is not started, and no
// other process has the store open.
//
// The new id of the store is what the original's guards refuse tokens, cookies and
// refresh tokens by. New keys, and with them a new id of the realm, are for
// verifiers that go by the original's JWKS, and ask no store. They are left where
// the storage need not belong to the copy.
func (a *App) ResetStore(ctx context.Context, name string) (StoreReset, error) {
	realm, err := a.Realm(name)
	if err != nil {
		return StoreReset{}, err
	}
	module, ok := realm.store.(*BoltStore)
	if !ok {
		return StoreReset{}, fmt.Errorf("realm %s: its store is no file that could have been copied: only one of `store bolt` has an id to reset", realm.name)
	}
	done := StoreReset{Path: module.path(realm.name)}
	if done.Ended, err = module.resetID(ctx, realm.name); err != nil {
		return StoreReset{}, fmt.Errorf("realm %s: store: %w", realm.name, err)
	}
	if _, ok := realm.storage.(*certmagic.FileStorage); !ok {
		done.KeysKept = "the keys are in a storage that the original may share: give the copy a storage of its own"
		return done, nil
	}
	keys := keyringStorage{storage: realm.storage, realm: realm.name, now: time.Now}
	if err := keys.reset(ctx); err != nil {
		return StoreReset{}, fmt.Errorf("realm %s: the store has a new id, the keys are the old ones: %w", realm.name, err)
	}
	if len(realm.parsed.keys) > 0 {
		done.KeysKept = "the signing keys stand in the config: give the copy another `signing_key`"
		return done, nil
	}
	done.NewKeys = true
	return done, nil
}

// resetID gives the store in the file a new id. It makes no file.
func (s *BoltStore) resetID(ctx context.Context, realm string) (ended int, err error) {
	if _, err := os.Stat(s.path(realm)); err != nil {
		return 0, err
	}
	opened, err := bolt.Open(s.path(realm), bolt.Options{})
	if err != nil {
		return 0, err
	}
	ended, err = opened.ResetID(ctx)
	if err == nil {
		_, err = homeOf(s, realm).note(ctx, opened) // no hint at what was mended
	}
	return ended, errors.Join(err, opened.Close())
}
