package jwtauth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// verdict is what the guard makes of a request's credential.
type verdict struct {
	// principal is who presents a valid one, nil for nobody.
	principal *policy.Principal
	// refusal says why the request may not pass, nil where it may.
	refusal *oauth2.Error
	// from is the source that counted, "" where nothing was presented.
	from string
}

// embedders are the pages that may embed the answer. A page of another origin can
// send no credential along but the session cookie.
func (v verdict) embedders(r *http.Request, realm *opened) embedders {
	if v.from != sourceCookie {
		return anyone
	}
	return embeddersOf(realm.jar, r)
}

// authenticate looks for a credential: a verdict with neither principal nor
// refusal says that none was presented.
func (g *JWTAuth) authenticate(r *http.Request, realm *opened, cookies cookie.Taken) verdict {
	for _, source := range g.Sources {
		var (
			token     string
			presented bool
			err       error
		)
		switch source.From {
		case sourceHeader:
			if token, presented = plainBearer(r.Header); !presented {
				token, presented, err = oauth2.BearerFromHeader(r.Header)
			}
		case sourceQuery:
			token, presented, err = queryToken(r, source.Name)
		case sourceCookie:
			if v, counts := g.fromCookie(r, realm, cookies); counts {
				return v
			}
			continue
		}
		if err != nil {
			return verdict{refusal: asRefusal(err), from: source.From}
		}
		if presented {
			principal, refusal := realm.bearer(token)
			return verdict{principal, refusal, source.From}
		}
	}
	return verdict{}
}

// plainBearer is what stands behind "Bearer " in the one Authorization header, as
// nearly all clients write it. Whether that has the form of a token is seen when it
// is compared with those that are known, or verified: once is enough.
func plainBearer(h http.Header) (token string, ok bool) {
	lines := h["Authorization"]
	if len(lines) != 1 {
		return "", false
	}
	return strings.CutPrefix(lines[0], "Bearer ")
}

// fromCookie is the verdict on the session cookie. It does not count where there
// is none, or, with optional, a dead one: that is nobody's fault.
func (g *JWTAuth) fromCookie(r *http.Request, realm *opened, cookies cookie.Taken) (v verdict, counts bool) {
	principal, presented, err := realm.presentedBy(r, cookies, true)
	if !presented {
		return verdict{}, false
	}
	v.from, v.principal = sourceCookie, principal
	if err != nil {
		v.refusal = realm.cookieRefusal(err)
		return v, !g.Optional || errors.Is(err, errUnavailable)
	}
	v.refusal = g.checkOrigin(r)
	return v, true
}

// checkOrigin refuses requests that another site made a browser send with the
// user's cookie. An Upgrade changes the protocol, so it is not safe, whatever
// the method; nor is a query that names another method.
func (g *JWTAuth) checkOrigin(r *http.Request) *oauth2.Error {
	checked := r
	if r.Header.Get("Upgrade") != "" || r.Method == http.MethodConnect || overridesMethod(r.URL.RawQuery) {
		checked = &http.Request{Method: http.MethodPost, URL: r.URL, Host: r.Host, Header: r.Header}
	}
	if err := g.origin.Check(checked); err != nil {
		return oauth2.CrossOrigin(err)
	}
	return nil
}

// queryToken returns the one value of a parameter (RFC 6750 §2.3).
func queryToken(r *http.Request, name string) (token string, presented bool, err error) {
	if !strings.Contains(r.URL.RawQuery, "=") {
		return "", false, nil
	}
	switch values := r.URL.Query()[name]; len(values) {
	case 0:
		return "", false, nil
	case 1:
		return values[0], values[0] != "", nil
	default:
		return "", true, errors.New("the token parameter is given more than once")
	}
}

// asRefusal returns the refusal that an error of package oauth2 is.
func asRefusal(err error) *oauth2.Error {
	var refusal *oauth2.Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return oauth2.InvalidToken(err)
}
