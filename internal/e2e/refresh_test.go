package e2e

import (
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// A hundred callers with one refresh token all go on, together; whoever comes
// with it after the grace ends the session for all of them.
func TestParallelRefreshes(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, guarded("refresh_token_grace 8s", "user alice "+hash(t, "secret")+" admin"))
	s := visit(c)
	first := mustSignIn(t, s, "alice", "secret")

	const callers = 100
	var got [callers]tokens
	var together sync.WaitGroup
	begin := make(chan struct{})
	for i := range callers {
		together.Go(func() {
			<-begin
			a, answered, err := s.refresh(first.Refresh)
			if err != nil || a.status != http.StatusOK {
				t.Errorf("caller %d: %v, %v", i, a, err)
			}
			got[i] = answered
		})
	}
	close(begin)
	together.Wait()
	if t.Failed() {
		t.FailNow()
	}
	successor := got[0].Refresh
	if successor == "" || successor == first.Refresh {
		t.Fatalf("the successor of a refresh token is %q", successor)
	}
	for i, answered := range got {
		if answered.Refresh != successor {
			t.Errorf("caller %d has a lineage of its own", i)
		}
		want(t, "an access token of a parallel refresh", http.StatusOK, "admin")(s.get("/admin", answered.Access))
	}
	if ids := sessions(t, c, "alice"); len(ids) != 1 {
		t.Errorf("one sign-in has the sessions %v", ids)
	}

	// The old token gets the current one until the grace is over, and no new
	// lineage with it. Its last use is the theft.
	var last answer
	testcaddy.Eventually(t, "the end of the grace", func() bool {
		a, answered, err := s.refresh(first.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		if a.status == http.StatusOK && answered.Refresh != successor {
			t.Fatal("within the grace an old token got another one than the current")
		}
		last = a
		return a.status != http.StatusOK
	})
	want(t, "the old token after the grace", http.StatusUnauthorized, "invalid_grant")(last, nil)
	wantDead(t, "the sign-in's own tokens", s, tokens{Access: first.Access, Refresh: first.Refresh})
	for _, answered := range got {
		want(t, "an access token of the stolen session at the guard", http.StatusUnauthorized, "invalid_token")(s.get("/private", answered.Access))
		want(t, "an access token of the stolen session at /users/me", http.StatusUnauthorized, "invalid_token")(s.me(answered.Access))
	}
	want(t, "the successor", http.StatusUnauthorized, "invalid_grant")(status(s.refresh(successor)))
	want(t, "the successor at /token", http.StatusBadRequest, "invalid_grant")(
		status(s.forTokens("/token", "", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {successor}})))
	if ids := sessions(t, c, "alice"); len(ids) != 0 {
		t.Errorf("after the theft the sessions %v live", ids)
	}
}

// Without a grace one of many callers gets the successor, and the others show
// that the token is in more hands than one.
func TestParallelRefreshesWithoutGrace(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, guarded("refresh_token_grace 0", "user alice "+hash(t, "secret")))
	s := visit(c)
	first := mustSignIn(t, s, "alice", "secret")

	const callers = 20
	var winners []tokens
	var mu sync.Mutex
	var together sync.WaitGroup
	for range callers {
		together.Go(func() {
			a, answered, err := s.refresh(first.Refresh)
			switch {
			case err != nil || a.status != http.StatusOK && a.status != http.StatusUnauthorized:
				t.Errorf("%v, %v", a, err)
			case a.status == http.StatusOK:
				mu.Lock()
				defer mu.Unlock()
				winners = append(winners, answered)
			}
		})
	}
	together.Wait()
	if len(winners) != 1 {
		t.Fatalf("%d of %d callers got a successor", len(winners), callers)
	}
	wantDead(t, "what the one caller got", s, winners[0])
}
