package accesstoken

import (
	"maps"
	"strings"
	"time"
)

// Claims are what an access token says (RFC 9068 §2.2). Times have whole seconds
// in tokens that this package signs.
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
	// Extra are all other claims. Decoded values are nil, bool, string,
	// int64 (whole numbers that fit), float64, []any and map[string]any.
	Extra map[string]any
}

// Map returns all claims under their names, with values of the types that
// [Claims.Extra] lists: times are int64 seconds, "aud" and "roles" are []any.
// Optional claims that the token does not have are absent. The map is the
// caller's; the values inside Extra are shared.
func (c *Claims) Map() map[string]any {
	m := make(map[string]any, len(c.Extra)+11)
	maps.Copy(m, c.Extra)
	m["iss"], m["sub"], m["aud"] = c.Issuer, c.Subject, anys(c.Audience)
	m["client_id"], m["jti"] = c.ClientID, c.ID
	m["iat"], m["exp"] = c.IssuedAt.Unix(), c.ExpiresAt.Unix()
	if !c.NotBefore.IsZero() {
		m["nbf"] = c.NotBefore.Unix()
	}
	if c.SessionID != "" {
		m["sid"] = c.SessionID
	}
	if c.Roles != nil {
		m["roles"] = anys(c.Roles)
	}
	if c.Scope != "" {
		m["scope"] = c.Scope
	}
	return m
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// reservedClaims are the names that mean something to whoever reads an access
// token: RFC 7519 §4.1, RFC 9068 §2.2, RFC 8693 §4, RFC 7800, RFC 9449, RFC
// 9396 and OpenID Connect Core §2. It is never written to.
var reservedClaims = [...]string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "client_id", "roles", "scope",
	"typ", "act", "may_act", "cnf", "auth_time", "acr", "amr", "nonce", "azp", "at_hash", "c_hash",
	"events", "sub_id", "authorization_details", "active",
}

// ReservedClaim reports whether users may not have a claim of that name, because
// it would say something about the token itself. Case is ignored: not every
// reader of a token distinguishes it.
func ReservedClaim(name string) bool {
	for _, reserved := range reservedClaims {
		if strings.EqualFold(name, reserved) {
			return true
		}
	}
	return false
}
