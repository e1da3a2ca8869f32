package accesstoken

import (
	"errors"
	"slices"
	"time"
)

// Verifier verifies access tokens of one issuer. The zero value refuses every
// token: with no issuer, no audience or no keys set, none can be right. It may
// be used concurrently; its fields must not be changed meanwhile.
type Verifier struct {
	// Issuer is the "iss" that tokens need, byte by byte.
	Issuer string
	// Audience are the "aud" values of which a token needs one.
	Audience []string
	// Types are the "typ" values accepted, without "application/". Default:
	// at+jwt only.
	Types []string
	// Keys returns the keys to verify with. It is asked for every token, so
	// that a rotation acts at once.
	Keys func() *KeySet
	// Leeway is how far the clocks of issuer and verifier may differ. Default: 0.
	Leeway time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Verify returns the claims of a token that is good now, or an error that wraps
// [ErrInvalid] and one of the reasons. It looks at form, type, key, algorithm
// and signature in that order, and believes nothing in the payload before the
// signature. Revocation is not its business.
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
	payload, err := c.verify(key)
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
	if err := v.checkIssue(claims, key, keys.longest); err != nil {
		return nil, err
	}
	return claims, nil
}

// keys are asked for once a token: a rotation may come in between.
func (v *Verifier) keys() *KeySet {
	if v.Keys == nil {
		return nil
	}
	return v.Keys()
}

// key picks the key that the header names and holds it to its algorithm.
func (v *Verifier) key(keys *KeySet, c compact) (*Key, error) {
	if keys == nil {
		return nil, ErrKey
	}
	// The header of a token of ours is known byte by byte.
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

// complete checks that the claims that RFC 9068 §2.2 demands are there. Decoding
// leaves none of them at its zero value.
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

// check compares complete claims with what is expected now.
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
	if !at.Before(c.ExpiresAt.Add(leeway)) {
		return ErrExpired
	}
	if latest := at.Add(leeway); latest.Before(c.NotBefore) || latest.Before(c.IssuedAt) {
		return ErrNotYetValid
	}
	return nil
}

// checkIssue refuses what the issuer cannot have issued, but another holder of the
// key: a token signed after the key stopped, or for longer than any token lasts.
// Both bounds hold at each use, so that they need nothing that removes keys in time.
func (v *Verifier) checkIssue(c *Claims, key *Key, longest time.Duration) error {
	leeway := max(v.Leeway, 0)
	if !key.until.IsZero() && c.IssuedAt.After(key.until.Add(leeway)) {
		return ErrStopped
	}
	if longest > 0 && c.ExpiresAt.Sub(c.IssuedAt) > longest+leeway {
		return ErrLifetime
	}
	return nil
}
