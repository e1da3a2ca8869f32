package accesstoken

import (
	"encoding/base64"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxKeyID is the maximum length of a "kid" in bytes. A longer one is not looked up.
const maxKeyID = 256

// KeySet is the keys of one issuer: one that signs and any number that only
// verify, such as the keys before a rotation. It is never changed once made. A
// nil KeySet is empty.
type KeySet struct {
	signing *Key
	all     []*Key
	byID    map[string]*Key
	// byHeader finds the key by the encoded header that Sign writes, so that
	// the header of a token made here need not be parsed.
	byHeader map[string]*Key
	// header is the encoded header of tokens that signing signs.
	header string
	// maxLifetime bounds "exp" - "iat", 0 for no bound.
	maxLifetime time.Duration
}

// NewKeySet makes a set of the key that signs and others that verify. signing
// is nil for a set that only verifies. Each key needs its own id.
func NewKeySet(signing *Key, others ...*Key) (*KeySet, error) {
	s := &KeySet{signing: signing, byID: make(map[string]*Key), byHeader: make(map[string]*Key)}
	if signing != nil {
		if !signing.CanSign() {
			return nil, fmt.Errorf("%w: the key that signs has no private half", ErrKeyFit)
		}
		s.all = append(s.all, signing)
	}
	s.all = append(s.all, others...)
	for _, k := range s.all {
		if k == nil || k.alg == nil {
			return nil, fmt.Errorf("%w: a key of the set is missing", ErrKeyFit)
		}
		if k.ID == "" || len(k.ID) > maxKeyID || !utf8.ValidString(k.ID) {
			return nil, fmt.Errorf("%w: its id is not text of 1 to %d bytes", ErrKeyFit, maxKeyID)
		}
		if s.byID[k.ID] != nil {
			return nil, fmt.Errorf("%w: two keys have the same id", ErrKeyFit)
		}
		s.byID[k.ID] = k
		header, err := encodeHeader(k)
		if err != nil {
			return nil, err
		}
		s.byHeader[header] = k
		if k == signing {
			s.header = header
		}
	}
	return s, nil
}

// WithMaxLifetime returns the same set for an issuer whose tokens last at most that
// long, from "iat" to "exp". Tokens that last longer are neither signed nor
// accepted, with any of the keys. 0 means no bound.
func (s *KeySet) WithMaxLifetime(longest time.Duration) *KeySet {
	c := *s
	c.maxLifetime = longest
	return &c
}

// MaxLifetime returns the bound that [KeySet.WithMaxLifetime] set.
func (s *KeySet) MaxLifetime() time.Duration { return s.maxLifetime }

// encodeHeader returns the header segment of an access token that k signs.
func encodeHeader(k *Key) (string, error) {
	kid, err := jsontext.AppendQuote(nil, k.ID)
	if err != nil {
		return "", fmt.Errorf("%w: its id is not text", ErrKeyFit)
	}
	header := `{"alg":"` + k.alg.name + `","kid":` + string(kid) + `,"typ":"` + TypeAccessToken + `"}`
	return base64.RawURLEncoding.EncodeToString([]byte(header)), nil
}

// SigningKey returns the key that signs, nil where the set only verifies.
func (s *KeySet) SigningKey() *Key {
	if s == nil {
		return nil
	}
	return s.signing
}

// Lookup returns the key with that id, or nil.
func (s *KeySet) Lookup(id string) *Key {
	if s == nil {
		return nil
	}
	return s.byID[id]
}

// All returns all keys, the one that signs first.
func (s *KeySet) All() []*Key {
	if s == nil {
		return nil
	}
	return slices.Clone(s.all)
}
