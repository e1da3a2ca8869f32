package accesstoken

import (
	"encoding/base64"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxKeyID is the length of a "kid" in bytes above which none is looked up.
const maxKeyID = 256

// KeySet is the keys of one issuer: one that signs and any number that only
// verify, such as those of before a rotation. It is never changed once made. A
// nil KeySet is an empty one.
type KeySet struct {
	signing *Key
	all     []*Key
	byID    map[string]*Key
	// byHeader finds the key by the encoded header that Sign writes, so that
	// a token of ours costs no parsing of one.
	byHeader map[string]*Key
	// header is the encoded header of tokens that signing signs.
	header string
	// longest bounds "exp" - "iat", 0 for no bound.
	longest time.Duration
}

// NewKeySet makes a set of the key that signs and others that verify. signing
// is nil for a set that only verifies. Every key needs an id of its own.
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
			return nil, fmt.Errorf("%w: there is none", ErrKeyFit)
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

// Bounded returns the same set for an issuer whose tokens last at most that long,
// from "iat" to "exp": longer ones are neither signed nor accepted, by none of the
// keys. 0 stands for no bound.
func (s *KeySet) Bounded(longest time.Duration) *KeySet {
	c := *s
	c.longest = longest
	return &c
}

// Longest returns the bound that [KeySet.Bounded] set.
func (s *KeySet) Longest() time.Duration { return s.longest }

// encodeHeader returns the header segment of an access token that k signs.
func encodeHeader(k *Key) (string, error) {
	kid, err := jsontext.AppendQuote(nil, k.ID)
	if err != nil {
		return "", fmt.Errorf("%w: its id is not text", ErrKeyFit)
	}
	header := `{"alg":"` + k.alg.name + `","kid":` + string(kid) + `,"typ":"` + TypeAccessToken + `"}`
	return base64.RawURLEncoding.EncodeToString([]byte(header)), nil
}

// Signing returns the key that signs, nil where the set only verifies.
func (s *KeySet) Signing() *Key {
	if s == nil {
		return nil
	}
	return s.signing
}

// Lookup returns the key of that id, or nil.
func (s *KeySet) Lookup(id string) *Key {
	if s == nil {
		return nil
	}
	return s.byID[id]
}

// All returns the keys, the one that signs first.
func (s *KeySet) All() []*Key {
	if s == nil {
		return nil
	}
	return slices.Clone(s.all)
}
