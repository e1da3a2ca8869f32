package lint

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// hostsOf are the hosts that matchers ask for; false where they do not say.
func hostsOf(sets caddyhttp.MatcherSets) (hosts []string, ok bool) {
	for _, set := range sets {
		found := false
		for _, matcher := range set {
			if m, isHost := matcher.(*caddyhttp.MatchHost); isHost {
				found = true
				for _, host := range *m {
					hosts = append(hosts, strings.ToLower(host))
				}
			}
		}
		if !found {
			return nil, false
		}
	}
	return hosts, len(hosts) > 0
}

// pathsOf are the paths of matchers of which each asks for some; false where one does not.
func pathsOf(sets caddyhttp.MatcherSets) (paths []string, ok bool) {
	for _, set := range sets {
		found := false
		for _, matcher := range set {
			if m, isPath := matcher.(*caddyhttp.MatchPath); isPath {
				paths, found = append(paths, *m...), true
			}
		}
		if !found {
			return nil, false
		}
	}
	return paths, len(paths) > 0
}

// leavesOutLocal reports a `not` over the addresses of this machine.
func leavesOutLocal(sets caddyhttp.MatcherSets) bool {
	local := func(ranges []string) bool {
		return slices.ContainsFunc(ranges, func(text string) bool {
			prefix, err := netip.ParsePrefix(text)
			return text == "127.0.0.1" || err == nil && prefix.Contains(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
		})
	}
	for _, set := range sets {
		for _, matcher := range set {
			not, ok := matcher.(*caddyhttp.MatchNot)
			if !ok {
				continue
			}
			for _, negated := range not.MatcherSets {
				for _, matcher := range negated {
					switch m := matcher.(type) {
					case *caddyhttp.MatchRemoteIP:
						if local(m.Ranges) {
							return true
						}
					case *caddyhttp.MatchClientIP:
						if local(m.Ranges) {
							return true
						}
					}
				}
			}
		}
	}
	return false
}

// onlyPaths are the paths of matchers that ask for nothing else.
func onlyPaths(sets caddyhttp.MatcherSets) (paths []string, ok bool) {
	if slices.ContainsFunc(sets, func(set caddyhttp.MatcherSet) bool { return len(set) != 1 }) {
		return nil, false
	}
	return pathsOf(sets)
}

// covers reports whether it is certain that wide match what narrow match. It knows paths
// alone.
func covers(wide, narrow caddyhttp.MatcherSets) bool {
	if len(wide) == 0 {
		return true
	}
	patterns, ok := onlyPaths(wide)
	paths, alsoOK := onlyPaths(narrow)
	return ok && alsoOK && !slices.ContainsFunc(paths, func(path string) bool { return !matchesOne(patterns, path) })
}

// matchesOne reports whether a path, or every path of a pattern, is one of patterns.
func matchesOne(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, isPrefix := strings.CutSuffix(pattern, "*")
		return path == pattern || isPrefix && !strings.Contains(prefix, "*") && strings.HasPrefix(path, prefix)
	})
}

// onlyHosts reports a route that is for hosts, whatever the rest of the request.
func onlyHosts(route caddyhttp.Route) bool {
	for _, set := range route.MatcherSets {
		for _, matcher := range set {
			if _, isHost := matcher.(*caddyhttp.MatchHost); !isHost {
				return false
			}
		}
	}
	return true
}

// forAll reports a route that every request comes through, whatever the ones before it.
func forAll(route caddyhttp.Route) bool {
	matchers, known := matchersOf(route)
	return known && matchers == "" && route.Group == ""
}

// matchersOf is equal for routes that match the same requests, and "" for one that
// matches every request. It reports false where that cannot be said.
func matchersOf(route caddyhttp.Route) (text string, known bool) {
	if len(route.MatcherSets) == 1 && len(route.MatcherSets[0]) == 1 {
		// That of our handlers in named routes.
		if not, ok := route.MatcherSets[0][0].(*caddyhttp.MatchNot); ok && len(not.MatcherSets) == 0 {
			return "", true
		}
	}
	for _, set := range route.MatcherSets {
		text += "\n"
		for _, matcher := range set {
			config, ok := configOf(matcher)
			if !ok {
				return "", false
			}
			text += config
		}
	}
	return text, true
}

// configOf is a matcher's module and what is written in it.
func configOf(matcher any) (text string, ok bool) {
	if not, isNot := matcher.(*caddyhttp.MatchNot); isNot { // what is in it was loaded, and taken out of its JSON
		text, ok = matchersOf(caddyhttp.Route{MatcherSets: not.MatcherSets})
		return "not(" + text + ")", ok
	}
	module, ok := matcher.(caddy.Module)
	config, err := json.Marshal(matcher)
	if err != nil || !ok {
		return "", false
	}
	return string(module.CaddyModule().ID) + string(config), true
}
