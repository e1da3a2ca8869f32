package oauth2

import (
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// profile is the body of /users/me.
type profile struct {
	Subject  string   `json:"sub"` // as OpenID Connect has it (Core §5.1), the same name
	Username string   `json:"username"`
	Email    *string  `json:"email"`
	FullName *string  `json:"full_name"`
	Disabled bool     `json:"disabled"`
	Roles    []string `json:"roles"`
}

func newProfile(u user.User) profile {
	p := profile{Subject: u.Username, Username: u.Username, Disabled: u.Disabled, Roles: u.Roles}
	if u.Email != "" {
		p.Email = &u.Email
	}
	if u.FullName != "" {
		p.FullName = &u.FullName
	}
	if p.Roles == nil {
		p.Roles = []string{}
	}
	return p
}

// usersMe serves GET /users/me. It checks signature and expiry first, then the
// user, then the deny set: a user who was disabled meanwhile is told so, although
// disabling has ended the session.
func (s *Server) usersMe(w http.ResponseWriter, r *http.Request) error {
	who, err := s.identify(r)
	if err != nil {
		return err
	}
	u, known, err := s.lookup(r.Context(), who.username)
	switch {
	case err != nil:
		return err
	case !known:
		return InvalidToken(nil)
	case u.Disabled:
		return inactiveUser()
	case who.checkDenied && s.Denied(who.username, who.sid, who.jti):
		return InvalidToken(nil)
	}
	noStore(w.Header())
	vary(w.Header())
	writeJSON(w, r, http.StatusOK, newProfile(u))
	return nil
}

// identity is the user of a request, after its signature was verified.
type identity struct {
	username, sid, jti string
	checkDenied        bool
}

// identify verifies the bearer token, or the session cookie where there is none.
func (s *Server) identify(r *http.Request) (identity, error) {
	token, presented, err := BearerFromHeader(r.Header)
	if err != nil {
		return identity{}, err
	}
	if presented {
		claims, err := s.Verifier.Verify(token)
		if err != nil {
			return identity{}, InvalidToken(err)
		}
		return identity{claims.Subject, claims.SessionID, claims.ID, true}, nil
	}
	if s.CookiePrincipal != nil {
		p, err := s.CookiePrincipal(r)
		if err != nil {
			return identity{}, err
		}
		if p != nil {
			return identity{p.Username, p.Session, "", p.Session != ""}, nil
		}
	}
	return identity{}, NotAuthenticated()
}
