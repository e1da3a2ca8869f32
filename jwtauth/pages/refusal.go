package pages

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// Refusals are the pages by which a guard refuses a request that navigates. They
// set no challenge: the guard does.
type Refusals struct {
	// Server has the theme. Its realm does not have to be open.
	Server *Server
	// SignInPage is where to sign in, a path or a URL.
	SignInPage string
}

// forbiddenData is what the page shows to a user without the role.
type forbiddenData struct {
	SignedIn string
	// Any and All are the roles of the rule. Other is set where a scope or claim
	// is missing.
	Any, All []string
	Other    bool
	// SignIn is the URL at which to sign in as another user.
	SignIn string
}

// RolesAny returns the roles of which one is needed, as a text.
func (d forbiddenData) RolesAny() string { return strings.Join(d.Any, ", ") }

// RolesAll returns the roles that are all needed, as a text.
func (d forbiddenData) RolesAll() string { return strings.Join(d.All, ", ") }

// SignInURL returns the URL of the sign-in page that returns to here afterwards: to its
// path alone where it is too long, and to nowhere where that is, too. The page says so.
func (f Refusals) SignInURL(here string) string {
	separator := "?"
	if strings.Contains(f.SignInPage, "?") {
		separator = "&"
	}
	path, _, _ := strings.Cut(here, "?")
	for _, place := range []string{here, path} { // what can be kept
		if place == "" {
			return f.SignInPage
		}
		parameters := url.Values{ParamReturnTo: {place}}
		if place != here {
			parameters.Set(paramCut, "1")
		}
		if text := parameters.Encode(); len(text) <= MaxReturnTo {
			return f.SignInPage + separator + text
		}
	}
	return f.SignInPage + separator + url.Values{paramCut: {"1"}}.Encode()
}

// Forbidden tells which roles the page needs: 403.
func (f Refusals) Forbidden(w http.ResponseWriter, r *http.Request, p *policy.Principal, rule policy.Rule, here string) {
	data := forbiddenData{SignedIn: displayName(p), SignIn: f.SignInURL(here)}
	if errors.Is(rule.Check(p), policy.ErrRole) {
		data.Any, data.All = rule.AnyRoles, rule.AllRoles
	} else {
		data.Other = true
	}
	f.render(w, r, http.StatusForbidden, view{Page: pageForbidden, Data: data})
}

// NotSent tells that nothing was done with a form because no one is signed in: 401.
// The content of the form is lost: a sign-in cannot send it again.
func (f Refusals) NotSent(w http.ResponseWriter, r *http.Request) {
	f.render(w, r, http.StatusUnauthorized, view{Page: pageMessage, Data: messageData{Name: msgNotSent, SignIn: f.SignInPage}})
}

// Frame tells, within a page of the same origin or domain ("" for none), that one has to
// sign in to see what is there: 401. Its link leads the whole window.
func (f Refusals) Frame(w http.ResponseWriter, r *http.Request, here, domain string) {
	framers := "'self'"
	if domain != "" {
		framers += " https://" + domain + " https://*." + domain
	}
	f.render(w, r, http.StatusUnauthorized, view{Page: pageMessage, Framers: framers, Data: messageData{Name: msgFrame, SignIn: f.SignInURL(here)}})
}

// Unavailable tells that it cannot be checked now who is signed in: 503.
func (f Refusals) Unavailable(w http.ResponseWriter, r *http.Request) {
	f.render(w, r, http.StatusServiceUnavailable, view{Page: pageMessage, Data: messageData{Name: msgUnavailable}})
}

// OtherSite tells that a form was sent by another site: 403.
func (f Refusals) OtherSite(w http.ResponseWriter, r *http.Request) {
	f.render(w, r, http.StatusForbidden, view{Page: pageMessage, Data: messageData{Name: msgOtherSite}})
}

// render shows a page with the style and logo of the sign-in page, which may be on
// another site.
func (f Refusals) render(w http.ResponseWriter, r *http.Request, status int, v view) {
	if u, err := url.Parse(f.SignInPage); err == nil {
		if u.Host != "" {
			v.filesOrigin = u.Scheme + "://" + u.Host
		}
		v.files = v.filesOrigin + u.EscapedPath() + "/"
	}
	f.Server.render(w, r, status, v)
}
