package accesstoken

import (
	"encoding/base64"
	"strings"
	"sync"
)

// MaxLength is the maximum length of a token in bytes. Longer tokens are neither
// issued nor read.
const MaxLength = 16 << 10

// TypeAccessToken is the "typ" of an access token (RFC 9068 §2.1).
const TypeAccessToken = "at+jwt"

// strictBase64 refuses padding and trailing bits. It skips line breaks, as
// encoding/base64 always does, so callers refuse those first.
var strictBase64 = base64.RawURLEncoding.Strict()

// inAlphabet reports the bytes of the base64url alphabet. It must not be changed.
var inAlphabet = func() (in [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		in[c] = true
	}
	return in
}()

// compact is a JWS in compact serialization (RFC 7515 §7.1), split but not
// verified.
type compact struct {
	header  string // encoded
	payload string // encoded
	signed  string // header "." payload
	encoded string // signature
}

// split accepts three segments of the base64url alphabet. Only the payload may
// be empty: RFC 7515 allows that, and an access token is refused for it later.
func split(token string) (compact, error) {
	if len(token) > MaxLength {
		return compact{}, ErrMalformed
	}
	var dots [2]int
	n := 0
	for i := 0; i < len(token); i++ {
		if inAlphabet[token[i]] {
			continue
		}
		if token[i] != '.' || n == len(dots) {
			return compact{}, ErrMalformed
		}
		dots[n] = i
		n++
	}
	if n != len(dots) || dots[0] == 0 || dots[1] == len(token)-1 {
		return compact{}, ErrMalformed
	}
	return compact{
		header:  token[:dots[0]],
		payload: token[dots[0]+1 : dots[1]],
		signed:  token[:dots[1]],
		encoded: token[dots[1]+1:],
	}, nil
}

// scratch is room for decoding one token after the other. What it holds is of the token
// that was decoded last.
type scratch struct{ signature, payload []byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// verify checks the signature with key and returns the payload, which is in s.
func (c compact) verify(key *Key, s *scratch) (payload []byte, err error) {
	if s.signature, err = strictBase64.AppendDecode(s.signature[:0], []byte(c.encoded)); err != nil {
		return nil, ErrMalformed
	}
	if !key.verify(c.signed, s.signature) {
		return nil, ErrSignature
	}
	if s.payload, err = strictBase64.AppendDecode(s.payload[:0], []byte(c.payload)); err != nil {
		return nil, ErrMalformed
	}
	return s.payload, nil
}

// readHeader decodes the header.
func (c compact) readHeader() (header, error) {
	data, err := strictBase64.DecodeString(c.header)
	if err != nil {
		return header{}, ErrMalformed
	}
	return decodeHeader(data)
}

// VerifySignature verifies a signed token in compact form with one key and returns
// its payload. It checks neither the type nor the claims. The header may have
// "alg", which has to be the key's, "typ", and "kid", which has to be the key's
// where both have one. Errors wrap [ErrInvalid].
func VerifySignature(token string, key *Key) (payload []byte, err error) {
	c, err := split(token)
	if err != nil {
		return nil, err
	}
	h, err := c.readHeader()
	if err != nil {
		return nil, err
	}
	if key == nil || key.alg == nil || h.hasKid && key.ID != "" && h.kid != key.ID {
		return nil, ErrKey
	}
	if h.alg != key.alg.name {
		return nil, ErrAlgorithm
	}
	return c.verify(key, new(scratch))
}

// sameType compares media types as RFC 7515 §4.1.9 says: without case, and
// with or without "application/".
func sameType(got, want string) bool {
	const prefix = "application/"
	if len(got) > len(prefix) && equalASCII(got[:len(prefix)], prefix) {
		got = got[len(prefix):]
	}
	return equalASCII(got, want)
}

// equalASCII compares without case. A letter outside ASCII that folds to an ASCII
// letter is longer than it in bytes, so comparing the lengths excludes it.
func equalASCII(a, b string) bool {
	return len(a) == len(b) && strings.EqualFold(a, b)
}
