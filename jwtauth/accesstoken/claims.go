package accesstoken

import (
	"maps"
	"strings"
	"time"
	"unsafe"
)

// Claims are the claims of an access token (RFC 9068 §2.2). In tokens that this
// package signs, times are whole seconds.
type Claims struct {
	Issuer   string   // iss
	Subject  string   // sub: the user name, or the client of a token without a user
	Audience []string // aud
	ClientID string   // client_id
	IssuedAt time.Time
	// NotBefore is zero where the token has no "nbf".
	NotBefore time.Time
	ExpiresAt time.Time
	ID        string // jti
	// SessionID is the "sid", "" where the token belongs to no session.
	SessionID string
	Roles     []string
	// Scope is a list separated by single spaces (RFC 6749 §3.3).
	Scope string
	// Extra are other claims, for a token that is signed here. Those of a token that was
	// verified are read when [Claims.Claim] is asked for one of them.
	Extra map[string]any

	others *others // those of a token that was verified, nil for none
	held   int     // bytes of that token's payload, which most strings are parts of
}

// ownClaims are the names of the claims that are fields of [Claims]. It must not be
// changed.
var ownClaims = [...]string{"iss", "sub", "aud", "client_id", "iat", "nbf", "exp", "jti", "sid", "roles", "scope"}

// Claim returns a claim by its exact name: times are int64 seconds, "aud" and "roles" are
// []any, and other claims of a verified token are nil, bool, string, int64 (whole numbers
// that fit), float64, []any and map[string]any. ok is false for a claim that the token
// does not have. Arrays and objects are shared.
func (c *Claims) Claim(name string) (value any, ok bool) {
	switch name {
	case "iss":
		return c.Issuer, true
	case "sub":
		return c.Subject, true
	case "aud":
		return anys(c.Audience), true
	case "client_id":
		return c.ClientID, true
	case "iat":
		return c.IssuedAt.Unix(), true
	case "nbf":
		return c.NotBefore.Unix(), !c.NotBefore.IsZero()
	case "exp":
		return c.ExpiresAt.Unix(), true
	case "jti":
		return c.ID, true
	case "sid":
		return c.SessionID, c.SessionID != ""
	case "roles":
		return anys(c.Roles), c.Roles != nil
	case "scope":
		return c.Scope, c.Scope != ""
	}
	if value, ok = c.Extra[name]; !ok {
		value, ok = c.others.values()[name]
	}
	return value, ok
}

// Map returns all claims as [Claims.Claim] does, under their names. The map is the
// caller's; arrays and objects are shared.
func (c *Claims) Map() map[string]any {
	m := make(map[string]any, len(c.Extra)+len(ownClaims))
	maps.Copy(m, c.others.values())
	maps.Copy(m, c.Extra)
	for _, name := range ownClaims {
		if value, ok := c.Claim(name); ok {
			m[name] = value
		}
	}
	return m
}

// Size estimates how many bytes the claims take in memory.
func (c *Claims) Size() int64 {
	size := int64(unsafe.Sizeof(*c)) + sizeOf(c.Extra) + int64(c.held) + c.others.size()
	for _, s := range [...]string{c.Issuer, c.Subject, c.ClientID, c.ID, c.SessionID, c.Scope} {
		size += c.owned(s)
	}
	for _, list := range [...][]string{c.Audience, c.Roles} {
		for _, s := range list {
			size += int64(unsafe.Sizeof(s)) + c.owned(s)
		}
	}
	return size
}

// owned is the size of a string that is no part of the payload.
func (c *Claims) owned(s string) int64 {
	if c.held > 0 {
		return 0
	}
	return int64(len(s))
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// reservedClaims are the claim names with a meaning in access tokens: RFC 7519
// §4.1, RFC 9068 §2.2, RFC 8693 §4, RFC 7800, RFC 9449, RFC 9396 and OpenID
// Connect Core §2. It must not be changed.
var reservedClaims = [...]string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "client_id", "roles", "scope",
	"typ", "act", "may_act", "cnf", "auth_time", "acr", "amr", "nonce", "azp", "at_hash", "c_hash",
	"events", "sub_id", "authorization_details", "active",
}

// ReservedClaim reports whether a name is reserved for claims about the token
// itself, so that no user may have a claim of that name. Case is ignored: not
// every reader of a token distinguishes it.
func ReservedClaim(name string) bool {
	for _, reserved := range reservedClaims {
		if strings.EqualFold(name, reserved) {
			return true
		}
	}
	return false
}
