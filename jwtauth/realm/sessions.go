package realm

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
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
	if err == nil {
		s.recorder.Event(ctx, audit.Event{
			Name: audit.SignedIn, User: n.User, Session: issued.Session.ID, Client: n.Client, ClientIP: n.IP, Via: s.via,
		})
	}
	return issued, err
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

// Revoke implements [oauth2.Sessions].
func (s Sessions) Revoke(ctx context.Context, sid string) error {
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

// observeSignIn is told how each comparison of a password or secret ended. Refusals
// without a comparison (429, 503) are counted and not written down: in a flood the log
// would be the next thing to overflow.
func (r *Realm) observeSignIn(ctx context.Context, out signin.Outcome) {
	result := signInResult(out)
	r.Recorder.SignIn(result)
	switch result {
	case audit.ResultCredentials, audit.ResultThrottled, audit.ResultDisabled:
	default:
		return // a success is written down when there is a session
	}
	e := audit.Event{Name: audit.SignInFailed, User: out.Name, Via: out.Via, Reason: result, ClientIP: addressText(out.Address)}
	if out.Client {
		e.User, e.Client = "", out.Name
	}
	r.Recorder.Event(ctx, e)
}

func addressText(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}

func signInResult(out signin.Outcome) string {
	switch {
	case out.Err == nil:
		return audit.ResultSuccess
	case errors.Is(out.Err, signin.ErrCredentials) && out.Throttled:
		return audit.ResultThrottled
	case errors.Is(out.Err, signin.ErrCredentials):
		return audit.ResultCredentials
	case errors.Is(out.Err, signin.ErrDisabled):
		return audit.ResultDisabled
	case errors.Is(out.Err, signin.ErrBusy):
		return audit.ResultBusy
	case errors.Is(out.Err, throttle.ErrAddress):
		return audit.ResultAddress
	}
	return audit.ResultError
}

// Interface guards
var _ oauth2.Sessions = Sessions{}
