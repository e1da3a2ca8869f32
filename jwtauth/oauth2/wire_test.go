package oauth2_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
)

// The tests of this file are for lines of the HTTP contract that no other test file
// of this package covers.

// canary is a text that no answer may repeat.
const canary = "c4n4ry"

// No answer repeats anything of its request, and every description stays inside
// the character set of RFC 6749 §5.2.
func TestAnswersEchoNothing(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for _, tc := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
	}{
		{name: "grant type", path: "/token", body: "grant_type=c4n4ry", status: 400},
		{name: "user", path: "/token", body: "username=c4n4ry&password=c4n4ry", status: 401},
		{name: "password", path: "/token", body: "username=alice&password=c4n4ry", status: 401},
		{name: "scope", path: "/token", body: "username=alice&password=secret&scope=c4n4ry", status: 400},
		{name: "no scope", path: "/token", body: "username=alice&password=secret&scope=%22c4n4ry", status: 400},
		{name: "client", path: "/token", body: "username=alice&password=secret&client_id=c4n4ry&client_secret=c4n4ry", status: 401},
		{name: "parameter twice", path: "/token", body: "c4n4ry=1&c4n4ry=2", status: 400},
		{name: "broken escape", path: "/token", body: "c4n4ry=%c4n4ry", status: 400},
		{name: "Basic", path: "/token", body: "username=alice&password=secret", headers: []string{basic("c4n4ry", "c4n4ry")}, status: 401},
		{name: "broken Basic", path: "/token", body: "username=alice&password=secret", headers: []string{"Authorization: Basic c4n4ry!"}, status: 401},
		{name: "content type", path: "/token", body: "a=b", headers: []string{"Content-Type: c4n4ry"}, status: 400},
		{name: "method", method: "C4N4RY", path: "/token?c4n4ry", status: 405},
		{name: "refresh grant", path: "/token", body: "grant_type=refresh_token&refresh_token=c4n4ry&scope=c4n4ry", status: 400},
		{name: "refresh", path: "/refresh?c4n4ry=1", body: "refresh_token=c4n4ry", status: 401},
		{name: "refresh as a bearer", path: "/refresh", headers: []string{bearer(canary)}, status: 401},
		{name: "broken bearer", path: "/refresh", headers: []string{"Authorization: Bearer c4n4ry c4n4ry"}, status: 401},
		{name: "revoke", path: "/revoke", body: "token=c4n4ry&token_type_hint=c4n4ry", status: 200},
		{name: "revoke by a client", path: "/revoke", body: "token=c4n4ry", headers: []string{basic("web", canary)}, status: 401},
		{name: "me", method: "GET", path: "/users/me?c4n4ry", headers: []string{bearer(canary), "Origin: https://c4n4ry", "Cookie: c4n4ry=c4n4ry"}, status: 401},
		{name: "me, two headers", method: "GET", path: "/users/me", headers: []string{bearer(canary), bearer(canary)}, status: 400},
		{name: "keys", method: "C4N4RY", path: "/.well-known/jwks.json?c4n4ry", status: 405},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rl := newRealm(t)
			method := tc.method
			if method == "" {
				method = "POST"
			}
			r := httptest.NewRequest(method, tc.path, strings.NewReader(tc.body))
			r.Header.Set("Content-Type", form)
			for _, h := range tc.headers {
				name, value, _ := strings.Cut(h, ": ")
				if name == "Content-Type" {
					r.Header.Del(name)
				}
				r.Header.Add(name, value)
			}
			a := rl.send(t, r)
			if a.Code != tc.status {
				t.Errorf("%d %s, want %d", a.Code, a.Body, tc.status)
			}
			said := a.Body.String()
			for name, values := range a.Header() {
				said += "\n" + name + ": " + strings.Join(values, "|")
			}
			if strings.Contains(strings.ToLower(said), canary) {
				t.Errorf("the answer repeats the request: %s", said)
			}
			for _, c := range a.Description + strings.Join(a.Header().Values("WWW-Authenticate"), "") {
				if c < 0x20 || c > 0x7e || c == '\\' {
					t.Errorf("%q, %q", a.Description, a.Header().Values("WWW-Authenticate"))
				}
			}
			if h := a.Header(); h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" {
				t.Errorf("headers %v", h)
			}
			if len(rl.reports) != 0 {
				t.Errorf("reported %v", rl.reports)
			}
		})
	}
}

// No claim depends on the host that a request names.
func TestClaimsDoNotDependOnTheRequest(t *testing.T) {
	rl := newRealm(t)
	plain := rl.claims(t, rl.signIn(t, "").AccessToken)
	r := httptest.NewRequest("POST", "https://evil.example/token", strings.NewReader("username=alice&password=secret"))
	for name, value := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http",
		"Forwarded": "host=evil.example;proto=http", "X-Original-Url": "http://evil.example/", "Origin": "https://evil.example",
	} {
		r.Header.Set(name, value)
	}
	a := rl.send(t, r)
	if a.want(t, 200, ""); strings.Contains(a.Body.String(), "evil") {
		t.Errorf("%s", a.Body)
	}
	forged := rl.claims(t, a.AccessToken)
	if forged.Issuer != plain.Issuer || !slices.Equal(forged.Audience, plain.Audience) || forged.ClientID != plain.ClientID {
		t.Errorf("claims %+v, without the headers %+v", forged, plain)
	}
}

// A parameter without a value is one that was not sent (RFC 6749 §3.2).
func TestEmptyIsAbsent(t *testing.T) {
	for _, tc := range []struct {
		name, path, body string // %a and %r are the tokens
		with             string // of them as a bearer, "" for none
		status           int
		code             string
	}{
		{name: "grant type next to the tutorial's two", path: "/token", body: "grant_type=&username=alice&password=secret", status: 200},
		{name: "grant type alone", path: "/token", body: "grant_type=", status: 400, code: "invalid_request"},
		{name: "scope", path: "/token", body: "grant_type=refresh_token&refresh_token=%r&scope=", status: 200},
		{name: "refresh token", path: "/token", body: "grant_type=refresh_token&refresh_token=", status: 400, code: "invalid_request"},
		{name: "refresh token next to a bearer", path: "/refresh", body: "refresh_token=", with: "%r", status: 200},
		{name: "refresh token alone", path: "/refresh", body: "refresh_token=", status: 401},
		{name: "token next to a bearer", path: "/revoke", body: "token=&token_type_hint=", with: "%a", status: 200},
		{name: "token alone", path: "/revoke", body: "token=", status: 401},
		{name: "client", path: "/refresh", body: "refresh_token=%r&client_id=&client_secret=", status: 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rl := newRealm(t)
			in := rl.signIn(t, "")
			fill := strings.NewReplacer("%a", in.AccessToken, "%r", in.RefreshToken).Replace
			var headers []string
			if tc.with != "" {
				headers = append(headers, bearer(fill(tc.with)))
			}
			rl.do(t, "POST", tc.path, fill(tc.body), headers...).want(t, tc.status, tc.code)
		})
	}
}

// The bodies of /refresh and /revoke are those of /token.
func TestBodiesOfTheOtherEndpoints(t *testing.T) {
	for _, tc := range []struct {
		name, body, contentType string
		status                  int
	}{
		{"too large", "x=" + strings.Repeat("x", 16<<10), "", 413},
		{"parameter twice", "x=1&x=2", "", 400},
		{"JSON", `{"token":"x","refresh_token":"x"}`, "application/json", 400},
		{"no content type", "token=x&refresh_token=x", "-", 400},
		{"charset", "token=x&refresh_token=x", "application/x-www-form-urlencoded; charset=utf-8", 0},
		{"in the query alone", "", "", 401},
	} {
		for _, path := range []string{"/refresh", "/revoke"} {
			t.Run(tc.name+" "+path, func(t *testing.T) {
				r := httptest.NewRequest("POST", path+"?token=x&refresh_token=x", strings.NewReader(tc.body))
				switch tc.contentType {
				case "":
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				case "-":
				default:
					r.Header.Set("Content-Type", tc.contentType)
				}
				a := newRealm(t).send(t, r)
				want := tc.status
				if want == 0 { // the body was read, and the token in it is not valid
					want = map[string]int{"/refresh": 401, "/revoke": 200}[path]
				}
				if a.Code != want {
					t.Errorf("%d %s, want %d", a.Code, a.Body, want)
				}
			})
		}
	}
}

// A realm without clients refuses every client.
func TestNoClients(t *testing.T) {
	rl := newRealm(t)
	rl.Clients = nil
	for _, headers := range [][]string{{basic("web", "s3cret+%2B")}, {basic("spa", "")}} {
		rl.do(t, "POST", "/token", "username=alice&password=secret", headers...).want(t, 401, "invalid_client")
	}
	rl.signIn(t, "", "Authorization: Basic Og==")
}

// denials are the entries of the store's revocation log.
func (rl *realm) denials(t *testing.T) []revocation.Entry {
	t.Helper()
	entries, _, err := rl.store.Since(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// Revoking a token that cannot be used any more is answered with 200 and writes
// nothing (RFC 7009 §2.2). The same holds for a token of another store, which only
// that store can revoke.
func TestRevokeOfADeadToken(t *testing.T) {
	for _, tc := range []struct {
		name string
		dead func(t *testing.T, rl *realm) (token string)
	}{
		{"expired access token", func(t *testing.T, rl *realm) string {
			token := rl.signIn(t, "").AccessToken
			time.Sleep(15*time.Minute + rl.Lifetimes.Leeway)
			return token
		}},
		{"refresh token of an expired session", func(t *testing.T, rl *realm) string {
			token := rl.signIn(t, "").RefreshToken
			time.Sleep(rl.Lifetimes.Idle)
			return token
		}},
		{"access token of a session of another store", func(t *testing.T, rl *realm) string {
			return rl.foreign(t, strings.Repeat("0", 33), strings.Repeat("0", 22))
		}},
		{"access token of another store without a session", func(t *testing.T, rl *realm) string {
			return rl.foreign(t, "", strings.Repeat("0", 33))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rl := newRealm(t)
				token := tc.dead(t, rl)
				for _, a := range []*answer{
					rl.do(t, "POST", "/revoke", "token="+url.QueryEscape(token)), rl.do(t, "POST", "/revoke", "", bearer(token)),
				} {
					if a.Code != 200 || strings.TrimSpace(a.Body.String()) != `{"msg":"Token revoked"}` {
						t.Errorf("%d %s", a.Code, a.Body)
					}
				}
				if entries := rl.denials(t); len(entries) != 0 {
					t.Errorf("written: %+v", entries)
				}
			})
		})
	}
}

// foreign returns an access token that the realm's key signed for another store.
func (rl *realm) foreign(t *testing.T, sid, jti string) string {
	t.Helper()
	token, err := rl.keys.Sign(&accesstoken.Claims{
		Issuer: rl.Issuer.ID, Audience: []string{rl.Issuer.ID}, Subject: "alice", ClientID: "first-party",
		ID: jti, SessionID: sid, IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// A refresh token that was used before still names its session, so revoking it
// ends that session.
func TestRevokeOfAnUsedRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rl := newRealm(t)
		first := rl.signIn(t, "")
		second := rl.do(t, "POST", "/refresh", "", bearer(first.RefreshToken))
		time.Sleep(afterGrace)
		rl.do(t, "POST", "/revoke", "", bearer(first.RefreshToken)).want(t, 200, "")
		if rl.works(t, first.AccessToken) || rl.works(t, second.AccessToken) {
			t.Error("an access token outlived its session")
		}
		rl.do(t, "POST", "/refresh", "", bearer(second.RefreshToken)).want(t, 401, "invalid_grant")
	})
}

// An ECDSA signature (r, s) has a twin (r, n-s): another text of the same token.
// Revoking one denies the token in both encodings.
func TestRevokedTokenInAnotherEncoding(t *testing.T) {
	rl := newRealm(t)
	token := rl.signIn(t, "").AccessToken
	i := strings.LastIndexByte(token, '.') + 1
	signature, err := base64.RawURLEncoding.DecodeString(token[i:])
	if err != nil || len(signature) != 64 {
		t.Fatalf("the realm signs with ES256: %d bytes, %v", len(signature), err)
	}
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	twin := token[:i] + base64.RawURLEncoding.EncodeToString(signature)
	if twin == token || !rl.works(t, twin) {
		t.Fatal("the twin is not accepted in the first place: this test proves nothing")
	}
	rl.do(t, "POST", "/revoke", "", bearer(token)).want(t, 200, "")
	if rl.works(t, token) || rl.works(t, twin) {
		t.Error("a revoked token works")
	}
}

// In the last second of a session there is no whole second left for an access
// token. The refresh token is refused then, and no error is reported.
func TestRefreshInTheLastSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for path, status := range map[string]int{"/refresh": 401, "/token": 400} {
			rl := newRealm(t)
			rl.Lifetimes.Refresh, rl.Lifetimes.Idle = time.Minute, time.Minute
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1300 * time.Millisecond)))
			a := rl.signIn(t, "")
			time.Sleep(59800 * time.Millisecond) // 0.2 s are left, in a second that has begun
			rl.do(t, "POST", path, refreshBody(a.RefreshToken)).want(t, status, "invalid_grant")
			if len(rl.reports) != 0 {
				t.Errorf("reported %v", rl.reports)
			}
		}
	})
}
