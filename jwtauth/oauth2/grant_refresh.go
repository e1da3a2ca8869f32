package oauth2

import (
	"errors"
	"slices"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// refreshGrant answers a refresh token with new tokens (RFC 6749 §6).
func (s *Server) refreshGrant(r tokenRequest) (*tokenResponse, error) {
	token := r.form["refresh_token"]
	if token == "" {
		return nil, invalidRequest("The parameter refresh_token is missing")
	}
	res, err := s.rotate(r, token)
	if isDeadRefreshToken(err) {
		return nil, refused(codeInvalidGrant, deadRefreshToken, err)
	}
	return res, err
}

const deadRefreshToken = "The refresh token is unknown, expired, revoked or used before"

// isDeadRefreshToken reports the errors after which the user has to sign in
// again. All of them get the same answer.
func isDeadRefreshToken(err error) bool {
	return slices.ContainsFunc([]error{
		session.ErrInvalidToken, session.ErrNotFound, session.ErrReused, session.ErrEpoch, session.ErrClient,
	}, func(dead error) bool { return errors.Is(err, dead) })
}

// rotate uses a refresh token. It looks the user up before the atomic step of the
// store, and that step goes by what was found. A change of the user in between
// that must act at once raises the epoch, which the step compares.
func (s *Server) rotate(r tokenRequest, token string) (*tokenResponse, error) {
	ctx := r.Context()
	ref, err := s.Sessions.Parse(token)
	if err != nil {
		return nil, err
	}
	asked, err := parseScope(r.form["scope"])
	if err != nil {
		return nil, err
	}
	began := time.Now()
	peeked, err := s.Sessions.Peek(ctx, ref)
	if err != nil {
		return nil, err
	}
	u, known, err := s.lookup(ctx, peeked.User)
	if err != nil {
		return nil, err
	}
	var scopes []string
	grant, err := s.Sessions.Refresh(ctx, s.Lifetimes, ref, r.client.id(), func(live session.Session) error {
		scopes, err = s.refreshable(live, u, known, asked)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.issue(began, u, scopes, grant)
}

// refreshable returns the scopes of the next access token of a session, or the
// error that forbids one. It has no side effects.
func (s *Server) refreshable(live session.Session, u user.User, known bool, asked []string) ([]string, error) {
	switch {
	case !known || live.User != u.Username:
		return nil, session.ErrNotFound
	case u.Disabled:
		return nil, inactiveUser()
	}
	now, ok := ScopesNow(live, u, s.client)
	if !ok {
		return nil, session.ErrClient
	}
	return refreshScopes(live.Scopes, now, asked)
}
