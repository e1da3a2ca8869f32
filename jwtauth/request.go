package jwtauth

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// requestVar is the name under which a request's state is kept in Caddy's
// variable table, where every handler of the request sees it, also those of
// handle_errors.
const requestVar = "jwtauth.request"

// requestState is what the handlers of this module know of one request. What
// nearly every guarded request needs is within it: one allocation for all.
type requestState struct {
	// principal is who the last guard that let the request pass found, nil for nobody.
	principal *policy.Principal
	// realm is the realm of that guard.
	realm *opened
	// headers are the identity headers that guards of this request have set.
	headers []string
	// cookies are the session cookies taken out of the request, by realm.
	cookies map[string]takenCookies
	// pages are the sign-in pages that this request's site serves.
	pages []signInPage
	page  [1]signInPage // the room for the first

	// own is what this module has made of the answer, nil for nothing.
	own *ownAnswer

	// passed is the writer of the outermost handler that has passed the request on,
	// nil while there is none; writer is the room for the first.
	passed *guardedWriter
	writer guardedWriter
	repl   *caddy.Replacer

	// What was done: cookies taken out, overrides cleared, the writer's room used. plain
	// is set where the request asks for no other protocol.
	taken, cleared, used, plain bool
}

// ownAnswer is what few requests need, apart from the rest.
type ownAnswer struct {
	// refusal says why the last guard that refused did so, for the log and handle_errors.
	refusal string
	// request is the request that a handler of this module answers, nil for none.
	request *http.Request
	// cookies are the names and values of the cookies that this module has set.
	cookies []string
}

// answer returns what this module makes of the answer, for a change.
func (s *requestState) answer() *ownAnswer {
	if s.own == nil {
		s.own = new(ownAnswer)
	}
	return s.own
}

// signInPage is a token server that has pages, and passed the request on.
type signInPage struct {
	server *TokenServer
	at     string // the path of the request when it did
}

// path is that of the sign-in page, as a browser asks for it.
func (p signInPage) path(r *http.Request) string {
	return p.server.look.SignInPath(mountBefore(r, p.at))
}

// String keeps cookies out of {http.vars.*}.
func (*requestState) String() string { return "" }

// stateOf returns the request's state, made at the first call. From then on the
// placeholders of the module can be resolved.
func stateOf(r *http.Request) *requestState {
	ctx := r.Context()
	vars, _ := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any)
	if state, ok := vars[requestVar].(*requestState); ok {
		return state
	}
	state := new(requestState)
	state.pages = state.page[:0]
	if vars != nil {
		vars[requestVar] = state
	}
	state.repl, _ = ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if state.repl != nil {
		state.repl.Map(state.placeholder)
	}
	return state
}

// principalOf returns who a guard of this request found, nil for nobody.
func principalOf(r *http.Request) *policy.Principal {
	if state, ok := caddyhttp.GetVar(r.Context(), requestVar).(*requestState); ok {
		return state.principal
	}
	return nil
}

// clean takes out of a request what only this module may say or decide: identity
// headers under the names in owned, another method or protocol than the request's,
// and the cookies of all realms. Every request of a block in which a handler of
// ours stands comes by here, whether or not a guard is for it. It returns the
// cookies of the realm.
func (s *requestState) clean(r *http.Request, realm *Realm, owned []string) takenCookies {
	if !s.plain {
		s.plain = clearUpgrade(r, realm.parsed.upgrade)
	}
	s.clearOverrides(r.Header)
	s.clearHeaders(r, owned)
	return s.takeCookies(r, realm.name)
}

// takeBack takes out of a request that goes no further what guards have set and what
// the client sent under the names of any guard. What the site does with the answer, in
// handle_errors or intercept, comes before, or without, the other guards: nothing that
// says who is asking may be left by now.
func (s *requestState) takeBack(r *http.Request, realm *Realm) {
	s.headers = nil
	s.clearHeaders(r, realm.app.identity)
}

// takeCookies takes the session cookies of all realms out of the request's
// header, at the first call, and returns what those of the realm held.
func (s *requestState) takeCookies(r *http.Request, realm string) takenCookies {
	if !s.taken {
		s.cookies, s.taken = takeCookies(r.Header), true
	}
	return s.cookies[realm]
}

// clearHeaders removes identity headers that the client sent: in every spelling
// that an upstream could read as one of names (upper and lower case, `_`, `.` and others
// for `-`, as CGI and its heirs do), and as a name in Connection, which would make
// reverse_proxy drop a header that a guard has set. What guards of this request
// have set stays.
//
// Trailers, which some servers take for headers, are not known before the body
// was read, so all of them go (RFC 9110 §6.5.1 allows that).
func (s *requestState) clearHeaders(r *http.Request, names []string) {
	if len(names) == 0 {
		return
	}
	h := r.Header
	r.Trailer = nil
	for key := range h {
		folded := foldHeaderName(key)
		if !slices.ContainsFunc(names, func(name string) bool { return foldHeaderName(name) == folded }) {
			continue
		}
		if !slices.Contains(s.headers, key) {
			delete(h, key)
		}
	}
	clearConnection(h, names)
}

// clearConnection takes names out of the Connection header (RFC 9110 §7.6.1).
func clearConnection(h http.Header, names []string) {
	lines := h["Connection"]
	if len(lines) == 0 {
		return
	}
	var kept []string
	for _, line := range lines {
		var options []string
		for option := range strings.SplitSeq(line, ",") {
			option = strings.TrimSpace(option)
			folded := foldHeaderName(option)
			if option != "" && !slices.ContainsFunc(names, func(name string) bool { return foldHeaderName(name) == folded }) {
				options = append(options, option)
			}
		}
		if len(options) > 0 {
			kept = append(kept, strings.Join(options, ", "))
		}
	}
	if len(kept) == 0 {
		delete(h, "Connection")
		return
	}
	h["Connection"] = kept
}

// foldHeaderName brings the spellings of a header name that programs take for
// the same to one form. CGI turns `-` into `_`; some servers do so with every
// character that is neither letter nor digit.
func foldHeaderName(name string) string {
	folded := func(c byte) byte {
		switch {
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			return c
		}
		return '-'
	}
	for i := 0; i < len(name); i++ {
		if folded(name[i]) == name[i] {
			continue
		}
		other := []byte(name)
		for j := range other {
			other[j] = folded(other[j])
		}
		return string(other)
	}
	return name
}
