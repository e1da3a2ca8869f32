package jwtauth

import (
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

// principalFromSession is who presents a session cookie. The answer is good
// until the moment given, or the session's end.
func principalFromSession(s session.Session, u user.User, until time.Time) *policy.Principal {
	if end := s.Expires(); end.Before(until) {
		until = end
	}
	client := s.Client
	if client == "" {
		client = oauth2.FirstParty
	}
	return &policy.Principal{
		Username: u.Username, FullName: u.FullName, Email: u.Email,
		Roles: u.Roles, Scopes: s.Scopes,
		Claims:  sessionClaims{user: u.Claims, subject: u.Username, sid: s.ID, client: client, roles: u.Roles, scopes: s.Scopes},
		Session: s.ID, Client: client, ExpiresAt: until,
	}
}
