package session

import (
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"
)

const (
	// KeyIDLength is the length of a [Key]'s ID in characters.
	KeyIDLength = 8
	// KeySecretLength is the least length of a [Key]'s Secret in bytes, and
	// the length of one made by [GenerateKey].
	KeySecretLength = 32
)

// ErrKey is returned for a key that must not be used: its id is not
// [KeyIDLength] characters of the base64url alphabet, or its secret is shorter
// than [KeySecretLength] bytes.
var ErrKey = errors.New("not a usable session key")

// Key is a session key of a realm. Its secret authenticates nothing itself: the
// keys for refresh tokens and for cookie values are derived from it.
type Key struct {
	// ID names the key in what it seals: [KeyIDLength] base64url characters.
	ID string
	// Secret is at least [KeySecretLength] random bytes.
	Secret []byte
	// Until is the last moment at which the key was the current one, zero for one
	// that may be it still. It made nothing for sessions that began later.
	Until time.Time
}

// Check returns [ErrKey], wrapped, for a key that must not be used.
func (k Key) Check() error {
	if len(k.ID) != KeyIDLength || strings.Trim(k.ID, alphabet) != "" {
		return fmt.Errorf("%w: its id must be %d characters of the base64url alphabet", ErrKey, KeyIDLength)
	}
	if len(k.Secret) < KeySecretLength {
		return fmt.Errorf("%w: the secret of key %s must have at least %d bytes", ErrKey, k.ID, KeySecretLength)
	}
	return nil
}

// String names the key and keeps its secret out of every log.
func (k Key) String() string { return "session key " + k.ID }

// GoString does the same for %#v.
func (k Key) GoString() string { return k.String() }

// sealedFor reports whether the key of that id, where it is known still, can have
// sealed anything for s.
func sealedFor(keys Keys, id string, s Session) bool {
	k, known := keys.Lookup(id)
	return known && (k.Until.IsZero() || !s.CreatedAt.After(k.Until))
}

// GenerateKey makes a key from random, which is crypto/rand.Reader outside tests.
func GenerateKey(random io.Reader) (Key, error) {
	raw := make([]byte, KeyIDLength*6/8+KeySecretLength)
	if _, err := io.ReadFull(random, raw); err != nil {
		return Key{}, fmt.Errorf("making a session key: %w", err)
	}
	return Key{
		ID:     base64.RawURLEncoding.EncodeToString(raw[KeySecretLength:]),
		Secret: raw[:KeySecretLength:KeySecretLength],
	}, nil
}

// Keys are the session keys of a realm, held in memory: both methods are called
// for every token and must not block. They are safe for concurrent use.
type Keys interface {
	// Current is the key that seals what is issued now.
	Current() Key
	// Lookup returns the key with that id, be it current or an old one whose
	// sessions have not all ended.
	Lookup(id string) (Key, bool)
}

// KeySet is a [Keys] that never changes.
type KeySet struct {
	current Key
	byID    map[string]Key
}

// NewKeys makes a [KeySet]. An unusable key, or one id for two keys, is an error
// that wraps [ErrKey].
func NewKeys(current Key, others ...Key) (*KeySet, error) {
	set := &KeySet{current: current, byID: make(map[string]Key, 1+len(others))}
	for _, k := range append([]Key{current}, others...) {
		if err := k.Check(); err != nil {
			return nil, err
		}
		if _, taken := set.byID[k.ID]; taken {
			return nil, fmt.Errorf("%w: two keys have the id %s", ErrKey, k.ID)
		}
		set.byID[k.ID] = k
	}
	return set, nil
}

// Current returns the first of the keys given to [NewKeys].
func (s *KeySet) Current() Key { return s.current }

// Lookup returns the key with that id.
func (s *KeySet) Lookup(id string) (Key, bool) {
	k, ok := s.byID[id]
	return k, ok
}

// Same reports whether both sets verify the same, whichever key is current.
func (s *KeySet) Same(other *KeySet) bool {
	return maps.EqualFunc(s.byID, other.byID, func(a, b Key) bool {
		return hmac.Equal(a.Secret, b.Secret) && a.Until.Equal(b.Until)
	})
}

// Interface guard.
var _ Keys = (*KeySet)(nil)
