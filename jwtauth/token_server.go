package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"sync"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
)

func init() {
	caddy.RegisterModule(new(TokenServer))
}

// TokenServer serves the endpoints of a realm: `/token` (RFC 6749, with the
// grants `password` and `refresh_token`), `/refresh`, `/revoke` (RFC 7009),
// `/users/me` and `/.well-known/jwks.json` (RFC 7517); and its pages for people:
// `/login`, `/logout` and `/account`. Requests for all other paths are passed on,
// without the session cookies of all realms and without headers that name another
// method.
type TokenServer struct {
	// The requests that it answers, among those for its paths: all, if there is none. It
	// stands in a route without a matcher, as a guard does. Guards of the site send
	// people to its pages only from requests that match.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// The realm. Default: `default`.
	Realm string `json:"realm,omitempty"`

	// What stands before the paths of endpoints and pages, such as `/auth`.
	// Default: nothing, they are at the site's root.
	BasePath string `json:"base_path,omitempty"`

	// What errors look like on the wire: `rfc6749` answers a wrong user name or
	// password with 400, as the RFC says. Default: 401 with `WWW-Authenticate: Bearer`.
	Errors string `json:"errors,omitempty"`

	// The origins of front ends elsewhere whose pages may use the endpoints: the server
	// answers their preflights and lets them read the answers (CORS), but never those to
	// requests with cookies. They are compared exactly, as browsers spell them. The public
	// keys are for the pages of every origin. Default: none.
	CORS []string `json:"cors,omitempty"`

	// `off` serves no pages: a program's API, or a site that has its own.
	Pages string `json:"pages,omitempty"`

	// The name of the site, shown on each page. Default: none.
	Title string `json:"title,omitempty"`

	// The path of an image that is shown on each page. Default: a mark of our own.
	Logo string `json:"logo,omitempty"`

	// A folder with files that replace those of the pages: templates,
	// `style.css`, a logo, texts. It is read when the config is loaded.
	Theme string `json:"theme,omitempty"`

	match  matching
	realm  *Realm
	logger *zap.Logger
	// What is there before the realm is open: the endpoints, for Match and CrossOrigin
	// alone, and the pages without a realm, nil if there are none.
	paths  oauth2.Server
	closed *guard.SignInPages

	once      sync.Once
	endpoints *oauth2.Server
	pages     *pages.Server
}

const (
	errorsAsRFC6749 = "rfc6749"
	pagesOff        = "off"
)

// CaddyModule returns the Caddy module information.
func (*TokenServer) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.token_server",
		New: func() caddy.Module { return new(TokenServer) },
	}
}

// Provision finds the realm.
func (t *TokenServer) Provision(ctx caddy.Context) error {
	t.logger = ctx.Logger()
	t.paths.BasePath, t.paths.Origins = t.BasePath, t.CORS
	loaded, err := ctx.LoadModule(t, "MatcherSetsRaw")
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	if t.match, err = newMatching(loaded); err != nil {
		return fmt.Errorf("match: %w", err)
	}
	if t.realm, err = realmOf(ctx, t.Realm); err != nil {
		return err
	}
	return t.provisionPages()
}

// Validate checks the options.
func (t *TokenServer) Validate() error {
	if err := oauth2.CheckBasePath(t.BasePath); err != nil {
		return err
	}
	if t.Errors != "" && t.Errors != errorsAsRFC6749 {
		return fmt.Errorf("errors %q: it takes rfc6749, or is left out", t.Errors)
	}
	for _, origin := range t.CORS {
		if err := guard.CheckOrigin("cors", origin); err != nil {
			return err
		}
	}
	if t.Pages != "" && t.Pages != pagesOff {
		return fmt.Errorf("pages %q: it takes off, or is left out", t.Pages)
	}
	if t.Pages == pagesOff && (t.Title != "" || t.Logo != "" || t.Theme != "") {
		return errors.New("title, logo and theme are for the pages, which are off: remove one or the other")
	}
	return nil
}

// Paths are those that it answers at, but for the one that is below no base path.
func (t *TokenServer) Paths() []string {
	paths := oauth2.Paths()
	if t.Pages != pagesOff {
		paths = append(paths, pages.Paths()...)
	}
	for i, path := range paths {
		paths[i] = t.BasePath + path
	}
	return paths
}

// ServeHTTP answers requests for the endpoints and the pages, and passes all others on.
func (t *TokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	state, serves, err := arrive(r, &t.match, t.realm, nil)
	switch {
	case err != nil:
		return err
	case !serves:
		return state.pass(w, r, t.realm.app.including(next, state))
	}
	forPage, forEndpoint := t.serves(r)
	if !forPage && !forEndpoint {
		if t.closed != nil {
			state.Passed(r, t.closed)
		}
		return state.pass(w, r, t.realm.app.including(next, state))
	}
	state.TakeBack(r, t.realm.app.identity)
	state.Answers(r)
	w = keepNoStore(w)
	if forEndpoint && t.paths.CrossOrigin(w, r) {
		return nil
	}
	in, release, err := t.await(r)
	switch {
	case err != nil && forPage:
		t.closed.Pages.Unavailable(w, r, err)
		return nil
	case err != nil:
		oauth2.Unavailable(err).Write(w, r)
		return nil
	}
	defer release()
	t.once.Do(func() {
		t.endpoints = t.openEndpoints(in)
		t.pages = t.openPages(in)
	})
	// The style of the pages is for the pages of other hosts, too.
	if state.SentCookie(r, in.Jar) && !(forPage && t.pages.IsThemeFile(r.URL.Path)) {
		guard.EmbeddersOf(in.Jar, r).Mark(w.Header())
	}
	if forPage {
		t.pages.ServeHTTP(w, r)
	} else {
		t.endpoints.ServeHTTP(w, r)
	}
	return nil
}

// serves reports whether it has a page, or else an endpoint, at the request's path.
func (t *TokenServer) serves(r *http.Request) (page, endpoint bool) {
	page = t.closed != nil && t.closed.Pages.Match(r.URL.Path)
	return page, !page && t.paths.Match(r.URL.Path)
}

// await returns the realm as soon as it is open, and keeps it so until release.
func (t *TokenServer) await(r *http.Request) (in *realm.Realm, release func(), err error) {
	if in, err = t.realm.future.Await(r.Context()); err != nil {
		return nil, nil, err
	}
	release, err = in.Hold()
	return in, release, err
}

// openEndpoints joins the endpoints with the open realm.
func (t *TokenServer) openEndpoints(in *realm.Realm) *oauth2.Server {
	return &oauth2.Server{
		BasePath:      t.BasePath,
		ErrorsRFC6749: t.Errors == errorsAsRFC6749,
		Clients:       in.Client,
		SignIn:        in.SignIn,
		Users:         in.Users(),
		Sessions:      in.Sessions(signin.ViaPassword),
		Lifetimes:     in.Lifetimes,
		Issuer:        &in.Issuer,
		Verifier:      in.Verifier,
		Denied:        in.Denied,
		JWKS:          func() ([]byte, error) { return in.Keys.View().JWKS, nil },
		ClientIP:      clientIP,
		CookiePrincipal: func(r *http.Request) (*policy.Principal, error) {
			v, _, err := in.Presented(r, stateOf(r).TakeCookies(r, in.Name), false, realm.Verdict{})
			if err != nil {
				return nil, in.CookieRefusal(err)
			}
			return v.Principal, nil
		},
		Report: t.report,
	}
}

// report logs a failure on our side.
func (t *TokenServer) report(r *http.Request, err error) {
	t.logger.Error("a request could not be answered", zap.String("realm", t.realm.name),
		zap.String("path", r.URL.Path), zap.Error(err))
}

// Interface guards
var (
	_ caddy.Provisioner           = (*TokenServer)(nil)
	_ caddy.Validator             = (*TokenServer)(nil)
	_ caddyhttp.MiddlewareHandler = (*TokenServer)(nil)
)
