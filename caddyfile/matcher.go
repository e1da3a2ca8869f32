package caddyfile

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// guardMatcher refuses a matcher that a guard has to answer first, and mends
// paths that leave a way around the guard.
func guardMatcher(h httpcaddyfile.Helper, set caddy.ModuleMap) (caddy.ModuleMap, error) {
	if asksForUser(set) {
		return nil, h.Err("the matcher of jwt_auth asks for a role or claim, which nobody has before a guard: write the role behind jwt_auth, or scope, claim and roles in its block")
	}
	return coverRoot(set)
}

// asksForUser reports a matcher that a guard has to fill first, also one within
// `not` or `expression`. A guard that stands behind it would never run.
func asksForUser(set caddy.ModuleMap) bool {
	if set["jwt_role"] != nil || set["jwt_claim"] != nil {
		return true
	}
	if text := string(set["expression"]); strings.Contains(text, "jwt_role(") || strings.Contains(text, "jwt_claim(") {
		return true
	}
	var negated []caddy.ModuleMap
	_ = json.Unmarshal(set["not"], &negated) // none, where there is no such matcher
	return slices.ContainsFunc(negated, asksForUser)
}

// coverRoot makes the paths `/*` and `/` mean what they look like. A request
// target need not begin with a slash ("GET http://example.com", "OPTIONS *",
// CONNECT; RFC 9112 §3.2), and an upstream takes an empty path for "/" (RFC 9110
// §4.2.3), but neither pattern matches it.
func coverRoot(set caddy.ModuleMap) (caddy.ModuleMap, error) {
	raw, ok := set["path"]
	if !ok {
		return set, nil
	}
	var paths caddyhttp.MatchPath
	if err := json.Unmarshal(raw, &paths); err != nil {
		return nil, err
	}
	// The set may be a named one, which other directives share.
	set = maps.Clone(set)
	switch {
	case slices.Contains(paths, "/*"):
		delete(set, "path") // as `*`, every request
		if len(set) == 0 {
			return nil, nil
		}
	case slices.Contains(paths, "/"):
		const empty = "." // what Caddy cleans an empty path to
		set["path"] = caddyconfig.JSON(append(paths, empty), nil)
	}
	return set, nil
}
