package keyring

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"
)

// Storage keeps the record, under a key such as jwtauth/default/keys.json.
// certmagic.Storage, which is Caddy's, implements it.
type Storage interface {
	// Load returns an error that wraps fs.ErrNotExist where nothing was stored, and
	// only there.
	Load(ctx context.Context, key string) ([]byte, error)
	// Store replaces the value in one step.
	Store(ctx context.Context, key string, value []byte) error
	// Lock waits until no other process or machine holds the lock of that name.
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
}

// stored is the record of a realm in its storage.
type stored struct {
	storage Storage
	realm   string
	now     func() time.Time
	// passed is a moment that has certainly passed. Default: now.
	passed func() time.Time
}

// past is, for a clock that says now, the moment by which everything that a key made
// must have expired before the key is removed from the record. When a wrong clock is
// corrected, a key that had stopped verifying verifies again. A removed key does not
// come back.
func (s stored) past(now time.Time) time.Time {
	if s.passed != nil {
		if passed := s.passed(); passed.Before(now) {
			return passed
		}
	}
	return now
}

func (s stored) path() string { return path.Join("jwtauth", s.realm, "keys.json") }

// load returns the keyring, or an error that wraps fs.ErrNotExist where the
// realm never had one.
func (s stored) load(ctx context.Context) (*record, error) {
	data, err := s.storage.Load(ctx, s.path())
	if err != nil {
		return nil, fmt.Errorf("reading the keys %s from Caddy's storage: %w", s.path(), err)
	}
	ring := new(record)
	if err := json.Unmarshal(data, ring); err != nil || ring.Version < 1 {
		// The error of the decoder could quote the record.
		return nil, fmt.Errorf("the keys %s in Caddy's storage are damaged: restore them from a backup; if there is none, move the record away and start again, which signs all users out", s.path())
	}
	if ring.Version != recordVersion {
		return nil, fmt.Errorf("the keys %s in Caddy's storage have format %d, this version reads format %d: use the version that wrote them", s.path(), ring.Version, recordVersion)
	}
	if ring.RealmID == "" || len(ring.FingerprintKey) < sha256.Size || len(ring.Session) == 0 {
		return nil, fmt.Errorf("the keys %s in Caddy's storage are incomplete: restore them from a backup", s.path())
	}
	for _, key := range ring.Session {
		if len(key.Secret) < sha256.Size || key.ID == "" {
			return nil, fmt.Errorf("the keys %s in Caddy's storage hold a broken session key: restore them from a backup", s.path())
		}
	}
	return ring, nil
}

// update changes the keyring under the storage's lock, so that machines that
// share a storage make each key once. Only where the storage says that there is
// no keyring is one made. change reports whether there is something to write.
func (s stored) update(ctx context.Context, change func(ring *record, now time.Time) (bool, error)) (*record, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()

	now := s.now()
	ring, err := s.load(ctx)
	created := false
	if errors.Is(err, fs.ErrNotExist) {
		ring, err = newRecord(now)
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

// Reset replaces the keys of a realm, and its id, by new ones that have nothing in
// common with them. Where there is no record, it makes none. No process may have the
// keys open.
func Reset(ctx context.Context, storage Storage, realm string) error {
	return stored{storage: storage, realm: realm, now: time.Now}.reset(ctx)
}

func (s stored) reset(ctx context.Context) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := s.storage.Load(ctx, s.path()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	ring, err := newRecord(s.now())
	if err != nil {
		return err
	}
	return s.write(ctx, ring)
}

func (s stored) lock(ctx context.Context) (unlock func(), err error) {
	lock := path.Join("jwtauth", s.realm, "keys")
	if err := s.storage.Lock(ctx, lock); err != nil {
		return nil, fmt.Errorf("locking the keys of the realm in Caddy's storage: %w", err)
	}
	return func() { _ = s.storage.Unlock(context.WithoutCancel(ctx), lock) }, nil
}

func (s stored) write(ctx context.Context, ring *record) error {
	data, err := json.MarshalIndent(ring, "", "\t")
	if err != nil {
		return err
	}
	if err := s.storage.Store(ctx, s.path(), data); err != nil {
		return fmt.Errorf("writing the keys %s to Caddy's storage: %w", s.path(), err)
	}
	return nil
}
