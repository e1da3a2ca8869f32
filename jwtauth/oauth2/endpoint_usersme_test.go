package oauth2_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// neverCalled is a CookiePrincipal that must not be called.
func neverCalled(t *testing.T) func(*http.Request) (*policy.Principal, error) {
	return func(*http.Request) (*policy.Principal, error) {
		t.Error("the cookie was looked at")
		return nil, nil
	}
}

func TestUsersMe(t *testing.T) {
	rl := newRealm(t)
	rl.CookiePrincipal = neverCalled(t)
	a := rl.signIn(t, "")
	b := rl.do(t, "GET", "/users/me", "", "Authorization: bearer "+a.AccessToken, "Cookie: x=y")
	const want = `{"sub":"alice","username":"alice","email":"alice@example.com","full_name":"Alice Liddell","disabled":false,"roles":["admin","user"]}`
	if b.Code != 200 || strings.TrimSpace(b.Body.String()) != want {
		t.Errorf("%d %s", b.Code, b.Body)
	}
	if h := b.Header(); h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/json" || h.Get("Vary") == "" {
		t.Errorf("headers %v", h)
	}
	carol := rl.do(t, "POST", "/token", "username=carol&password=carol")
	b = rl.do(t, "GET", "/users/me", "", bearer(carol.AccessToken))
	if strings.TrimSpace(b.Body.String()) != `{"sub":"carol","username":"carol","email":null,"full_name":null,"disabled":false,"roles":[]}` {
		t.Errorf("%s", b.Body)
	}
	if head := rl.do(t, "HEAD", "/users/me", "", bearer(a.AccessToken)); head.Code != 200 || head.Body.Len() != 0 {
		t.Errorf("HEAD: %d %s", head.Code, head.Body)
	}
}

func TestUsersMeRefuses(t *testing.T) {
	const invalid = `Bearer error="invalid_token", error_description="The access token is malformed, expired, revoked or not from here"`
	for _, tc := range []struct {
		name      string
		headers   func(t *testing.T, rl *realm, a *answer) []string
		status    int
		code      string
		detail    string
		challenge string
	}{
		{"nothing", nil, 401, "", "Not authenticated", "Bearer"},
		{"another scheme", func(_ *testing.T, _ *realm, _ *answer) []string { return []string{basic("alice", "secret")} }, 401, "", "Not authenticated", "Bearer"},
		{"garbage", func(_ *testing.T, _ *realm, _ *answer) []string { return []string{bearer("garbage")} }, 401, "invalid_token", "Could not validate credentials", invalid},
		{"no token", func(_ *testing.T, _ *realm, _ *answer) []string { return []string{"Authorization: Bearer"} }, 401, "invalid_token", "Could not validate credentials", invalid},
		{"refresh token", func(_ *testing.T, _ *realm, a *answer) []string { return []string{bearer(a.RefreshToken)} }, 401, "invalid_token", "Could not validate credentials", invalid},
		{"two headers", func(_ *testing.T, _ *realm, a *answer) []string {
			return []string{bearer(a.AccessToken), bearer(a.AccessToken)}
		}, 400, "invalid_request", "The request has more than one Authorization header", `Bearer error="invalid_request"`},
		{"expired", func(_ *testing.T, _ *realm, a *answer) []string {
			time.Sleep(16 * time.Minute)
			return []string{bearer(a.AccessToken)}
		}, 401, "invalid_token", "Could not validate credentials", invalid},
		{"user is gone", func(t *testing.T, rl *realm, a *answer) []string {
			if err := rl.users.Remove(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			return []string{bearer(a.AccessToken)}
		}, 401, "invalid_token", "Could not validate credentials", invalid},
		{"user is disabled", func(t *testing.T, rl *realm, a *answer) []string {
			if err := rl.users.Update(t.Context(), "alice", func(u *user.User) error { u.Disabled = true; return nil }); err != nil {
				t.Fatal(err)
			}
			return []string{bearer(a.AccessToken)}
		}, 400, "invalid_grant", "Inactive user", ""},
		{"expired, user is disabled", func(t *testing.T, rl *realm, a *answer) []string {
			if err := rl.users.Update(t.Context(), "alice", func(u *user.User) error { u.Disabled = true; return nil }); err != nil {
				t.Fatal(err)
			}
			time.Sleep(16 * time.Minute)
			return []string{bearer(a.AccessToken)}
		}, 401, "invalid_token", "Could not validate credentials", invalid},
		{"of another store", func(t *testing.T, rl *realm, _ *answer) []string {
			token, err := rl.keys.Sign(&accesstoken.Claims{
				Issuer: rl.Issuer.ID, Audience: []string{rl.Issuer.ID}, Subject: "alice", ClientID: "first-party", ID: "x",
				SessionID: strings.Repeat("0", 33), IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Minute),
			})
			if err != nil {
				t.Fatal(err)
			}
			return []string{bearer(token)}
		}, 401, "invalid_token", "Could not validate credentials", invalid},
		{"of another issuer", func(t *testing.T, rl *realm, _ *answer) []string {
			other := &oauth2.Issuer{ID: "https://other.example", Sign: rl.keys.Sign}
			token, err := other.Issue(oauth2.TokenContent{User: user.User{Username: "alice"}, Session: rl.store.ID() + strings.Repeat("0", 22), IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
			return []string{bearer(token)}
		}, 401, "invalid_token", "Could not validate credentials", invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rl := newRealm(t)
				var headers []string
				if tc.headers != nil {
					headers = tc.headers(t, rl, rl.signIn(t, ""))
				}
				b := rl.do(t, "GET", "/users/me", "", headers...)
				b.want(t, tc.status, tc.code)
				if b.Detail != tc.detail {
					t.Errorf("detail %q", b.Detail)
				}
				if got := strings.Join(b.Header().Values("WWW-Authenticate"), "|"); got != tc.challenge {
					t.Errorf("challenge %q", got)
				}
				if b.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("headers %v", b.Header())
				}
			})
		})
	}
	rl := newRealm(t)
	b := rl.do(t, "POST", "/users/me", "")
	if b.want(t, 405, "invalid_request"); b.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow %q", b.Header().Get("Allow"))
	}
}

func TestUsersMeByCookie(t *testing.T) {
	rl := newRealm(t)
	a := rl.signIn(t, "")
	sid := rl.claims(t, a.AccessToken).SessionID
	rl.CookiePrincipal = func(r *http.Request) (*policy.Principal, error) {
		switch cookie, err := r.Cookie("s"); {
		case err != nil:
			return nil, nil
		case cookie.Value == "bad":
			return nil, oauth2.InvalidToken(nil)
		default:
			return &policy.Principal{Username: "alice", Session: sid}, nil
		}
	}
	if b := rl.do(t, "GET", "/users/me", "", "Cookie: s=good"); b.Code != 200 {
		t.Errorf("%d %s", b.Code, b.Body)
	}
	rl.do(t, "GET", "/users/me", "", "Cookie: s=bad").want(t, 401, "invalid_token")
	rl.do(t, "GET", "/users/me", "").want(t, 401, "")
	rl.do(t, "GET", "/users/me", "", "Cookie: s=good", bearer("garbage")).want(t, 401, "invalid_token")
	rl.do(t, "POST", "/revoke", "token="+a.RefreshToken)
	rl.do(t, "GET", "/users/me", "", "Cookie: s=good").want(t, 401, "invalid_token")
}

func TestJWKS(t *testing.T) {
	rl := newRealm(t)
	a := rl.do(t, "GET", "/.well-known/jwks.json", "")
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(a.Body.Bytes(), &set); err != nil || a.Code != 200 {
		t.Fatalf("%d %v %s", a.Code, err, a.Body)
	}
	// The realm has an ES256 and an HS256 key.
	if len(set.Keys) != 1 || set.Keys[0]["alg"] != "ES256" || set.Keys[0]["kid"] == "" || set.Keys[0]["d"] != nil {
		t.Errorf("%s", a.Body)
	}
	if h := a.Header(); h.Get("Cache-Control") != "public, max-age=600" || h.Get("Content-Type") != "application/json" || h.Get("Pragma") != "" {
		t.Errorf("headers %v", h)
	}
	if head := rl.do(t, "HEAD", "/.well-known/jwks.json", ""); head.Code != 200 || head.Body.Len() != 0 {
		t.Errorf("HEAD: %d %s", head.Code, head.Body)
	}
	rl.do(t, "POST", "/.well-known/jwks.json", "").want(t, 405, "invalid_request")
	rl.JWKS = func() ([]byte, error) { return nil, errDisk }
	rl.do(t, "GET", "/.well-known/jwks.json", "").want(t, 500, "server_error")
}

func TestUserWhoCannotBeLookedUp(t *testing.T) {
	for _, tc := range []struct {
		name    string
		err     error
		status  int
		code    string
		refresh string
	}{
		{"ambiguous", user.ErrAmbiguous, 401, "invalid_token", "invalid_grant"},
		{"store failure", errDisk, 500, "server_error", "server_error"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rl := newRealm(t)
			a := rl.signIn(t, "")
			rl.Users = noUsers{tc.err}
			rl.do(t, "GET", "/users/me", "", bearer(a.AccessToken)).want(t, tc.status, tc.code)
			rl.do(t, "POST", "/refresh", "", bearer(a.RefreshToken)).want(t, tc.status, tc.refresh)
		})
	}
}

type noUsers struct{ err error }

func (n noUsers) Lookup(context.Context, string) (user.Entry, error) { return user.Entry{}, n.err }
