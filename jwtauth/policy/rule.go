package policy

import (
	"errors"
	"fmt"
	"strings"
)

// Rule is what a guard demands of a principal. Every list that is set must hold.
// The zero Rule lets every principal pass, but no request without one.
//
// A list that is set but empty lets no one pass: it comes from a configuration that
// lost its values, and [Rule.Validate] refuses it.
type Rule struct {
	// AnyRoles: one of these roles is enough.
	AnyRoles []string
	// AllRoles: all of these roles are needed.
	AllRoles []string
	// Scopes: all of these scopes are needed.
	Scopes []string
	// Claims: all of these claims are needed.
	Claims []Claim
}

// Errors of [Rule.Check]. The others wrap ErrDenied.
var (
	// ErrDenied is returned for a principal that may not pass.
	ErrDenied = errors.New("denied by policy")
	// ErrRole is returned where a role is missing.
	ErrRole = fmt.Errorf("%w: role missing", ErrDenied)
	// ErrScope is returned where a scope is missing. The text names the scopes.
	ErrScope = fmt.Errorf("%w: scope missing", ErrDenied)
	// ErrClaim is returned where a claim is missing or has another value.
	ErrClaim = fmt.Errorf("%w: claim missing or different", ErrDenied)
)

// Check returns nil if p fulfils the whole rule, else an error that wraps
// [ErrDenied]: that of the first part that fails, in the order roles, scopes,
// claims. A nil principal is always denied. Check is safe for concurrent use, and
// allocates only if it returns an error.
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
	switch {
	case missing != nil:
		return fmt.Errorf("%w: %s", ErrScope, strings.Join(missing, " "))
	case len(r.Scopes) == 0:
		return ErrScope
	}
	return nil
}

// Validate returns an error for the first mistake in r: a list without values, or a
// role, scope or claim that no user can have.
func (r Rule) Validate() error {
	for _, list := range []struct {
		name   string
		values []string
		check  func(string) error
	}{
		{"roles any", r.AnyRoles, CheckRole},
		{"roles all", r.AllRoles, CheckRole},
		{"scope", r.Scopes, CheckScope},
	} {
		if list.values != nil && len(list.values) == 0 {
			return fmt.Errorf("%s: the list is empty and would let no one pass; name at least one value or leave it out", list.name)
		}
		for _, v := range list.values {
			if err := list.check(v); err != nil {
				return fmt.Errorf("%s: %q %w", list.name, v, err)
			}
		}
	}
	if r.Claims != nil && len(r.Claims) == 0 {
		return errors.New("claim: the list is empty and would let no one pass; name at least one claim or leave it out")
	}
	for _, c := range r.Claims {
		if err := c.Validate(); err != nil {
			return fmt.Errorf("claim: %w", err)
		}
	}
	return nil
}
