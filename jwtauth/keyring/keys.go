package keyring

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

// ReadEvery is how often the record is read again, to see what another machine or a
// command has rotated. It has to be well below [PublishAhead].
const ReadEvery = time.Minute

// clock is the clock by which keys are removed from the record. It outlives every
// config: when a clock is set forward for a moment and a reload follows, no key is
// removed.
var clock = revocation.NewClock()

// Options say what keys a realm has.
type Options struct {
	// Storage keeps the record, Realm is the name of the realm there.
	Storage Storage
	Realm   string
	// Algorithm is that of signing keys which are made here.
	Algorithm string
	// Configured are the signing keys given in the config; the first one signs. With
	// any of them none is made here.
	Configured []*accesstoken.Key
	// Lifetimes bound how long a key that no longer signs verifies.
	Lifetimes session.Lifetimes
	// Logger is told when the record cannot be read again.
	Logger *zap.Logger
}

// Keys are the keys of an open realm: those of the record and those given in the
// config, as they are to be used now. Methods may be called concurrently.
type Keys struct {
	stored     stored
	algorithm  string
	configured []*accesstoken.Key // with their ids
	lifetimes  session.Lifetimes
	logger     *zap.Logger

	reading sync.Mutex
	record  *record // guarded by reading
	view    atomic.Pointer[View]
}

// View is what the keys are at one moment. It does not change.
type View struct {
	// RealmID is the random id of the realm.
	RealmID string
	// Signing signs and verifies access tokens.
	Signing *accesstoken.KeySet
	// Session signs and verifies refresh tokens and cookies.
	Session *session.KeySet
	// JWKS is the JWK set of the public keys (RFC 7517 §5).
	JWKS []byte
	// DecoyKey decides what an unknown name costs. It stays when keys rotate, as the
	// cost of known names does.
	DecoyKey []byte
}

// Open reads the realm's record, and writes it where something is missing: all of it
// at the very first start.
func Open(ctx context.Context, o Options) (*Keys, error) {
	return open(ctx, o, stored{storage: o.Storage, realm: o.Realm, now: time.Now, passed: clock.Now})
}

func open(ctx context.Context, o Options, in stored) (*Keys, error) {
	k := &Keys{
		stored: in, algorithm: o.Algorithm, configured: slices.Clone(o.Configured), lifetimes: o.Lifetimes,
		logger: o.Logger,
	}
	complete := func(r *record, now time.Time) (bool, error) { return k.complete(r, now, true) }
	// The usual start finds everything there and takes no lock.
	r, err := in.load(ctx)
	if err == nil {
		var changed bool
		if changed, err = complete(r, in.now()); err == nil && changed {
			r, err = in.update(ctx, complete)
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		r, err = in.update(ctx, complete)
	}
	if err != nil {
		return nil, err
	}
	return k, k.putInForce(r)
}

// complete adds what this config needs to the record, and takes out what nothing
// needs; starting is as for adopt. It reports whether there is something to write.
func (k *Keys) complete(r *record, now time.Time, starting bool) (changed bool, err error) {
	// First, so that a longer lifetime does not bring a key back that has had its time.
	past := k.stored.past(now)
	changed = r.drop(k.algorithm, now, past, k.lifetimes.Leeway)
	changed = r.adopt(k.lifetimes, now, past, starting) || changed
	if len(k.configured) == 0 {
		made, err := r.ensureSigningKey(k.algorithm, now)
		if err != nil {
			return false, err
		}
		changed = made || changed
	}
	changed = r.settle(k.algorithm, now) || changed
	for i, key := range k.configured {
		if !key.Symmetric() {
			continue
		}
		id, added := r.configuredID(key)
		k.configured[i] = key.WithID(id)
		changed = changed || added
	}
	return changed, nil
}

// putInForce makes the keys of a record those in force.
func (k *Keys) putInForce(r *record) error {
	now := k.stored.now()
	decoyKey := sha256.Sum256(append([]byte("jwtauth decoys\x00"), r.FingerprintKey...))
	view := &View{RealmID: r.RealmID, DecoyKey: decoyKey[:]}
	// A config that runs on while another has a shorter lifetime goes by its own.
	longest := max(r.LongestAccess, int64(k.lifetimes.Access/time.Second))
	signing, err := k.signingKeys(r, now, longest)
	if err != nil {
		return err
	}
	view.Signing = signing.WithMaxLifetime(time.Duration(longest) * time.Second)
	if view.Session, err = k.sessionKeys(r, now); err != nil {
		return err
	}
	if view.JWKS, err = accesstoken.MarshalJWKS(view.Signing.All()); err != nil {
		return err
	}
	k.record = r
	k.view.Store(view)
	return nil
}

// signingKeys are the keys that sign and verify access tokens at now: of those made
// here the ones of which something can be valid. longest is a lifetime in seconds.
func (k *Keys) signingKeys(r *record, now time.Time, longest int64) (*accesstoken.KeySet, error) {
	if len(k.configured) > 0 {
		set, err := accesstoken.NewKeySet(k.configured[0], k.configured[1:]...)
		if err != nil {
			return nil, fmt.Errorf("signing_key: %w", err)
		}
		return set, nil
	}
	current := r.signingKey(k.algorithm, now)
	var signing *accesstoken.Key
	var others []*accesstoken.Key
	for _, kept := range r.Signing {
		if kept.ID != current.ID && kept.spent(now, longest, k.lifetimes.Leeway) {
			continue
		}
		key, err := accesstoken.ParseKey(kept.Algorithm, kept.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("the keys %s in Caddy's storage hold a broken signing key %s: %w", k.stored.path(), kept.ID, err)
		}
		if key.Symmetric() {
			key = key.WithID(kept.ID)
		}
		switch {
		case kept.ID == current.ID:
			signing = key
		case kept.stopped(now):
			others = append(others, key.StoppedAt(kept.lastUse()))
		default:
			others = append(others, key)
		}
	}
	if signing == nil {
		return nil, fmt.Errorf("the keys %s in Caddy's storage hold no signing key", k.stored.path())
	}
	return accesstoken.NewKeySet(signing, others...)
}

func (k *Keys) sessionKeys(r *record, now time.Time) (*session.KeySet, error) {
	current := r.sessionKey(now)
	longest := max(r.LongestRefresh, int64(k.lifetimes.Refresh/time.Second))
	var others []session.Key
	for _, kept := range r.Session {
		if kept.ID == current.ID || kept.spent(now, longest, k.lifetimes.Leeway) {
			continue
		}
		key := session.Key{ID: kept.ID, Secret: kept.Secret}
		if kept.stopped(now) {
			key.Until = kept.lastUse().Add(k.lifetimes.Leeway)
		}
		others = append(others, key)
	}
	return session.NewKeys(session.Key{ID: current.ID, Secret: current.Secret}, others...)
}

// Follow reads the record again, from time to time, until ctx ends. ruling reports
// whether no other config of this process has taken over: only then is what the reading
// finds written down. inForce is called after each reading, with no lock held.
//
// [Keys.Rotate] and [Keys.Revoke] put keys in force themselves and need not wake it: a
// key that waits does so for [PublishAhead], and by then it has been read. So whoever
// changes the keys is the first to see them changed.
func (k *Keys) Follow(ctx context.Context, ruling func() bool, inForce func()) {
	for {
		wait := time.NewTimer(k.untilNextRead())
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
		if err := k.read(ctx, ruling()); err != nil && ctx.Err() == nil {
			k.logger.Error("reading the keys again; the last ones stay in use", zap.Error(err))
		}
		inForce()
	}
}

func (k *Keys) untilNextRead() time.Duration {
	k.reading.Lock()
	defer k.reading.Unlock()
	now := k.stored.now()
	wait := ReadEvery
	if next := k.record.nextChange(now); !next.IsZero() {
		wait = min(wait, next.Sub(now))
	}
	return wait
}

// read reads the record again, and writes it where writes is set and something is to
// be changed.
func (k *Keys) read(ctx context.Context, writes bool) error {
	k.reading.Lock()
	defer k.reading.Unlock()
	r, err := k.stored.load(ctx)
	if err == nil && writes {
		complete := func(r *record, now time.Time) (bool, error) { return k.complete(r, now, false) }
		var changed bool
		if changed, err = complete(r, k.stored.now()); err == nil && changed {
			r, err = k.stored.update(ctx, complete)
		}
	}
	if err != nil {
		r = k.record // its keys still start and stop when their time comes
	}
	return errors.Join(err, k.putInForce(r))
}

// Rotate makes new keys. They are used from [PublishAhead] on, or immediately. It
// returns [ErrConfigured] where the keys stand in the config.
func (k *Keys) Rotate(ctx context.Context, immediately bool) error {
	return k.change(ctx, ErrConfigured, func(r *record, now time.Time) error {
		return r.rotate(k.algorithm, now, immediately)
	})
}

// Revoke makes new keys and uses them immediately. Nothing that was made with a former
// key is accepted from then on: here when it returns, and by other machines when they
// read the keys. It returns [ErrRevokeConfigured] where the keys stand in the config.
func (k *Keys) Revoke(ctx context.Context) error {
	return k.change(ctx, ErrRevokeConfigured, func(r *record, now time.Time) error {
		if err := r.revoke(k.algorithm, now); err != nil {
			return err
		}
		r.adopt(k.lifetimes, now, now, true)
		return nil
	})
}

// change makes other keys where they are made here, and else returns configured.
func (k *Keys) change(ctx context.Context, configured error, change func(r *record, now time.Time) error) error {
	if len(k.configured) > 0 {
		return configured
	}
	k.reading.Lock()
	defer k.reading.Unlock()
	r, err := k.stored.update(ctx, func(r *record, now time.Time) (bool, error) {
		return true, change(r, now)
	})
	if err != nil {
		return err
	}
	return k.putInForce(r)
}

// Why keys that stand in the config are not changed here, and what to do.
var (
	ErrConfigured       = errors.New("the signing keys of this realm stand in the config: put a new `signing_key` line above the old one, reload, and remove the old one when its tokens have expired")
	ErrRevokeConfigured = errors.New("the signing keys of this realm stand in the config: remove the `signing_key` lines, so that keys are made here, reload, and run this again; a line with a new key may follow, the one that leaked never again")
)

// View returns the keys as they are now.
func (k *Keys) View() *View { return k.view.Load() }

// Signing returns the keys that sign and verify access tokens now.
func (k *Keys) Signing() *accesstoken.KeySet { return k.View().Signing }

// Current implements [session.Keys].
func (k *Keys) Current() session.Key { return k.View().Session.Current() }

// Lookup implements [session.Keys].
func (k *Keys) Lookup(id string) (session.Key, bool) { return k.View().Session.Lookup(id) }

// Interface guards
var _ session.Keys = (*Keys)(nil)
