package session

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// alphabet is that of base64url (RFC 4648 §5).
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// encoding refuses the trailing bits that would give one value two spellings.
var encoding = base64.RawURLEncoding.Strict()

// seal signs and verifies strings that only this realm can make:
//
//	prefix base64url( key id | message | HMAC-SHA256( key id | message ) )
//
// The HMAC key is derived from the realm's key for the seal's context alone
// (RFC 5869), so that no seal accepts what another has signed. All messages
// of a seal have one length: there is one way to read the bytes.
type seal struct {
	prefix  string
	context string
	size    int
}

// sign returns the string that holds message. The same key and message always
// give the same string.
func (s seal) sign(k Key, message []byte) (string, error) {
	if err := k.Check(); err != nil {
		return "", err
	}
	raw := make([]byte, 0, KeyIDLength+s.size+sha256.Size)
	raw = append(raw, k.ID...)
	raw = append(raw, message...)
	mac, err := s.mac(k, raw)
	if err != nil {
		return "", err
	}
	return s.prefix + encoding.EncodeToString(append(raw, mac...)), nil
}

// verify returns the key id and the message of a string that sign made with one of
// keys, and else [ErrInvalidToken].
func (s seal) verify(keys Keys, text string) (keyID string, message []byte, err error) {
	text, found := strings.CutPrefix(text, s.prefix)
	length := KeyIDLength + s.size + sha256.Size
	if !found || len(text) != encoding.EncodedLen(length) {
		return "", nil, ErrInvalidToken
	}
	raw, err := encoding.DecodeString(text)
	// The decoder skips line breaks: a text that had some is too short.
	if err != nil || len(raw) != length {
		return "", nil, ErrInvalidToken
	}
	signed, given := raw[:KeyIDLength+s.size], raw[KeyIDLength+s.size:]
	k, ok := keys.Lookup(string(signed[:KeyIDLength]))
	if !ok || k.Check() != nil {
		return "", nil, ErrInvalidToken
	}
	mac, err := s.mac(k, signed)
	if err != nil || !hmac.Equal(mac, given) {
		return "", nil, ErrInvalidToken
	}
	return k.ID, signed[KeyIDLength:], nil
}

func (s seal) mac(k Key, signed []byte) ([]byte, error) {
	derived, err := hkdf.Key(sha256.New, k.Secret, nil, s.context, sha256.Size)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, derived)
	h.Write(signed)
	return h.Sum(nil), nil
}
