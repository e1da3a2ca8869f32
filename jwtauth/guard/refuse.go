package guard

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/host"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

// builtInPages are the pages without a theme, for guards with a sign-in page elsewhere.
var builtInPages = sync.OnceValues(func() (*pages.Server, error) {
	theme, err := pages.LoadTheme(pages.ThemeOptions{})
	return &pages.Server{Theme: theme}, err
})

// ParseLogin reads where a guard sends people to sign in: a path, or a URL, with http
// only for this machine.
func ParseLogin(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err == nil && u.User == nil && u.Fragment == "" && u.Opaque == "" && strings.HasPrefix(u.Path, "/") {
		isPath := u.Scheme == "" && u.Host == "" && !strings.HasPrefix(text, "//")
		isURL := u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && host.IsLoopback(u.Hostname()))
		if isPath || isURL {
			return u, nil
		}
	}
	return nil, fmt.Errorf("login %q: it takes redirect, off, or where to sign in: a path such as /auth/login or a URL such as https://example.com/login (http only for localhost)", text)
}

// Visit is what a guard needs of a request beyond the request itself, which handlers may
// have rewritten.
type Visit struct {
	// Original is the URL that the client asked for.
	Original *url.URL
	// TokenParameters are the parameters of URLs in which guards look for tokens.
	TokenParameters []string
}

// SignInPages are the pages of a token server.
type SignInPages struct {
	// Realm is the name of its realm.
	Realm string
	Pages *pages.Server
}

// signInPage is a token server with pages that has passed the request on.
type signInPage struct {
	*SignInPages
	at string // the path of the request when it did
}

// path is that of the sign-in page, as a browser asks for it.
func (p signInPage) path(original *url.URL) string { return p.Pages.SignInPath(Mount(original, p.at)) }

// Passed notes the pages of a token server that passes r on.
func (s *Request) Passed(r *http.Request, pages *SignInPages) {
	page := signInPage{pages, r.URL.Path}
	if s.page.SignInPages == nil {
		s.page = page
		return
	}
	more := s.more()
	more.pages = append(more.pages, page)
}

// signInPages are the sign-in pages that this request's site serves.
func (s *Request) signInPages() (pages []signInPage) {
	if s.page.SignInPages != nil {
		pages = append(pages, s.page)
	}
	if s.seldom != nil {
		pages = append(pages, s.seldom.pages...)
	}
	return pages
}

// Mount is what was taken off the front of the path before a handler saw the request
// with that path, as by handle_path or uri strip_prefix. It becomes the beginning of
// links: a text that is no plain path is dropped.
func Mount(original *url.URL, path string) string {
	mount, ok := strings.CutSuffix(original.Path, path)
	if !ok || !strings.HasPrefix(mount, "/") || strings.HasPrefix(mount, "//") || strings.ContainsAny(mount, `\?#%`) {
		return ""
	}
	return mount
}

// refusals are the pages by which the guard refuses a person; false if no sign-in page
// is reachable.
func (g *Guard) refusals(r *http.Request, s *Request, original *url.URL) (pages.Refusals, bool) {
	if g.LoginOff {
		return pages.Refusals{}, false
	}
	if g.Login != nil {
		server, err := builtInPages()
		if err != nil || isHere(g.Login, r, original) {
			return pages.Refusals{}, false
		}
		return pages.Refusals{Server: server, SignInPage: g.Login.String()}, true
	}
	taken := make(map[string]bool)
	for _, page := range s.signInPages() {
		path := page.path(original)
		if taken[path] {
			continue // the pages of another realm are in front of these
		}
		taken[path] = true
		if page.Realm != g.Realm {
			continue
		}
		if isHere(&url.URL{Path: path}, r, original) {
			break // a guard in front of the page itself would redirect for ever
		}
		return pages.Refusals{Server: page.Pages, SignInPage: path}, true
	}
	return pages.Refusals{}, false
}

// SignIn is where the guard sends a person with a browser who is not signed in, "" for
// nowhere.
func (g *Guard) SignIn(r *http.Request, s *Request, original *url.URL) string {
	refusals, _ := g.refusals(r, s, original)
	return refusals.SignInPage
}

// isHere reports whether a request asks for the sign-in page.
func isHere(page *url.URL, r *http.Request, original *url.URL) bool {
	return page.Path == original.Path && (page.Host == "" || isOf(page, r))
}

// isOf reports whether a URL is of the host that a request came to.
func isOf(u *url.URL, r *http.Request) bool {
	return host.Same(u, &url.URL{Scheme: u.Scheme, Host: r.Host})
}

// Refuse answers a refused request: a person who navigates with a page or the way to
// sign in, everything else with the refusal itself.
func (g *Guard) Refuse(w http.ResponseWriter, r *http.Request, s *Request, in *realm.Realm, visit Visit, d Decision) {
	switch {
	case d.From == FromHeader:
	case pages.Navigates(r) && g.refusePerson(w, r, s, in, visit, d), pages.Embeds(r) && g.refuseFrame(w, r, s, in, visit, d):
		return
	}
	d.Refusal.Write(w, r)
}

// refusePerson answers a person who navigates: with the way to sign in, or a page that
// says what is missing. It reports false if there is no such page.
func (g *Guard) refusePerson(w http.ResponseWriter, r *http.Request, s *Request, in *realm.Realm, visit Visit, d Decision) bool {
	refusals, ok := g.refusals(r, s, visit.Original)
	if !ok {
		return false
	}
	here := returnHere(r, refusals, visit)
	switch {
	case d.Refusal.Status >= http.StatusInternalServerError:
		d.Refusal.SetHeader(w.Header())
		refusals.Unavailable(w, r)
	case d.Principal != nil && errors.Is(d.Refusal, policy.ErrDenied):
		d.Refusal.SetHeader(w.Header())
		refusals.Forbidden(w, r, d.Principal, g.Rule, here)
	case d.Principal != nil:
		d.Refusal.SetHeader(w.Header())
		refusals.OtherSite(w, r)
	case d.Refusal.Status != http.StatusUnauthorized:
		return false
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		d.Refusal.SetHeader(w.Header())
		refusals.NotSent(w, r)
	default:
		if d.From == FromCookie {
			s.ClearCookies(w, r, in.Jar, visit.Original.EscapedPath())
			pages.ClearCache(w)
		}
		pages.Redirect(w, refusals.SignInURL(here))
	}
	return true
}

// refuseFrame answers a frame whose visitor is not signed in with a page that may stand
// there: the sign-in page itself refuses frames. It reports false for every other refusal.
func (g *Guard) refuseFrame(w http.ResponseWriter, r *http.Request, s *Request, in *realm.Realm, visit Visit, d Decision) bool {
	refusals, ok := g.refusals(r, s, visit.Original)
	if !ok || d.Principal != nil || d.Refusal.Status != http.StatusUnauthorized {
		return false
	}
	d.Refusal.SetHeader(w.Header())
	domain := ""
	if in != nil && in.Jar.Shared(r) {
		domain = in.Jar.Domain
	}
	refusals.Frame(w, r, returnHere(r, refusals, visit), domain)
	return true
}

// returnHere is the place to which a sign-in returns: what the client asked for, without
// a token that was in its query. A sign-in page of another host is told the whole URL; it
// decides itself which hosts it returns to.
func returnHere(r *http.Request, refusals pages.Refusals, visit Visit) string {
	original := *visit.Original
	original.RawQuery = withoutParameters(original.RawQuery, visit.TokenParameters)
	here := original.RequestURI()
	if page, err := url.Parse(refusals.SignInPage); err != nil || page.Host == "" || isOf(page, r) {
		return here
	}
	scheme := "https"
	if cookie.PlainAllowed(r) {
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
