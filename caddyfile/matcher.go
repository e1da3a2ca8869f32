package caddyfile

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

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
