package jwtauth

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// What is written down and told to the site's event handlers. In Caddy's events
// each name has eventPrefix in front.
const (
	eventSignIn          = "sign_in"
	eventSignInFailed    = "sign_in_failed"
	eventRefreshTheft    = "refresh_theft"
	eventSessionRevoked  = "session_revoked"
	eventSessionsRevoked = "sessions_revoked"
	eventTokenRevoked    = "token_revoked"
	eventPasswordChanged = "password_changed"
	eventUserAdded       = "user_added"
	eventUserChanged     = "user_changed"
	eventUserRemoved     = "user_removed"
	eventKeysRotated     = "keys_rotated"
	eventKeysRevoked     = "keys_revoked"
	eventKeyChanged      = "signing_key_changed"
)

const eventPrefix = "jwtauth_"

// auditNames are all of them, in the order of the README.
var auditNames = []string{
	eventSignIn, eventSignInFailed, eventRefreshTheft, eventSessionRevoked, eventSessionsRevoked, eventTokenRevoked,
	eventPasswordChanged, eventUserAdded, eventUserChanged, eventUserRemoved, eventKeysRotated,
	eventKeysRevoked, eventKeyChanged,
}

// Who did it, where it was not somebody who presented a credential.
const (
	byAdmin  = "admin"  // the admin API, so also a command
	byConfig = "config" // a reload, or a users file
)

// record is one event. What is empty is left out. Nothing in it is a secret, and
// nothing is what somebody typed who did not sign in.
type record struct {
	user     string
	session  string
	client   string
	clientIP string
	via      string
	by       string
	reason   string
	key      string
	// ended is how many sessions ended, for eventSessionsRevoked and eventKeysRevoked.
	ended int
}

// audit counts an event, writes it down and tells the site's event handlers. They
// run before audit returns and may call the realm, so that audit is called with no
// lock held, in no hashing slot and in no transaction of the store.
func (o *opened) audit(ctx context.Context, name string, r record) {
	o.metrics.event(name)
	if r.clientIP == "" && r.by == "" {
		r.clientIP = addressText(clientIPOf(ctx))
	}
	fields := make([]zap.Field, 0, 8)
	data := map[string]any{"realm": o.name}
	for _, text := range [...]struct{ key, value string }{
		{"user", r.user}, {"session", r.session}, {"client", r.client}, {"client_ip", r.clientIP},
		{"via", r.via}, {"by", r.by}, {"reason", r.reason}, {"key", r.key},
	} {
		if text.value != "" {
			fields = append(fields, zap.String(text.key, text.value))
			data[text.key] = text.value
		}
	}
	if name == eventSessionsRevoked || name == eventKeysRevoked {
		fields = append(fields, zap.Int("ended", r.ended))
		data["ended"] = r.ended
	}
	o.auditLog.Info(name, fields...)
	if o.emit != nil {
		o.emit(eventPrefix+name, data)
	}
}

// observeSignIn is told how each comparison of a password or secret ended. What
// was refused without one (429, 503) is counted and not written down: in a flood
// the log would be the next thing to overflow.
func (o *opened) observeSignIn(ctx context.Context, out signin.Outcome) {
	result := signInResult(out)
	o.metrics.signIn(result)
	switch result {
	case resultCredentials, resultThrottled, resultDisabled:
	default:
		return // a success is written down when there is a session
	}
	r := record{user: out.Name, via: out.Via, reason: result, clientIP: addressText(out.Address)}
	if out.Client {
		r.user, r.client = "", out.Name
	}
	o.audit(ctx, eventSignInFailed, r)
}

func addressText(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}

// The results of a sign-in, as labels.
const (
	resultSuccess     = "success"
	resultCredentials = "credentials"
	resultThrottled   = "account_throttled"
	resultDisabled    = "disabled"
	resultAddress     = "address_throttled"
	resultBusy        = "busy"
	resultError       = "error"
)

var signInResults = []string{
	resultSuccess, resultCredentials, resultThrottled, resultDisabled, resultAddress, resultBusy, resultError,
}

func signInResult(out signin.Outcome) string {
	switch {
	case out.Err == nil:
		return resultSuccess
	case errors.Is(out.Err, signin.ErrCredentials) && out.Throttled:
		return resultThrottled
	case errors.Is(out.Err, signin.ErrCredentials):
		return resultCredentials
	case errors.Is(out.Err, signin.ErrDisabled):
		return resultDisabled
	case errors.Is(out.Err, signin.ErrBusy):
		return resultBusy
	case errors.Is(out.Err, throttle.ErrAddress):
		return resultAddress
	}
	return resultError
}

// auditedSessions writes down what the endpoints and pages do to sessions.
type auditedSessions struct {
	*session.Manager
	realm *opened
	via   string
}

// Create implements [oauth2.Sessions].
func (s auditedSessions) Create(ctx context.Context, lt session.Lifetimes, n session.NewSession) (session.Grant, error) {
	grant, err := s.Manager.Create(ctx, lt, n)
	if err == nil {
		s.realm.audit(ctx, eventSignIn, record{user: n.User, session: grant.Session.ID, client: n.Client, clientIP: n.IP, via: s.via})
	}
	return grant, err
}

// Refresh implements [oauth2.Sessions].
func (s auditedSessions) Refresh(ctx context.Context, lt session.Lifetimes, ref session.Ref, client string, check func(session.Session) error) (session.Grant, error) {
	grant, err := s.Manager.Refresh(ctx, lt, ref, client, check)
	var reused *session.ReusedError
	if errors.As(err, &reused) {
		s.realm.audit(ctx, eventRefreshTheft, record{user: reused.User, session: ref.SID, client: client, via: s.via})
	}
	return grant, err
}

// Revoke implements [oauth2.Sessions].
func (s auditedSessions) Revoke(ctx context.Context, sid string) error {
	ended, err := s.End(ctx, sid)
	if errors.Is(err, session.ErrNotFound) {
		return nil // it has ended before
	}
	if err == nil {
		s.realm.audit(ctx, eventSessionRevoked, record{user: ended.User, session: sid, client: ended.Client, via: s.via})
	}
	return err
}

// RevokeAccessToken implements [oauth2.Sessions].
func (s auditedSessions) RevokeAccessToken(ctx context.Context, lt session.Lifetimes, username, sid, jti string, exp time.Time) error {
	err := s.Manager.RevokeAccessToken(ctx, lt, username, sid, jti, exp)
	if err == nil {
		s.realm.audit(ctx, eventTokenRevoked, record{session: sid, via: s.via})
	}
	return err
}

// EndAll implements [pages.Sessions].
func (s auditedSessions) EndAll(ctx context.Context, username, except string) (int, error) {
	ended, err := s.Manager.EndAll(ctx, username, except)
	if err == nil {
		s.realm.audit(ctx, eventSessionsRevoked, record{user: username, via: s.via, ended: ended})
	}
	return ended, err
}

// Interface guards
var _ oauth2.Sessions = auditedSessions{}
