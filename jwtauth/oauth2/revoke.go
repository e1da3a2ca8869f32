package oauth2

import (
	"errors"
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// revoke serves POST /revoke: RFC 7009 where the body names a token, else the
// tutorial's form, which revokes the bearer token of the request. Whatever the
// token is, the answer is 200: one that is unknown, expired or revoked needs
// nothing done (RFC 7009 §2.2), and another client's is left alone.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return methodNotAllowed(http.MethodPost)
	}
	f, err := readForm(w, r, true)
	if err != nil {
		return err
	}
	bearer, _, err := BearerFromHeader(r.Header)
	if err != nil {
		return err
	}
	token := f["token"]
	if token == "" {
		token = bearer
	}
	if token == "" {
		return NotAuthenticated()
	}
	client, err := s.authenticate(r, f)
	if err != nil {
		return err
	}
	if err := s.revokeToken(r, client, token); err != nil {
		return err
	}
	noStore(w.Header())
	writeJSON(w, r, http.StatusOK, struct {
		Msg string `json:"msg"`
	}{"Token revoked"})
	return nil
}

// revokeToken finds out by itself what kind of token it was given: a refresh
// token ends its session, as does the value of a session cookie (handed over as a
// token by who found it, or copied it out of a browser: the cookie of the request
// itself is never looked at), an access token only itself. "token_type_hint" would
// save nothing, and a wrong one must not matter.
func (s *Server) revokeToken(r *http.Request, client *Client, token string) error {
	ctx := r.Context()
	if ref, ok := s.sessionOf(token); ok {
		live, err := s.Sessions.Peek(ctx, ref)
		if errors.Is(err, session.ErrNotFound) || err == nil && !s.mayRevoke(client, live.Client) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Sessions.Revoke(ctx, live.ID); err != nil {
			return err
		}
		return s.sync(ctx)
	}
	claims, err := s.Verifier.Verify(token)
	if err != nil || s.Denied(claims.Subject, claims.SessionID, claims.ID) {
		return nil
	}
	owner := claims.ClientID
	if owner == FirstParty {
		owner = ""
	}
	if !s.mayRevoke(client, owner) {
		return nil
	}
	err = s.Sessions.RevokeAccessToken(ctx, s.Lifetimes, claims.Subject, claims.SessionID, claims.ID, claims.ExpiresAt)
	if err != nil {
		return err
	}
	return s.sync(ctx)
}

// sessionOf is the session that a refresh token, or a session cookie's value, stands
// for, whatever else may be said of it.
func (s *Server) sessionOf(token string) (ref session.Ref, ok bool) {
	if ref, err := s.Sessions.Parse(token); err == nil {
		return ref, true
	}
	sid, err := s.Sessions.ParseCookie(token)
	return session.Ref{SID: sid}, err == nil
}

// mayRevoke reports whether a token of the client named owner is the caller's
// business: a client's own are, and without client authentication those that
// nobody has to authenticate for.
func (s *Server) mayRevoke(caller *Client, owner string) bool {
	if caller != nil {
		return caller.ID == owner
	}
	if owner == "" {
		return true
	}
	client, known := s.client(owner)
	return !known || client.SecretHash == nil
}
