package lint

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"
)

// rule is a kind of finding.
type rule struct {
	name     string
	severity Severity
	// finds says what is wrong with a handler at its place, and what to write, "" for
	// nothing. It is nil for a rule that is about more than one handler.
	finds func(v *visit) string
}

// ruleUninvoked is about a named route; see [walk.namedRoute].
var ruleUninvoked = rule{name: "uninvoked", severity: Error}

// ruleTemplatesLocal is about a guard and templates; see [walk.run].
var ruleTemplatesLocal = rule{name: "templates-local", severity: Warning}

// rules are all of them. It must not be changed.
var rules = []rule{
	ruleUninvoked,
	{"unreached", Error, unreached},
	{"after-the-answer", Error, afterTheAnswer},
	{"invoked-twice", Error, invokedTwice},
	{"prefix-taken-off", Error, prefixTakenOff},
	{"error-goes-on", Error, errorGoesOn},
	{"two-token-servers", Error, twoTokenServers},
	{"user-too-early", Error, userTooEarly},

	{"route-matcher", Warning, routeMatcher},
	{"wider-first", Warning, widerFirst},
	{"uncovered-proxy", Warning, uncoveredProxy},
	{"path-changes", Warning, pathChanges},
	{"raw-path", Warning, rawPath},
	{"method-list", Warning, methodList},
	{"climbs-out", Warning, climbsOut},
	{"own-path-again", Warning, ownPathAgain},
	{"identity-header", Warning, identityHeader},
	{"no-canonical-uris", Warning, noCanonicalURIs},
	{"no-sign-in", Warning, noSignIn},
	{"login-elsewhere", Warning, loginElsewhere},
	{"plain-http", Warning, plainHTTP},
	ruleTemplatesLocal,
}

// Rules are the names of all of them.
func Rules() (names []string) {
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names
}

func unreached(v *visit) string {
	if v.state.answered == "" || v.guard == nil && v.tokenServer == nil {
		return ""
	}
	return fmt.Sprintf("no request comes here: %s before it answers each of them. Write it before %s", v.state.answered, v.state.answered)
}

func afterTheAnswer(v *visit) string {
	if v.guard == nil || !v.response {
		return ""
	}
	return "this guard runs once there is an answer already: by then the upstream has done what was asked. Write it before reverse_proxy"
}

func invokedTwice(v *visit) string {
	if v.guard == nil || !v.grouped {
		return ""
	}
	for _, name := range v.within {
		if how := v.invoked[name]; how.byRoutes && how.byErrors {
			return fmt.Sprintf("this guard stands in a `handle` of the named route %s, which both the site and its handle_errors invoke: of such blocks Caddy runs one a request, and counts a request and its error route together, so that the guard is skipped the second time. Write the guard outside `handle` in the named route", name)
		}
	}
	return ""
}

func prefixTakenOff(v *visit) string {
	if v.guard == nil {
		return ""
	}
	paths, ok := pathsOf(v.guard.Sets)
	if !ok {
		return ""
	}
	for _, prefix := range v.state.stripped {
		below := strings.ToLower(strings.TrimSuffix(prefix, "/")) + "/"
		if below != "/" && !slices.ContainsFunc(paths, func(path string) bool { return !strings.HasPrefix(path+"/", below) }) {
			return fmt.Sprintf("the path has no %s at its begin any more when it comes here, since handle_path or uri has taken it off: write the path without it, as in jwt_auth %s, or put the guard before", prefix, "/"+strings.TrimPrefix(paths[0], below))
		}
	}
	return ""
}

func errorGoesOn(v *visit) string {
	if v.guard == nil || !v.guard.ErrorsToSite || !v.goesOn {
		return ""
	}
	return "with `errors site` the error routes of this block answer refused requests, and they do not answer each of them: Caddy then goes on with the handlers after the block, as if the guard had let the request pass. End the block's error routes with a directive that answers, such as respond"
}

func twoTokenServers(v *visit) string {
	if v.tokenServer == nil {
		return ""
	}
	for _, before := range v.state.servers {
		if before.BasePath == v.tokenServer.BasePath && covers(before.Sets, v.tokenServer.Sets) {
			return fmt.Sprintf("another token_server before it answers at the same paths (%s/token and so on), so that this one is never asked: remove one of them, or give one another base_path", v.tokenServer.BasePath)
		}
	}
	return ""
}

// user is the begin of the placeholders that a guard fills.
const user = "{http.auth.user."

func userTooEarly(v *visit) string {
	if v.errors { // an error route comes after the guards
		return ""
	}
	var asked string
	for _, set := range v.route.MatcherSets {
		for _, matcher := range set {
			if config, ok := configOf(matcher); ok {
				asked += config
			}
		}
	}
	if len(v.state.some) == 0 && (strings.Contains(asked, "jwt_role") || strings.Contains(asked, "jwt_claim")) {
		return "the matcher asks here who is signed in before any guard has run, so that jwt_role and jwt_claim match for no one: write it after jwt_auth in one `route` block"
	}
	if v.state.authenticated || !strings.Contains(expandedBy(v.handler)+asked, user) {
		return ""
	}
	return "{http.auth.user.…} is asked here before any guard has run, so that it is empty for everyone: write it after jwt_auth in one `route` block, and instead of root the root of file_server itself, as in `file_server { root /srv/users/{http.auth.user.id} }`"
}

// expandedBy is what a handler expands of what is written in it.
func expandedBy(handler caddyhttp.MiddlewareHandler) string {
	switch h := handler.(type) {
	case *rewrite.Rewrite, *caddyhttp.VarsMiddleware, caddyhttp.VarsMiddleware:
		text, _ := json.Marshal(h)
		return string(text)
	case *caddyhttp.StaticResponse:
		return strings.Join(h.Headers["Location"], " ")
	}
	return ""
}

func routeMatcher(v *visit) string {
	if v.guard == nil {
		return ""
	}
	if matchers, _ := matchersOf(v.route); matchers == "" || onlyHosts(v.route) {
		return ""
	}
	return "this jwt_auth stands in a route with a matcher, so identity headers, session cookies and protocol upgrades of all other requests stay as clients send them: move the matcher into the handler, as its `match`"
}

func widerFirst(v *visit) string {
	hidden := func(before *Guard) bool {
		g := v.guard
		differs := g.Realm != before.Realm || g.Login != before.Login || g.ErrorsToSite != before.ErrorsToSite
		return differs && !g.Optional && !before.Optional && covers(before.Sets, g.Sets)
	}
	if v.guard == nil || !slices.ContainsFunc(v.state.guards, hidden) {
		return ""
	}
	return "this jwt_auth never refuses a request as it says, in its realm, login or errors, since another one that governs all of its requests stands before it: write the narrower guard first"
}

func uncoveredProxy(v *visit) string {
	proxy, ok := v.handler.(*reverseproxy.Handler)
	if !ok || v.state.all {
		return ""
	}
	var upstreams []string
	for _, upstream := range proxy.Upstreams {
		upstreams = append(upstreams, upstream.Dial)
	}
	return fmt.Sprintf("a reverse_proxy of a server with guards (to %s) has no handler of this module before it, so identity headers, session cookies and protocol upgrades reach its upstream as clients send them: write token_server, or jwt_auth with the option optional, in its block", strings.Join(upstreams, ", "))
}

func pathChanges(v *visit) string {
	change, ok := v.handler.(*rewrite.Rewrite)
	if !ok || v.errors || slices.ContainsFunc(v.state.guards, func(g *Guard) bool { return len(g.Sets) == 0 && !g.Optional }) {
		return ""
	}
	fixed, any := newPaths(change, v.route)
	for _, guard := range v.state.some {
		paths, ok := pathsOf(guard.Sets)
		if ok && (any || slices.ContainsFunc(fixed, func(path string) bool { return matchesOne(paths, strings.ToLower(path)) })) {
			return fmt.Sprintf("the path changes here, after %s has looked at it: a request for another path may end at what the guard is for. Write a guard of the new path after this, in the same block", guard.Name)
		}
	}
	return ""
}

// asked is the path of a request, as it stays where a rewrite is to nothing else.
const asked = "{http.request.uri.path}"

// newPaths are the paths that a rewrite leads to, other than the one that was asked for; any
// is set where it may be any. A path below the one that was asked for counts as that.
func newPaths(r *rewrite.Rewrite, route caddyhttp.Route) (fixed []string, any bool) {
	if r.StripPathPrefix != "" || r.StripPathSuffix != "" || len(r.URISubstring) > 0 || len(r.PathRegexp) > 0 {
		return nil, true
	}
	path, _, _ := strings.Cut(r.URI, "?")
	candidates := []string{path}
	if path == "{http.matchers.file.relative}" {
		candidates = filesOf(route)
	}
	for _, candidate := range candidates {
		switch {
		case candidate == "", candidate == "{http.request.uri}", candidate == asked, strings.HasPrefix(candidate, asked+"/"):
		case strings.Contains(candidate, "{"):
			return nil, true
		default:
			fixed = append(fixed, candidate)
		}
	}
	return fixed, false
}

// filesOf are the files that the file matcher of a route tries.
func filesOf(route caddyhttp.Route) (files []string) {
	for _, set := range route.MatcherSets {
		for _, matcher := range set {
			if m, ok := matcher.(*fileserver.MatchFile); ok {
				files = append(files, m.TryFiles...)
			}
		}
	}
	return files
}

// changesPath reports a rewrite of which the result is another path, and may be any.
func changesPath(r *rewrite.Rewrite) bool {
	if r.StripPathPrefix != "" || r.StripPathSuffix != "" || len(r.URISubstring) > 0 || len(r.PathRegexp) > 0 {
		return true
	}
	path, _, _ := strings.Cut(r.URI, "?")
	return path != "" && path != asked && path != "{http.request.uri}"
}

var rawPaths = regexp.MustCompile(`\{(http\.request\.(orig_)?uri(\.path)?|path|uri)\}`)

func rawPath(v *visit) string {
	if v.guard == nil {
		return ""
	}
	for _, set := range v.guard.Sets {
		for _, matcher := range set {
			switch m := matcher.(type) {
			case *caddyhttp.MatchExpression:
				if rawPaths.MatchString(m.Expr) || strings.Contains(m.Expr, "http.request.uri") {
					return "its matcher compares the path as it was sent, with all of its spellings, such as /PRIVATE and //private: write path('/private/*') in the expression, or a path matcher"
				}
			case caddyhttp.VarsMatcher, *caddyhttp.VarsMatcher, caddyhttp.MatchVarsRE, *caddyhttp.MatchVarsRE:
				if config, _ := configOf(m); rawPaths.MatchString(config) {
					return "its matcher compares the path as it was sent, with all of its spellings, such as /PRIVATE and //private: write a path or path_regexp matcher"
				}
			}
		}
	}
	return ""
}

func methodList(v *visit) string {
	if v.guard == nil {
		return ""
	}
	for _, set := range v.guard.Sets {
		for _, matcher := range set {
			m, ok := matcher.(*caddyhttp.MatchMethod)
			if ok && !slices.Contains(*m, http.MethodGet) && slices.ContainsFunc(*m, func(method string) bool {
				return method == http.MethodPost || method == http.MethodPut || method == http.MethodDelete || method == http.MethodPatch
			}) {
				return fmt.Sprintf("it guards the methods %s alone, and all others that change something are open, also those that an application takes for them: write `not method GET HEAD OPTIONS` instead", strings.Join(*m, ", "))
			}
		}
	}
	return ""
}

func climbsOut(v *visit) string {
	text := expandedBy(v.handler)
	before, after, ok := strings.Cut(text, user)
	_, after, _ = strings.Cut(after, "}")
	if _, isRewrite := v.handler.(*rewrite.Rewrite); !ok || !isRewrite || !strings.Contains(before, "/") || !strings.Contains(after, "{http.request.") {
		return ""
	}
	return "a client can climb out of the folder of its user, by a path such as /../other/: let file_server have that folder as its root instead, as in `file_server { root /srv/users/{http.auth.user.id} }`, or tell an upstream the name in a header, by set_header"
}

func ownPathAgain(v *visit) string {
	_, isProxy := v.handler.(*reverseproxy.Handler)
	_, isFiles := v.handler.(*fileserver.FileServer)
	if !isProxy && !isFiles || !v.errors && !v.intercepted || v.state.changed || hasRewrite(v.route) {
		return ""
	}
	for _, guard := range v.state.guards {
		if len(guard.Sets) == 0 {
			return ""
		}
	}
	return "an error route serves the path that was asked for, here without the guards of the site, so that a refused visitor may get what the guard is for: write `rewrite * /error.html`, or another page, before it"
}

// hasRewrite reports a route that changes the path before the handler.
func hasRewrite(route caddyhttp.Route) bool {
	return slices.ContainsFunc(route.Handlers, func(h caddyhttp.MiddlewareHandler) bool {
		r, ok := h.(*rewrite.Rewrite)
		return ok && changesPath(r)
	})
}

func identityHeader(v *visit) string {
	var ops *headers.HeaderOps
	switch h := v.handler.(type) {
	case *headers.Handler:
		ops = h.Request
	case headers.Handler:
		ops = h.Request
	case *reverseproxy.Handler:
		if h.Headers != nil {
			ops = h.Headers.Request
		}
	}
	if ops == nil {
		return ""
	}
	for _, written := range []http.Header{ops.Set, ops.Add} {
		for name := range written {
			if slices.ContainsFunc(v.headers, func(owned string) bool { return strings.EqualFold(owned, name) }) {
				return fmt.Sprintf("it writes %s, the header by which set_header of a guard tells the upstream who is asking: write it in set_header alone", name)
			}
		}
	}
	return ""
}

func noCanonicalURIs(v *visit) string {
	files, ok := v.handler.(*fileserver.FileServer)
	if !ok || files.CanonicalURIs == nil || *files.CanonicalURIs {
		return ""
	}
	for _, guard := range v.state.some {
		paths, _ := pathsOf(guard.Sets)
		if slices.ContainsFunc(paths, func(path string) bool { return strings.HasPrefix(path, "*.") || strings.HasPrefix(path, "/*.") }) {
			return fmt.Sprintf("%s goes by the end of the path, and with disable_canonical_uris a file is served with a slash after its name, too: remove disable_canonical_uris", guard.Name)
		}
	}
	return ""
}
