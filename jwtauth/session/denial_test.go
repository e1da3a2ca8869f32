package session_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// The token that is one too many may be the one that lives longest, where the
// leeway has grown since: the denial of the session stands for it too.
func TestDenialCoversTheTokenThatWasOneTooMany(t *testing.T) {
	r := newRealm(t)
	g := r.create(t, session.NewSession{})
	for i := range session.MaxRevokedTokens {
		if err := r.RevokeAccessToken(t.Context(), r.lt, "alice", g.Session.ID, fmt.Sprint("jti ", i), g.AccessExpiresAt); err != nil {
			t.Fatal(err)
		}
	}
	r.lt.Leeway = 10 * time.Minute
	if err := r.RevokeAccessToken(t.Context(), r.lt, "alice", g.Session.ID, "the last", g.AccessExpiresAt); err != nil {
		t.Fatal(err)
	}
	if until := r.denied(t, revocation.Session, g.Session.ID); until.Before(g.AccessExpiresAt.Add(r.lt.Leeway)) {
		t.Errorf("the session is denied until %s, before its last token is dead", until)
	}
}

// Revoking one token more than once, with whatever end, makes no room for others.
func TestOneTokenIsOneEntry(t *testing.T) {
	r := newRealm(t)
	g := r.create(t, session.NewSession{})
	for i := range 3 * session.MaxRevokedTokens {
		if err := r.RevokeAccessToken(t.Context(), r.lt, "alice", g.Session.ID, "jti", g.AccessExpiresAt.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := r.Live(t.Context(), g.Session.ID)
	if err != nil || len(s.RevokedTokens) != 1 {
		t.Errorf("%d entries, %v; want one, and a session that goes on", len(s.RevokedTokens), err)
	}
}
