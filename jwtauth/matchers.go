package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

func init() {
	caddy.RegisterModule(MatchRole{})
	caddy.RegisterModule(MatchClaim{})
}

// MatchRole matches requests of a signed-in user who has any one of the roles.
// It stands after a guard: if no `jwt_auth` has let the request pass, there is no user
// and nothing matches. Roles are compared exactly.
type MatchRole []string

// CaddyModule returns the Caddy module information.
func (MatchRole) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.matchers.jwt_role",
		New: func() caddy.Module { return new(MatchRole) },
	}
}

// UnmarshalCaddyfile sets up the matcher from Caddyfile tokens. Syntax:
//
//	@name jwt_role <roles...>
func (m *MatchRole) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		roles := d.RemainingArgs()
		if len(roles) == 0 {
			return d.Err("jwt_role takes the roles of which the user needs one")
		}
		for _, role := range roles {
			if err := policy.CheckRole(role); err != nil {
				return d.Errf("jwt_role %q: %v", role, err)
			}
		}
		if err := refusePlaceholders("jwt_role", roles); err != nil {
			return d.WrapErr(err)
		}
		*m = append(*m, roles...)
		if d.NextBlock(0) {
			return d.Errf("jwt_role takes no block: write the roles after it on its line, not %s below it", d.Val())
		}
	}
	return nil
}

// Validate refuses a matcher that names no role.
func (m MatchRole) Validate() error {
	if len(m) == 0 {
		return errors.New("jwt_role names no role")
	}
	for _, role := range m {
		if err := policy.CheckRole(role); err != nil {
			return fmt.Errorf("jwt_role %q: %w", role, err)
		}
	}
	return refusePlaceholders("jwt_role", m)
}

// Match reports whether the request matches.
func (m MatchRole) Match(r *http.Request) bool {
	p := principalOf(r)
	return p != nil && len(m) > 0 && policy.Rule{AnyRoles: m}.Check(p) == nil
}

// MatchWithError implements [caddyhttp.RequestMatcherWithError].
func (m MatchRole) MatchWithError(r *http.Request) (bool, error) { return m.Match(r), nil }

// CELLibrary makes the matcher a function of `expression` matchers. Example:
//
//	expression jwt_role('admin', 'editor')
func (MatchRole) CELLibrary(caddy.Context) (cel.Library, error) {
	return caddyhttp.CELMatcherImpl(
		"jwt_role", "jwt_role_match_request_list",
		[]*cel.Type{cel.ListType(cel.StringType)},
		func(data ref.Val) (caddyhttp.RequestMatcherWithError, error) {
			roles, err := celStrings(data)
			if err != nil {
				return nil, err
			}
			m := MatchRole(roles)
			return m, m.Validate()
		},
	)
}

// MatchClaim matches requests of a signed-in user whose token has one of the
// values in a claim: the claim's name, and the values of which one is enough.
// With several claims all of them have to hold. It stands after a guard, as
// `jwt_role` does.
type MatchClaim map[string][]string

// CaddyModule returns the Caddy module information.
func (MatchClaim) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.matchers.jwt_claim",
		New: func() caddy.Module { return new(MatchClaim) },
	}
}

// UnmarshalCaddyfile sets up the matcher from Caddyfile tokens. Syntax:
//
//	@name jwt_claim <name> <values...>
func (m *MatchClaim) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if *m == nil {
		*m = make(MatchClaim)
	}
	for d.Next() {
		args := d.RemainingArgs()
		if len(args) < 2 || args[0] == "" {
			return d.Err("jwt_claim takes the name of a claim and the values of which it needs one")
		}
		if _, twice := (*m)[args[0]]; twice {
			return d.Errf("jwt_claim names the claim %s twice: write all its values after one", args[0])
		}
		if err := refusePlaceholders("jwt_claim "+args[0], args[1:]); err != nil {
			return d.WrapErr(err)
		}
		(*m)[args[0]] = args[1:]
		if d.NextBlock(0) {
			return d.Errf("jwt_claim takes no block: write the values after the name on its line, not %s below it", d.Val())
		}
	}
	return nil
}

// Validate refuses a matcher that asks for nothing.
func (m MatchClaim) Validate() error {
	if len(m) == 0 {
		return errors.New("jwt_claim names no claim")
	}
	for name, values := range m {
		if name == "" || len(values) == 0 {
			return fmt.Errorf("jwt_claim %q needs a name and at least one value", name)
		}
		if err := refusePlaceholders("jwt_claim "+name, values); err != nil {
			return err
		}
	}
	return nil
}

// Match reports whether the request matches.
func (m MatchClaim) Match(r *http.Request) bool {
	p := principalOf(r)
	if p == nil || len(m) == 0 {
		return false
	}
	for name, values := range m {
		if (policy.Rule{Claims: []policy.Claim{{Name: name, Values: values}}}).Check(p) != nil {
			return false
		}
	}
	return true
}

// MatchWithError implements [caddyhttp.RequestMatcherWithError].
func (m MatchClaim) MatchWithError(r *http.Request) (bool, error) { return m.Match(r), nil }

// CELLibrary makes the matcher a function of `expression` matchers. Example:
//
//	expression jwt_claim('tenant', 'acme')
func (MatchClaim) CELLibrary(caddy.Context) (cel.Library, error) {
	return caddyhttp.CELMatcherImpl(
		"jwt_claim", "jwt_claim_match_request_list",
		[]*cel.Type{cel.ListType(cel.StringType)},
		func(data ref.Val) (caddyhttp.RequestMatcherWithError, error) {
			args, err := celStrings(data)
			if err != nil {
				return nil, err
			}
			if len(args) < 2 {
				return nil, errors.New("jwt_claim takes the name of a claim and the values of which it needs one")
			}
			m := MatchClaim{args[0]: args[1:]}
			return m, m.Validate()
		},
	)
}

func celStrings(data ref.Val) ([]string, error) {
	value, err := data.ConvertToNative(reflect.TypeFor[[]string]())
	if err != nil {
		return nil, err
	}
	return value.([]string), nil
}

// Interface guards
var (
	_ caddyfile.Unmarshaler             = (*MatchRole)(nil)
	_ caddy.Validator                   = (*MatchRole)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchRole)(nil)
	_ caddyhttp.CELLibraryProducer      = (*MatchRole)(nil)
	_ caddyfile.Unmarshaler             = (*MatchClaim)(nil)
	_ caddy.Validator                   = (*MatchClaim)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchClaim)(nil)
	_ caddyhttp.CELLibraryProducer      = (*MatchClaim)(nil)
)
