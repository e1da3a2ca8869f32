package accesstoken

import (
	"errors"
	"slices"
	"time"
)

// Verifier verifies access tokens of one issuer. Without an issuer, an audience or
// keys it refuses every token, as the zero value does. It may be used
// concurrently; its fields must not be changed meanwhile.
type Verifier struct {
	// Issuer is the "iss" that tokens must have, compared byte by byte.
	Issuer string
	// Audience are "aud" values; a token must have at least one of them.
	Audience []string
	// Types are the "typ" values accepted, without "application/". Default:
	// at+jwt only.
	Types []string
	// Keys returns the keys to verify with. It is called for every token, so
	// that a rotation takes effect at once.
	Keys func() *KeySet
	// Leeway is how far ahead the clock of the issuer may be, for "iat" and "nbf". A token
	// ends when its "exp" says (RFC 7519 §4.1.4). Default: 0.
	Leeway time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Verify returns the claims of a token that is valid now, or an error that wraps
// [ErrInvalid] and one of the reasons. It checks form, type, key, algorithm and
// signature in that order, and uses nothing of the payload before the signature
// is verified. It does not check whether the token was revoked.
func (v *Verifier) Verify(token string) (*Claims, error) {
	c, err := split(token)
	if err != nil {
		return nil, err
	}
	if c.payload == "" {
		return nil, ErrMalformed
	}
	keys := v.keys()
	key, err := v.key(keys, c)
	if err != nil {
		return nil, err
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	payload, err := c.verify(key, s)
	if err != nil {
		return nil, err
	}
	claims, err := decodeClaims(payload, v)
	if err != nil {
		return nil, err
	}
	if err := claims.complete(); err != nil {
		return nil, err
	}
	if err := v.check(claims); err != nil {
		return nil, err
	}
	if err := v.checkIssue(claims, key, keys.maxLifetime); err != nil {
		return nil, err
	}
	return claims, nil
}

// keys returns the keys. Verify calls it once a token, so that a rotation in
// between does not mix two sets.
func (v *Verifier) keys() *KeySet {
	if v.Keys == nil {
		return nil
	}
	return v.Keys()
}

// key returns the key that the header names. The header's algorithm has to be that
// key's.
func (v *Verifier) key(keys *KeySet, c compact) (*Key, error) {
	if keys == nil {
		return nil, ErrKey
	}
	// The header of a token made here is known byte by byte.
	if key := keys.byHeader[c.header]; key != nil && v.accepts(TypeAccessToken) {
		return key, nil
	}
	h, err := c.readHeader()
	if err != nil {
		return nil, err
	}
	if !h.hasTyp || !v.accepts(h.typ) {
		return nil, ErrType
	}
	key := keys.byID[h.kid]
	if key == nil {
		return nil, ErrKey
	}
	if h.alg != key.alg.name {
		return nil, ErrAlgorithm
	}
	return key, nil
}

func (v *Verifier) accepts(typ string) bool {
	if len(v.Types) == 0 {
		return sameType(typ, TypeAccessToken)
	}
	return slices.ContainsFunc(v.Types, func(want string) bool { return sameType(typ, want) })
}

var errMissing = errors.New("is missing")

// complete checks that the claims that RFC 9068 §2.2 demands are present. A claim
// that was decoded is never zero.
func (c *Claims) complete() error {
	var name string
	switch {
	case c.ExpiresAt.IsZero():
		name = "exp"
	case c.Issuer == "":
		name = "iss"
	case len(c.Audience) == 0:
		name = "aud"
	case c.Subject == "":
		name = "sub"
	case c.ClientID == "":
		name = "client_id"
	case c.IssuedAt.IsZero():
		name = "iat"
	case c.ID == "":
		name = "jti"
	default:
		return nil
	}
	return &claimError{name, errMissing}
}

// check compares complete claims with what the verifier expects now.
func (v *Verifier) check(c *Claims) error {
	if c.Issuer != v.Issuer {
		return ErrIssuer
	}
	if !slices.ContainsFunc(c.Audience, func(aud string) bool { return slices.Contains(v.Audience, aud) }) {
		return ErrAudience
	}
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	leeway := max(v.Leeway, 0)
	at := now()
	if !at.Before(c.ExpiresAt) {
		return ErrExpired
	}
	if latest := at.Add(leeway); latest.Before(c.NotBefore) || latest.Before(c.IssuedAt) {
		return ErrNotYetValid
	}
	return nil
}

// checkIssue refuses tokens that the issuer cannot have issued, so that another
// holder of the key must have: tokens signed after the key stopped, or that last
// longer than any token does. Both are checked at each use, so they do not depend
// on the removal of old keys.
func (v *Verifier) checkIssue(c *Claims, key *Key, longest time.Duration) error {
	leeway := max(v.Leeway, 0)
	if !key.stopped.IsZero() && c.IssuedAt.After(key.stopped.Add(leeway)) {
		return ErrStopped
	}
	if longest > 0 && c.ExpiresAt.Sub(c.IssuedAt) > longest+leeway {
		return ErrLifetime
	}
	return nil
}
