// Package pages serves the pages for people: sign in, sign out, the account, and
// what a guard says to a browser that it refuses. They need no JavaScript.
package pages

import (
	"context"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// SignIn compares passwords and hashes new ones; see package signin, whose
// Service it is.
type SignIn interface {
	SignIn(ctx context.Context, a signin.Attempt) (signin.Result, error)
	Hash(ctx context.Context, username string, address netip.Addr, password string) (string, error)
}

// Users finds the users of the live realm and changes passwords of those in the
// store; see user.Directory.
type Users interface {
	Lookup(ctx context.Context, username string) (user.Entry, error)
	// ChangePassword replaces the hash from, ends the user's sessions and begins the
	// one given, in one step; user.ErrConflict where from is no longer the user's.
	ChangePassword(ctx context.Context, username, from, to string, begin session.Session) error
}

// Sessions makes, lists and ends sessions; see session.Manager.
type Sessions interface {
	Create(ctx context.Context, lt session.Lifetimes, n session.NewSession) (session.Grant, error)
	Draft(lt session.Lifetimes, n session.NewSession) (session.Grant, error)
	Cookie(s session.Session) (string, error)
	List(ctx context.Context, username string) ([]session.Session, error)
	Revoke(ctx context.Context, sid string) error
	EndAll(ctx context.Context, username, except string) (int, error)
}

// Cookies reads and writes the session cookie.
type Cookies interface {
	// Principal is whom the cookie of r names. Without one, and with a dead
	// one, it is nil; presented tells the two apart. An error means that
	// nobody can say: the realm or its store is not available.
	Principal(r *http.Request) (p *policy.Principal, presented bool, err error)
	// Set sets the cookie: for as long as maxAge, or, with 0, until the
	// browser is closed.
	Set(w http.ResponseWriter, r *http.Request, value string, maxAge time.Duration)
	// Device is the id of the browser that sent r, from its device cookie; a new
	// random one, of no browser yet, where it has none that is good.
	Device(r *http.Request) string
	// SetDevice sets the device cookie of the browser with that id. It outlives
	// sign-outs and signs no one in.
	SetDevice(w http.ResponseWriter, r *http.Request, id string) error
	// HostHidden reports a request whose Host a proxy has replaced, so that no
	// cookie can be set that is as strict as the site's real address asks for.
	HostHidden(r *http.Request) bool
	// Clear makes the browser forget the cookie.
	Clear(w http.ResponseWriter, r *http.Request)
}

// Server serves the pages of one realm. A caller fills it once for each state
// of the realm's configuration and changes no field afterwards; it is safe for
// concurrent use. Fields without a default are required.
type Server struct {
	// BasePath is put before all paths but that of /.well-known: "" for the
	// root of the site, else a path that begins with "/" and does not end
	// with one.
	BasePath string
	Theme    *Theme
	SignIn   SignIn
	Users    Users
	Sessions Sessions
	// Lifetimes are those of the realm.
	Lifetimes session.Lifetimes
	Cookies   Cookies

	// Mount is what was taken off the front of the path before r came here,
	// as by handle_path. Default: nothing ever is.
	Mount func(r *http.Request) string
	// ReturnOrigin reports another origin that a sign-in may end at. Default:
	// there is none.
	ReturnOrigin func(r *http.Request, origin *url.URL) bool
	// ClientIP returns the address of the client, the zero Addr where it is
	// not known.
	ClientIP func(r *http.Request) netip.Addr
	// Report is told every surprise that was answered with 500, and every
	// error that did not keep the request from being answered. Default: it is
	// dropped.
	Report func(r *http.Request, err error)
}

// Paths below the base path.
const (
	pathLogin    = "/login"
	pathLogout   = "/logout"
	pathAccount  = "/account"
	pathPassword = "/account/password"
	pathRevoke   = "/account/sessions/revoke"
	pathOthers   = "/account/sessions/revoke-others"
	// pathFiles is where style and images are.
	pathFiles = "/login/"

	// PathChangePassword is below no base path: it is where password managers
	// look (W3C, "A Well-Known URL for Changing Passwords").
	PathChangePassword = "/.well-known/change-password"
)

// page answers a request, or returns why it cannot.
type page func(s *Server, w http.ResponseWriter, r *http.Request) error

// pages are the handlers by path and method. HEAD is answered as GET.
var pages = map[string]map[string]page{
	pathLogin:   {http.MethodGet: (*Server).signInPage, http.MethodPost: (*Server).signIn},
	pathLogout:  {http.MethodGet: (*Server).signOutPage, http.MethodPost: (*Server).signOut},
	pathAccount: {http.MethodGet: (*Server).accountPage},
	// Whose form was sent again by its address alone sees the account.
	pathPassword: {http.MethodGet: (*Server).toAccount, http.MethodPost: (*Server).changePassword},
	pathRevoke:   {http.MethodGet: (*Server).toAccount, http.MethodPost: (*Server).revokeSession},
	pathOthers:   {http.MethodGet: (*Server).toAccount, http.MethodPost: (*Server).revokeOthers},
}

// Paths returns the paths of the pages and of their style, all below the base
// path.
func Paths() []string {
	return append(slices.Sorted(maps.Keys(pages)), pathFiles+styleFile)
}

// Match reports whether path is that of a page, or of a file of its theme.
func (s *Server) Match(path string) bool {
	if path == PathChangePassword {
		return true
	}
	path, ok := strings.CutPrefix(path, s.BasePath)
	if !ok {
		return false
	}
	name, isFile := strings.CutPrefix(path, pathFiles)
	return pages[path] != nil || isFile && s.Theme.has(name)
}

// IsThemeFile reports whether path is that of a file of the theme, which says nothing of
// who asks for it.
func (s *Server) IsThemeFile(path string) bool {
	path, ok := strings.CutPrefix(path, s.BasePath)
	name, isFile := strings.CutPrefix(path, pathFiles)
	return ok && isFile && s.Theme.has(name)
}

// ServeHTTP answers a request for a page or a file of the theme; every other
// path is 404.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, s.BasePath)
	name, isFile := strings.CutPrefix(path, pathFiles)
	switch {
	case r.URL.Path == PathChangePassword:
		s.redirect(w, s.path(r, pathAccount)+"#password")
	case !s.Match(r.URL.Path):
		http.NotFound(w, r)
	case isFile:
		s.Theme.serveFile(w, r, name)
	default:
		s.servePage(w, r, pages[path])
	}
}

func (s *Server) servePage(w http.ResponseWriter, r *http.Request, methods map[string]page) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	serve := methods[method]
	if serve == nil {
		w.Header().Set("Allow", allowed(methods))
		s.message(w, r, http.StatusMethodNotAllowed, msgBadRequest)
		return
	}
	if err := crossOrigin.Check(r); err != nil {
		s.message(w, r, http.StatusForbidden, msgOtherSite)
		return
	}
	if err := serve(s, w, r); err != nil {
		s.fail(w, r, err)
	}
}

// crossOrigin refuses posts that another site made the browser send: signing
// somebody in as somebody else is one of them.
var crossOrigin = http.NewCrossOriginProtection()

func allowed(methods map[string]page) string {
	names := slices.Collect(maps.Keys(methods))
	if methods[http.MethodGet] != nil {
		names = append(names, http.MethodHead)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// path is a path of this server as the browser has to ask for it.
func (s *Server) path(r *http.Request, path string) string {
	return s.mount(r) + s.BasePath + path
}

// SignInPath is the path of the sign-in page as the browser has to ask for it,
// where mount is what the site takes off the path before.
func (s *Server) SignInPath(mount string) string { return mount + s.BasePath + pathLogin }

// root is the site's own start page.
func (s *Server) root(r *http.Request) string { return s.mount(r) + "/" }

func (s *Server) mount(r *http.Request) string {
	if s.Mount == nil {
		return ""
	}
	return s.Mount(r)
}

func (s *Server) address(r *http.Request) netip.Addr {
	if s.ClientIP == nil {
		return netip.Addr{}
	}
	return s.ClientIP(r)
}

func (s *Server) report(r *http.Request, err error) {
	if s.Report != nil {
		s.Report(r, err)
	}
}

// Interface guards.
var _ http.Handler = (*Server)(nil)
