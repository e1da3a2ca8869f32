package oauth2_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// With a slow store no token lasts longer than the lifetime: the guard would refuse
// it.
func TestTokensOfASlowStoreKeepTheLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rl := newRealm(t)
		rl.Sessions = slowSessions{rl.Sessions}
		a := rl.signIn(t, "")
		for _, step := range []string{"sign-in", "refresh"} {
			c := rl.claims(t, a.AccessToken)
			if lasts := c.ExpiresAt.Sub(c.IssuedAt); lasts != rl.Lifetimes.Access || a.ExpiresIn != lasts.Seconds() {
				t.Errorf("%s: valid for %s, expires_in %v, the lifetime is %s", step, lasts, a.ExpiresIn, rl.Lifetimes.Access)
			}
			a = rl.do(t, "POST", "/refresh", "", bearer(a.RefreshToken))
			a.want(t, 200, "")
		}
	})
}

// slowSessions answers late, as a store with a slow disk does.
type slowSessions struct{ oauth2.Sessions }

func (s slowSessions) Create(ctx context.Context, lt session.Lifetimes, n session.NewSession) (session.Issued, error) {
	time.Sleep(7 * time.Second) // in the bubble's clock
	return s.Sessions.Create(ctx, lt, n)
}

func (s slowSessions) Refresh(ctx context.Context, lt session.Lifetimes, ref session.Ref, client string, check func(session.Session) error) (session.Issued, error) {
	time.Sleep(7 * time.Second) // in the bubble's clock
	return s.Sessions.Refresh(ctx, lt, ref, client, check)
}
