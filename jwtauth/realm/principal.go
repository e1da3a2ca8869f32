package realm

import (
	"errors"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// principalFromClaims is the presenter of an access token.
func principalFromClaims(c *accesstoken.Claims) *policy.Principal {
	return &policy.Principal{
		Username:  c.Subject,
		Roles:     c.Roles,
		Scopes:    strings.Fields(c.Scope),
		Claims:    c,
		Session:   c.SessionID,
		TokenID:   c.ID,
		Client:    c.ClientID,
		ExpiresAt: c.ExpiresAt,
	}
}

// ErrClientGone is returned for a session whose client is no longer in the config.
var ErrClientGone = errors.New("the session's client is gone from the config")

// principalFromSession is the presenter of a session cookie, with the scopes that
// [oauth2.ScopesNow] allows. The answer is good until the moment given, or until the
// session ends, if that comes first.
func (r *Realm) principalFromSession(s session.Session, u user.User, until time.Time) (*policy.Principal, error) {
	scopes, ok := oauth2.ScopesNow(s, u, r.Client)
	if !ok {
		return nil, ErrClientGone
	}
	if end := s.Expires(); end.Before(until) {
		until = end
	}
	client := s.Client
	if client == "" {
		client = oauth2.FirstParty
	}
	return &policy.Principal{
		Username: u.Username, FullName: u.FullName, Email: u.Email,
		Roles: u.Roles, Scopes: scopes,
		Claims:  sessionClaims{user: u.Claims, subject: u.Username, sid: s.ID, client: client, roles: u.Roles, scopes: scopes},
		Session: s.ID, Client: client, ExpiresAt: until,
	}, nil
}

// PrincipalOf is a user as if signed in, in no session.
func PrincipalOf(u user.User) *policy.Principal {
	return &policy.Principal{
		Username: u.Username, FullName: u.FullName, Email: u.Email, Roles: u.Roles, Scopes: u.Scopes, Client: oauth2.FirstParty,
		Claims: sessionClaims{user: u.Claims, subject: u.Username, client: oauth2.FirstParty, roles: u.Roles, scopes: u.Scopes},
	}
}

// sessionClaims are the claims that a session cookie stands for.
type sessionClaims struct {
	user    map[string]any
	subject string
	sid     string
	client  string
	roles   []string
	scopes  []string
}

// Claim implements [policy.Claims].
func (c sessionClaims) Claim(name string) (value any, ok bool) {
	switch name {
	case "sub":
		return c.subject, true
	case "sid":
		return c.sid, true
	case "client_id":
		return c.client, true
	case "roles":
		roles := make([]any, len(c.roles))
		for i, role := range c.roles {
			roles[i] = role
		}
		return roles, true
	case "scope":
		return strings.Join(c.scopes, " "), len(c.scopes) > 0
	}
	value, ok = c.user[name]
	return value, ok
}

func (c sessionClaims) size() int64 {
	claims := accesstoken.Claims{
		Subject: c.subject, SessionID: c.sid, ClientID: c.client, Roles: c.roles, Audience: c.scopes, Extra: c.user,
	}
	return claims.Size()
}

// Interface guards
var _ policy.Claims = sessionClaims{}
