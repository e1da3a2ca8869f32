package oauth2

import (
	"net/http"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// tokenRequest is a request for tokens whose client is known.
type tokenRequest struct {
	*http.Request
	form form.Values
	// client is nil for the first party.
	client *Client
}

// tokenResponse is the answer of /token and /refresh (RFC 6749 §5.1).
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// token serves POST /token.
func (s *Server) token(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r, false)
	if err != nil {
		return err
	}
	name, grant, err := s.grant(f)
	if err != nil {
		return err
	}
	client, err := s.authenticate(r, f)
	if err != nil {
		return err
	}
	if !client.allows(name) {
		return refused(codeUnauthorizedClient, "The client may not use this grant type", nil)
	}
	res, err := grant(tokenRequest{r, f, client})
	if err != nil {
		return err
	}
	writeTokens(w, r, res)
	return nil
}

// grant returns the handler of the form's "grant_type" and that grant type's name.
// A new grant is a line here and a file grant_<type>.go.
func (s *Server) grant(f form.Values) (name string, grant func(tokenRequest) (*tokenResponse, error), err error) {
	name = f["grant_type"]
	if name == "" && f["username"] != "" && f.Has("password") {
		name = GrantPassword // the FastAPI tutorial leaves grant_type out
	}
	switch name {
	case GrantPassword:
		return name, s.passwordGrant, nil
	case GrantRefreshToken:
		return name, s.refreshGrant, nil
	case "":
		return "", nil, invalidRequest("The parameter grant_type is missing")
	default:
		return "", nil, refused(codeUnsupportedGrantType, "The grant type is not supported here", nil)
	}
}

// issue answers a sign-in or a refresh with tokens. The session is durable by
// then. began is a time shortly before it was made, so that "iat" is never in the
// future.
func (s *Server) issue(began time.Time, u user.User, scopes []string, g session.Issued) (*tokenResponse, error) {
	if !g.AccessExpiresAt.After(began) {
		return nil, session.ErrNotFound // the session is about to end
	}
	// The store has needed some time since began. The token must not last
	// longer than the lifetime for that: the guard would refuse it.
	expires := g.AccessExpiresAt
	if longest := began.Truncate(time.Second).Add(s.Lifetimes.Access); longest.Before(expires) {
		expires = longest
	}
	token, err := s.Issuer.Issue(TokenContent{
		User: u, Client: g.Session.Client, Session: g.Session.ID, Scopes: scopes,
		IssuedAt: began, ExpiresAt: expires,
	})
	if err != nil {
		return nil, err
	}
	return &tokenResponse{
		AccessToken:  token,
		TokenType:    "bearer",
		ExpiresIn:    expires.Unix() - began.Unix(),
		RefreshToken: g.RefreshToken,
		Scope:        strings.Join(scopes, " "),
	}, nil
}

func writeTokens(w http.ResponseWriter, r *http.Request, res *tokenResponse) {
	noStore(w.Header())
	writeJSON(w, r, http.StatusOK, res)
}
