package oauth2_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func refreshBody(token string) string {
	return "grant_type=refresh_token&refresh_token=" + url.QueryEscape(token)
}

func TestRefresh(t *testing.T) {
	for _, tc := range []struct {
		name   string
		use    func(t *testing.T, rl *realm, token string) *answer
		status int // for a dead token
	}{
		{"at /token", func(t *testing.T, rl *realm, token string) *answer {
			return rl.do(t, "POST", "/token", refreshBody(token))
		}, 400},
		{"as the tutorial does", func(t *testing.T, rl *realm, token string) *answer {
			return rl.do(t, "POST", "/refresh", "", bearer(token))
		}, 401},
		{"in the body of /refresh", func(t *testing.T, rl *realm, token string) *answer {
			return rl.do(t, "POST", "/refresh", "refresh_token="+url.QueryEscape(token))
		}, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rl := newRealm(t)
				first := rl.signIn(t, "")
				second := tc.use(t, rl, first.RefreshToken)
				second.want(t, 200, "")
				if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken ||
					second.TokenType != "bearer" || second.ExpiresIn != 900 || second.Scope != "read write" {
					t.Errorf("%s", second.Body)
				}
				if rl.claims(t, second.AccessToken).SessionID != rl.claims(t, first.AccessToken).SessionID {
					t.Error("another session")
				}
				again := tc.use(t, rl, first.RefreshToken)
				if again.want(t, 200, ""); again.RefreshToken != second.RefreshToken {
					t.Error("within the grace: not the current token")
				}
				time.Sleep(afterGrace)
				theft := tc.use(t, rl, first.RefreshToken)
				theft.want(t, tc.status, "invalid_grant")
				if tc.status == 401 && (theft.Header().Get("WWW-Authenticate") != "Bearer" || theft.Detail != "Could not validate credentials") {
					t.Errorf("%v %s", theft.Header(), theft.Body)
				}
				if rl.works(t, first.AccessToken) || rl.works(t, second.AccessToken) || rl.works(t, again.AccessToken) {
					t.Error("an access token outlived its session")
				}
				tc.use(t, rl, second.RefreshToken).want(t, tc.status, "invalid_grant")
			})
		})
	}
}

func TestRefreshRequests(t *testing.T) {
	for _, tc := range []struct {
		name    string
		method  string
		path    string
		body    string // %s is the escaped refresh token
		headers []string
		status  int
		code    string
	}{
		{name: "both", path: "/refresh", body: "refresh_token=%s", headers: []string{bearer("x")}, status: 400, code: "invalid_request"},
		{name: "neither", path: "/refresh", status: 401},
		{name: "empty Basic", path: "/refresh", headers: []string{"Authorization: Basic Og=="}, status: 401},
		{name: "GET", method: "GET", path: "/refresh", status: 405, code: "invalid_request"},
		{name: "in the query", path: "/refresh?refresh_token=%s", status: 401},
		{name: "garbage", path: "/refresh", headers: []string{bearer("garbage")}, status: 401, code: "invalid_grant"},
		{name: "malformed", path: "/refresh", headers: []string{"Authorization: Bearer"}, status: 401, code: "invalid_token"},
		{name: "other content type", path: "/refresh", body: "refresh_token=%s", headers: []string{"Content-Type: text/plain"}, status: 400, code: "invalid_request"},
		{name: "missing at /token", path: "/token", body: "grant_type=refresh_token", status: 400, code: "invalid_request"},
		{name: "garbage at /token", path: "/token", body: "grant_type=refresh_token&refresh_token=garbage", status: 400, code: "invalid_grant"},
		{name: "of the first party, by a client", path: "/token", body: "grant_type=refresh_token&refresh_token=%s&client_id=spa", status: 400, code: "invalid_grant"},
		{name: "client that fails", path: "/token", body: "grant_type=refresh_token&refresh_token=%s", headers: []string{basic("web", "x")}, status: 401, code: "invalid_client"},
		{name: "wider scope", path: "/token", body: "grant_type=refresh_token&refresh_token=%s&scope=read+delete", status: 400, code: "invalid_scope"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rl := newRealm(t)
				first := rl.signIn(t, "")
				method := tc.method
				if method == "" {
					method = "POST"
				}
				escaped := url.QueryEscape(first.RefreshToken)
				a := rl.do(t, method, strings.ReplaceAll(tc.path, "%s", escaped), strings.ReplaceAll(tc.body, "%s", escaped), tc.headers...)
				a.want(t, tc.status, tc.code)
				if a.Header().Get("Cache-Control") != "no-store" || a.Header().Get("Pragma") != "no-cache" {
					t.Errorf("headers %v", a.Header())
				}
				// None of these requests used the token up.
				time.Sleep(afterGrace)
				rl.do(t, "POST", "/refresh", "", bearer(first.RefreshToken)).want(t, 200, "")
			})
		})
	}
}

func TestRefreshWithAnAccessToken(t *testing.T) {
	rl := newRealm(t)
	rl.do(t, "POST", "/refresh", "", bearer(rl.signIn(t, "").AccessToken)).want(t, 401, "invalid_grant")
}

func TestRefreshScope(t *testing.T) {
	rl := newRealm(t)
	a := rl.signIn(t, "&scope=read+write")
	a = rl.do(t, "POST", "/token", refreshBody(a.RefreshToken)+"&scope=write")
	if a.want(t, 200, ""); a.Scope != "write" || rl.claims(t, a.AccessToken).Scope != "write" {
		t.Errorf("narrower: %s", a.Body)
	}
	a = rl.do(t, "POST", "/token", refreshBody(a.RefreshToken))
	if a.want(t, 200, ""); a.Scope != "read write" {
		t.Errorf("the session did not keep what was granted: %s", a.Body)
	}
}

func TestRefreshReadsTheUserAfresh(t *testing.T) {
	rl := newRealm(t)
	a := rl.signIn(t, "")
	err := rl.users.Update(t.Context(), "alice", func(u *user.User) error {
		u.Roles, u.Scopes, u.Claims = []string{"user"}, []string{"read"}, nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a = rl.do(t, "POST", "/refresh", "", bearer(a.RefreshToken))
	a.want(t, 200, "")
	if c := rl.claims(t, a.AccessToken); !slices.Equal(c.Roles, []string{"user"}) || c.Scope != "read" || c.Map()["tenant"] != nil {
		t.Errorf("claims %+v", c)
	}
}

func TestRefreshOfEndedUsers(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(t *testing.T, rl *realm) error
	}{
		{"disabled", func(t *testing.T, rl *realm) error {
			return rl.users.Update(t.Context(), "alice", func(u *user.User) error { u.Disabled = true; return nil })
		}},
		{"removed", func(t *testing.T, rl *realm) error { return rl.users.Remove(t.Context(), "alice") }},
		{"new password", func(t *testing.T, rl *realm) error {
			return rl.users.Update(t.Context(), "alice", func(u *user.User) error { u.PasswordHash = hash(t, "x"); return nil })
		}},
		{"all ended", func(t *testing.T, rl *realm) error {
			_, err := rl.sessions.EndAll(t.Context(), "alice", "")
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rl := newRealm(t)
			a := rl.signIn(t, "")
			if err := tc.end(t, rl); err != nil {
				t.Fatal(err)
			}
			rl.do(t, "POST", "/token", refreshBody(a.RefreshToken)).want(t, 400, "invalid_grant")
			rl.do(t, "POST", "/refresh", "", bearer(a.RefreshToken)).want(t, 401, "invalid_grant")
		})
	}
}

// A user who is disabled and whose sessions have not ended yet, such as one in a
// users file that was just read.
func TestRefreshOfADisabledUserWithALiveSession(t *testing.T) {
	rl := newRealm(t)
	a := rl.signIn(t, "")
	entry, err := rl.users.Lookup(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	entry.Disabled = true
	if _, err := rl.store.PutUser(t.Context(), entry.Record, nil); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/token", "/refresh"} {
		b := rl.do(t, "POST", path, refreshBody(a.RefreshToken))
		if b.want(t, 400, "invalid_grant"); b.Detail != "Inactive user" {
			t.Errorf("%s", b.Body)
		}
	}
}

func TestRefreshOfAClient(t *testing.T) {
	rl := newRealm(t)
	a := rl.signIn(t, "", basic("web", "s3cret+%2B"))
	if got := rl.claims(t, a.AccessToken).ClientID; got != "web" {
		t.Fatalf("client_id %q", got)
	}
	for name, headers := range map[string][]string{"first party": nil, "another client": {basic("backend", "b")}} {
		t.Run(name, func(t *testing.T) {
			rl.do(t, "POST", "/token", refreshBody(a.RefreshToken), headers...).want(t, 400, "invalid_grant")
		})
	}
	rl.do(t, "POST", "/refresh", "", bearer(a.RefreshToken)).want(t, 401, "invalid_grant")
	b := rl.do(t, "POST", "/token", refreshBody(a.RefreshToken), basic("web", "s3cret+%2B"))
	b.want(t, 200, "")
	b = rl.do(t, "POST", "/refresh", "client_id=web&client_secret=s3cret%2B%252B", bearer(b.RefreshToken))
	b.want(t, 200, "")
	if got := rl.claims(t, b.AccessToken).ClientID; got != "web" {
		t.Errorf("client_id %q", got)
	}
	c := rl.clients["web"]
	c.Grants = []string{oauth2.GrantPassword}
	rl.clients["web"] = c
	rl.do(t, "POST", "/token", refreshBody(b.RefreshToken), basic("web", "s3cret+%2B")).want(t, 400, "unauthorized_client")
	rl.do(t, "POST", "/refresh", refreshBody(b.RefreshToken), basic("web", "s3cret+%2B")).want(t, 400, "unauthorized_client")
}

func TestRefreshAtTheEndOfTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rl := newRealm(t)
		rl.Lifetimes.Refresh, rl.Lifetimes.Idle = time.Minute, time.Minute
		a := rl.signIn(t, "")
		if a.ExpiresIn != 60 {
			t.Errorf("the token outlives its session: %s", a.Body)
		}
		time.Sleep(30 * time.Second)
		a = rl.do(t, "POST", "/refresh", "", bearer(a.RefreshToken))
		if a.want(t, 200, ""); a.ExpiresIn != 30 {
			t.Errorf("%s", a.Body)
		}
		time.Sleep(30 * time.Second)
		rl.do(t, "POST", "/refresh", "", bearer(a.RefreshToken)).want(t, 401, "invalid_grant")
	})
}

func TestParallelRefreshesHaveOneSuccessor(t *testing.T) {
	rl := newRealm(t)
	first := rl.signIn(t, "")
	answers := make([]*answer, 100)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = rl.do(t, "POST", "/refresh", "", bearer(first.RefreshToken)) })
	}
	wg.Wait()
	for _, a := range answers {
		if a.want(t, 200, ""); a.RefreshToken != answers[0].RefreshToken || a.RefreshToken == first.RefreshToken {
			t.Fatal("two lineages")
		}
	}
	if list, err := rl.sessions.List(t.Context(), "alice"); err != nil || len(list) != 1 {
		t.Errorf("%d sessions, %v", len(list), err)
	}
}

// If all sessions of the user end after the refresh has looked the user up and
// before it rotates, the refresh gets no tokens.
func TestRefreshRacingAnEndOfAllSessions(t *testing.T) {
	rl := newRealm(t)
	a := rl.signIn(t, "")
	rl.Users = lookupThen{rl.users, func() {
		if _, err := rl.sessions.EndAll(t.Context(), "alice", ""); err != nil {
			t.Error(err)
		}
	}}
	rl.do(t, "POST", "/refresh", "", bearer(a.RefreshToken)).want(t, 401, "invalid_grant")
}

type lookupThen struct {
	oauth2.Users
	then func()
}

func (l lookupThen) Lookup(ctx context.Context, name string) (user.Entry, error) {
	e, err := l.Users.Lookup(ctx, name)
	l.then()
	return e, err
}
