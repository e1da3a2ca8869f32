package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
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
	// The realm. Default: `default`.
	Realm string `json:"realm,omitempty"`

	// What stands before the paths of endpoints and pages, such as `/auth`.
	// Default: nothing, they are at the site's root.
	BasePath string `json:"base_path,omitempty"`

	// `rfc6749` answers a wrong user name or password with 400, as the RFC
	// says. Default: 401 with `WWW-Authenticate: Bearer`.
	Errors string `json:"errors,omitempty"`

	// `off` serves no pages: a program's API, or a site that has its own.
	Pages string `json:"pages,omitempty"`

	// The name of the site, shown on each page. Default: none.
	Title string `json:"title,omitempty"`

	// The path of an image that is shown on each page. Default: a mark of our own.
	Logo string `json:"logo,omitempty"`

	// A folder with files that replace those of the pages: templates,
	// `style.css`, a logo, texts. It is read when the config is loaded.
	Theme string `json:"theme,omitempty"`

	realm  *Realm
	logger *zap.Logger
	paths  oauth2.Server // for Match alone: the realm may not be open yet
	look   *pages.Server // the pages without a realm, nil where there are none

	once   sync.Once
	server *oauth2.Server
	pages  *pages.Server
}

const (
	errorsRFC6749 = "rfc6749"
	pagesOff      = "off"
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
	t.paths.BasePath = t.BasePath
	var err error
	if t.realm, err = realmOf(ctx, t.Realm); err != nil {
		return err
	}
	return t.provisionPages()
}

// Validate checks the options.
func (t *TokenServer) Validate() error {
	if err := CheckBasePath(t.BasePath); err != nil {
		return err
	}
	if t.Errors != "" && t.Errors != errorsRFC6749 {
		return fmt.Errorf("errors %q: it takes rfc6749, or is left out", t.Errors)
	}
	if t.Pages != "" && t.Pages != pagesOff {
		return fmt.Errorf("pages %q: it takes off, or is left out", t.Pages)
	}
	if t.Pages == pagesOff && (t.Title != "" || t.Logo != "" || t.Theme != "") {
		return errors.New("title, logo and theme are for the pages, which are off: remove one or the other")
	}
	return nil
}

// CheckBasePath accepts "" and a clean path such as /auth.
func CheckBasePath(path string) error {
	if path == "" {
		return nil
	}
	bad := path[0] != '/' || strings.HasSuffix(path, "/") || strings.Contains(path, "//")
	for segment := range strings.SplitSeq(path, "/") {
		bad = bad || segment == "." || segment == ".."
	}
	for _, c := range path {
		bad = bad || c <= ' ' || c >= 0x7f || strings.ContainsRune(`%?#*{}\"`, c)
	}
	if bad {
		return fmt.Errorf("base_path %q: it takes a path such as /auth, without a slash at its end, wildcards or placeholders", path)
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

// ServeHTTP answers requests for the endpoints and the pages, and passes all
// others on.
func (t *TokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	state := stateOf(r)
	state.clean(r, t.realm, nil)
	forPage := t.look != nil && t.look.Match(r.URL.Path)
	if !forPage && !t.paths.Match(r.URL.Path) {
		if t.look != nil {
			state.pages = append(state.pages, signInPage{t, r.URL.Path})
		}
		return state.pass(w, r, next)
	}
	state.takeBack(r, t.realm)
	state.answer().request = r
	w = final(w)
	realm, release, err := t.use(r)
	switch {
	case err != nil && forPage:
		t.look.Unavailable(w, r, err)
		return nil
	case err != nil:
		oauth2.Unavailable(err).Write(w, r)
		return nil
	}
	defer release()
	t.once.Do(func() {
		t.server = t.build(realm)
		t.pages = t.buildPages(realm)
	})
	// What a page looks like is for the pages of other hosts, too.
	if realm.jar.sent(r, state) && !(forPage && t.look.IsThemeFile(r.URL.Path)) {
		realm.jar.embedders(r).mark(w.Header())
	}
	if forPage {
		t.pages.ServeHTTP(w, r)
	} else {
		t.server.ServeHTTP(w, r)
	}
	return nil
}

// use returns the realm as soon as it is open, and keeps it so until release.
func (t *TokenServer) use(r *http.Request) (realm *opened, release func(), err error) {
	if realm, err = t.realm.await(r.Context()); err != nil {
		return nil, nil, err
	}
	release, err = realm.state.use()
	return realm, release, err
}

// build wires the endpoints to the realm.
func (t *TokenServer) build(realm *opened) *oauth2.Server {
	return &oauth2.Server{
		BasePath:      t.BasePath,
		ErrorsRFC6749: t.Errors == errorsRFC6749,
		Clients:       realm.client,
		SignIn:        realm.signIn,
		Users:         realm.liveUsers(),
		Sessions:      auditedSessions{realm.sessions, realm, signin.ViaPassword},
		Lifetimes:     realm.lifetimes,
		Issuer:        &realm.issuer,
		Verifier:      realm.verifier,
		Denied: func(user, sid, jti string) bool {
			return realm.foreign(sid, jti) || realm.state.denied.Denied(user, sid, jti)
		},
		JWKS:     func() ([]byte, error) { return realm.keys.JWKS(), nil },
		ClientIP: clientIP,
		CookiePrincipal: func(r *http.Request) (*policy.Principal, error) {
			return cookiePrincipal(r, realm)
		},
		Report: t.report,
	}
}

// report logs what went wrong on our side.
func (t *TokenServer) report(r *http.Request, err error) {
	t.logger.Error("a request could not be answered", zap.String("realm", t.realm.name),
		zap.String("path", r.URL.Path), zap.Error(err))
}

// cookiePrincipal is whom the session cookie names, nil for nobody.
func cookiePrincipal(r *http.Request, realm *opened) (*policy.Principal, error) {
	principal, _, err := realm.presentedBy(r, stateOf(r).takeCookies(r, realm.name), false)
	if err != nil {
		return nil, realm.cookieRefusal(err)
	}
	return principal, nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*TokenServer)(nil)
	_ caddy.Validator             = (*TokenServer)(nil)
	_ caddyhttp.MiddlewareHandler = (*TokenServer)(nil)
)
