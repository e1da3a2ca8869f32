package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// twoRealms has a realm with a long grace, where a client whose answer was lost
// in a crash goes on, and one without any, where a used token has to be refused
// at once.
func twoRealms(t *testing.T) string {
	users := "user alice " + hash(t, "secret") + "\n\t\tuser bob " + hash(t, "secret")
	return `{
	jwtauth {
		throttle off
		refresh_token_grace 5m
		` + users + `
	}
	jwtauth strict {
		throttle off
		refresh_token_grace 0
		` + users + `
	}
}

http://:{$PORT} {
	bind 127.0.0.1

	token_server
	token_server {
		realm strict
		base_path /strict
	}
	jwt_auth /private
	jwt_auth /strict/private {
		realm strict
	}
	respond /private "private"
	respond /strict/private "private"
}
`
}

// What the server has acknowledged holds when it is killed in the middle of the
// next thing, 20 times over the same folder.
func TestKill(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, twoRealms(t))
	lenient := visit(c)
	strict := lenient.at("/strict")
	var spared []*renewal // alice's sessions, which go on from crash to crash
	for range 3 {
		spared = append(spared, &renewal{site: lenient, current: mustSignIn(t, lenient, "alice", "secret")})
	}
	var revoked []revocation // bob's, of all rounds

	const kills = 20
	for round := range kills {
		var fresh []*renewal
		for range 4 {
			fresh = append(fresh, &renewal{site: strict, current: mustSignIn(t, strict, "alice", "secret")})
		}
		revokers := []*revoker{{site: lenient}, {site: strict}}

		var acknowledged atomic.Int64
		var working sync.WaitGroup
		work := func(step func(*testing.T) error) {
			working.Go(func() {
				for step(t) == nil && !t.Failed() {
					acknowledged.Add(1)
				}
			})
		}
		for _, r := range append(fresh, spared...) {
			work(r.step)
		}
		for _, r := range revokers {
			work(r.step)
		}
		// Each round is cut off at another moment.
		testcaddy.Eventually(t, "enough is acknowledged", func() bool {
			return acknowledged.Load() >= int64(20+10*round) || t.Failed()
		})
		c.Kill()
		working.Wait()
		lenient.hangUp()

		c.Start()
		for i, r := range spared {
			r.checkGoesOn(t, fmt.Sprintf("lineage %d", i))
		}
		for i, r := range fresh {
			r.checkUsedOnce(t, fmt.Sprintf("strict lineage %d", i), i%2 == 0)
		}
		for _, r := range revokers {
			for _, mine := range r.done {
				mine.check(t)
			}
			revoked = append(revoked, r.done...)
		}
		for i, r := range revoked {
			if i%10 == round%10 || round == kills-1 {
				r.check(t)
			}
		}
		if t.Failed() {
			t.Fatalf("in round %d of %d", round+1, kills)
		}
	}
	if len(revoked) < 2*kills {
		t.Errorf("%d revocations in %d rounds are too few to tell", len(revoked), kills)
	}
	t.Logf("%d revocations were acknowledged", len(revoked))
	if strings.Contains(c.Logs(), "panic") {
		t.Error("the log has a panic")
	}
}

// renewal is a session whose refresh token is used again and again.
type renewal struct {
	site    *site
	current tokens // the last that were acknowledged
	used    string // the refresh token before
	// unsure reports that current may have been used: no answer came.
	unsure bool
}

// step is one refresh. The error is that no answer came.
func (r *renewal) step(t *testing.T) error {
	a, got, err := r.site.refresh(r.current.Refresh)
	switch {
	case err != nil:
		r.unsure = !errors.Is(err, syscall.ECONNREFUSED)
	case a.status != http.StatusOK:
		t.Errorf("a refresh before the crash: %v", a)
	default:
		r.used, r.current, r.unsure = r.current.Refresh, got, false
	}
	return err
}

// checkGoesOn asserts that the session lives, and that its client can go on with
// what it has.
func (r *renewal) checkGoesOn(t *testing.T, what string) {
	t.Helper()
	want(t, what+": its access token", http.StatusOK, "private")(r.site.get(r.site.base+"/private", r.current.Access))
	if err := r.step(t); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// checkUsedOnce asserts that the refresh token that was acknowledged last is
// good, where it cannot have been used, and that the one before it ends the
// session.
func (r *renewal) checkUsedOnce(t *testing.T, what string, usedFirst bool) {
	t.Helper()
	if !usedFirst {
		a, got, err := r.site.refresh(r.current.Refresh)
		switch {
		case err == nil && a.status == http.StatusOK:
			r.current = got
		case err == nil && a.status == http.StatusUnauthorized && r.unsure:
			// It was used, and this was once more.
		default:
			t.Errorf("%s: the last refresh token: %v, %v", what, a, err)
		}
	}
	if r.used != "" {
		want(t, what+": a used refresh token", http.StatusUnauthorized, "invalid_grant")(status(r.site.refresh(r.used)))
		wantDead(t, what, r.site, r.current)
	}
}

// revocation is one that was acknowledged.
type revocation struct {
	site *site
	of   tokens
	// session tells that the refresh token was revoked, and the whole session
	// with it; else it was the access token alone.
	session bool
}

func (r revocation) check(t *testing.T) {
	t.Helper()
	if r.session {
		wantDead(t, "a revoked session", r.site, r.of)
		return
	}
	want(t, "a revoked access token at the guard", http.StatusUnauthorized, "invalid_token")(r.site.get(r.site.base+"/private", r.of.Access))
	want(t, "a revoked access token at /users/me", http.StatusUnauthorized, "invalid_token")(r.site.me(r.of.Access))
}

// revoker signs in and revokes what it got.
type revoker struct {
	site *site
	done []revocation
}

// step is one sign-in and one revocation. The error is that no answer came.
func (r *revoker) step(t *testing.T) error {
	a, got, err := r.site.signIn("bob", "secret")
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		t.Errorf("a sign-in before the crash: %v", a)
		return nil
	}
	next := revocation{site: r.site, of: got, session: len(r.done)%2 == 0}
	token := got.Access
	if next.session {
		token = got.Refresh
	}
	if a, err = r.site.revoke(token); err != nil {
		return err
	}
	if a.status != http.StatusOK {
		t.Errorf("a revocation before the crash: %v", a)
		return nil
	}
	r.done = append(r.done, next)
	return nil
}
