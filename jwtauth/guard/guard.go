package guard

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

// Guard decides which requests pass. A caller fills it once and changes no field
// afterwards; it is safe for concurrent use.
type Guard struct {
	// Realm is the name of the realm.
	Realm string
	// Sources are the places of a credential; the first that has one counts.
	Sources []Source
	// Rule is what a principal has to fulfil.
	Rule policy.Rule
	// Optional lets requests without a credential pass. A bad bearer token is still
	// refused, a dead session cookie is not.
	Optional bool
	// PassPreflights lets the preflights of browsers pass (CORS), which carry no
	// credential.
	PassPreflights bool
	// Origin says which origins may send unsafe requests with the session cookie.
	Origin *http.CrossOriginProtection

	// LoginOff refuses people as it refuses programs.
	LoginOff bool
	// Login is the sign-in page. Default: that of the site's token server.
	Login *url.URL
}

// Source is a place where a credential is looked for.
type Source struct {
	From string
	Name string // the parameter, for FromQuery
}

// The places where a credential can be.
const (
	FromHeader = "header" // Authorization: Bearer
	FromCookie = "cookie" // the session cookie
	FromQuery  = "query"  // a parameter of the URL
)

// Decision is what a guard makes of a request.
type Decision struct {
	// Verdict has the presenter of a valid credential, or none.
	realm.Verdict
	// Refusal says why the request may not pass, nil if it may.
	Refusal *oauth2.Error
	// From is the source that counted, "" if nothing was presented.
	From string
}

// Decide finds the credential of a request that was cleaned, verifies it and holds the
// principal against the rule.
func (g *Guard) Decide(r *http.Request, s *Request, in *realm.Realm) Decision {
	d := g.authenticate(r, s, in)
	switch {
	case d.Refusal != nil:
	case d.Principal != nil && s.foundOther(in, d.Principal):
		d.Refusal = oauth2.InvalidToken(errSeveralUsers)
	case g.PassPreflights && d.Principal == nil && s.isPreflight(r):
	default:
		d.Refusal = g.Judge(d.Principal)
	}
	return d
}

// Judge says why a user, or a visitor without a credential (nil), may not pass, and nil
// for one who may.
func (g *Guard) Judge(p *policy.Principal) *oauth2.Error {
	switch {
	case p != nil:
		return g.authorize(p)
	case !g.Optional:
		return oauth2.NotAuthenticated()
	}
	return nil
}

// errSeveralUsers refuses a request that shows guards of one realm different users, as
// one in a header and another in a cookie: who of them acts would depend on the order.
var errSeveralUsers = errors.New("guards of one realm found different users")

// authorize holds the principal against the rule.
func (g *Guard) authorize(p *policy.Principal) *oauth2.Error {
	err := g.Rule.Check(p)
	if err == nil {
		return nil
	}
	var scopes []string
	if errors.Is(err, policy.ErrScope) {
		scopes = g.Rule.Scopes
	}
	return oauth2.Forbidden(scopes, err)
}

// Embedders are the pages that may embed the answer. A page of another origin can send
// no credential along but the session cookie.
func (d Decision) Embedders(r *http.Request, in *realm.Realm) Embedders {
	if d.From != FromCookie {
		return Anyone
	}
	return EmbeddersOf(in.Jar, r)
}

// Vary names the request headers that an answer behind the guard depends on.
func (g *Guard) Vary() string {
	var names []string
	for _, source := range g.Sources {
		switch source.From {
		case FromHeader:
			names = append(names, "Authorization")
		case FromCookie:
			names = append(names, "Cookie")
		}
	}
	return strings.Join(names, ", ")
}
