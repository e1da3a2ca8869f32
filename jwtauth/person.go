package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// builtInPages are the pages as they are without a theme, for guards whose
// sign-in page is somewhere else.
var builtInPages = sync.OnceValues(func() (*pages.Server, error) {
	theme, err := pages.LoadTheme(pages.ThemeOptions{})
	return &pages.Server{Theme: theme}, err
})

// parseLogin reads the option login of a guard. It is nil for the words.
func parseLogin(text string) (*url.URL, error) {
	switch text {
	case "", loginRedirect, loginOff:
		return nil, nil
	}
	u, err := url.Parse(text)
	if err == nil && u.User == nil && u.Fragment == "" && u.Opaque == "" && strings.HasPrefix(u.Path, "/") {
		isPath := u.Scheme == "" && u.Host == "" && !strings.HasPrefix(text, "//")
		isURL := u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && isLoopbackHost(u.Hostname()))
		if isPath || isURL {
			return u, nil
		}
	}
	return nil, fmt.Errorf("login %q: it takes redirect, off, or where to sign in: a path such as /auth/login or a URL such as https://example.com/login (http only for localhost)", text)
}

// refusals are the pages by which the guard refuses a person; false where no
// sign-in page is reachable.
func (g *JWTAuth) refusals(r *http.Request, state *requestState) (pages.Refusals, bool) {
	if g.Login == loginOff {
		return pages.Refusals{}, false
	}
	if g.login != nil {
		server, err := builtInPages()
		if err != nil || isHere(g.login, r) {
			return pages.Refusals{}, false
		}
		return pages.Refusals{Server: server, SignInPage: g.login.String()}, true
	}
	taken := make(map[string]bool)
	for _, page := range state.pages {
		path := page.path(r)
		if taken[path] {
			continue // the pages of another realm are in front of these
		}
		taken[path] = true
		if page.server.realm != g.realm {
			continue
		}
		if isHere(&url.URL{Path: path}, r) {
			break // a guard in front of the page itself would send there for ever
		}
		return pages.Refusals{Server: page.server.look, SignInPage: path}, true
	}
	return pages.Refusals{}, false
}

// isHere reports whether a request asks for the sign-in page.
func isHere(page *url.URL, r *http.Request) bool {
	return page.Path == originalURL(r).Path && (page.Host == "" || isHost(page, r))
}

// isHost reports whether a URL is of the host that a request came to.
func isHost(u *url.URL, r *http.Request) bool {
	own := &url.URL{Scheme: u.Scheme, Host: r.Host}
	name := func(u *url.URL) string { return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) }
	return name(u) == name(own) && portOf(u) == portOf(own)
}

// refusePerson answers somebody who navigates: with the way to sign in, or a
// page that says what is missing. It reports false where there is no such page.
func (g *JWTAuth) refusePerson(w http.ResponseWriter, r *http.Request, state *requestState, v verdict) bool {
	refusals, ok := g.refusals(r, state)
	if !ok {
		return false
	}
	here := g.here(r, refusals)
	switch {
	case v.refusal.Status >= http.StatusInternalServerError:
		v.refusal.SetHeader(w.Header())
		refusals.Unavailable(w, r)
	case v.principal != nil && errors.Is(v.refusal, policy.ErrDenied):
		v.refusal.SetHeader(w.Header())
		refusals.Forbidden(w, r, v.principal, g.rule, here)
	case v.principal != nil:
		v.refusal.SetHeader(w.Header())
		refusals.OtherSite(w, r)
	case v.refusal.Status != http.StatusUnauthorized:
		return false
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		v.refusal.SetHeader(w.Header())
		refusals.NotSent(w, r)
	default:
		if v.from == sourceCookie {
			g.realm.opened.Load().clearCookies(w, r)
			pages.ClearCache(w)
		}
		pages.Redirect(w, refusals.SignInURL(here))
	}
	return true
}

// here is where a sign-in comes back to: what the client asked for, without a
// token that was in its query. A sign-in page of another host is told which one
// this is; which hosts it believes is its own affair.
func (g *JWTAuth) here(r *http.Request, refusals pages.Refusals) string {
	original := *originalURL(r)
	original.RawQuery = withoutParameters(original.RawQuery, g.realm.app.tokenParameters)
	here := original.RequestURI()
	if page, err := url.Parse(refusals.SignInPage); err != nil || page.Host == "" || isHost(page, r) {
		return here
	}
	scheme := "https"
	if plainCookieAllowed(r) {
		scheme = "http"
	}
	return scheme + "://" + r.Host + here
}

// withoutParameters takes parameters out of a query and leaves the rest as it was
// written.
func withoutParameters(query string, names []string) string {
	if query == "" || len(names) == 0 {
		return query
	}
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err != nil || !slices.Contains(names, name) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}
