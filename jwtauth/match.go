package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
)

// A handler that carries its own matcher stands in a route without one: it sees every
// request of its block, takes out of each what only this module may say, and then acts on
// those that match. A guard also acts on requests that only an upstream would take for
// such ones.

// pathsAsMatched is the value of Paths for Caddy's reading of paths alone.
const pathsAsMatched = "as_matched"

// CheckMatch refuses a matcher that asks who is signed in: a guard has to answer that
// first, so it would never run. And it refuses one that matches nothing, or less than it
// says.
func (g *JWTAuth) CheckMatch() error {
	if slices.ContainsFunc(g.MatcherSetsRaw, asksForUser) {
		return errors.New("the matcher of jwt_auth asks who is signed in, which is known only after a guard: write the roles after jwt_auth, or roles, scope and claim in its block")
	}
	return checkSets(g.MatcherSetsRaw)
}

// asksForUser reports a matcher that needs to know who is signed in, also one within
// `not` or `expression`.
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

// widen adds to the paths of a guard's matcher those that lead to the same place.
func widen(sets caddyhttp.RawMatcherSets, asMatched bool) (caddyhttp.RawMatcherSets, error) {
	widened := slices.Clone(sets)
	for i, set := range widened {
		raw, ok := set["path"]
		if !ok {
			continue
		}
		var paths caddyhttp.MatchPath
		if err := json.Unmarshal(raw, &paths); err != nil {
			return nil, fmt.Errorf("path: %w", err)
		}
		widened[i] = maps.Clone(set)
		if slices.Contains(paths, "/*") {
			// A request target need not begin with a slash ("GET http://example.com",
			// "OPTIONS *", CONNECT; RFC 9112 §3.2), but the pattern asks for one.
			delete(widened[i], "path")
			continue
		}
		widened[i]["path"] = caddyconfig.JSON(widenPaths(paths, asMatched), nil)
	}
	return widened, nil
}

func widenPaths(paths caddyhttp.MatchPath, asMatched bool) caddyhttp.MatchPath {
	const empty = "." // what Caddy cleans an empty path to
	wider := slices.Clone(paths)
	for _, path := range paths {
		switch folder, isBelow := strings.CutSuffix(path, "/*"); {
		case path == "/":
			wider = append(wider, empty) // which an upstream takes for "/" (RFC 9110 §4.2.3)
		case asMatched:
		case isBelow:
			wider = append(wider, folder)
		case !strings.HasSuffix(path, "/") && !strings.Contains(path, "*"):
			wider = append(wider, path+"/")
		}
	}
	return wider
}

// matching says which requests a handler is for. The zero matching is for all.
type matching struct {
	sets caddyhttp.MatcherSets

	// What follows is for a guard that asks for other readings of a request's target.

	// conditions are sets once more, nil if no reading changes what they see.
	conditions [][]condition
	// paths, hosts and methods say which parts of a target they see; anyCase is set if
	// case counts in some, and cased if these name what has two cases.
	paths, hosts, methods, anyCase, cased bool
}

// condition is a matcher as readings ask it.
type condition struct {
	// matcher is nil for a not.
	matcher caddyhttp.RequestMatcherWithError
	// reads is set if the matcher sees the reading, and not the request as it is.
	reads bool
	// folded is the matcher in any case, nil if case does not count in it or is that of
	// the path.
	folded caddyhttp.RequestMatcherWithError
	not    [][]condition
}

// newMatching is what was loaded from the member `match` of a handler.
func newMatching(loaded any) (m matching, err error) {
	if err := m.sets.FromInterface(loaded); err != nil {
		return matching{}, err
	}
	if slices.ContainsFunc(m.sets, func(set caddyhttp.MatcherSet) bool { return len(set) == 0 }) {
		m.sets = nil
	}
	return m, nil
}

// addReadings makes it match requests that an upstream could read so that they match.
func (m *matching) addReadings(ctx caddy.Context) error {
	conditions, readable, err := m.conditionsOf(ctx, m.sets)
	if err == nil && readable {
		m.conditions = conditions
	}
	return err
}

func (m *matching) conditionsOf(ctx caddy.Context, sets []caddyhttp.MatcherSet) (all [][]condition, readable bool, err error) {
	for _, set := range sets {
		conditions := make([]condition, len(set))
		for i, matcher := range set {
			c := &conditions[i]
			switch matcher := matcher.(type) {
			case *caddyhttp.MatchNot:
				var reads bool
				if c.not, reads, err = m.conditionsOf(ctx, matcher.MatcherSets); err != nil {
					return nil, false, err
				}
				readable = readable || reads
				continue
			case *caddyhttp.MatchHost:
				c.reads, m.hosts = true, true
			case *caddyhttp.MatchMethod:
				c.reads, m.methods = true, true
			case *caddyhttp.MatchPath:
				c.reads, m.paths = true, true
			case *caddyhttp.MatchExpression:
				c.reads, m.paths, m.hosts, m.methods = true, true, true, true
				m.foldCase(matcher.Expr, strings.Contains(matcher.Expr, "path_regexp"))
			case *caddyhttp.MatchPathRE:
				c.reads, m.paths = true, true
				folded := &caddyhttp.MatchPathRE{MatchRegexp: caddyhttp.MatchRegexp{Name: matcher.Name, Pattern: "(?i)" + matcher.Pattern}}
				if err := folded.Provision(ctx); err != nil {
					return nil, false, err
				}
				c.folded = folded
				m.foldCase(matcher.Pattern, true)
			}
			c.matcher = withError(matcher)
			readable = readable || c.reads
		}
		all = append(all, conditions)
	}
	return all, readable, nil
}

// foldCase notes a pattern in which case counts.
func (m *matching) foldCase(pattern string, counts bool) {
	m.anyCase = m.anyCase || counts
	m.cased = m.cased || counts && isCased(pattern)
}

// isCased reports a text that another one in lower case could stand for.
func isCased(text string) bool {
	return strings.ContainsFunc(text, func(c rune) bool { return 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf })
}

// withError is a matcher of either of Caddy's two kinds.
func withError(matcher any) caddyhttp.RequestMatcherWithError {
	if m, ok := matcher.(caddyhttp.RequestMatcherWithError); ok {
		return m
	}
	return oldMatcher{caddyhttp.MatcherSet{matcher}}
}

// oldMatcher is one whose errors Caddy finds in the variables of the request.
type oldMatcher struct{ caddyhttp.MatcherSet }

// governs reports whether the handler is for a request. With an error it is not known.
func (m *matching) governs(r *http.Request, state *requestState) (bool, error) {
	if len(m.sets) == 0 {
		return true, nil
	}
	matches, err := m.sets.AnyMatchWithError(r)
	if matches || err != nil || m.conditions == nil {
		return matches, err
	}
	folds := m.anyCase && (m.cased || isCased(r.URL.Path))
	if !folds && !guard.HasReadings(r) {
		return false, nil
	}
	return m.readsOtherwise(r, state.Targets(r), folds), nil
}

// readsOtherwise reports whether one of the readings of a request's target matches, or
// cannot be judged.
func (m *matching) readsOtherwise(r *http.Request, targets *guard.Targets, folds bool) bool {
	if m.paths && targets.TooMany {
		return true
	}
	v := view{asIs: copyOf(r), read: copyOf(r)}
	if folds {
		v.folded = copyOf(r)
	}
	for _, path := range seen(m.paths, targets.Paths) {
		for _, host := range seen(m.hosts, targets.Hosts) {
			for _, method := range seen(m.methods, targets.Methods) {
				if v.matches(m.conditions, path, host, method) {
					return true
				}
			}
		}
	}
	return false
}

// seen are the readings of a part of the target: the first alone if no matcher sees it.
func seen(sees bool, readings []string) []string {
	if !sees {
		return readings[:1]
	}
	return readings
}

// view is a request in one reading after the other.
type view struct {
	asIs, read copied
	// folded is the reading in lower case, for matchers in which case counts, or nothing.
	folded copied
	// folds is set while they are asked in any case.
	folds bool
}

// matches reports whether the reading matches one of sets, or cannot be judged.
func (v *view) matches(sets [][]condition, path, host, method string) bool {
	v.read.become(path, host, method)
	v.folds = false
	matches, err := v.anyOf(sets)
	if matches || err != nil || v.folded.Request == nil {
		return matches || err != nil
	}
	v.read.become(path, host, method)
	v.folded.become(strings.ToLower(path), host, method)
	v.folds = true
	matches, err = v.anyOf(sets)
	return matches || err != nil
}

func (v *view) anyOf(sets [][]condition) (bool, error) {
	for _, set := range sets {
		if matches, err := v.allOf(set); matches || err != nil {
			return matches, err
		}
	}
	return false, nil
}

func (v *view) allOf(set []condition) (bool, error) {
	for _, c := range set {
		if matches, err := v.holds(c); !matches || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (v *view) holds(c condition) (bool, error) {
	switch {
	case c.matcher == nil:
		matches, err := v.anyOf(c.not)
		return !matches, err
	case !c.reads:
		return c.matcher.MatchWithError(v.asIs.Request)
	case !v.folds:
		return c.matcher.MatchWithError(v.read.Request)
	case c.folded != nil:
		return c.folded.MatchWithError(v.read.Request)
	}
	return c.matcher.MatchWithError(v.folded.Request)
}

// copied is a copy of a request whose target can change. Its placeholders and variables
// are its own, and those of the request where it has none: matchers write to them.
type copied struct {
	*http.Request
	replacer *caddy.Replacer
}

func copyOf(r *http.Request) copied {
	ctx := r.Context()
	if vars, ok := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any); ok {
		ctx = context.WithValue(ctx, caddyhttp.VarsCtxKey, maps.Clone(vars))
	}
	real, _ := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	c := copied{Request: r.WithContext(ctx)}
	c.URL = new(url.URL)
	*c.URL = *r.URL
	c.replacer = caddyhttp.NewTestReplacer(c.Request) // reads the target when it is asked
	if real != nil {
		c.replacer.Map(real.Get)
	}
	return c
}

// become gives it another target, and forgets what matchers noted of the one before.
func (c copied) become(path, host, method string) {
	if path != c.URL.Path {
		c.URL.Path, c.URL.RawPath = path, ""
	}
	c.Host, c.Method = host, method
	c.replacer.DeleteByPrefix("")
}
