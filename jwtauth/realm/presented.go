package realm

import (
	"context"
	"errors"
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
)

// maxPresented is how many session cookies of one name are looked up for a request.
// A browser has one; those of other paths or domains are few.
const maxPresented = 16

// errSeveralUsers is returned where a request comes with live sessions of more than
// one user under one name.
var errSeveralUsers = errors.New("session cookies of several users came under one name")

// Presented finds the user for whom the session cookies of a request stand. presented
// tells a request without one from a request with none that is good. With known the
// answer may be as old as an access token can be, as the guard accepts it; before is what
// this realm found for an earlier guard of the request.
//
// Another site of the host or domain can plant cookies next to ours. A cookie that this
// realm did not make, or whose session has ended, does not harm the one that is good.
func (r *Realm) Presented(req *http.Request, cookies cookie.Values, known bool, before Verdict) (v Verdict, presented bool, err error) {
	for _, values := range r.Jar.Values(req, cookies) {
		if len(values) == 0 {
			continue
		}
		v, bad := r.oneOf(req.Context(), values, known, before)
		if bad == nil || errors.Is(bad, ErrUnavailable) || errors.Is(bad, errSeveralUsers) {
			return v, true, bad
		}
		if !presented {
			presented, err = true, bad
		}
	}
	return Verdict{}, presented, err
}

// oneOf is the user for whom the live ones of values stand. Of two live sessions of one
// user the first counts. Of two users neither counts: an attacker who signed in can
// plant a cookie of that session, and acting in the attacker's account without noticing
// is worse than signing in again. (A person who is sent to sign in loses both cookies;
// see package guard.)
func (r *Realm) oneOf(ctx context.Context, values []string, known bool, before Verdict) (first Verdict, err error) {
	read := 0
	for _, value := range values {
		if len(values) > 1 {
			sid, bad := r.sessions.ParseCookie(value)
			if bad != nil {
				err = bad
				continue
			}
			if p := first.Principal; p != nil && p.Session == sid {
				continue
			}
			if read++; read > maxPresented {
				return Verdict{}, errSeveralUsers
			}
		}
		var found Verdict
		var bad error
		if known {
			found, bad = r.knownCookie(ctx, value, before)
		} else {
			found.Principal, bad = r.Cookie(ctx, value)
		}
		switch {
		case errors.Is(bad, ErrUnavailable):
			return Verdict{}, bad
		case bad != nil:
			err = bad
		case first.Principal == nil:
			first = found
		case first.Principal.Username != found.Principal.Username:
			return Verdict{}, errSeveralUsers
		}
	}
	if first.Principal != nil {
		return first, nil
	}
	return Verdict{}, err
}
