package oauth2

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
)

// FirstParty is the "client_id" of tokens that no client asked for. No client
// may have this id.
const FirstParty = "first-party"

// The grant types that a client can be allowed ("grant_type").
const (
	GrantPassword     = "password"
	GrantRefreshToken = "refresh_token"
)

// Client is an OAuth2 client. It must not be changed once made.
type Client struct {
	ID string
	// SecretHash makes the client confidential. nil: the client is public and
	// has no secret.
	SecretHash *password.Hash
	// Grants are the grant types that the client may use at /token and
	// /refresh. nil stands for password and refresh_token; an empty list
	// allows none.
	Grants []string
	// Scopes are the scopes that the client can be given at most. nil: all
	// that the user has; an empty list: none.
	Scopes []string
}

// allows reports whether the client may use a grant type. The nil client is the
// first party, which may use every one.
func (c *Client) allows(grant string) bool {
	if c == nil || c.Grants == nil {
		return grant == GrantPassword || grant == GrantRefreshToken
	}
	return slices.Contains(c.Grants, grant)
}

// limit returns the scopes that the client may have, of those given.
func (c *Client) limit(scopes []string) []string {
	if c.Scopes == nil {
		return slices.Clone(scopes)
	}
	return intersect(scopes, c.Scopes)
}

// id returns the client's id as a session stores it: "" for the first party.
func (c *Client) id() string {
	if c == nil {
		return ""
	}
	return c.ID
}

var errMalformedBasic = errors.New("malformed basic credential")

// clientAuth is what a request tells about its client, not verified yet.
type clientAuth struct {
	// id is "" where the request names no client.
	id string
	// rawID is id before it was form-decoded; it equals id where that came
	// from the body.
	rawID string
	// secrets are the possible readings of the secret, none where none was
	// sent.
	secrets []string
}

// authenticate returns the client that a request comes from (RFC 6749 §2.3), nil
// for the first party. Endpoints call it before they use a token or a code, so
// that a failed authentication uses up neither.
func (s *Server) authenticate(r *http.Request, f form.Values) (*Client, error) {
	auth, err := readClientAuth(r.Header, f)
	if err != nil || auth.id == "" {
		return nil, err
	}
	client, known := s.client(auth.id)
	if !known {
		client, known = s.client(auth.rawID)
	}
	if known && client.SecretHash == nil && len(auth.secrets) == 0 {
		return &client, nil
	}
	if len(auth.secrets) == 0 {
		// The request has no secret to compare, and no guess to count.
		return nil, invalidClient(nil)
	}
	attempt := signin.SecretAttempt{ClientID: auth.id, Secrets: auth.secrets, Address: s.address(r), Via: signin.ViaClient}
	if known {
		attempt.ClientID, attempt.Hash = client.ID, client.SecretHash
	}
	err = s.SignIn.CheckSecret(r.Context(), attempt)
	switch {
	case errors.Is(err, signin.ErrCredentials):
		return nil, invalidClient(err)
	case err != nil:
		return nil, err
	case attempt.Hash == nil: // compared with a decoy only, which proves nothing
		return nil, invalidClient(nil)
	}
	return &client, nil
}

func (s *Server) client(id string) (Client, bool) {
	if s.Clients == nil {
		return Client{}, false
	}
	return s.Clients(id)
}

// readClientAuth reads the Basic header and the body. A request may use both
// where they agree.
func readClientAuth(h http.Header, f form.Values) (clientAuth, error) {
	basic, err := basicAuth(h)
	if err != nil {
		return clientAuth{}, err
	}
	id, secret := f["client_id"], f["client_secret"]
	if basic.id != "" {
		if id != "" && id != basic.id && id != basic.rawID || secret != "" && !slices.Contains(basic.secrets, secret) {
			return clientAuth{}, invalidRequest("The client authenticates in two ways that differ")
		}
		return basic, nil
	}
	if id == "" && secret != "" {
		return clientAuth{}, invalidClient(nil)
	}
	body := clientAuth{id: id, rawID: id}
	if secret != "" {
		body.secrets = []string{secret}
	}
	return body, nil
}

// basicAuth reads "Authorization: Basic". It form-decodes id and secret (RFC
// 6749 §2.3.1); since many clients do not encode them, the secret as it was sent
// is a second reading. Swagger UI sends both empty: that names no client.
func basicAuth(h http.Header) (clientAuth, error) {
	scheme, rest, err := authorization(h)
	if err != nil || !strings.EqualFold(scheme, "Basic") {
		return clientAuth{}, err
	}
	encoded, ok := strings.CutPrefix(rest, " ")
	if !ok {
		return clientAuth{}, invalidClient(errMalformedBasic)
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return clientAuth{}, invalidClient(errMalformedBasic)
	}
	rawID, rawSecret, ok := strings.Cut(string(text), ":")
	switch {
	case !ok:
		return clientAuth{}, invalidClient(errMalformedBasic)
	case rawID == "" && rawSecret == "":
		return clientAuth{}, nil
	case rawID == "":
		return clientAuth{}, invalidClient(errMalformedBasic)
	}
	auth := clientAuth{id: rawID, rawID: rawID}
	if id, err := url.QueryUnescape(rawID); err == nil && id != "" {
		auth.id = id
	}
	if rawSecret == "" {
		return auth, nil
	}
	if secret, err := url.QueryUnescape(rawSecret); err == nil && secret != rawSecret {
		auth.secrets = append(auth.secrets, secret)
	}
	auth.secrets = append(auth.secrets, rawSecret)
	return auth, nil
}
