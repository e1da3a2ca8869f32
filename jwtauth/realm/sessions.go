package realm

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// Sessions are the sessions of the realm for one way in. What it does to them is
// recorded.
type Sessions struct {
	*session.Manager
	recorder audit.Recorder
	via      string
}

// Sessions returns the realm's sessions for a way in, one of package signin's.
func (r *Realm) Sessions(via string) Sessions { return Sessions{r.sessions, r.Recorder, via} }

// Create implements [oauth2.Sessions].
func (s Sessions) Create(ctx context.Context, lt session.Lifetimes, n session.NewSession) (session.Issued, error) {
	issued, err := s.Manager.Create(ctx, lt, n)
	if err != nil {
		return issued, err
	}
	s.recorder.Event(ctx, audit.Event{
		Name: audit.SignedIn, User: n.User, Session: issued.Session.ID, Client: n.Client, ClientIP: n.IP, Via: s.via,
	})
	for _, ended := range issued.Ended {
		s.recorder.Event(ctx, audit.Event{
			Name: audit.SessionRevoked, User: n.User, Session: ended.ID, Client: ended.Client, Via: s.via, Reason: audit.ReasonTooMany,
		})
	}
	return issued, nil
}

// Refresh implements [oauth2.Sessions].
func (s Sessions) Refresh(ctx context.Context, lt session.Lifetimes, ref session.Ref, client string, check func(session.Session) error) (session.Issued, error) {
	issued, err := s.Manager.Refresh(ctx, lt, ref, client, check)
	var reused *session.ReusedError
	if errors.As(err, &reused) {
		s.recorder.Event(ctx, audit.Event{Name: audit.RefreshTheft, User: reused.User, Session: ref.SID, Client: client, Via: s.via})
	}
	return issued, err
}

// EndSession implements [oauth2.Sessions].
func (s Sessions) EndSession(ctx context.Context, sid string) error {
	ended, err := s.End(ctx, sid)
	if errors.Is(err, session.ErrNotFound) {
		return nil // it has ended before
	}
	if err == nil {
		s.recorder.Event(ctx, audit.Event{Name: audit.SessionRevoked, User: ended.User, Session: sid, Client: ended.Client, Via: s.via})
	}
	return err
}

// RevokeAccessToken implements [oauth2.Sessions].
func (s Sessions) RevokeAccessToken(ctx context.Context, lt session.Lifetimes, username, sid, jti string, exp time.Time) error {
	err := s.Manager.RevokeAccessToken(ctx, lt, username, sid, jti, exp)
	if err == nil {
		s.recorder.Event(ctx, audit.Event{Name: audit.TokenRevoked, Session: sid, Via: s.via})
	}
	return err
}

// EndAll ends the sessions of a user, except one.
func (s Sessions) EndAll(ctx context.Context, username, except string) (int, error) {
	ended, err := s.Manager.EndAll(ctx, username, except)
	if err == nil {
		s.recorder.Event(ctx, audit.Event{Name: audit.SessionsRevoked, User: username, Via: s.via, Ended: ended})
	}
	return ended, err
}

// Interface guards
var _ oauth2.Sessions = Sessions{}
