package jwtauth

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

// principalFromClaims is who presents an access token.
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

// errClientGone is returned for a session whose client is no longer in the config.
var errClientGone = errors.New("the session's client is gone from the config")

// principalFromSession is who presents a session cookie, and may do what
// [oauth2.ScopesNow] says. The answer is good until the moment given, or the
// session's end.
func (o *opened) principalFromSession(s session.Session, u user.User, until time.Time) (*policy.Principal, error) {
	scopes, ok := oauth2.ScopesNow(s, u, o.client)
	if !ok {
		return nil, errClientGone
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

// client is the client of the config with that id.
func (o *opened) client(id string) (oauth2.Client, bool) {
	client, ok := o.clients[id]
	return client, ok
}
