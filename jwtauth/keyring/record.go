package keyring

import (
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// recordVersion is the format of the record. A newer one is refused.
const recordVersion = 1

// PublishAhead is how long a new key waits before it signs, so that no verifier meets
// a key it has not seen: the time in which every machine of the realm starts to publish
// it, and then the max-age of the JWKS answer.
const PublishAhead = 10*time.Minute + 2*ReadEvery

// record is what the storage keeps of a realm's own keys, at
// jwtauth/<realm>/keys.json.
type record struct {
	Version int `json:"version"`
	// RealmID is the random id of the realm, part of its default issuer.
	RealmID string `json:"realm_id"`
	// Signing are the keys made here, oldest first.
	Signing []signingKeyRecord `json:"signing,omitempty"`
	// Session are the keys of refresh tokens and session cookies, oldest first.
	Session []sessionKeyRecord `json:"refresh"`
	// FingerprintKey keys the fingerprints of Configured.
	FingerprintKey []byte `json:"fingerprint_key"`
	// Configured remembers the random `kid` of HMAC secrets that are given in
	// the config. It holds no secret: only a keyed fingerprint.
	Configured []configuredKeyRecord `json:"configured,omitempty"`
	// LongestAccess and LongestRefresh are the longest lifetimes, in seconds, of
	// what can still be valid: the configured ones, or longer ones of an earlier
	// config until everything made under it has expired. No token is accepted that
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

type sessionKeyRecord struct {
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

func newRecord(now time.Time) (*record, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	fingerprintKey := make([]byte, sha256.Size)
	if _, err := rand.Read(fingerprintKey); err != nil {
		return nil, err
	}
	ring := &record{Version: recordVersion, RealmID: id.String(), FingerprintKey: fingerprintKey}
	return ring, ring.addSessionKey(now, now)
}

func (k *record) addSessionKey(now, usedFrom time.Time) error {
	key, err := session.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	k.Session = append(k.Session, sessionKeyRecord{ID: key.ID, Secret: key.Secret, CreatedAt: now, UsedFrom: usedFrom})
	return nil
}

func (k *record) addSigningKey(algorithm string, now, signsFrom time.Time) error {
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
func (k *record) ensureSigningKey(algorithm string, now time.Time) (bool, error) {
	if slices.ContainsFunc(k.Signing, func(r signingKeyRecord) bool { return r.Algorithm == algorithm }) {
		return false, nil
	}
	signsFrom := now
	if len(k.Signing) > 0 {
		signsFrom = now.Add(PublishAhead)
	}
	return true, k.addSigningKey(algorithm, now, signsFrom)
}

// rotate adds a signing key and a session key. The keys before them stop where
// these begin.
func (k *record) rotate(algorithm string, now time.Time, immediately bool) error {
	k.settle(algorithm, now)
	from := now.Add(PublishAhead)
	if immediately {
		from = now
		// A key that still waits must not take over later from the one that is
		// wanted at once.
		signingID, sessionID := k.signingKey(algorithm, now).ID, k.sessionKey(now).ID
		k.Signing = slices.DeleteFunc(k.Signing, func(r signingKeyRecord) bool { return r.SignsFrom.After(now) && r.ID != signingID })
		k.Session = slices.DeleteFunc(k.Session, func(r sessionKeyRecord) bool { return r.UsedFrom.After(now) && r.ID != sessionID })
	}
	if err := k.addSigningKey(algorithm, now, from); err != nil {
		return err
	}
	if err := k.addSessionKey(now, from); err != nil {
		return err
	}
	k.settle(algorithm, now)
	return nil
}

// revoke replaces all keys. Nothing that was made with one of them is valid any
// longer, so that nothing of any length is either.
func (k *record) revoke(algorithm string, now time.Time) error {
	k.Signing, k.Session = nil, nil
	k.LongestAccess, k.LongestRefresh = 0, 0
	if err := k.addSigningKey(algorithm, now, now); err != nil {
		return err
	}
	return k.addSessionKey(now, now)
}

// signingKey is the key that signs at now: of the keys of the algorithm whose time
// has come the one whose time came last; while the first key of a new algorithm
// still waits, the one that signed before it and has not stopped.
func (k *record) signingKey(algorithm string, now time.Time) signingKeyRecord {
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

// sessionKey is the session key in use at now.
func (k *record) sessionKey(now time.Time) sessionKeyRecord {
	best := k.Session[0]
	for _, r := range k.Session[1:] {
		if !r.UsedFrom.After(now) && !r.UsedFrom.Before(best.UsedFrom) {
			best = r
		}
	}
	return best
}

// nextChange is when another key comes into use, zero for never.
func (k *record) nextChange(now time.Time) (next time.Time) {
	consider := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, r := range k.Signing {
		consider(r.SignsFrom)
	}
	for _, r := range k.Session {
		consider(r.UsedFrom)
	}
	return next
}

// configuredID returns the lasting random id of an HMAC secret that is given in the
// config. With a thumbprint as id, any reader of a token could test guesses of the
// secret. The fingerprint allows that too, but only to a reader of the record.
func (k *record) configuredID(key *accesstoken.Key) (id string, added bool) {
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
