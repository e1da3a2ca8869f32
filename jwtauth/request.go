package jwtauth

import (
	"net/http"
	"net/url"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// requestVar is the name under which a request's state is kept in Caddy's variable
// table, where every handler of the request sees it, also those of handle_errors.
const requestVar = "jwtauth.request"

// requestState is what the handlers of this module know of one request. What nearly
// every guarded request needs is within it: one allocation for all.
type requestState struct {
	guard.Request

	// passed is the writer of the outermost handler that has passed the request on,
	// nil while there is none; writer is the room for the first.
	passed *guardedWriter
	writer guardedWriter
	repl   *caddy.Replacer
	// offered is set once requests that this one includes can find it, and includedIn are
	// those that include this one.
	offered    bool
	includedIn []including
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
	if vars != nil {
		vars[requestVar] = state
	}
	state.repl, _ = ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if state.repl != nil {
		state.repl.Map(state.placeholder)
	}
	return state
}

// arrive is how a request comes to a handler of this module: it says whether the handler is
// for it, by the request as it came, and takes out what only this module may say. Where
// that cannot be said, what guards have set is taken back.
func arrive(r *http.Request, m *matching, in *Realm, owned guard.HeaderNames) (state *requestState, governs bool, err error) {
	state = stateOf(r)
	governs, err = m.governs(r, state)
	state.clean(r, in, owned)
	if err != nil {
		state.TakeBack(r, in.app.identity)
	}
	return state, governs, err
}

// principalOf returns the principal that a guard of this request found, nil for none.
func principalOf(r *http.Request) *policy.Principal {
	if state, ok := caddyhttp.GetVar(r.Context(), requestVar).(*requestState); ok {
		return state.Principal
	}
	return nil
}

// originalURL is what the client asked for, before any handler rewrote it.
func originalURL(r *http.Request) *url.URL {
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		return original.URL
	}
	return r.URL
}
