package jwtauth

import (
	"context"
	"errors"
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// maxPresented is how many session cookies of one name are looked up for a request.
// A browser has one; those of other paths or domains are few.
const maxPresented = 16

// errSeveralUsers is returned where a request comes with live sessions of more than
// one user under one name.
var errSeveralUsers = errors.New("session cookies of several users came under one name")

// presentedBy finds out whom the session cookies of a request stand for. presented
// tells "none" from "none that is good". With remembered the answer may be as old as
// an access token can be, as the guard takes it; see [opened.knownCookie].
//
// Another site of the host or domain can plant cookies next to ours. One that this
// realm did not make, or whose session has ended, takes nothing from the one
// that is good.
func (o *opened) presentedBy(r *http.Request, taken cookie.Taken, remembered bool) (p *policy.Principal, presented bool, err error) {
	for _, values := range o.jar.Values(r, taken) {
		if len(values) == 0 {
			continue
		}
		p, bad := o.oneOf(r.Context(), values, remembered)
		if bad == nil || errors.Is(bad, errUnavailable) || errors.Is(bad, errSeveralUsers) {
			return p, true, bad
		}
		if !presented {
			presented, err = true, bad
		}
	}
	return nil, presented, err
}

// oneOf is whom the live ones of values stand for. Two live sessions of one user are
// that user, and the first counts. Of two users neither counts: an attacker who
// signed in can plant a cookie of that session, and to act in the attacker's account
// without noticing is worse than to sign in again ([opened.clearCookies] takes both
// away where a person is sent to do so).
func (o *opened) oneOf(ctx context.Context, values []string, remembered bool) (p *policy.Principal, err error) {
	read := 0
	for _, value := range values {
		if len(values) > 1 {
			sid, bad := o.sessions.ParseCookie(value)
			if bad != nil {
				err = bad
				continue
			}
			if p != nil && p.Session == sid {
				continue
			}
			if read++; read > maxPresented {
				return nil, errSeveralUsers
			}
		}
		var found *policy.Principal
		var bad error
		if remembered {
			found, bad = o.knownCookie(ctx, value)
		} else {
			found, bad = o.cookie(ctx, value)
		}
		switch {
		case errors.Is(bad, errUnavailable):
			return nil, bad
		case bad != nil:
			err = bad
		case p == nil:
			p = found
		case p.Username != found.Username:
			return nil, errSeveralUsers
		}
	}
	if p != nil {
		return p, nil
	}
	return nil, err
}

// clearCookies makes the browser drop the session cookie. Where it sent several,
// those go too that another site of the domain, or another path, may have set.
func (o *opened) clearCookies(w http.ResponseWriter, r *http.Request) {
	state := stateOf(r)
	state.setCookies(w, o.jar.Cleared(r)...)
	tiers := o.jar.Values(r, state.takeCookies(r, o.name))
	if len(tiers[0])+len(tiers[1]) > 1 {
		state.setCookies(w, o.jar.ClearedPlanted(r, originalURL(r).EscapedPath())...)
	}
}
