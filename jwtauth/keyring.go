package jwtauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/uuid"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// keyringVersion is the format of the record. A newer one is refused.
const keyringVersion = 1

// publishAhead is how long a new key waits before it signs, so that no verifier
// meets a key it has not seen: the max-age of the JWKS answer, after the time in
// which every machine of the realm has come to publish it.
const publishAhead = 10*time.Minute + 2*keysReadEvery

// keyring is the record of a realm's own keys in Caddy's storage, at
// jwtauth/<realm>/keys.json.
type keyring struct {
	Version int `json:"version"`
	// RealmID is the random id of the realm, part of its default issuer.
	RealmID string `json:"realm_id"`
	// Signing are the keys made here, oldest first.
	Signing []signingKeyRecord `json:"signing,omitempty"`
	// Refresh are the keys of refresh tokens and session cookies, oldest first.
	Refresh []refreshKeyRecord `json:"refresh"`
	// FingerprintKey keys the fingerprints of Configured.
	FingerprintKey []byte `json:"fingerprint_key"`
	// Configured remembers the random `kid` of HMAC secrets that are given in
	// the config. It holds no secret: only a keyed fingerprint.
	Configured []configuredKeyRecord `json:"configured,omitempty"`
	// LongestAccess and LongestRefresh are the longest lifetimes, in seconds, of
	// what can still be valid: the configured ones, or longer ones of a config
	// before until all that was made by it has expired. No token is accepted that
	// lasts longer, and a key that has stopped signing verifies for as long.
	LongestAccess  int64 `json:"longest_access"`
	LongestRefresh int64 `json:"longest_refresh"`
	// AccessLifetime and RefreshLifetime are those of the config that was started
	// last.
	AccessLifetime  lifetimeRecord `json:"access_lifetime,omitzero"`
	RefreshLifetime lifetimeRecord `json:"refresh_lifetime,omitzero"`
}

// lifetimeRecord is a configured lifetime and since when it is.
type lifetimeRecord struct {
	Seconds int64     `json:"seconds"`
	Since   time.Time `json:"since"`
}

type signingKeyRecord struct {
	ID         string    `json:"id"`
	Algorithm  string    `json:"algorithm"`
	PrivateKey string    `json:"private_key"`
	CreatedAt  time.Time `json:"created_at"`
	SignsFrom  time.Time `json:"signs_from"`
	retirement
}

type refreshKeyRecord struct {
	ID        string    `json:"id"`
	Secret    []byte    `json:"secret"`
	CreatedAt time.Time `json:"created_at"`
	UsedFrom  time.Time `json:"used_from"`
	retirement
}

type configuredKeyRecord struct {
	ID          string `json:"id"`
	Fingerprint string `json:"fingerprint"`
}

// keyringStorage reads and changes a realm's keyring.
type keyringStorage struct {
	storage certmagic.Storage
	realm   string
	now     func() time.Time
	// passed is a moment that has passed for sure. Default: now.
	passed func() time.Time
}

// past is the moment by which what a key made has to have expired before the key is
// removed from the record, for a clock that says now. Setting the clock right brings
// back what a key stopped verifying, and no key that was removed.
func (s keyringStorage) past(now time.Time) time.Time {
	if s.passed != nil {
		if passed := s.passed(); passed.Before(now) {
			return passed
		}
	}
	return now
}

func (s keyringStorage) path() string { return path.Join("jwtauth", s.realm, "keys.json") }

// load returns the keyring, or an error that wraps fs.ErrNotExist where the
// realm never had one.
func (s keyringStorage) load(ctx context.Context) (*keyring, error) {
	data, err := s.storage.Load(ctx, s.path())
	if err != nil {
		return nil, fmt.Errorf("reading the keys %s from Caddy's storage: %w", s.path(), err)
	}
	ring := new(keyring)
	if err := json.Unmarshal(data, ring); err != nil || ring.Version < 1 {
		// The error of the decoder could quote the record.
		return nil, fmt.Errorf("the keys %s in Caddy's storage are damaged: restore them from a backup; if there is none, move the record away and start again, which signs everybody out", s.path())
	}
	if ring.Version != keyringVersion {
		return nil, fmt.Errorf("the keys %s in Caddy's storage have format %d, this version reads format %d: use the version that wrote them", s.path(), ring.Version, keyringVersion)
	}
	if ring.RealmID == "" || len(ring.FingerprintKey) < sha256.Size || len(ring.Refresh) == 0 {
		return nil, fmt.Errorf("the keys %s in Caddy's storage are incomplete: restore them from a backup", s.path())
	}
	for _, key := range ring.Refresh {
		if len(key.Secret) < sha256.Size || key.ID == "" {
			return nil, fmt.Errorf("the keys %s in Caddy's storage hold a broken refresh key: restore them from a backup", s.path())
		}
	}
	return ring, nil
}

// update changes the keyring under the storage's lock, so that machines that
// share a storage make each key once. Only where the storage says that there is
// no keyring is one made. change reports whether there is something to write.
func (s keyringStorage) update(ctx context.Context, change func(ring *keyring, now time.Time) (bool, error)) (*keyring, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()

	now := s.now()
	ring, err := s.load(ctx)
	created := false
	if errors.Is(err, fs.ErrNotExist) {
		ring, err = newKeyring(now)
		created = true
	}
	if err != nil {
		return nil, err
	}
	changed, err := change(ring, now)
	if err != nil {
		return nil, err
	}
	if !changed && !created {
		return ring, nil
	}
	return ring, s.write(ctx, ring)
}

// reset replaces the keyring by one with nothing in common with it. Where there is
// none, none is made.
func (s keyringStorage) reset(ctx context.Context) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if !s.storage.Exists(ctx, s.path()) {
		return nil
	}
	ring, err := newKeyring(s.now())
	if err != nil {
		return err
	}
	return s.write(ctx, ring)
}

func (s keyringStorage) lock(ctx context.Context) (unlock func(), err error) {
	lock := path.Join("jwtauth", s.realm, "keys")
	if err := s.storage.Lock(ctx, lock); err != nil {
		return nil, fmt.Errorf("locking the keys of the realm in Caddy's storage: %w", err)
	}
	return func() { _ = s.storage.Unlock(context.WithoutCancel(ctx), lock) }, nil
}

func (s keyringStorage) write(ctx context.Context, ring *keyring) error {
	data, err := json.MarshalIndent(ring, "", "\t")
	if err != nil {
		return err
	}
	if err := s.storage.Store(ctx, s.path(), data); err != nil {
		return fmt.Errorf("writing the keys %s to Caddy's storage: %w", s.path(), err)
	}
	return nil
}

func newKeyring(now time.Time) (*keyring, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	fingerprintKey := make([]byte, sha256.Size)
	if _, err := rand.Read(fingerprintKey); err != nil {
		return nil, err
	}
	ring := &keyring{Version: keyringVersion, RealmID: id.String(), FingerprintKey: fingerprintKey}
	return ring, ring.addRefreshKey(now, now)
}

func (k *keyring) addRefreshKey(now, usedFrom time.Time) error {
	key, err := session.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	k.Refresh = append(k.Refresh, refreshKeyRecord{ID: key.ID, Secret: key.Secret, CreatedAt: now, UsedFrom: usedFrom})
	return nil
}

func (k *keyring) addSigningKey(algorithm string, now, signsFrom time.Time) error {
	key, err := accesstoken.GenerateKey(algorithm)
	if err != nil {
		return err
	}
	if key.ID == "" {
		key = key.WithID(accesstoken.RandomKeyID())
	}
	private, err := key.MarshalPrivate()
	if err != nil {
		return err
	}
	k.Signing = append(k.Signing, signingKeyRecord{
		ID: key.ID, Algorithm: algorithm, PrivateKey: private, CreatedAt: now, SignsFrom: signsFrom,
	})
	return nil
}

// ensureSigningKey makes a key of the algorithm where none is there. Where the
// realm signed with another algorithm before, the new key waits like one that
// was rotated in.
func (k *keyring) ensureSigningKey(algorithm string, now time.Time) (bool, error) {
	if slices.ContainsFunc(k.Signing, func(r signingKeyRecord) bool { return r.Algorithm == algorithm }) {
		return false, nil
	}
	signsFrom := now
	if len(k.Signing) > 0 {
		signsFrom = now.Add(publishAhead)
	}
	return true, k.addSigningKey(algorithm, now, signsFrom)
}

// rotate adds a signing key and a refresh key. The keys before them stop where
// these begin.
func (k *keyring) rotate(algorithm string, now time.Time, immediately bool) error {
	k.settle(algorithm, now)
	from := now.Add(publishAhead)
	if immediately {
		from = now
		// A key that still waits must not take over later from the one that
		// somebody wanted at once.
		signing, sealing := k.signing(algorithm, now).ID, k.refresh(now).ID
		k.Signing = slices.DeleteFunc(k.Signing, func(r signingKeyRecord) bool { return r.SignsFrom.After(now) && r.ID != signing })
		k.Refresh = slices.DeleteFunc(k.Refresh, func(r refreshKeyRecord) bool { return r.UsedFrom.After(now) && r.ID != sealing })
	}
	if err := k.addSigningKey(algorithm, now, from); err != nil {
		return err
	}
	if err := k.addRefreshKey(now, from); err != nil {
		return err
	}
	k.settle(algorithm, now)
	return nil
}

// revoke replaces all keys. Nothing that was made with one of them is valid any
// longer, so that nothing of any length is either.
func (k *keyring) revoke(algorithm string, now time.Time) error {
	k.Signing, k.Refresh = nil, nil
	k.LongestAccess, k.LongestRefresh = 0, 0
	if err := k.addSigningKey(algorithm, now, now); err != nil {
		return err
	}
	return k.addRefreshKey(now, now)
}

// signing is the key that signs at now: of the keys of the algorithm whose time
// has come the one whose time came last; while the first key of a new algorithm
// still waits, the one that signed before it and has not stopped.
func (k *keyring) signing(algorithm string, now time.Time) signingKeyRecord {
	best := signingKeyRecord{}
	better := func(r signingKeyRecord) bool {
		return !r.SignsFrom.After(now) && (best.ID == "" || !r.SignsFrom.Before(best.SignsFrom))
	}
	for _, r := range k.Signing {
		if r.Algorithm == algorithm && better(r) {
			best = r
		}
	}
	if best.ID != "" {
		return best
	}
	for _, r := range k.Signing {
		if better(r) && !r.stopped(now) {
			best = r
		}
	}
	for _, r := range k.Signing {
		if best.ID == "" && better(r) {
			best = r
		}
	}
	if best.ID == "" && len(k.Signing) > 0 {
		// All lie in the future: the clock was set back.
		best = k.Signing[0]
	}
	return best
}

// refresh is the refresh key in use at now.
func (k *keyring) refresh(now time.Time) refreshKeyRecord {
	best := k.Refresh[0]
	for _, r := range k.Refresh[1:] {
		if !r.UsedFrom.After(now) && !r.UsedFrom.Before(best.UsedFrom) {
			best = r
		}
	}
	return best
}

// nextChange is when another key comes into use, zero for never.
func (k *keyring) nextChange(now time.Time) (next time.Time) {
	consider := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, r := range k.Signing {
		consider(r.SignsFrom)
	}
	for _, r := range k.Refresh {
		consider(r.UsedFrom)
	}
	return next
}

// configuredID returns the lasting random id of an HMAC secret that is given in
// the config. A thumbprint would let anybody who sees a token test guesses of
// the secret; so does this fingerprint, but only for whoever has the keyring.
func (k *keyring) configuredID(key *accesstoken.Key) (id string, added bool) {
	fingerprint := key.Fingerprint(k.FingerprintKey)
	for _, r := range k.Configured {
		if r.Fingerprint == fingerprint {
			return r.ID, false
		}
	}
	id = accesstoken.RandomKeyID()
	k.Configured = append(k.Configured, configuredKeyRecord{ID: id, Fingerprint: fingerprint})
	return id, true
}
