package realm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/keyring"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
	"go.uber.org/zap"
)

// Verdict is what this realm found a credential of a request to be. The zero Verdict is
// about none.
type Verdict struct {
	// Principal is who presents it, nil for a credential that is not good.
	Principal *policy.Principal

	credential string
	view       *keyring.View // whose keys it was verified with
}

// again reports whether it is about the credential, and would be the same now.
func (v *Verdict) again(credential string, view *keyring.View, now time.Time) bool {
	return v.Principal != nil && v.view == view && v.credential == credential && now.Before(v.Principal.ExpiresAt)
}

// Token verifies an access token: form, signature and claims, then that this store
// could have revoked it, then that it has not. The deny set is asked each time, also
// about a token that was verified before. before is what this realm found for an earlier
// guard of the request.
func (r *Realm) Token(token string, before Verdict) (Verdict, *oauth2.Error) {
	known, now := r.verified(), time.Now()
	p, cached := before.Principal, false
	if !before.again(token, known.view, now) {
		p, cached = known.tokens.Get(token, now)
	}
	if p != nil {
		if r.shared.denied.Denied(p.Username, p.Session, p.TokenID) {
			return Verdict{}, oauth2.InvalidToken(ErrDenied)
		}
		if cached {
			r.Recorder.Verified(audit.Token, true)
		}
		return Verdict{p, token, known.view}, nil
	}
	claims, err := r.Verifier.Verify(token)
	if err != nil {
		return Verdict{}, oauth2.InvalidToken(err)
	}
	if err := r.CheckDenied(claims); err != nil {
		return Verdict{}, oauth2.InvalidToken(err)
	}
	p = principalFromClaims(claims)
	r.Recorder.Verified(audit.Token, false)
	r.keepToken(known.tokens, token, claims, p)
	return Verdict{p, token, known.view}, nil
}

// Reasons to refuse a token whose signature and claims are good.
var (
	ErrForeignStore = errors.New("the token is of another store, and only that store records whether it was revoked")
	ErrDenied       = errors.New("the token or its session was revoked")
)

// CheckDenied refuses a token that this node denies, and one that only another store
// could deny.
func (r *Realm) CheckDenied(claims *accesstoken.Claims) error {
	switch {
	case r.foreign(claims.SessionID, claims.ID):
		return ErrForeignStore
	case r.shared.denied.Denied(claims.Subject, claims.SessionID, claims.ID):
		return ErrDenied
	}
	return nil
}

// foreign reports a session, or a token without one, that another store has made.
func (r *Realm) foreign(sid, jti string) bool {
	id := sid
	if id == "" {
		id = jti
	}
	return len(id) <= store.IDLength || id[:store.IDLength] != r.storeID
}

// knownCookie is [Realm.Cookie] for the guard. Its answer may be as old as an access
// token can be, unless the session is denied.
func (r *Realm) knownCookie(ctx context.Context, value string, before Verdict) (Verdict, error) {
	known, now := r.verified(), time.Now()
	p, cached := before.Principal, false
	if !before.again(value, known.view, now) {
		p, cached = known.cookies.Get(value, now)
	}
	if p != nil {
		if r.shared.denied.Denied(p.Username, p.Session, "") {
			return Verdict{}, ErrDenied
		}
		if cached {
			r.Recorder.Verified(audit.Cookie, true)
		}
		return Verdict{p, value, known.view}, nil
	}
	p, s, err := r.readCookie(ctx, value)
	if err != nil {
		return Verdict{}, err
	}
	r.Recorder.Verified(audit.Cookie, false)
	r.keepCookie(known.cookies, value, s, p)
	return Verdict{p, value, known.view}, nil
}

// Cookie verifies the value of a session cookie and reads the session and its user.
func (r *Realm) Cookie(ctx context.Context, value string) (*policy.Principal, error) {
	p, _, err := r.readCookie(ctx, value)
	return p, err
}

func (r *Realm) readCookie(ctx context.Context, value string) (*policy.Principal, session.Session, error) {
	none := session.Session{}
	sid, err := r.sessions.ParseCookie(value)
	if err != nil {
		return nil, none, err
	}
	// The user and the epoch are read with the session.
	if r.shared.denied.Denied("", sid, "") {
		return nil, none, ErrDenied
	}
	release, err := r.shared.hold()
	if err != nil {
		return nil, none, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer release()
	s, err := r.sessions.Live(ctx, sid)
	if errors.Is(err, session.ErrNotFound) {
		return nil, none, err
	} else if err != nil {
		return nil, none, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := r.sessions.CheckCookie(value, s); err != nil {
		return nil, none, err
	}
	if s, err = r.touch(ctx, s); err != nil {
		return nil, none, err
	}
	epoch, err := r.shared.store.Epoch(ctx, s.User)
	if err != nil {
		return nil, none, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if epoch != s.Epoch {
		return nil, none, session.ErrEpoch
	}
	entry, err := r.shared.users().Lookup(ctx, s.User)
	switch {
	case errors.Is(err, user.ErrNotFound), errors.Is(err, user.ErrAmbiguous):
		return nil, none, err
	case err != nil:
		return nil, none, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case entry.Disabled:
		return nil, none, signin.ErrDisabled
	}
	// No longer than a denial of the session certainly lasts.
	until := time.Now().Add(r.Lifetimes.Access)
	if sure := s.DenyUntil.Add(-r.Lifetimes.Leeway); sure.Before(until) {
		until = sure
	}
	p, err := r.principalFromSession(s, entry.User, until)
	return p, s, err
}

// touch keeps a session that is in use from ending by idleness. If the store cannot be
// written to right now, the session stays valid all the same.
func (r *Realm) touch(ctx context.Context, s session.Session) (session.Session, error) {
	touched, err := r.sessions.Touch(ctx, r.Lifetimes, s)
	switch {
	case errors.Is(err, session.ErrNotFound), errors.Is(err, session.ErrEpoch):
		return s, err
	case err != nil:
		if ctx.Err() == nil {
			r.logger.Warn("a session in use could not be prolonged", zap.Error(err))
		}
		return s, nil
	}
	return touched, nil
}

// CookieRefusal is the answer to a session cookie for which [Realm.Cookie] or
// [Realm.Presented] returned err.
func (r *Realm) CookieRefusal(err error) *oauth2.Error {
	if errors.Is(err, ErrUnavailable) {
		return oauth2.Unavailable(err)
	}
	return oauth2.InvalidToken(err)
}

// Denied reports whether a user's session or a token is denied, or is of another store.
// sid or jti may be "".
func (r *Realm) Denied(username, sid, jti string) bool {
	return r.foreign(sid, jti) || r.shared.denied.Denied(username, sid, jti)
}
