package oauth2

import (
	"errors"
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// revoke serves POST /revoke. Where the body has a token, it is RFC 7009; else it
// revokes the bearer token of the request, as the FastAPI tutorial does. The
// answer is 200 for every token: for one that is unknown, expired or revoked
// there is nothing to do (RFC 7009 §2.2), and another client's is left alone.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
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

// revokeToken revokes a token of any kind. A refresh token ends its session, and
// so does the value of a session cookie, sent as a token by someone who found it
// or copied it out of a browser (the cookie of the request itself is never looked
// at). An access token is denied alone. "token_type_hint" is ignored: it would
// save nothing, and a wrong hint must not matter.
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
		return s.Sessions.EndSession(ctx, live.ID)
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
	return s.Sessions.RevokeAccessToken(ctx, s.Lifetimes, claims.Subject, claims.SessionID, claims.ID, claims.ExpiresAt)
}

// sessionOf returns the session that a refresh token or a session cookie's value
// names, whether or not that session still lives.
func (s *Server) sessionOf(token string) (ref session.Ref, ok bool) {
	if ref, err := s.Sessions.Parse(token); err == nil {
		return ref, true
	}
	sid, err := s.Sessions.ParseCookie(token)
	return session.Ref{SID: sid}, err == nil
}

// mayRevoke reports whether the caller may revoke a token of the client with the
// id owner. A client may revoke its own tokens. A caller that names no client may
// revoke tokens of the first party and of clients without a secret.
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
