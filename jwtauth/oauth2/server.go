package oauth2

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// SignIn compares passwords and client secrets; see package signin, whose
// Service it is.
type SignIn interface {
	SignIn(ctx context.Context, a signin.Attempt) (signin.Result, error)
	CheckSecret(ctx context.Context, a signin.SecretAttempt) error
}

// Users finds the users of the live realm: user.ErrNotFound where there is none,
// user.ErrAmbiguous where nobody can say which.
type Users interface {
	Lookup(ctx context.Context, username string) (user.Entry, error)
}

// Sessions makes, renews and ends sessions; see session.Manager.
type Sessions interface {
	Create(ctx context.Context, lt session.Lifetimes, n session.NewSession) (session.Grant, error)
	Parse(token string) (session.Ref, error)
	// ParseCookie returns the id of the session that a session cookie's value names.
	ParseCookie(value string) (sid string, err error)
	Peek(ctx context.Context, ref session.Ref) (session.Session, error)
	Refresh(ctx context.Context, lt session.Lifetimes, ref session.Ref, client string, check func(session.Session) error) (session.Grant, error)
	Revoke(ctx context.Context, sid string) error
	RevokeAccessToken(ctx context.Context, lt session.Lifetimes, username, sid, jti string, exp time.Time) error
}

// Verifier checks everything about an access token but the deny set: form,
// signature, issuer, audience, times. Any error means that the token is bad.
type Verifier interface {
	Verify(token string) (*accesstoken.Claims, error)
}

// Server serves the OAuth2 endpoints of one realm. A caller fills it once for
// each state of the realm's configuration and changes no field afterwards; it is
// safe for concurrent use. Fields without a default are required.
type Server struct {
	// BasePath is put before all paths: "" for the root of the site, else a
	// path that begins with "/" and does not end with one.
	BasePath string
	// ErrorsRFC6749 answers bad credentials at /token with 400 and without a
	// challenge (RFC 6749 §5.2). Default: 401, as the FastAPI tutorial does.
	ErrorsRFC6749 bool

	// Clients finds a client of the realm. Default: there are none.
	Clients  func(id string) (Client, bool)
	SignIn   SignIn
	Users    Users
	Sessions Sessions
	// Lifetimes are those of the realm.
	Lifetimes session.Lifetimes
	Issuer    *Issuer
	Verifier  Verifier

	// Denied reports whether a user's session or a token is denied, or is not of this
	// realm's store at all. sid or jti may be "".
	Denied func(user, sid, jti string) bool
	// Sync returns when this node denies everything that the store has
	// acknowledged. It is called before an answer that says so. Default: the
	// store's own methods return no earlier.
	Sync func(ctx context.Context) error
	// JWKS returns the public keys as a JWK set.
	JWKS func() ([]byte, error)

	// ClientIP returns the address of the client, the zero Addr where it is
	// not known. Nothing here looks at RemoteAddr or at forwarding headers.
	ClientIP func(r *http.Request) netip.Addr
	// CookiePrincipal returns whom the session cookie of r names: nil, nil
	// where it has none, and an [*Error] for one that is bad. Only /users/me
	// asks. Default: cookies are not looked at.
	CookiePrincipal func(r *http.Request) (*policy.Principal, error)
	// Report is told every surprise that was answered with 500, with its
	// cause. Default: it is dropped.
	Report func(r *http.Request, err error)
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// endpoint answers a request, or returns the error to answer it with.
type endpoint func(s *Server, w http.ResponseWriter, r *http.Request) error

var endpoints = map[string]endpoint{
	"/token":                 (*Server).token,
	"/refresh":               (*Server).refresh,
	"/revoke":                (*Server).revoke,
	"/users/me":              (*Server).usersMe,
	"/.well-known/jwks.json": (*Server).jwks,
}

// Paths returns the paths of the endpoints below the base path, in order.
func Paths() []string { return slices.Sorted(maps.Keys(endpoints)) }

// endpoint returns what serves a path, nil for a path that is not ours.
func (s *Server) endpoint(path string) endpoint {
	path, ok := strings.CutPrefix(path, s.BasePath)
	if !ok {
		return nil
	}
	return endpoints[path]
}

// Match reports whether path is that of an endpoint, byte by byte: "/token/" and
// "/TOKEN" are not.
func (s *Server) Match(path string) bool { return s.endpoint(path) != nil }

// ServeHTTP answers a request for an endpoint; every other path is 404.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	serve := s.endpoint(r.URL.Path)
	if serve == nil {
		http.NotFound(w, r)
		return
	}
	err := serve(s, w, r)
	if err == nil {
		return
	}
	refusal := asError(r.Context(), err)
	if refusal.Status == http.StatusInternalServerError && s.Report != nil {
		s.Report(r, refusal)
	}
	refusal.Write(w, r)
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *Server) address(r *http.Request) netip.Addr {
	if s.ClientIP == nil {
		return netip.Addr{}
	}
	return s.ClientIP(r)
}

// sync makes this node deny what was just revoked.
func (s *Server) sync(ctx context.Context) error {
	if s.Sync == nil {
		return nil
	}
	return s.Sync(ctx)
}

// lookup returns a user who can be issued tokens. known is false for a name
// that nobody has, or that nobody can tell whose it is.
func (s *Server) lookup(ctx context.Context, username string) (u user.User, known bool, err error) {
	entry, err := s.Users.Lookup(ctx, username)
	switch {
	case errors.Is(err, user.ErrNotFound), errors.Is(err, user.ErrAmbiguous):
		return user.User{}, false, nil
	case err != nil:
		return user.User{}, false, err
	}
	return entry.User, true, nil
}

// Interface guards.
var _ http.Handler = (*Server)(nil)
