package explain

import (
	"context"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// Ours is a handler of this module, or a provider of Caddy's authentication handler.
type Ours interface {
	// Explain does with a request what the handler does, but for answering: it asks the
	// trace who is there, and tells it what becomes of the request. It calls next, or
	// returns the error that error routes get, or answers by [Trace.Refuse] or
	// [Trace.Answer] alone.
	Explain(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, t *Trace) error
}

// Visitor is one who asks.
type Visitor struct {
	// Principal finds the user whom the guards of a realm find, nil for none. It is nil for
	// a visitor who has signed in nowhere.
	Principal func(realm string) *policy.Principal
	// Granted is set where the visitor stands for all with these roles: scopes and claims
	// that a guard asks for are taken to be there, and noted as a condition.
	Granted bool
}

// Step is what a handler did with the request.
type Step struct {
	// Where are the directives from the outermost one to this one.
	Where string `json:"where"`
	// Kind is guard, rewrite, error, asks, unknown or answer.
	Kind string `json:"kind"`
	// Text says what it did.
	Text string `json:"text"`
}

// The kinds of steps.
const (
	kindGuard   = "guard"
	kindRewrite = "rewrite"
	kindError   = "error"
	kindAsks    = "asks"    // another server, or the visitor for another password
	kindUnknown = "unknown" // a handler of another module
	kindAnswer  = "answer"
)

// Outcome is what becomes of a request.
type Outcome struct {
	// RefusedBy is the guard that refused it, "" if none did, and Reason is why.
	RefusedBy string `json:"refused_by,omitempty"`
	Reason    string `json:"reason,omitempty"`
	// SignIn is where that guard sends a browser, "" for nowhere.
	SignIn string `json:"sign_in,omitempty"`
	// AnsweredBy is the handler that answers: "" where none does, and Caddy itself ends
	// the request.
	AnsweredBy string `json:"answered_by,omitempty"`
	// Status is that of the answer, 0 where an upstream decides.
	Status int `json:"status,omitempty"`
	// Location is the path that a redirect leads to.
	Location string `json:"location,omitempty"`
	// Path is the one that the handler which answers sees.
	Path string `json:"path"`
}

// Trace is what a request leaves behind on its way.
type Trace struct {
	Visitor

	steps   []Step
	outcome Outcome
	// conditions are what else has to hold.
	conditions []string
	// rules are the roles that guards have asked for.
	rules []policy.Rule
	where string // the handler that has the request
}

type traceKey struct{}

func traceOf(r *http.Request) *Trace { return r.Context().Value(traceKey{}).(*Trace) }

func (t *Trace) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

func (t *Trace) step(where, kind, text string) { t.steps = append(t.steps, Step{where, kind, text}) }

// Governs notes that a guard is for the request, and whom it lets pass, in words.
func (t *Trace) Governs(rule policy.Rule, who string) {
	t.rules = append(t.rules, rule)
	t.step(t.where, kindGuard, who)
}

// Needs notes what else has to hold, in words.
func (t *Trace) Needs(condition string) {
	if !slices.Contains(t.conditions, condition) {
		t.conditions = append(t.conditions, condition)
	}
}

// Refuse notes that the guard which has the request refuses it, and where it sends a
// browser, "" for nowhere. What becomes the answer is noted too, unless error routes make
// it.
func (t *Trace) Refuse(r *http.Request, status int, reason, signIn string, answers bool) {
	t.outcome.RefusedBy, t.outcome.Reason, t.outcome.SignIn = t.where, reason, signIn
	if answers {
		t.answer(r, t.where, status)
	}
}

// Answer notes that the handler which has the request answers it, with what, in words.
func (t *Trace) Answer(r *http.Request, text string) {
	t.step(t.where, kindAnswer, text)
	t.answer(r, t.where, 0)
}

func (t *Trace) answer(r *http.Request, where string, status int) {
	t.outcome.AnsweredBy, t.outcome.Status, t.outcome.Path, t.outcome.Location = where, status, r.URL.Path, ""
}
