package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/explain"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// Question asks who gets what a URL asks for. Without User, Roles and Nobody it is about
// every kind of visitor.
type Question struct {
	Method, URL string
	// User is the name of a user of Realm.
	User, Realm string
	// Roles are those of a user whose other properties do not matter.
	Roles []string
	// Nobody is a visitor who is not signed in.
	Nobody bool
}

var errNoSites = errors.New("the config has no sites")

// Explain answers a question about the config that the app is of.
func (a *App) Explain(ctx context.Context, q Question) (none explain.Answer, err error) {
	routes, err := a.asked()
	if err != nil {
		return none, err
	}
	switch {
	case q.User != "" && len(q.Roles) == 0 && !q.Nobody:
		visitor, err := a.visitor(ctx, q)
		if err != nil {
			return none, err
		}
		return routes.Ask(ctx, q.Method, q.URL, visitor)
	case len(q.Roles) > 0 && q.User == "" && !q.Nobody:
		return routes.Ask(ctx, q.Method, q.URL, explain.Named{Who: "role " + strings.Join(q.Roles, " and "), Visitor: explain.Roled(q.Roles...)})
	case q.Nobody && q.User == "" && len(q.Roles) == 0:
		return routes.Ask(ctx, q.Method, q.URL, explain.Named{Who: "a visitor who is not signed in"})
	case q.Nobody || q.User != "" || len(q.Roles) > 0:
		return none, errors.New("it can be asked for a user, for roles, or for one who is not signed in: give one of these")
	}
	return routes.AskAll(ctx, q.Method, q.URL)
}

func (a *App) routesToAsk() (*explain.Routes, error) {
	servers, ok := a.httpApp()
	if !ok {
		return nil, errNoSites
	}
	return explain.New(a.ctx, servers)
}

// visitor is a user of a realm who is signed in there.
func (a *App) visitor(ctx context.Context, q Question) (none explain.Named, err error) {
	in, ok := a.Realms[q.Realm]
	if !ok {
		return none, fmt.Errorf("unknown realm %q: the realms are %v", q.Realm, a.names())
	}
	u, err := in.user(ctx, q.User)
	if err != nil {
		return none, err
	}
	if u.Disabled {
		return explain.Named{Who: u.Username + ", who is disabled and cannot sign in"}, nil
	}
	who := u.Username + " (no role)"
	if len(u.Roles) > 0 {
		who = fmt.Sprintf("%s (role %s)", u.Username, strings.Join(u.Roles, ", "))
	}
	p := realm.PrincipalOf(u)
	return explain.Named{Who: who, Visitor: explain.Visitor{Principal: func(name string) *policy.Principal {
		if name != q.Realm {
			return nil
		}
		return p
	}}}, nil
}

// user finds a user: of the store, too, where the realm is open.
func (r *Realm) user(ctx context.Context, name string) (user.User, error) {
	if open := r.future.Opened(); open != nil {
		u, err := open.Profile(ctx, name)
		if errors.Is(err, user.ErrNotFound) {
			err = fmt.Errorf("realm %s has no user %q", r.name, name)
		}
		return u, err
	}
	i := slices.IndexFunc(r.parsed.readOnly, func(u user.User) bool { return u.Username == name })
	if i < 0 {
		return user.User{}, fmt.Errorf("neither the config of the realm %s nor its users files have a user %q; those that commands have made are known to a Caddy that runs, so ask it with --address, or ask with --role", r.name, name)
	}
	return r.parsed.readOnly[i], nil
}

// Explain implements [explain.Ours].
func (g *JWTAuth) Explain(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, t *explain.Trace) error {
	state, governs, err := arrive(r, &g.match, g.realm, g.owned)
	switch {
	case err != nil:
		return err
	case !governs:
		return next.ServeHTTP(w, r)
	}
	t.Governs(g.guard.Rule, g.who())
	p, refusal := explained(t, &g.guard)
	if refusal != nil {
		state.Refused(refusal.Error())
		state.TakeBack(r, g.realm.app.identity)
		toSite := g.Errors == errorsToSite
		signIn := ""
		if !toSite && p == nil {
			signIn = g.guard.SignIn(r, &state.Request, originalURL(r))
		}
		t.Refuse(r, refusal.Status, g.because(refusal), signIn, !toSite)
		if toSite {
			return caddyhttp.Error(refusal.Status, errors.New(refusal.Error()))
		}
		w.WriteHeader(refusal.Status) // for intercept
		return nil
	}
	if p != nil {
		state.Verdict = realm.Verdict{Principal: p}
		state.repl.DeleteByPrefix(userPlaceholder)
		g.setHeaders(r, state)
	}
	return next.ServeHTTP(w, r)
}

// explained is the user whom a guard finds in a request that is asked about, and why it
// refuses, nil if it does not.
func explained(t *explain.Trace, g *guard.Guard) (*policy.Principal, *oauth2.Error) {
	if t.Principal == nil {
		return nil, g.Judge(nil)
	}
	p := t.Principal(g.Realm)
	if p == nil || !t.Granted {
		return p, g.Judge(p)
	}
	// The visitor stands for all users with these roles.
	judge := *g
	judge.Rule.Scopes, judge.Rule.Claims = nil, nil
	refusal := judge.Judge(p)
	if refusal == nil {
		for _, scope := range g.Rule.Scopes {
			t.Needs("scope " + scope)
		}
		for _, claim := range g.Rule.Claims {
			t.Needs("claim " + claim.Name + " " + strings.Join(claim.Values, " or "))
		}
	}
	return p, refusal
}

// because says in words why the guard refuses.
func (g *JWTAuth) because(refusal *oauth2.Error) string {
	if refusal.Status == http.StatusForbidden {
		return "it asks for " + g.who()
	}
	if g.realm.name != DefaultRealm {
		return "not signed in to the realm " + g.realm.name
	}
	return "not signed in"
}

// Explain implements [explain.Ours].
func (t *TokenServer) Explain(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, trace *explain.Trace) error {
	state, serves, err := arrive(r, &t.match, t.realm, nil)
	switch {
	case err != nil:
		return err
	case !serves:
		return next.ServeHTTP(w, r)
	}
	forPage, forEndpoint := t.serves(r)
	switch {
	case forPage:
		trace.Answer(r, "answers with a page")
	case forEndpoint:
		trace.Answer(r, "answers as an endpoint")
	default:
		if t.closed != nil {
			state.Passed(r, t.closed)
		}
		return next.ServeHTTP(w, r)
	}
	w.WriteHeader(http.StatusOK) // for intercept
	return nil
}

// Explain implements [explain.Ours].
func (p *Provider) Explain(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, t *explain.Trace) error {
	state := stateOf(r)
	state.Clean(r, p.realm.parsed.upgrade, nil)
	t.Governs(policy.Rule{}, "every signed-in user")
	found, refusal := explained(t, &p.guard)
	if refusal != nil {
		t.Refuse(r, http.StatusUnauthorized, "not signed in", "", false)
		return caddyhttp.Error(http.StatusUnauthorized, errors.New("not authenticated"))
	}
	state.Verdict = realm.Verdict{Principal: found}
	return next.ServeHTTP(w, r)
}

// Roles are those that the matcher asks for.
func (m MatchRole) Roles() []string { return m }

// Interface guards
var (
	_ explain.Ours = (*JWTAuth)(nil)
	_ explain.Ours = (*TokenServer)(nil)
	_ explain.Ours = (*Provider)(nil)
)
