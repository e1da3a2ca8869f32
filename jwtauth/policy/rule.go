package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// Rule is what a guard asks of a principal. Every part that is set must hold.
// The zero Rule lets every principal pass, and nobody who is not one.
//
// A list that is set but empty lets nobody pass: it comes from a configuration
// that lost its values, and [Rule.Validate] refuses it.
type Rule struct {
	// AnyRoles: one of these roles is enough.
	AnyRoles []string `json:"any_roles,omitzero"`
	// AllRoles: all of these roles are needed.
	AllRoles []string `json:"all_roles,omitzero"`
	// Scopes: all of these scopes are needed.
	Scopes []string `json:"scopes,omitzero"`
	// Claims: all of these claims are needed.
	Claims []Claim `json:"claims,omitzero"`
}

// Errors of [Rule.Check]. Each of the others is an ErrDenied too.
var (
	// ErrDenied is returned where a principal may not pass.
	ErrDenied = errors.New("denied by policy")
	// ErrRole is returned where a role is missing.
	ErrRole = fmt.Errorf("%w: role missing", ErrDenied)
	// ErrScope is returned, within a [ScopeError], where a scope is missing.
	ErrScope = fmt.Errorf("%w: scope missing", ErrDenied)
	// ErrClaim is returned where a claim is missing or has another value.
	ErrClaim = fmt.Errorf("%w: claim missing or different", ErrDenied)
)

// ScopeError says which scopes a request needs, for the "scope" attribute of
// the challenge (RFC 6750 §3). It is an [ErrScope].
type ScopeError struct {
	// Required are all scopes of the rule, in its order.
	Required []string
	// Missing are those of them that the principal does not have.
	Missing []string
}

// Error names nothing that came from the request.
func (e *ScopeError) Error() string {
	return ErrScope.Error() + ": " + strings.Join(e.Missing, " ")
}

// Unwrap returns [ErrScope].
func (e *ScopeError) Unwrap() error { return ErrScope }

// Check returns nil where p fulfils the whole rule, else an error that is an
// [ErrDenied]: that of the first part that fails, in the order roles, scopes,
// claims. A nil principal is always denied. Safe for concurrent use; it
// allocates only to refuse.
func (r Rule) Check(p *Principal) error {
	if p == nil {
		return ErrDenied
	}
	if r.AnyRoles != nil && !hasAny(p, r.AnyRoles) {
		return ErrRole
	}
	if r.AllRoles != nil && !hasAll(p, r.AllRoles) {
		return ErrRole
	}
	if r.Scopes != nil {
		if err := r.checkScopes(p); err != nil {
			return err
		}
	}
	if r.Claims != nil && len(r.Claims) == 0 {
		return ErrClaim
	}
	for i := range r.Claims {
		if !r.Claims[i].holds(p) {
			return ErrClaim
		}
	}
	return nil
}

func hasAny(p *Principal, roles []string) bool {
	for _, role := range roles {
		if p.HasRole(role) {
			return true
		}
	}
	return false
}

func hasAll(p *Principal, roles []string) bool {
	for _, role := range roles {
		if !p.HasRole(role) {
			return false
		}
	}
	return len(roles) > 0
}

func (r Rule) checkScopes(p *Principal) error {
	var missing []string
	for _, scope := range r.Scopes {
		if !p.HasScope(scope) {
			missing = append(missing, scope)
		}
	}
	if missing != nil || len(r.Scopes) == 0 {
		return &ScopeError{Required: r.Scopes, Missing: missing}
	}
	return nil
}

// Validate reports the first thing in r that can only be a mistake: a list
// without values, or a role, scope or claim that no user can have.
func (r Rule) Validate() error {
	for _, list := range []struct {
		name   string
		values []string
		check  func(string) error
	}{
		{"roles any", r.AnyRoles, user.CheckRole},
		{"roles all", r.AllRoles, user.CheckRole},
		{"scope", r.Scopes, user.CheckScope},
	} {
		if list.values != nil && len(list.values) == 0 {
			return fmt.Errorf("%s: the list is empty and would let nobody pass; name at least one value or leave it out", list.name)
		}
		for _, v := range list.values {
			if err := list.check(v); err != nil {
				return fmt.Errorf("%s: %q %w", list.name, v, err)
			}
		}
	}
	if r.Claims != nil && len(r.Claims) == 0 {
		return errors.New("claim: the list is empty and would let nobody pass; name at least one claim or leave it out")
	}
	for _, c := range r.Claims {
		if err := c.Validate(); err != nil {
			return fmt.Errorf("claim: %w", err)
		}
	}
	return nil
}

// Interface guards.
var _ error = (*ScopeError)(nil)
