package jwtauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// keysReadEvery is how often the keyring is read again, to see what another
// machine, or a command, has rotated. It has to be well below publishAhead.
const keysReadEvery = time.Minute

// keysClock is what keys are removed from the record by. It outlives every config: a
// clock that is set forward for a moment, and a reload then, take no key away.
var keysClock = revocation.NewClock()

// liveKeys are the keys of an open realm: the keyring in Caddy's storage and
// the keys given in the config, as they are to be used now.
type liveKeys struct {
	storage    keyringStorage
	algorithm  string
	configured []*accesstoken.Key // with their ids
	lifetimes  session.Lifetimes
	logger     *zap.Logger
	// ruling reports that no other config of this process has taken over. Only
	// such a one writes down what its readings of the keys find. nil: always.
	ruling func() bool

	reading sync.Mutex
	ring    *keyring // guarded by reading
	view    atomic.Pointer[keyView]
	changed chan struct{} // wakes run after a rotation
	// caches gives a view its caches, before it comes into force.
	caches func(view, before *keyView)
	// inForce, if set, is called after each reading, without a lock.
	inForce func()
}

// keyView is what the keys are at one moment.
type keyView struct {
	realmID string
	signing *accesstoken.KeySet
	refresh *session.KeySet
	jwks    []byte
	// decoyKey decides what an unknown name costs. It stays when keys rotate, as
	// the cost of known names does.
	decoyKey []byte
	// tokens and cookies remember what was verified with these keys.
	tokens, cookies *principals
}

// openKeys reads the realm's keyring, and writes it where it lacks something:
// everything at the very first start.
func openKeys(ctx context.Context, storage keyringStorage, algorithm string, configured []*accesstoken.Key, lt session.Lifetimes, logger *zap.Logger, caches func(view, before *keyView)) (*liveKeys, error) {
	k := &liveKeys{
		storage: storage, algorithm: algorithm, configured: slices.Clone(configured), lifetimes: lt, logger: logger,
		changed: make(chan struct{}, 1), caches: caches,
	}
	complete := func(ring *keyring, now time.Time) (bool, error) { return k.complete(ring, now, true) }
	// The usual start finds everything there and takes no lock.
	ring, err := storage.load(ctx)
	if err == nil {
		var changed bool
		if changed, err = complete(ring, storage.now()); err == nil && changed {
			ring, err = storage.update(ctx, complete)
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		ring, err = storage.update(ctx, complete)
	}
	if err != nil {
		return nil, err
	}
	return k, k.use(ring)
}

// complete adds what this config needs to the record, and takes out what nothing
// needs; starting is as for adopt. It reports whether there is something to write.
func (k *liveKeys) complete(ring *keyring, now time.Time, starting bool) (changed bool, err error) {
	// First, so that a longer lifetime does not bring a key back that has had its time.
	past := k.storage.past(now)
	changed = ring.drop(k.algorithm, now, past, k.lifetimes.Leeway)
	changed = ring.adopt(k.lifetimes, now, past, starting) || changed
	if len(k.configured) == 0 {
		made, err := ring.ensureSigningKey(k.algorithm, now)
		if err != nil {
			return false, err
		}
		changed = made || changed
	}
	changed = ring.settle(k.algorithm, now) || changed
	for i, key := range k.configured {
		if !key.Symmetric() {
			continue
		}
		id, added := ring.configuredID(key)
		k.configured[i] = key.WithID(id)
		changed = changed || added
	}
	return changed, nil
}

// use makes a keyring the one in force.
func (k *liveKeys) use(ring *keyring) error {
	now := k.storage.now()
	decoyKey := sha256.Sum256(append([]byte("jwtauth decoys\x00"), ring.FingerprintKey...))
	view := &keyView{realmID: ring.RealmID, decoyKey: decoyKey[:]}
	// A config that runs on while another has a shorter lifetime goes by its own.
	longest := max(ring.LongestAccess, int64(k.lifetimes.Access/time.Second))
	signing, err := k.signingKeys(ring, now, longest)
	if err != nil {
		return err
	}
	view.signing = signing.WithMaxLifetime(time.Duration(longest) * time.Second)
	if view.refresh, err = k.refreshKeys(ring, now); err != nil {
		return err
	}
	if view.jwks, err = accesstoken.MarshalJWKS(view.signing.All()); err != nil {
		return err
	}
	k.caches(view, k.view.Load())
	k.ring = ring
	k.view.Store(view)
	return nil
}

// signingKeys are the keys that sign and verify access tokens at now: of those made
// here the ones of which something can be valid. longest is a lifetime in seconds.
func (k *liveKeys) signingKeys(ring *keyring, now time.Time, longest int64) (*accesstoken.KeySet, error) {
	if len(k.configured) > 0 {
		set, err := accesstoken.NewKeySet(k.configured[0], k.configured[1:]...)
		if err != nil {
			return nil, fmt.Errorf("signing_key: %w", err)
		}
		return set, nil
	}
	current := ring.signing(k.algorithm, now)
	var signing *accesstoken.Key
	var others []*accesstoken.Key
	for _, record := range ring.Signing {
		if record.ID != current.ID && record.spent(now, longest, k.lifetimes.Leeway) {
			continue
		}
		key, err := accesstoken.ParseKey(record.Algorithm, record.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("the keys %s in Caddy's storage hold a broken signing key %s: %w", k.storage.path(), record.ID, err)
		}
		if key.Symmetric() {
			key = key.WithID(record.ID)
		}
		switch {
		case record.ID == current.ID:
			signing = key
		case record.stopped(now):
			others = append(others, key.StoppedAt(record.lastUse()))
		default:
			others = append(others, key)
		}
	}
	if signing == nil {
		return nil, fmt.Errorf("the keys %s in Caddy's storage hold no signing key", k.storage.path())
	}
	return accesstoken.NewKeySet(signing, others...)
}

func (k *liveKeys) refreshKeys(ring *keyring, now time.Time) (*session.KeySet, error) {
	current := ring.refresh(now)
	longest := max(ring.LongestRefresh, int64(k.lifetimes.Refresh/time.Second))
	var others []session.Key
	for _, record := range ring.Refresh {
		if record.ID == current.ID || record.spent(now, longest, k.lifetimes.Leeway) {
			continue
		}
		key := session.Key{ID: record.ID, Secret: record.Secret}
		if record.stopped(now) {
			key.Until = record.lastUse().Add(k.lifetimes.Leeway)
		}
		others = append(others, key)
	}
	return session.NewKeys(session.Key{ID: current.ID, Secret: current.Secret}, others...)
}

// run follows the keyring until ctx ends.
func (k *liveKeys) run(ctx context.Context) {
	for {
		wait := time.NewTimer(k.untilNextRead())
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-k.changed:
			wait.Stop()
		case <-wait.C:
		}
		if err := k.read(ctx); err != nil && ctx.Err() == nil {
			k.logger.Error("reading the keys again; the last ones stay in use", zap.Error(err))
		}
	}
}

func (k *liveKeys) untilNextRead() time.Duration {
	k.reading.Lock()
	defer k.reading.Unlock()
	now := k.storage.now()
	wait := keysReadEvery
	if next := k.ring.nextChange(now); !next.IsZero() {
		wait = min(wait, next.Sub(now))
	}
	return wait
}

func (k *liveKeys) read(ctx context.Context) error {
	defer k.announce() // after the lock is released
	k.reading.Lock()
	defer k.reading.Unlock()
	ring, err := k.storage.load(ctx)
	if err == nil && (k.ruling == nil || k.ruling()) {
		complete := func(ring *keyring, now time.Time) (bool, error) { return k.complete(ring, now, false) }
		var changed bool
		if changed, err = complete(ring, k.storage.now()); err == nil && changed {
			ring, err = k.storage.update(ctx, complete)
		}
	}
	if err != nil {
		ring = k.ring // whose keys go on to come and go with the time
	}
	return errors.Join(err, k.use(ring))
}

// rotate makes new keys. They are used from publishAhead on, or immediately.
func (k *liveKeys) rotate(ctx context.Context, immediately bool) error {
	return k.change(ctx, errConfiguredKeys, func(ring *keyring, now time.Time) error {
		return ring.rotate(k.algorithm, now, immediately)
	})
}

// revoke makes new keys and has them used immediately. Nothing that was made with
// a former key is accepted from then on: here when it returns, and by other
// machines when they read the keys.
func (k *liveKeys) revoke(ctx context.Context) error {
	return k.change(ctx, errRevokeConfigured, func(ring *keyring, now time.Time) error {
		if err := ring.revoke(k.algorithm, now); err != nil {
			return err
		}
		ring.adopt(k.lifetimes, now, now, true)
		return nil
	})
}

// change makes other keys, where they are made here; else it returns configured.
func (k *liveKeys) change(ctx context.Context, configured error, change func(ring *keyring, now time.Time) error) error {
	if len(k.configured) > 0 {
		return configured
	}
	defer k.announce() // after the lock is released
	k.reading.Lock()
	defer k.reading.Unlock()
	ring, err := k.storage.update(ctx, func(ring *keyring, now time.Time) (bool, error) {
		return true, change(ring, now)
	})
	if err != nil {
		return err
	}
	select {
	case k.changed <- struct{}{}:
	default:
	}
	return k.use(ring)
}

func (k *liveKeys) announce() {
	if k.inForce != nil {
		k.inForce()
	}
}

// list returns the keys without their material.
func (k *liveKeys) list() []AdminKey {
	k.reading.Lock()
	defer k.reading.Unlock()
	now := k.storage.now()
	var keys []AdminKey
	for i, key := range k.configured {
		state := "verifies"
		if i == 0 {
			state = "signs"
		}
		keys = append(keys, AdminKey{ID: key.ID, Use: "access tokens", Algorithm: key.Algorithm, State: state + " (from the config)"})
	}
	stateOf := func(id, current, verb string, from time.Time) string {
		switch {
		case id == current:
			return verb
		case from.After(now):
			return "waits"
		default:
			return "verifies"
		}
	}
	if len(k.configured) == 0 {
		signing := k.ring.signing(k.algorithm, now).ID
		for _, r := range k.ring.Signing {
			keys = append(keys, AdminKey{
				ID: r.ID, Use: "access tokens", Algorithm: r.Algorithm, CreatedAt: &r.CreatedAt, UsedFrom: &r.SignsFrom,
				State: stateOf(r.ID, signing, "signs", r.SignsFrom),
			})
		}
	}
	sealing := k.ring.refresh(now).ID
	for _, r := range k.ring.Refresh {
		keys = append(keys, AdminKey{
			ID: r.ID, Use: "refresh tokens", Algorithm: "HMAC-SHA256", CreatedAt: &r.CreatedAt, UsedFrom: &r.UsedFrom,
			State: stateOf(r.ID, sealing, "signs", r.UsedFrom),
		})
	}
	return keys
}

// Why keys that stand in the config are not changed here, and what to do.
var (
	errConfiguredKeys   = errors.New("the signing keys of this realm stand in the config: put a new `signing_key` line above the old one, reload, and remove the old one when its tokens have expired")
	errRevokeConfigured = errors.New("the signing keys of this realm stand in the config: remove the `signing_key` lines, so that keys are made here, reload, and run this again; a line with a new key may follow, the one that leaked never again")
)

// Signing returns the keys that sign and verify access tokens.
func (k *liveKeys) Signing() *accesstoken.KeySet { return k.view.Load().signing }

// JWKS returns the public keys as a JWK set.
func (k *liveKeys) JWKS() []byte { return k.view.Load().jwks }

// Current implements [session.Keys].
func (k *liveKeys) Current() session.Key { return k.view.Load().refresh.Current() }

// Lookup implements [session.Keys].
func (k *liveKeys) Lookup(id string) (session.Key, bool) { return k.view.Load().refresh.Lookup(id) }

// Interface guards
var _ session.Keys = (*liveKeys)(nil)
