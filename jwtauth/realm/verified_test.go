package realm

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/keyring"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// keptUntil is until when an answer about a session cookie is kept, by a realm of those
// lifetimes.
func keptUntil(lt session.Lifetimes, s session.Session, answer time.Time) time.Time {
	cache := accesstoken.NewCache[*policy.Principal](1 << 20)
	r := &Realm{Lifetimes: lt}
	for range 2 {
		r.keepCookie(cache, "cookie", s, &policy.Principal{ExpiresAt: answer, Claims: sessionClaims{}})
	}
	until := answer.Add(-lt.Refresh)
	for _, ok := cache.Get("cookie", until); ok; _, ok = cache.Get("cookie", until) {
		until = until.Add(time.Second)
	}
	return until
}

// A session in steady use is read in time to prolong it, however short its idle time
// is.
func TestKnownCookiesAreAskedForBeforeTheSessionIsIdle(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	lt := session.DefaultLifetimes()
	for _, tc := range []struct {
		name         string
		idle, answer time.Duration
		want         time.Duration
	}{
		{"long idle time", 7 * 24 * time.Hour, 15 * time.Minute, 15 * time.Minute},
		{"idle time shorter than a token's life", 8 * time.Minute, 8 * time.Minute, 6 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			lt := lt
			lt.Idle = tc.idle
			s := session.Session{IdleExpiresAt: now.Add(tc.idle), ExpiresAt: now.Add(lt.Refresh)}
			if got := keptUntil(lt, s, now.Add(tc.answer)).Sub(now); got != tc.want {
				t.Errorf("kept for %v, want %v", got, tc.want)
			}
		})
	}
}

// What was verified is not known to those who would verify it otherwise.
func TestRetiredKeyIsAnotherWayOfVerifying(t *testing.T) {
	key, err := accesstoken.GenerateKey("ES256")
	if err != nil {
		t.Fatal(err)
	}
	set := func(key *accesstoken.Key) *accesstoken.KeySet {
		t.Helper()
		keys, err := accesstoken.NewKeySet(key)
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	seen := make(map[string]string)
	for name, keys := range map[string]*accesstoken.KeySet{
		"plain": set(key), "stopped": set(key.StoppedAt(time.Unix(1, 0))), "stopped later": set(key.StoppedAt(time.Unix(2, 0))),
		"bounded": set(key).WithMaxLifetime(time.Minute), "bounded otherwise": set(key).WithMaxLifetime(time.Hour),
	} {
		print := fingerprint(new(accesstoken.Verifier), keys, "store")
		if other, same := seen[print]; same {
			t.Errorf("%s and %s share what they know", name, other)
		}
		seen[print] = name
	}
}

// Verified tokens stay known from reading to reading of the keys, until the keys change.
func TestKnownTokensOutliveAReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, shared := openTest(t, testConfig(t))
		defer closeTest(t, r, shared)
		now := time.Now()
		token, err := r.Keys.Signing().Sign(&accesstoken.Claims{
			Issuer: r.Issuer.ID, Audience: r.Issuer.Audience, Subject: "root", ClientID: "x", IssuedAt: now,
			ExpiresAt: now.Add(r.Lifetimes.Access), ID: "invented", SessionID: r.storeID + strings.Repeat("x", 22),
		})
		if err != nil {
			t.Fatal(err)
		}
		want := func(what string, want error) {
			t.Helper()
			for range 3 {
				v, refusal := r.Token(token, Verdict{})
				switch {
				case want == nil && refusal != nil:
					t.Errorf("%s: refused: %v", what, refusal.Cause)
				case want != nil && (refusal == nil || v.Principal != nil || !errors.Is(refusal, want)):
					t.Errorf("%s: passes, or is refused with %v, want %v", what, refusal, want)
				}
			}
		}
		want("known", nil)
		if err := r.RotateKeys(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		want("of a key that stopped", nil)
		view, known := r.Keys.View(), r.verified().tokens
		time.Sleep(5*keyring.ReadEvery + time.Second) // in the bubble's clock
		if r.Keys.View() == view {
			t.Error("the keys were not read again")
		}
		if r.verified().tokens != known {
			t.Error("a reading that changed nothing dropped what was known")
		}
		if known, _ := r.Known(); known.Entries != 1 {
			t.Errorf("%d tokens are known, want 1", known.Entries)
		}
		cookies := r.verified().cookies
		if _, _, _, err := r.RevokeKeys(t.Context(), audit.ByAdmin); err != nil {
			t.Fatal(err)
		}
		if r.verified().cookies == cookies {
			t.Error("cookies of a revoked key are known")
		}
		want("known, of a revoked key", accesstoken.ErrKey)
		events := []string{audit.KeyChanged, audit.KeyChanged, audit.KeysRevoked}
		if got := r.Recorder.(*recorder).names(); !slices.Equal(got, events) {
			t.Errorf("recorded %q, want %q", got, events)
		}
	})
}

// What an earlier guard of the request has found counts as long as it would be found
// again: not once the token has expired, is denied, or its key is gone.
func TestVerdictOfAnEarlierGuard(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, r *Realm){
		"expired": func(t *testing.T, r *Realm) { time.Sleep(r.Lifetimes.Access) },
		"denied": func(t *testing.T, r *Realm) {
			err := r.shared.store.Deny(t.Context(), revocation.Entry{Kind: revocation.Session, ID: r.storeID + strings.Repeat("x", 22), Until: time.Now().Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		},
		"of a revoked key": func(t *testing.T, r *Realm) {
			if _, _, _, err := r.RevokeKeys(t.Context(), audit.ByAdmin); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, shared := openTest(t, testConfig(t))
				defer closeTest(t, r, shared)
				token, err := r.Keys.Signing().Sign(&accesstoken.Claims{
					Issuer: r.Issuer.ID, Audience: r.Issuer.Audience, Subject: "root", ClientID: "x", IssuedAt: time.Now(),
					ExpiresAt: time.Now().Add(r.Lifetimes.Access), ID: "invented", SessionID: r.storeID + strings.Repeat("x", 22),
				})
				if err != nil {
					t.Fatal(err)
				}
				first, refusal := r.Token(token, Verdict{})
				if refusal != nil {
					t.Fatal(refusal.Cause)
				}
				if again, refusal := r.Token(token, first); refusal != nil || again.Principal != first.Principal {
					t.Errorf("it is not found again: %v", refusal)
				}
				now, view := first.Principal.ExpiresAt, r.Keys.View()
				if !first.again(token, view, now.Add(-time.Second)) || first.again(token, view, now) {
					t.Error("it counts until another moment than that of expiry")
				}
				other, refusal := r.Token(token+"x", first)
				if refusal == nil {
					t.Errorf("another token is taken for it: %v", other.Principal)
				}
				change(t, r)
				if v, refusal := r.Token(token, first); refusal == nil || v.Principal != nil {
					t.Errorf("it still stands for %v", v.Principal)
				}
			})
		})
	}
}

// Who changes the keys puts them in force and tells of it: the loop that reads them from
// time to time comes later, and is there when a key that waits begins to sign.
func TestFollowedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, shared := openTest(t, testConfig(t))
		defer closeTest(t, r, shared)
		time.Sleep(keyring.ReadEvery / 2) // in the bubble's clock
		for name, change := range map[string]func() error{
			"a rotation": func() error { return r.RotateKeys(t.Context(), true) },
			"a revocation": func() error {
				_, _, _, err := r.RevokeKeys(t.Context(), audit.ByAdmin)
				return err
			},
		} {
			before := r.Keys.View()
			if err := change(); err != nil {
				t.Fatal(err)
			}
			view := r.Keys.View()
			if view.Signing.SigningKey().ID == before.Signing.SigningKey().ID {
				t.Errorf("%s is not in force", name)
			}
			synctest.Wait()
			if r.Keys.View() != view {
				t.Errorf("%s was read again at once", name)
			}
		}

		if err := r.RotateKeys(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		signs := r.Keys.Signing().SigningKey().ID
		told := len(r.Recorder.(*recorder).names())
		time.Sleep(keyring.PublishAhead - time.Millisecond)
		synctest.Wait()
		if r.Keys.Signing().SigningKey().ID != signs {
			t.Error("a key signs before its time")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if r.Keys.Signing().SigningKey().ID == signs {
			t.Error("a key waits longer than its time")
		}
		if got := r.Recorder.(*recorder).names()[told:]; !slices.Equal(got, []string{audit.KeyChanged}) {
			t.Errorf("recorded %q", got)
		}
	})
}
