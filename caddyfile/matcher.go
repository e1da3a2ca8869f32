package caddyfile

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// guardMatcher refuses a matcher that a guard has to answer first, and corrects
// paths that leave a way around the guard.
func guardMatcher(h httpcaddyfile.Helper, set caddy.ModuleMap) (caddy.ModuleMap, error) {
	if asksForUser(set) {
		return nil, h.Err("the matcher of jwt_auth asks who is signed in, which is known only after a guard: write the roles after jwt_auth, or roles, scope and claim in its block")
	}
	return coverRoot(set)
}

// asksForUser reports a matcher that needs to know who is signed in, also one
// within `not` or `expression`. A guard after it would never run.
func asksForUser(set caddy.ModuleMap) bool {
	if set["jwt_role"] != nil || set["jwt_claim"] != nil {
		return true
	}
	// CEL allows much between a function's name and its arguments.
	if text := string(set["expression"]); strings.Contains(text, "jwt_role") || strings.Contains(text, "jwt_claim") {
		return true
	}
	for _, raw := range set {
		if strings.Contains(string(raw), "{http.auth.user.") {
			return true
		}
	}
	var negated []caddy.ModuleMap
	_ = json.Unmarshal(set["not"], &negated) // none, where there is no such matcher
	return slices.ContainsFunc(negated, asksForUser)
}

// serverMatcher refuses paths at which a token server would never answer: a
// matcher does not move its endpoints. Paths that take in all of them say nothing
// and are dropped: the guards of the site then know that its pages are there.
func serverMatcher(h httpcaddyfile.Helper, set caddy.ModuleMap, server *jwtauth.TokenServer) (caddy.ModuleMap, error) {
	var paths caddyhttp.MatchPath
	if err := json.Unmarshal(set["path"], &paths); err != nil || slices.ContainsFunc(paths, hasPlaceholder) {
		return set, nil // it is no path, or none that is known yet
	}
	wanted := strings.Join(paths, " ")
	if err := paths.Provision(caddy.Context{}); err != nil {
		return nil, h.WrapErr(err)
	}
	all, some := true, false
	for _, path := range server.Paths() {
		ctx := context.WithValue(context.Background(), caddy.ReplacerCtxKey, caddy.NewReplacer())
		r := (&http.Request{URL: &url.URL{Path: path}}).WithContext(ctx)
		matches, err := paths.MatchWithError(r)
		if err != nil {
			return nil, err
		}
		all, some = all && matches, some || matches
	}
	switch {
	case !some:
		base := server.BasePath
		return nil, h.Errf("token_server never answers at %s: its endpoints are at %s/token and so on; to move them write base_path in its block, such as base_path /auth, and no matcher", wanted, base)
	case all && len(set) == 1:
		return nil, nil
	}
	return set, nil
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
