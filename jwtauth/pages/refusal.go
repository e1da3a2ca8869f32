package pages

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// Refusals are the pages by which a guard refuses a person who navigates. They
// set no header but their own: the challenge is the guard's.
type Refusals struct {
	// Server has the theme. Its realm need not be open.
	Server *Server
	// SignInPage is where to sign in, a path or a URL.
	SignInPage string
}

// forbiddenData is what the page shows to who lacks a role.
type forbiddenData struct {
	SignedIn string
	// Any and All are the roles needed; Other is set where something else than
	// a role is missing.
	Any, All []string
	Other    bool
	// SignIn is where to become somebody else.
	SignIn string
}

// RolesAny are the roles of which one is needed, as a text.
func (d forbiddenData) RolesAny() string { return strings.Join(d.Any, ", ") }

// RolesAll are the roles that are all needed, as a text.
func (d forbiddenData) RolesAll() string { return strings.Join(d.All, ", ") }

// SignInURL is where a person signs in to come back to here.
func (f Refusals) SignInURL(here string) string {
	if here == "" {
		return f.SignInPage
	}
	separator := "?"
	if strings.Contains(f.SignInPage, "?") {
		separator = "&"
	}
	return f.SignInPage + separator + url.Values{ParamReturnTo: {here}}.Encode()
}

// Forbidden says which roles are missing.
func (f Refusals) Forbidden(w http.ResponseWriter, r *http.Request, p *policy.Principal, rule policy.Rule, here string) {
	data := forbiddenData{SignedIn: displayName(p), SignIn: f.SignInURL(here)}
	if errors.Is(rule.Check(p), policy.ErrRole) {
		data.Any, data.All = rule.AnyRoles, rule.AllRoles
	} else {
		data.Other = true
	}
	f.render(w, r, http.StatusForbidden, view{Page: pageForbidden, Data: data})
}

// NotSent says that a form was not carried out because nobody is signed in: a
// sign-in cannot bring it back.
func (f Refusals) NotSent(w http.ResponseWriter, r *http.Request) {
	f.render(w, r, http.StatusUnauthorized, view{Page: pageMessage, Data: messageData{Name: msgNotSent, SignIn: f.SignInPage}})
}

// Unavailable says that nobody can tell right now who is signed in.
func (f Refusals) Unavailable(w http.ResponseWriter, r *http.Request) {
	f.render(w, r, http.StatusServiceUnavailable, view{Page: pageMessage, Data: messageData{Name: msgUnavailable}})
}

// OtherSite says that a form came from elsewhere.
func (f Refusals) OtherSite(w http.ResponseWriter, r *http.Request) {
	f.render(w, r, http.StatusForbidden, view{Page: pageMessage, Data: messageData{Name: msgOtherSite}})
}

// render shows a page with the style that is beside the sign-in page.
func (f Refusals) render(w http.ResponseWriter, r *http.Request, status int, v view) {
	if u, err := url.Parse(f.SignInPage); err == nil {
		if u.Host != "" {
			v.filesOrigin = u.Scheme + "://" + u.Host
		}
		v.files = v.filesOrigin + u.EscapedPath() + "/"
	}
	f.Server.render(w, r, status, v)
}
