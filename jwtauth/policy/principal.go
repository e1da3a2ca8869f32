package policy

import (
	"slices"
	"time"
)

// Principal is the result of verifying a credential: who is asking, and with which
// roles, scopes, claims and session. It is shared between requests and must not be
// changed once made.
type Principal struct {
	// Username is the "sub" of the token, or the user of the session.
	Username string
	FullName string
	Email    string
	Roles    []string
	Scopes   []string
	// Claims are all claims of the token, or of the user for a session cookie. nil:
	// there are none.
	Claims Claims
	// Session is the "sid", "" where the token has none.
	Session string
	// TokenID is the "jti", "" for a session cookie.
	TokenID string
	// Client is the "client_id".
	Client string
	// ExpiresAt is when the credential has to be verified again.
	ExpiresAt time.Time
}

// Claims finds the value of a top-level claim by its exact name. Values are nil,
// bool, string, int64, float64, []any and map[string]any.
type Claims interface {
	Claim(name string) (value any, ok bool)
}

// HasRole reports whether p has exactly this role, byte by byte. A nil
// principal has none.
func (p *Principal) HasRole(role string) bool {
	return p != nil && slices.Contains(p.Roles, role)
}

// HasScope reports whether p has exactly this scope, byte by byte. A nil
// principal has none.
func (p *Principal) HasScope(scope string) bool {
	return p != nil && slices.Contains(p.Scopes, scope)
}

// Claim returns the top-level claim with exactly this name. A dot is part of the
// name. A nil principal has no claims.
func (p *Principal) Claim(name string) (value any, ok bool) {
	if p == nil || p.Claims == nil {
		return nil, false
	}
	return p.Claims.Claim(name)
}
