package oauth2

import (
	"errors"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
)

// passwordGrant signs a user in (RFC 6749 §4.3).
func (s *Server) passwordGrant(r tokenRequest) (*tokenResponse, error) {
	// As at the sign-in page: what an editor or a phone adds is no part of a name.
	username := strings.TrimSpace(r.form["username"])
	if username == "" || !r.form.Has("password") {
		return nil, invalidRequest("The parameters username and password are both needed")
	}
	if r.form["password"] == "" {
		return nil, badCredentials(s.ErrorsRFC6749) // which no user has, and needs no try
	}
	asked, err := parseScope(r.form["scope"])
	if err != nil {
		return nil, err
	}
	address := s.address(r.Request)
	signedIn, err := s.SignIn.SignIn(r.Context(), signin.Attempt{
		Username: username, Password: r.form["password"], Address: address, Via: signin.ViaPassword,
	})
	switch {
	case errors.Is(err, signin.ErrCredentials):
		return nil, badCredentials(s.ErrorsRFC6749)
	case errors.Is(err, signin.ErrDisabled):
		return nil, inactiveUser()
	case err != nil:
		return nil, err
	}
	scopes, err := signInScopes(signedIn.User, r.client, asked)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	n := session.NewSession{
		User: signedIn.User.Username, Client: r.client.id(), Scopes: scopes,
		Epoch: signedIn.Epoch, UserAgent: r.UserAgent(),
	}
	if address.IsValid() {
		n.IP = address.String()
	}
	grant, err := s.Sessions.Create(r.Context(), s.Lifetimes, n)
	if errors.Is(err, session.ErrEpoch) {
		// The user or its sessions were changed after the password was
		// compared, so the comparison proves nothing any more.
		return nil, badCredentials(s.ErrorsRFC6749)
	}
	if err != nil {
		return nil, err
	}
	return s.issue(began, signedIn.User, scopes, grant)
}
