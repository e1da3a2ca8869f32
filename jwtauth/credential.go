package jwtauth

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// authenticate returns who presents a valid credential, and nil for nobody
// where none was presented.
func (g *JWTAuth) authenticate(r *http.Request, realm *opened, cookies takenCookies) (*policy.Principal, *oauth2.Error) {
	for _, source := range g.Sources {
		switch source.From {
		case sourceHeader:
			token, presented, err := oauth2.BearerFromHeader(r.Header)
			if err != nil {
				return nil, asRefusal(err)
			}
			if presented {
				return realm.bearer(token)
			}
		case sourceQuery:
			token, presented, err := queryToken(r, source.Name)
			if err != nil {
				return nil, oauth2.InvalidToken(err)
			}
			if presented {
				return realm.bearer(token)
			}
		case sourceCookie:
			value, presented, err := cookies.value(r)
			if !presented {
				continue
			}
			var principal *policy.Principal
			if err == nil {
				principal, err = realm.cookie(r.Context(), value)
			}
			if err != nil {
				if g.Optional && !errors.Is(err, errUnavailable) {
					continue // a dead cookie is nobody's fault
				}
				return nil, realm.cookieRefusal(err)
			}
			return principal, g.checkOrigin(r)
		}
	}
	return nil, nil
}

// checkOrigin refuses requests that another site made a browser send with the
// user's cookie. An Upgrade changes the protocol, so it is not safe, whatever
// the method.
func (g *JWTAuth) checkOrigin(r *http.Request) *oauth2.Error {
	checked := r
	if r.Header.Get("Upgrade") != "" || r.Method == http.MethodConnect {
		checked = &http.Request{Method: http.MethodPost, URL: r.URL, Host: r.Host, Header: r.Header}
	}
	if err := g.origin.Check(checked); err != nil {
		return oauth2.CrossOrigin(err)
	}
	return nil
}

func (g *JWTAuth) usesQuery() bool {
	return slices.ContainsFunc(g.Sources, func(s CredentialSource) bool { return s.From == sourceQuery })
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
