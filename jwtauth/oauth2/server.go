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
// user.ErrAmbiguous where more than one source has the name.
type Users interface {
	Lookup(ctx context.Context, username string) (user.Entry, error)
}

// Sessions makes, renews and ends sessions; see session.Manager. A method that
// ends a session or revokes a token returns once this node denies it.
type Sessions interface {
	Create(ctx context.Context, lt session.Lifetimes, n session.NewSession) (session.Issued, error)
	Parse(token string) (session.Ref, error)
	// ParseCookie returns the id of the session that a session cookie's value names.
	ParseCookie(value string) (sid string, err error)
	Peek(ctx context.Context, ref session.Ref) (session.Session, error)
	Refresh(ctx context.Context, lt session.Lifetimes, ref session.Ref, client string, check func(session.Session) error) (session.Issued, error)
	EndSession(ctx context.Context, sid string) error
	RevokeAccessToken(ctx context.Context, lt session.Lifetimes, username, sid, jti string, exp time.Time) error
}

// Verifier checks an access token: form, signature, issuer, audience and times,
// but not the deny set. Any error means that the token is not valid.
type Verifier interface {
	Verify(token string) (*accesstoken.Claims, error)
}

// Server serves the OAuth2 endpoints of one realm. The caller makes a new one for
// each configuration of the realm and must not change a field afterwards; it is
// safe for concurrent use. Fields without a default are required.
type Server struct {
	// BasePath is the prefix of all paths: "" for the root of the site, else a
	// path that begins with "/" and does not end with one.
	BasePath string
	// ErrorsRFC6749 answers bad credentials at /token with 400 and without a
	// challenge (RFC 6749 §5.2). Default: 401, as the FastAPI tutorial does.
	ErrorsRFC6749 bool

	// Origins are those of front ends elsewhere whose pages may use the endpoints, spelled
	// as browsers spell them in the header Origin. Only CrossOrigin asks for them.
	// Default: none.
	Origins []string

	// Clients finds a client of the realm. Default: there are none.
	Clients  func(id string) (Client, bool)
	SignIn   SignIn
	Users    Users
	Sessions Sessions
	// Lifetimes are those of the realm.
	Lifetimes session.Lifetimes
	Issuer    *Issuer
	Verifier  Verifier

	// Denied reports whether a user's session or token is denied, or belongs to
	// another realm's store. sid or jti may be "".
	Denied func(user, sid, jti string) bool
	// JWKS returns the public keys as a JWK set.
	JWKS func() ([]byte, error)

	// ClientIP returns the address of the client, the zero Addr where it is
	// not known. This package never reads RemoteAddr or a forwarding header.
	// Default: no address is known.
	ClientIP func(r *http.Request) netip.Addr
	// CookiePrincipal returns the principal of the session cookie of r: nil,
	// nil where r has none, and an [*Error] for a cookie that is not valid.
	// Only /users/me calls it. Default: cookies are ignored.
	CookiePrincipal func(r *http.Request) (*policy.Principal, error)
	// Report is called for every unexpected error that was answered with 500.
	// err wraps the cause. Default: such errors are dropped.
	Report func(r *http.Request, err error)
}

// endpoint is what answers at a path.
type endpoint struct {
	methods []string
	// public is set if the answer is for everyone, whatever the request says.
	public bool
	// serve answers a request of one of the methods, or returns the error to answer it with.
	serve func(s *Server, w http.ResponseWriter, r *http.Request) error
}

var (
	reads = []string{http.MethodGet, http.MethodHead}
	posts = []string{http.MethodPost}

	endpoints = map[string]*endpoint{
		"/token":                 {methods: posts, serve: (*Server).token},
		"/refresh":               {methods: posts, serve: (*Server).refresh},
		"/revoke":                {methods: posts, serve: (*Server).revoke},
		"/users/me":              {methods: reads, serve: (*Server).usersMe},
		"/.well-known/jwks.json": {methods: reads, serve: (*Server).jwks, public: true},
	}
)

// Paths returns the paths of the endpoints, without the base path, sorted.
func Paths() []string { return slices.Sorted(maps.Keys(endpoints)) }

// endpoint returns the endpoint of a path, nil where there is none.
func (s *Server) endpoint(path string) *endpoint {
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
	e := s.endpoint(r.URL.Path)
	if e == nil {
		http.NotFound(w, r)
		return
	}
	var err error
	if slices.Contains(e.methods, r.Method) {
		err = e.serve(s, w, r)
	} else {
		err = methodNotAllowed(strings.Join(e.methods, ", "))
	}
	if err == nil {
		return
	}
	refusal := asError(r.Context(), err)
	if refusal.Status == http.StatusInternalServerError && s.Report != nil {
		s.Report(r, refusal)
	}
	refusal.Write(w, r)
}

func (s *Server) address(r *http.Request) netip.Addr {
	if s.ClientIP == nil {
		return netip.Addr{}
	}
	return s.ClientIP(r)
}

// lookup finds a user. known is false where no user has the name, or where more
// than one source has it.
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
