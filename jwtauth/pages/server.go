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

// Users finds the users of the live realm and changes the passwords of those in the
// store; see user.Directory.
type Users interface {
	Lookup(ctx context.Context, username string) (user.Entry, error)
	// ChangePassword replaces the hash from by to, ends the user's sessions and
	// begins the session begin, in one step. It returns user.ErrConflict where from
	// is no longer the user's hash.
	ChangePassword(ctx context.Context, username, from, to string, begin session.Session) error
}

// Sessions makes, lists and ends sessions; see session.Manager.
type Sessions interface {
	Create(ctx context.Context, lt session.Lifetimes, n session.NewSession) (session.Issued, error)
	Draft(lt session.Lifetimes, n session.NewSession) (session.Issued, error)
	Cookie(s session.Session) (string, error)
	List(ctx context.Context, username string) ([]session.Session, error)
	EndSession(ctx context.Context, sid string) error
	EndAll(ctx context.Context, username, except string) (int, error)
}

// Cookies reads and writes the session cookie.
type Cookies interface {
	// Principal returns the principal of the session cookie of r. p is nil
	// without a cookie, and with one that is not valid any more; presented is
	// true in the second case. An error means that the cookie could not be
	// checked: the realm or its store is not available.
	Principal(r *http.Request) (p *policy.Principal, presented bool, err error)
	// Set sets the session cookie, which the browser keeps for maxAge. With 0
	// it keeps the cookie until it is closed.
	Set(w http.ResponseWriter, r *http.Request, value string, maxAge time.Duration)
	// Device returns the id of the browser that sent r, from its device cookie.
	// Without a valid device cookie it returns a new random id.
	Device(r *http.Request) string
	// SetDevice sets the device cookie with that id. It stays when the user signs
	// out, and signs no one in.
	SetDevice(w http.ResponseWriter, r *http.Request, id string) error
	// HostHidden reports a request whose Host a proxy seems to have replaced, so
	// that no cookie can be set as strictly as the site's real address needs.
	HostHidden(r *http.Request) bool
	// Clear removes the session cookie from the browser.
	Clear(w http.ResponseWriter, r *http.Request)
}

// Server serves the pages of one realm. The caller makes a new one for each
// configuration of the realm and must not change a field afterwards; it is safe
// for concurrent use. Fields without a default are required.
//
// A Server with a Theme alone can render [Refusals] and answer [Server.Unavailable].
type Server struct {
	// BasePath is the prefix of all paths but [PathChangePassword]: "" for the
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

	// Mount returns the prefix that was removed from the path of r before it
	// came here, as handle_path does. Default: none was.
	Mount func(r *http.Request) string
	// ReturnOrigin reports whether a sign-in may return to another origin.
	// Default: it may not.
	ReturnOrigin func(r *http.Request, origin *url.URL) bool
	// ClientIP returns the address of the client, the zero Addr where it is
	// not known. Default: no address is known.
	ClientIP func(r *http.Request) netip.Addr
	// Report is called for every unexpected error: those that were answered
	// with 500 or 503, and those after which the request was still answered.
	// Default: such errors are dropped.
	Report func(r *http.Request, err error)
}

// Paths below the base path.
const (
	pathLogin      = "/login"
	pathLogout     = "/logout"
	pathAccount    = "/account"
	pathPassword   = "/account/password"
	pathEndSession = "/account/sessions/revoke"
	pathEndOthers  = "/account/sessions/revoke-others"
	// pathFiles is the folder of the theme's files: style and images.
	pathFiles = "/login/"

	// PathChangePassword does not begin with the base path: password managers
	// ask for it at the root (W3C, "A Well-Known URL for Changing Passwords").
	PathChangePassword = "/.well-known/change-password"
)

// handler answers a request for a page, or returns the error that kept it from that.
type handler func(s *Server, w http.ResponseWriter, r *http.Request) error

// handlers are the handlers of the pages by path and method. HEAD is answered as GET.
var handlers = map[string]map[string]handler{
	pathLogin:   {http.MethodGet: (*Server).signInPage, http.MethodPost: (*Server).signIn},
	pathLogout:  {http.MethodGet: (*Server).signOutPage, http.MethodPost: (*Server).signOut},
	pathAccount: {http.MethodGet: (*Server).accountPage},
	// A browser that asks for the address of a form with GET gets the account page.
	pathPassword:   {http.MethodGet: (*Server).redirectToAccount, http.MethodPost: (*Server).changePassword},
	pathEndSession: {http.MethodGet: (*Server).redirectToAccount, http.MethodPost: (*Server).endSession},
	pathEndOthers:  {http.MethodGet: (*Server).redirectToAccount, http.MethodPost: (*Server).endOtherSessions},
}

// Paths returns the paths of the pages and of their style, without the base path.
func Paths() []string {
	return append(slices.Sorted(maps.Keys(handlers)), pathFiles+styleFile)
}

// Match reports whether path is that of a page or of a file of the theme.
func (s *Server) Match(path string) bool {
	if path == PathChangePassword {
		return true
	}
	path, ok := strings.CutPrefix(path, s.BasePath)
	if !ok {
		return false
	}
	name, isFile := strings.CutPrefix(path, pathFiles)
	return handlers[path] != nil || isFile && s.Theme.hasFile(name)
}

// IsThemeFile reports whether path is that of a file of the theme. Such a file is
// the same for every visitor.
func (s *Server) IsThemeFile(path string) bool {
	path, ok := strings.CutPrefix(path, s.BasePath)
	name, isFile := strings.CutPrefix(path, pathFiles)
	return ok && isFile && s.Theme.hasFile(name)
}

// ServeHTTP answers a request for a page or a file of the theme; every other
// path is 404.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, s.BasePath)
	name, isFile := strings.CutPrefix(path, pathFiles)
	switch {
	case r.URL.Path == PathChangePassword:
		Redirect(w, s.path(r, pathAccount)+"#password")
	case !s.Match(r.URL.Path):
		http.NotFound(w, r)
	case isFile:
		s.Theme.serveFile(w, r, name)
	default:
		s.servePage(w, r, handlers[path])
	}
}

func (s *Server) servePage(w http.ResponseWriter, r *http.Request, methods map[string]handler) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	serve := methods[method]
	if serve == nil {
		w.Header().Set("Allow", allowed(methods))
		s.showMessage(w, r, http.StatusMethodNotAllowed, msgBadRequest)
		return
	}
	if err := crossOrigin.Check(r); err != nil {
		s.showMessage(w, r, http.StatusForbidden, msgOtherSite)
		return
	}
	if err := serve(s, w, r); err != nil {
		s.showError(w, r, err)
	}
}

// crossOrigin refuses forms that another site made the browser send, such as one
// that signs the visitor in to an account of the attacker.
var crossOrigin = http.NewCrossOriginProtection()

func allowed(methods map[string]handler) string {
	names := slices.Collect(maps.Keys(methods))
	if methods[http.MethodGet] != nil {
		names = append(names, http.MethodHead)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// path returns a path of this server as the browser has to request it.
func (s *Server) path(r *http.Request, path string) string {
	return s.mount(r) + s.BasePath + path
}

// SignInPath returns the path of the sign-in page as the browser has to request it.
// mount is the prefix that the site removes from paths.
func (s *Server) SignInPath(mount string) string { return mount + s.BasePath + pathLogin }

// root returns the path of the site's start page.
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
