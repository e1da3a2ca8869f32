package oauth2

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// tokenIDLength is the length of the random part of a "jti": 132 bits.
const tokenIDLength = 22

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
	// Sign signs the claims with the realm's current key, and refuses what
	// the guard would refuse; see accesstoken.KeySet.
	Sign func(c *accesstoken.Claims) (string, error)
	// Rand is where the "jti" comes from. Default: crypto/rand.
	Rand io.Reader
}

// Grant is what an access token is to say.
type Grant struct {
	// User is the user as it is now: its name, roles and claims go into the
	// token.
	User user.User
	// Client is the id of the client, "" for the first party.
	Client string
	// Session is the "sid", "" for a token without a session.
	Session string
	Scopes  []string
	// IssuedAt and ExpiresAt are cut to whole seconds.
	IssuedAt, ExpiresAt time.Time
}

// Issue makes an access token. The grant it stands for has to be durable.
func (i *Issuer) Issue(g Grant) (string, error) {
	id, err := i.newTokenID(g.Session)
	if err != nil {
		return "", err
	}
	audience := i.Audience
	if len(audience) == 0 {
		audience = []string{i.ID}
	}
	client := g.Client
	if client == "" {
		client = FirstParty
	}
	token, err := i.Sign(&accesstoken.Claims{
		Issuer:    i.ID,
		Subject:   g.User.Username,
		Audience:  slices.Clone(audience),
		ClientID:  client,
		IssuedAt:  g.IssuedAt,
		ExpiresAt: g.ExpiresAt,
		ID:        id,
		SessionID: g.Session,
		Roles:     g.User.Roles,
		Scope:     strings.Join(g.Scopes, " "),
		Extra:     g.User.Claims,
	})
	if err != nil {
		return "", fmt.Errorf("issuing an access token: %w", err)
	}
	return token, nil
}

// newTokenID makes a "jti". The guard tells tokens of another store by the
// "sid", and by the "jti" where there is none.
func (i *Issuer) newTokenID(sid string) (string, error) {
	random := i.Rand
	if random == nil {
		random = rand.Reader
	}
	// 17 bytes give 23 characters; the last carries four bits and is dropped.
	raw := make([]byte, 17)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("making a token id: %w", err)
	}
	id := base64.RawURLEncoding.EncodeToString(raw)[:tokenIDLength]
	if sid == "" {
		id = i.StoreID + id
	}
	return id, nil
}
