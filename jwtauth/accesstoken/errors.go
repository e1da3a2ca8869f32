package accesstoken

import (
	"errors"
	"fmt"
)

// ErrInvalid is wrapped by every refusal of a token. The text of such an error
// repeats nothing of the token.
var ErrInvalid = errors.New("access token is invalid")

// Reasons for refusing a token, each wrapping [ErrInvalid].
var (
	// ErrMalformed: not a signed JWT in compact form, or not in the only
	// encoding that this package accepts.
	ErrMalformed = fmt.Errorf("%w: malformed", ErrInvalid)
	// ErrType: the "typ" of the header is not one that the verifier accepts.
	ErrType = fmt.Errorf("%w: not an access token", ErrInvalid)
	// ErrKey: no key has the "kid" of the header, or the header has none.
	ErrKey = fmt.Errorf("%w: unknown key", ErrInvalid)
	// ErrAlgorithm: "alg" is not the algorithm of the key.
	ErrAlgorithm = fmt.Errorf("%w: algorithm is not the key's", ErrInvalid)
	// ErrSignature: the signature is not one of the key.
	ErrSignature = fmt.Errorf("%w: bad signature", ErrInvalid)
	// ErrClaims: a claim is missing or of the wrong kind.
	ErrClaims = fmt.Errorf("%w: bad claims", ErrInvalid)
	// ErrIssuer: "iss" is not the one expected.
	ErrIssuer = fmt.Errorf("%w: from another issuer", ErrInvalid)
	// ErrAudience: no value of "aud" is one of those expected.
	ErrAudience = fmt.Errorf("%w: for another audience", ErrInvalid)
	// ErrExpired: "exp" has passed.
	ErrExpired = fmt.Errorf("%w: expired", ErrInvalid)
	// ErrNotYetValid: "nbf" or "iat" lies in the future.
	ErrNotYetValid = fmt.Errorf("%w: not valid yet", ErrInvalid)
	// ErrStopped: "iat" is later than the moment at which the key stopped signing.
	ErrStopped = fmt.Errorf("%w: its key had stopped signing", ErrInvalid)
	// ErrLifetime: "exp" - "iat" is longer than that of any token that was issued.
	ErrLifetime = fmt.Errorf("%w: lasts longer than any that was issued", ErrInvalid)
)

// ErrUnissuable is returned by [KeySet.Sign] for claims that a guard would refuse.
// It does not wrap [ErrInvalid]: the error is the issuer's, not the client's.
var ErrUnissuable = errors.New("access token cannot be issued")

// Reasons for refusing a key. The text of such an error holds no key material.
var (
	// ErrUnsupported: no such algorithm.
	ErrUnsupported = errors.New("unsupported algorithm")
	// ErrKeyFormat: the key cannot be read.
	ErrKeyFormat = errors.New("unreadable key")
	// ErrKeyFit: the key is not for that algorithm or that use.
	ErrKeyFit = errors.New("key does not fit")
	// ErrWeakKey: the key is too short, or can be broken.
	ErrWeakKey = errors.New("weak key")
)
