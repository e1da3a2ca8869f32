package accesstoken

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Sign issues an access token with the signing key. Its header is exactly alg, kid
// and typ. Times are cut to whole seconds; empty optional claims are left out.
//
// Sign refuses claims that [Verifier.Verify] would refuse for their form: they go
// through the same decoder. It also refuses names in Extra that are reserved (see
// [ReservedClaim]) and tokens that end before they begin. Such errors wrap
// [ErrUnissuable].
func (s *KeySet) Sign(c *Claims) (string, error) {
	if s.SigningKey() == nil {
		return "", fmt.Errorf("%w: there is no key to sign with", ErrUnissuable)
	}
	payload, err := encodeClaims(c)
	if err != nil {
		return "", err
	}
	decoded, err := decodeClaims(payload, new(Verifier))
	if err == nil {
		err = decoded.complete()
	}
	if err != nil {
		// %v, not %w: the caller presented no invalid token.
		return "", fmt.Errorf("%w: %v", ErrUnissuable, err)
	}
	if !decoded.ExpiresAt.After(decoded.IssuedAt) || !decoded.ExpiresAt.After(decoded.NotBefore) {
		return "", fmt.Errorf("%w: it would end before it begins", ErrUnissuable)
	}
	if s.maxLifetime > 0 && decoded.ExpiresAt.Sub(decoded.IssuedAt) > s.maxLifetime {
		return "", fmt.Errorf("%w: it would be valid for longer than the realm's tokens are", ErrUnissuable)
	}
	if !s.signing.stopped.IsZero() && decoded.IssuedAt.After(s.signing.stopped) {
		return "", fmt.Errorf("%w: the key has stopped signing", ErrUnissuable)
	}
	signed := s.header + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := s.signing.alg.method.Sign(signed, s.signing.private)
	if err != nil {
		return "", fmt.Errorf("signing an access token: %w", err)
	}
	token := signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	if len(token) > MaxLength {
		return "", fmt.Errorf("%w: it would be longer than %d bytes; the user has too many roles or claims", ErrUnissuable, MaxLength)
	}
	return token, nil
}

// encodeClaims writes the claims object. Claims that are no fields come last, sorted.
func encodeClaims(c *Claims) ([]byte, error) {
	var b []byte
	var failed error
	member := func(name string, value any) {
		if failed != nil {
			return
		}
		encoded, err := json.Marshal(value, json.Deterministic(true))
		if err != nil {
			// The text of err may repeat the value.
			failed = fmt.Errorf("%w: claim %q has a value that JSON cannot express", ErrUnissuable, name)
			return
		}
		if b, err = jsontext.AppendQuote(append(b, ','), name); err != nil {
			failed = fmt.Errorf("%w: a claim has a name that is not text", ErrUnissuable)
			return
		}
		b = append(append(b, ':'), encoded...)
	}
	member("iss", c.Issuer)
	member("sub", c.Subject)
	if len(c.Audience) == 1 {
		member("aud", c.Audience[0])
	} else {
		member("aud", c.Audience)
	}
	member("client_id", c.ClientID)
	member("iat", jsontext.Value(strconv.FormatInt(c.IssuedAt.Unix(), 10)))
	if !c.NotBefore.IsZero() {
		member("nbf", jsontext.Value(strconv.FormatInt(c.NotBefore.Unix(), 10)))
	}
	member("exp", jsontext.Value(strconv.FormatInt(c.ExpiresAt.Unix(), 10)))
	member("jti", c.ID)
	if c.SessionID != "" {
		member("sid", c.SessionID)
	}
	if len(c.Roles) > 0 {
		member("roles", c.Roles)
	}
	if c.Scope != "" {
		member("scope", c.Scope)
	}
	extra := c.Extra
	if c.others != nil { // it was verified before
		extra = maps.Clone(c.others.values())
		maps.Copy(extra, c.Extra)
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if strings.TrimSpace(name) == "" || ReservedClaim(name) {
			return nil, fmt.Errorf("%w: claim %q is reserved", ErrUnissuable, name)
		}
		member(name, extra[name])
	}
	if failed != nil {
		return nil, failed
	}
	b[0] = '{' // in place of the first comma
	return append(b, '}'), nil
}
