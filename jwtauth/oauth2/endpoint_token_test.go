package oauth2_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func basic(id, secret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func TestTokenByPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rl := newRealm(t)
		time.Sleep(900 * time.Millisecond)
		a := rl.signIn(t, "")
		if a.TokenType != "bearer" || a.ExpiresIn != 900 || a.Scope != "read write" {
			t.Errorf("%s", a.Body)
		}
		h := a.Header()
		if h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("headers %v", h)
		}
		c := rl.claims(t, a.AccessToken)
		if c.Issuer != rl.Issuer.ID || !slices.Equal(c.Audience, []string{c.Issuer}) || c.Subject != "alice" || c.ClientID != "first-party" ||
			c.Scope != "read write" || !slices.Equal(c.Roles, []string{"admin", "user"}) || c.Map()["tenant"] != "acme" ||
			len(c.ID) != 26 || !strings.HasPrefix(c.SessionID, rl.store.ID()) || c.ExpiresAt.Sub(c.IssuedAt) != 15*time.Minute {
			t.Errorf("claims %+v", c)
		}
		if other := rl.signIn(t, ""); rl.claims(t, other.AccessToken).ID == c.ID || rl.claims(t, other.AccessToken).SessionID == c.SessionID {
			t.Error("two sign-ins share an id")
		}
	})
}

func TestIssuerNamesTheStoreWhereThereIsNoSession(t *testing.T) {
	rl := newRealm(t)
	token, err := rl.Issuer.Issue(oauth2.TokenContent{User: user.User{Username: "alice"}, IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if c := rl.claims(t, token); !strings.HasPrefix(c.ID, rl.store.ID()) || len(c.ID) != len(rl.store.ID())+26 || c.SessionID != "" {
		t.Errorf("claims %+v", c)
	}
}

func TestTokenRequests(t *testing.T) {
	const ok = "username=alice&password=secret"
	for _, tc := range []struct {
		name    string
		method  string // default: POST
		path    string // default: /token
		body    string
		headers []string
		status  int
		code    string
		detail  string // "" for any
		auth    string // challenge
	}{
		{name: "the tutorial's", body: ok, status: 200},
		{name: "with grant_type", body: "grant_type=password&" + ok, status: 200},
		{name: "Swagger UI's", body: "grant_type=password&" + ok + "&scope=&client_id=&client_secret=", headers: []string{"Authorization: Basic Og=="}, status: 200},
		{name: "unknown parameter", body: ok + "&resource=x", status: 200},
		{name: "bearer header", body: ok, headers: []string{bearer("abc")}, status: 200},
		{name: "wrong password", body: "username=alice&password=Secret", status: 401, code: "invalid_grant", detail: "Incorrect username or password", auth: "Bearer"},
		{name: "unknown user", body: "username=mallory&password=secret", status: 401, code: "invalid_grant", detail: "Incorrect username or password", auth: "Bearer"},
		{name: "NUL", body: "username=alice%00&password=secret", status: 401, code: "invalid_grant", auth: "Bearer"},
		{name: "not UTF-8", body: "username=%ff&password=secret", status: 401, code: "invalid_grant", auth: "Bearer"},
		{name: "overlong password", body: "username=alice&password=" + strings.Repeat("x", 2000), status: 401, code: "invalid_grant", auth: "Bearer"},
		{name: "disabled", body: "username=bob&password=password", status: 400, code: "invalid_grant", detail: "Inactive user"},
		{name: "disabled, wrong password", body: "username=bob&password=secret", status: 401, code: "invalid_grant", auth: "Bearer"},

		{name: "GET", method: "GET", status: 405, code: "invalid_request"},
		{name: "PUT", method: "PUT", body: ok, status: 405, code: "invalid_request"},
		{name: "OPTIONS", method: "OPTIONS", status: 405, code: "invalid_request"},
		{name: "nothing", status: 400, code: "invalid_request"},
		{name: "credentials in the query", path: "/token?" + ok, body: "scope=", status: 400, code: "invalid_request"},
		{name: "password in the query", path: "/token?password=secret", body: "grant_type=password&username=alice", status: 400, code: "invalid_request"},
		{name: "JSON", body: `{"username":"alice"}`, headers: []string{"Content-Type: application/json"}, status: 400, code: "invalid_request"},
		{name: "semicolons", body: "username=alice;password=secret", status: 400, code: "invalid_request"},
		{name: "parameter twice", body: ok + "&password=secret", status: 400, code: "invalid_request"},
		{name: "broken escape", body: ok + "&x=%", status: 400, code: "invalid_request"},
		{name: "too large", body: ok + "&x=" + strings.Repeat("x", 16<<10), status: 413, code: "invalid_request"},
		{name: "no password", body: "grant_type=password&username=alice", status: 400, code: "invalid_request"},
		{name: "empty password", body: "grant_type=password&username=alice&password=", status: 401, code: "invalid_grant", auth: "Bearer"},
		{name: "empty password, no grant type", body: "username=alice&password=", status: 401, code: "invalid_grant", auth: "Bearer"},
		{name: "a user name of spaces", body: "username=+&password=secret", status: 400, code: "invalid_request"},
		{name: "no grant type", body: "username=alice", status: 400, code: "invalid_request"},
		{name: "unknown grant type", body: "grant_type=implicit&" + ok, status: 400, code: "unsupported_grant_type"},
		{name: "two Authorization headers", body: ok, headers: []string{"Authorization: Basic Og==", "Authorization: Basic Og=="}, status: 400, code: "invalid_request", auth: `Bearer error="invalid_request"`},

		{name: "scope of the user", body: ok + "&scope=read", status: 200},
		{name: "scope that the user does not have", body: ok + "&scope=read+delete", status: 400, code: "invalid_scope"},
		{name: "not a scope name", body: ok + "&scope=%22", status: 400, code: "invalid_scope"},

		{name: "public client", body: ok + "&client_id=spa", status: 200},
		{name: "public client by Basic", body: ok, headers: []string{basic("spa", "")}, status: 200},
		{name: "public client with a secret", body: ok + "&client_id=spa&client_secret=x", status: 401, code: "invalid_client", auth: `Basic realm="token"`},
		{name: "confidential client by Basic, encoded", body: ok, headers: []string{basic("web", "s3cret%2B%252B")}, status: 200},
		{name: "confidential client by Basic, raw", body: ok, headers: []string{basic("web", "s3cret+%2B")}, status: 200},
		{name: "confidential client by body", body: ok + "&client_id=web&client_secret=s3cret%2B%252B", status: 200},
		{name: "confidential client by both", body: ok + "&client_id=web&client_secret=s3cret%2B%252B", headers: []string{basic("web", "s3cret+%2B")}, status: 200},
		{name: "id encoded", body: ok, headers: []string{basic("a%20b", "x")}, status: 200},
		{name: "id not encoded", body: ok, headers: []string{basic("a b", "x")}, status: 200},
		{name: "id with a plus, not encoded", body: ok, headers: []string{basic("c+d", "x")}, status: 200},
		{name: "confidential client without secret", body: ok + "&client_id=web", status: 401, code: "invalid_client", auth: `Basic realm="token"`},
		{name: "wrong secret", body: ok, headers: []string{basic("web", "s3cret")}, status: 401, code: "invalid_client", auth: `Basic realm="token"`},
		{name: "unknown client", body: ok + "&client_id=unknown", status: 401, code: "invalid_client", auth: `Basic realm="token"`},
		{name: "unknown client with a secret", body: ok, headers: []string{basic("unknown", "x")}, status: 401, code: "invalid_client", auth: `Basic realm="token"`},
		{name: "both, and differing", body: ok + "&client_id=spa", headers: []string{basic("web", "s3cret+%2B")}, status: 400, code: "invalid_request"},
		{name: "garbage in Basic", body: ok, headers: []string{"Authorization: Basic %%%"}, status: 401, code: "invalid_client", auth: `Basic realm="token"`},
		{name: "client without the grant type", body: ok + "&client_id=backend&client_secret=b", status: 400, code: "unauthorized_client"},
		{name: "client's scopes", body: ok + "&client_id=spa&scope=write", status: 400, code: "invalid_scope"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rl := newRealm(t)
			method, path := tc.method, tc.path
			if method == "" {
				method = "POST"
			}
			if path == "" {
				path = "/token"
			}
			r := httptest.NewRequest(method, path, strings.NewReader(tc.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for _, h := range tc.headers {
				name, value, _ := strings.Cut(h, ": ")
				if name == "Content-Type" {
					r.Header.Del(name)
				}
				r.Header.Add(name, value)
			}
			a := rl.send(t, r)
			a.want(t, tc.status, tc.code)
			if tc.detail != "" && a.Detail != tc.detail {
				t.Errorf("detail %q, want %q", a.Detail, tc.detail)
			}
			if got := strings.Join(a.Header().Values("WWW-Authenticate"), "|"); got != tc.auth {
				t.Errorf("challenge %q, want %q", got, tc.auth)
			}
			if tc.status == 405 && a.Header().Get("Allow") != "POST" {
				t.Errorf("Allow %q", a.Header().Get("Allow"))
			}
			h := a.Header()
			if h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", h)
			}
			if tc.status != 200 && (a.Detail == "" || a.AccessToken != "") {
				t.Errorf("body %s", a.Body)
			}
			for _, c := range a.Description {
				if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
					t.Errorf("description %q", a.Description)
				}
			}
			if len(rl.reports) != 0 {
				t.Errorf("reported %v", rl.reports)
			}
		})
	}
}

func TestClientScopeInTheAnswer(t *testing.T) {
	rl := newRealm(t)
	a := rl.signIn(t, "&client_id=spa&scope=read+write")
	if c := rl.claims(t, a.AccessToken); a.Scope != "read" || c.Scope != "read" || c.ClientID != "spa" {
		t.Errorf("%s, claims %+v", a.Body, c)
	}
}

// The answers must not tell an unknown user, a wrong password and a throttled
// account apart.
func TestBadCredentialsAreOneAnswer(t *testing.T) {
	for _, rfc := range []bool{false, true} {
		t.Run(fmt.Sprint(rfc), func(t *testing.T) {
			rl := newRealm(t)
			rl.ErrorsRFC6749 = rfc
			status, challenge := 401, "Bearer"
			if rfc {
				status, challenge = 400, ""
			}
			first := rl.do(t, "POST", "/token", "username=alice&password=wrong")
			first.want(t, status, "invalid_grant")
			if first.Header().Get("WWW-Authenticate") != challenge {
				t.Errorf("headers %v", first.Header())
			}
			others := map[string]*answer{"unknown": rl.do(t, "POST", "/token", "username=mallory&password=secret")}
			for range 5 {
				rl.do(t, "POST", "/token", "username=alice&password=wrong")
			}
			others["throttled, right"] = rl.do(t, "POST", "/token", "username=alice&password=secret")
			others["throttled, wrong"] = rl.do(t, "POST", "/token", "username=alice&password=wrong")
			others["overlong"] = rl.do(t, "POST", "/token", "username=carol&password="+strings.Repeat("x", 5000))
			for name, a := range others {
				if a.Code != first.Code || a.Body.String() != first.Body.String() || !maps.EqualFunc(a.Header(), first.Header(), slices.Equal) {
					t.Errorf("%s: %d %v %s", name, a.Code, a.Header(), a.Body)
				}
			}
		})
	}
}

func TestTooManyFailures(t *testing.T) {
	rl := newRealm(t)
	for i := range 20 {
		rl.do(t, "POST", "/token", "username=nobody"+strconv.Itoa(i)+"&password=x").want(t, 401, "invalid_grant")
	}
	a := rl.do(t, "POST", "/token", "username=alice&password=secret", "X-Forwarded-For: 203.0.113.9")
	a.want(t, 429, "temporarily_unavailable")
	if n, err := strconv.Atoi(a.Header().Get("Retry-After")); err != nil || n < 1 || n > 30 {
		t.Errorf("Retry-After %q", a.Header().Get("Retry-After"))
	}
	rl.do(t, "POST", "/token", "username=alice&password=secret", basic("web", "x")).want(t, 429, "temporarily_unavailable")
	rl.address = netip.MustParseAddr("198.51.100.1")
	rl.signIn(t, "")
}

// A client without a secret hash is refused, even where CheckSecret accepts every
// secret.
func TestUnknownClientIsRefusedWhateverTheComparisonSays(t *testing.T) {
	rl := newRealm(t)
	rl.SignIn = acceptsAnySecret{rl.SignIn.(*signin.Service)}
	for _, id := range []string{"unknown", "spa"} {
		rl.do(t, "POST", "/token", "username=alice&password=secret", basic(id, "x")).want(t, 401, "invalid_client")
	}
}

type acceptsAnySecret struct{ *signin.Service }

func (acceptsAnySecret) CheckSecret(context.Context, signin.SecretAttempt) error { return nil }

// Wrong client secrets are throttled as wrong passwords are.
func TestClientSecretsAreThrottled(t *testing.T) {
	rl := newRealm(t)
	for range 5 {
		rl.do(t, "POST", "/token", "username=alice&password=secret", basic("web", "a+b")).want(t, 401, "invalid_client")
	}
	rl.do(t, "POST", "/token", "username=alice&password=secret", basic("web", "s3cret+%2B")).want(t, 401, "invalid_client")
	rl.signIn(t, "")
}

func TestNoHashingSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rl := newRealm(t)
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 4 + 16 { // the slots and the queue for them
			// Each has its own address: no new caller has fewer waiting.
			other := password.Caller{Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), Account: strconv.Itoa(i)}
			go func() {
				if release, err := rl.slots.Acquire(ctx, other); err == nil {
					<-ctx.Done()
					release()
				}
			}()
		}
		synctest.Wait()
		for _, body := range []string{"username=alice&password=secret", "username=mallory&password=x", "username=alice&password=secret&client_id=web&client_secret=x"} {
			a := rl.do(t, "POST", "/token", body)
			a.want(t, 503, "temporarily_unavailable")
			if n, err := strconv.Atoi(a.Header().Get("Retry-After")); err != nil || n < 1 {
				t.Errorf("Retry-After %q", a.Header().Get("Retry-After"))
			}
		}
		cancel()
		synctest.Wait()
		rl.signIn(t, "")
		if len(rl.reports) != 0 {
			t.Errorf("reported %v", rl.reports)
		}
	})
}

// The answer to an unexpected error tells nothing about it; Report gets all of it.
func TestUnexpectedError(t *testing.T) {
	rl := newRealm(t)
	rl.Sessions = failingSessions{rl.Sessions}
	a := rl.do(t, "POST", "/token", "username=alice&password=secret")
	a.want(t, 500, "server_error")
	if strings.Contains(a.Body.String(), "disk") {
		t.Errorf("%s", a.Body)
	}
	if len(rl.reports) != 1 || !errors.Is(rl.reports[0], errDisk) || strings.Contains(rl.reports[0].Error(), "secret") {
		t.Errorf("reported %v", rl.reports)
	}
}

var errDisk = errors.New("disk full")

type failingSessions struct{ oauth2.Sessions }

func (failingSessions) Create(context.Context, session.Lifetimes, session.NewSession) (session.Issued, error) {
	return session.Issued{}, errDisk
}

func TestGoneClientIsNotReported(t *testing.T) {
	rl := newRealm(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", "/token", strings.NewReader("username=alice&password=secret"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := rl.send(t, r); a.Code != 503 || len(rl.reports) != 0 {
		t.Errorf("%d %s, reported %v", a.Code, a.Body, rl.reports)
	}
}

// If a user's sessions end while the user signs in, the sign-in is refused.
func TestSignInRacingADisable(t *testing.T) {
	rl := newRealm(t)
	rl.Sessions = disablingSessions{rl.Sessions, func() {
		if err := rl.users.Update(t.Context(), "alice", func(u *user.User) error { u.Disabled = true; return nil }); err != nil {
			t.Error(err)
		}
	}}
	a := rl.do(t, "POST", "/token", "username=alice&password=secret")
	a.want(t, 401, "invalid_grant")
	if list, err := rl.sessions.List(t.Context(), "alice"); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}

type disablingSessions struct {
	oauth2.Sessions
	disable func()
}

func (s disablingSessions) Create(ctx context.Context, lt session.Lifetimes, n session.NewSession) (session.Issued, error) {
	s.disable()
	return s.Sessions.Create(ctx, lt, n)
}

func TestSessionKeepsWhereItCameFrom(t *testing.T) {
	rl := newRealm(t)
	rl.signIn(t, "", "User-Agent: curl/8", "X-Forwarded-For: 203.0.113.9")
	list, err := rl.sessions.List(t.Context(), "alice")
	if err != nil || len(list) != 1 || list[0].IP != "192.0.2.1" || list[0].UserAgent != "curl/8" {
		t.Errorf("%+v %v", list, err)
	}
}

func TestPaths(t *testing.T) {
	rl := newRealm(t)
	for base, paths := range map[string]map[string]bool{
		"": {
			"/token": true, "/refresh": true, "/revoke": true, "/users/me": true, "/.well-known/jwks.json": true,
			"/token/": false, "/TOKEN": false, "//token": false, "/": false, "": false, "/auth/token": false, "/tokens": false,
		},
		"/auth": {"/auth/token": true, "/auth/users/me": true, "/token": false, "/auth": false, "/authtoken": false, "/auth//token": false},
	} {
		rl.BasePath = base
		for path, want := range paths {
			if got := rl.Match(path); got != want {
				t.Errorf("base %q: Match(%q) = %v", base, path, got)
			}
		}
	}
	rl.BasePath = "/auth"
	w := httptest.NewRecorder()
	rl.ServeHTTP(w, httptest.NewRequest("GET", "/token", nil))
	if w.Code != 404 {
		t.Errorf("an unmatched path: %d", w.Code)
	}
}
