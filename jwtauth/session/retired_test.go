package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// A key that leaked and was replaced makes nothing for sessions that began after
// it stopped, and what it made for those before is good.
func TestRetiredKeyMakesNothingForLaterSessions(t *testing.T) {
	r := newRealm(t)
	leaked := r.keys.Current()
	early := r.create(t, session.NewSession{})
	stop := r.now
	retired := leaked
	retired.Until = stop
	next := newKey(t)
	forger := newRealm(t)
	forger.use(r.store, newKeys(t, leaked))
	for _, test := range []struct {
		name  string
		began time.Time
		want  error
	}{
		{"at the stop", stop, nil},
		{"a moment after it", stop.Add(1), session.ErrInvalidToken},
		{"a day after it", stop.Add(24 * time.Hour), session.ErrInvalidToken},
	} {
		t.Run(test.name, func(t *testing.T) {
			r.use(r.store, newKeys(t, next, retired))
			r.now = test.began
			late := r.create(t, session.NewSession{})
			cookie, err := forger.Cookie(late.Session)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.ParseCookie(cookie); err != nil {
				t.Fatal(err)
			}
			if err := r.CheckCookie(cookie, late.Session); !errors.Is(err, test.want) {
				t.Errorf("cookie: %v, want %v", err, test.want)
			}
			// An older token than the current one, within the grace or as if stolen.
			forged, err := session.TokenFor(leaked, late.Session.ID, 1)
			if err != nil {
				t.Fatal(err)
			}
			r.mustRefresh(t, late.RefreshToken)
			for _, wait := range []time.Duration{0, time.Hour} {
				r.now = r.now.Add(wait)
				if test.want == nil {
					continue // it may be one that another machine made
				}
				if _, err := r.refresh(t, forged); !errors.Is(err, test.want) {
					t.Errorf("refresh token, %s later: %v, want %v", wait, err, test.want)
				}
				if _, err := r.Live(t.Context(), late.Session.ID); err != nil {
					t.Errorf("the forgery ended the session: %v", err)
				}
			}
		})
	}
	r.now = stop.Add(time.Minute)
	cookie, err := forger.Cookie(early.Session)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.CheckCookie(cookie, early.Session); err != nil {
		t.Errorf("the cookie of a session before: %v", err)
	}
	r.mustRefresh(t, early.RefreshToken)
}

// A key that is revoked between the look at a token and its use gives nothing.
func TestRevokedKeyInBetween(t *testing.T) {
	r := newRealm(t)
	g := r.create(t, session.NewSession{})
	cookie, err := r.Cookie(g.Session)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := r.Parse(g.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	r.use(r.store, newKeys(t, newKey(t)))
	if _, err := r.Refresh(t.Context(), r.lt, ref, "", nil); !errors.Is(err, session.ErrInvalidToken) {
		t.Errorf("refresh: %v", err)
	}
	if err := r.CheckCookie(cookie, g.Session); !errors.Is(err, session.ErrInvalidToken) {
		t.Errorf("cookie: %v", err)
	}
}

// Two sets that judge differently are not the same.
func TestKeySetsWithAnotherEnd(t *testing.T) {
	key, current := newKey(t), newKey(t)
	ended := key
	ended.Until = time.Unix(1, 0)
	if newKeys(t, current, key).Same(newKeys(t, current, ended)) {
		t.Error("a key that stopped is the same as one that has not")
	}
}
