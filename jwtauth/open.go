package jwtauth

import (
	"context"
	"fmt"
	"strconv"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/keyring"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

// What outlives a config. Every load of an entry is followed by exactly one Delete, in
// Cleanup of the config that loaded it.
var (
	sharedStates = caddy.NewUsagePool()
	sharedSlots  = caddy.NewUsagePool()
)

// pooledState is what the configs of a realm share; see [realm.Shared].
type pooledState struct{ *realm.Shared }

// Destruct is called when the last config that used it is gone.
func (p pooledState) Destruct() error { return p.Close() }

// pooledSlots are hashing slots that outlive a config, so that a reload does not let
// twice as many hashings run.
type pooledSlots struct{ *password.Slots }

// Destruct implements [caddy.Destructor].
func (pooledSlots) Destruct() error { return nil }

type slotsKey struct {
	realm        string
	slots, queue int
}

// start opens the realm, if it is in use. Whatever happens, close is called later.
func (r *Realm) start(ctx context.Context, keepSessions bool) error {
	if !r.inUse() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, realm.StartTimeout)
	defer cancel()
	opened, err := r.open(ctx, keepSessions)
	if err != nil {
		r.close()
		return err
	}
	r.future.Resolve(opened)
	opened.Announce(ctx)
	if !keepSessions {
		r.tellStart(ctx, opened)
	}
	return nil
}

// mostCounted bounds the users that are counted at start.
const mostCounted = 1000

// tellStart says in the log what a realm is, and what people will run into.
func (r *Realm) tellStart(ctx context.Context, opened *realm.Realm) {
	users, err := opened.Directory().List(ctx, "", mostCounted+1)
	if err != nil {
		return // who needs the store will tell
	}
	count := strconv.Itoa(len(users))
	if len(users) > mostCounted {
		count = fmt.Sprintf("more than %d", mostCounted)
	}
	r.logger.Info("the realm is open", zap.String("users", count), zap.String("store", r.store.StoreKey(r.name)),
		zap.String("issuer", opened.Issuer.ID), zap.Strings("sign_in", r.app.sites.signIn[r.name]))
	if len(users) == 0 {
		r.logger.Warn("no users yet: add one with `caddy jwtauth user add <name>" + r.flag() + "`")
	}
	if lt := r.lifetimes(); lt.Access > lt.Refresh {
		r.logger.Warn("an access token lives longer than the session that it is of, so that it is good after the session has expired: make access_token_lifetime shorter, or refresh_token_lifetime longer",
			zap.Duration("access_token_lifetime", lt.Access), zap.Duration("refresh_token_lifetime", lt.Refresh))
	}
}

// flag is the one of commands that names the realm, "" for the one that they take without.
func (r *Realm) flag() string {
	if r.name == DefaultRealm {
		return ""
	}
	return " --realm " + r.name
}

// inUse reports a realm that the config writes down or that one of its handlers names.
func (r *Realm) inUse() bool { return r.used || r.written }

func (r *Realm) open(ctx context.Context, keepSessions bool) (*realm.Realm, error) {
	shared, err := r.openShared(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	slots, err := r.openSlots()
	if err != nil {
		return nil, err
	}
	c := r.parsed.realm
	c.Slots, c.KeepSessions, c.Recorder, c.Logger = slots, keepSessions, r.recorder(), r.logger
	c.Keys.Logger = r.logger
	if file, ok := r.store.(*BoltStore); ok && !keepSessions {
		home := realm.HomeAt(file.path(r.name))
		c.Home = &home
	}
	opened, err := realm.Open(ctx, c, shared)
	if err != nil {
		return nil, err
	}
	r.release = append(r.release, opened.Close, metrics.add(opened))
	return opened, nil
}

// openShared returns the state that the realm shares with the config before it, or
// opens it.
func (r *Realm) openShared(ctx context.Context) (*realm.Shared, error) {
	key := r.store.StoreKey(r.name)
	value, _, err := sharedStates.LoadOrNew(key, func() (caddy.Destructor, error) {
		opened, err := r.store.OpenStore(ctx, r.name)
		if err != nil {
			return nil, err
		}
		shared, err := realm.NewShared(ctx, opened, r.logger)
		return pooledState{shared}, err
	})
	if err != nil {
		return nil, err
	}
	r.release = append(r.release, func() error { return deleteFrom(sharedStates, key) })
	return value.(pooledState).Shared, nil
}

func (r *Realm) openSlots() (*password.Slots, error) {
	key := r.parsed.slots
	value, _, err := sharedSlots.LoadOrNew(key, func() (caddy.Destructor, error) {
		return pooledSlots{password.NewSlots(key.slots, key.queue)}, nil
	})
	if err != nil {
		return nil, err
	}
	r.release = append(r.release, func() error { return deleteFrom(sharedSlots, key) })
	return value.(pooledSlots).Slots, nil
}

func deleteFrom(pool *caddy.UsagePool, key any) error {
	_, err := pool.Delete(key)
	return err
}

// close releases the realm. Requests of this config may still be running: what they
// use stays open until the last of them has ended.
func (r *Realm) close() {
	r.future.Resolve(nil) // if it was never opened
	for i := len(r.release) - 1; i >= 0; i-- {
		if err := r.release[i](); err != nil {
			r.logger.Error("closing the realm", zap.Error(err))
		}
	}
	r.release = nil
}

// OpenRealm opens one realm of an app that is not started, for a command that runs
// without a server. Cleanup closes it.
func (a *App) OpenRealm(ctx caddy.Context, name string) error {
	r, err := a.Realm(name)
	if err != nil {
		return err
	}
	// The users of the config that a command was given need not be those of the
	// server: no user is signed out because of them.
	if err := r.start(ctx, true); err != nil {
		return fmt.Errorf("realm %s: %w", r.name, err)
	}
	return nil
}

// ResetStore makes a copy of a realm's store and keys a realm of its own, which shares
// only its users with the original. The app is not started, and no other process has
// the store open.
//
// The original's guards refuse tokens, cookies and refresh tokens of the copy by the new
// id of the store. New keys, and with them a new id of the realm, are for verifiers that
// go by the original's JWKS and ask no store. The keys are left alone if the storage may
// belong to the original as well.
func (a *App) ResetStore(ctx context.Context, name string) (adminapi.StoreReset, error) {
	none := adminapi.StoreReset{}
	r, err := a.Realm(name)
	if err != nil {
		return none, err
	}
	file, ok := r.store.(*BoltStore)
	if !ok {
		return none, fmt.Errorf("realm %s: its store is no file that could have been copied: only one of `store bolt` has an id to reset", r.name)
	}
	done := adminapi.StoreReset{Path: file.path(r.name)}
	if done.Ended, err = file.resetID(ctx, r.name); err != nil {
		return none, fmt.Errorf("realm %s: store: %w", r.name, err)
	}
	if _, ok := r.storage.(*certmagic.FileStorage); !ok {
		done.KeysKept = "the keys are in a storage that the original may share: give the copy a storage of its own"
		return done, nil
	}
	if err := keyring.Reset(ctx, r.storage, r.name); err != nil {
		return none, fmt.Errorf("realm %s: the store has a new id, the keys are the old ones: %w", r.name, err)
	}
	if len(r.SigningKeys) > 0 {
		done.KeysKept = "the signing keys stand in the config: give the copy another `signing_key`"
		return done, nil
	}
	done.NewKeys = true
	return done, nil
}
