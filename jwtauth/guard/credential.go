package guard

import (
	"errors"
	"net/http"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

// authenticate looks for a credential. A decision with neither principal nor refusal
// says that none was presented.
func (g *Guard) authenticate(r *http.Request, s *Request, in *realm.Realm) Decision {
	for _, source := range g.Sources {
		var (
			token     string
			presented bool
			err       error
		)
		switch source.From {
		case FromHeader:
			if token, presented = plainBearer(r.Header); !presented {
				token, presented, err = oauth2.BearerFromHeader(r.Header)
			}
		case FromQuery:
			token, presented, err = queryToken(r, source.Name)
		case FromCookie:
			if d, counts := g.fromCookie(r, s, in); counts {
				return d
			}
			continue
		}
		if err != nil {
			return Decision{Refusal: asRefusal(err), From: source.From}
		}
		if presented {
			verdict, refusal := in.Token(token, s.before(in))
			return Decision{verdict, refusal, source.From}
		}
	}
	return Decision{}
}

// plainBearer is what follows "Bearer " in the one Authorization header, as nearly all
// clients write it. Comparing it with known tokens, or verifying it, shows whether it
// has the form of a token: once is enough.
func plainBearer(h http.Header) (token string, ok bool) {
	lines := h["Authorization"]
	if len(lines) != 1 {
		return "", false
	}
	token, ok = strings.CutPrefix(lines[0], "Bearer ")
	return strings.TrimLeft(token, " "), ok
}

// fromCookie is the decision by the session cookie. It does not count if there is none,
// or, with Optional, only a dead one: a visitor can do nothing about that.
func (g *Guard) fromCookie(r *http.Request, s *Request, in *realm.Realm) (d Decision, counts bool) {
	verdict, presented, err := in.Presented(r, s.TakeCookies(r, in.Name), true, s.before(in))
	if !presented {
		return Decision{}, false
	}
	d.From, d.Verdict = FromCookie, verdict
	if err != nil {
		d.Refusal = in.CookieRefusal(err)
		return d, !g.Optional || errors.Is(err, realm.ErrUnavailable)
	}
	d.Refusal = g.checkOrigin(r)
	return d, true
}

// checkOrigin refuses requests that another site made a browser send with the
// user's cookie. An Upgrade changes the protocol, so it is unsafe with any method; so is
// a query that names another method.
func (g *Guard) checkOrigin(r *http.Request) *oauth2.Error {
	checked := r
	if r.Header.Get("Upgrade") != "" || r.Method == http.MethodConnect || overridesMethod(r.URL.RawQuery) {
		checked = &http.Request{Method: http.MethodPost, URL: r.URL, Host: r.Host, Header: r.Header}
	}
	if err := g.Origin.Check(checked); err != nil {
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
