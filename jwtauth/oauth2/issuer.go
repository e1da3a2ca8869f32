package oauth2

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// Issuer makes the access tokens of a realm (RFC 9068). It is safe for
// concurrent use.
type Issuer struct {
	// ID is the "iss".
	ID string
	// Audience is the "aud". Default: ID alone.
	Audience []string
	// StoreID is the id of the realm's store. The "jti" of a token without a
	// session begins with it.
	StoreID string
	// Sign signs the claims with the realm's current key. It refuses claims
	// that the guard would refuse; see accesstoken.KeySet.
	Sign func(c *accesstoken.Claims) (string, error)
}

// TokenContent is what [Issuer.Issue] writes into an access token.
type TokenContent struct {
	// User is the user as it is now: its name, roles and claims go into the
	// token.
	User user.User
	// Client is the id of the client, "" for the first party.
	Client string
	// Session is the "sid", "" for a token without a session. The session has
	// to be durable before the token is made.
	Session string
	Scopes  []string
	// IssuedAt and ExpiresAt are cut to whole seconds.
	IssuedAt, ExpiresAt time.Time
}

// Issue makes an access token.
func (i *Issuer) Issue(c TokenContent) (string, error) {
	audience := i.Audience
	if len(audience) == 0 {
		audience = []string{i.ID}
	}
	client := c.Client
	if client == "" {
		client = FirstParty
	}
	token, err := i.Sign(&accesstoken.Claims{
		Issuer:    i.ID,
		Subject:   c.User.Username,
		Audience:  slices.Clone(audience),
		ClientID:  client,
		IssuedAt:  c.IssuedAt,
		ExpiresAt: c.ExpiresAt,
		ID:        i.newTokenID(c.Session),
		SessionID: c.Session,
		Roles:     c.User.Roles,
		Scope:     strings.Join(c.Scopes, " "),
		Extra:     c.User.Claims,
	})
	if err != nil {
		return "", fmt.Errorf("issuing an access token: %w", err)
	}
	return token, nil
}

// newTokenID makes a "jti". The guard finds the store of a token by the "sid", or
// by the "jti" where there is no session: then the id begins with the store's.
func (i *Issuer) newTokenID(sid string) string {
	id := rand.Text()
	if sid == "" {
		id = i.StoreID + id
	}
	return id
}
