package oauth2_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

func TestRevoke(t *testing.T) {
	for _, tc := range []struct {
		name    string
		client  string   // parameters of the sign-in's client
		headers []string // and its headers
		body    string   // of /revoke; %a and %r are the tokens
		with    []string // headers of /revoke; %a and %r as above
		access  bool     // what still works afterwards
		refresh bool
	}{
		{name: "tutorial, access token", with: []string{"Authorization: Bearer %a"}, refresh: true},
		{name: "tutorial, refresh token", with: []string{"Authorization: Bearer %r"}},
		{name: "tutorial, garbage", with: []string{"Authorization: Bearer garbage"}, access: true, refresh: true},
		{name: "tutorial, empty client id", body: "client_id=", with: []string{"Authorization: Bearer %a"}, refresh: true},
		{name: "access token", body: "token=%a", refresh: true},
		{name: "refresh token", body: "token=%r"},
		{name: "wrong hint", body: "token=%r&token_type_hint=access_token"},
		{name: "other wrong hint", body: "token=%a&token_type_hint=refresh_token", refresh: true},
		{name: "unknown hint", body: "token=%a&token_type_hint=x", refresh: true},
		{name: "the body's before the header's", body: "token=garbage", with: []string{"Authorization: Bearer %a"}, access: true, refresh: true},
		{name: "garbage", body: "token=garbage", access: true, refresh: true},
		{name: "first party's, by a client", body: "token=%r", with: []string{basic("backend", "b")}, access: true, refresh: true},
		{name: "first party's access token, by a client", body: "token=%a", with: []string{basic("backend", "b")}, access: true, refresh: true},
		{name: "public client's", client: "&client_id=spa", body: "token=%r&client_id=spa"},
		{name: "public client's, without naming it", client: "&client_id=spa", body: "token=%r"},
		{name: "confidential client's", headers: []string{basic("web", "s3cret+%2B")}, body: "token=%r", with: []string{basic("web", "s3cret+%2B")}},
		{name: "confidential client's access token", headers: []string{basic("web", "s3cret+%2B")}, body: "token=%a", with: []string{basic("web", "s3cret+%2B")}, refresh: true},
		{name: "confidential client's, without a client", headers: []string{basic("web", "s3cret+%2B")}, body: "token=%r", access: true, refresh: true},
		{name: "confidential client's access token, without a client", headers: []string{basic("web", "s3cret+%2B")}, body: "token=%a", access: true, refresh: true},
		{name: "confidential client's, by another", headers: []string{basic("web", "s3cret+%2B")}, body: "token=%r", with: []string{basic("backend", "b")}, access: true, refresh: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rl := newRealm(t)
			a := rl.signIn(t, tc.client, tc.headers...)
			fill := func(s string, escape func(string) string) string {
				return strings.NewReplacer("%a", escape(a.AccessToken), "%r", escape(a.RefreshToken)).Replace(s)
			}
			var with []string
			for _, h := range tc.with {
				with = append(with, fill(h, func(s string) string { return s }))
			}
			for range 2 { // the second time the token is revoked already
				b := rl.do(t, "POST", "/revoke", fill(tc.body, url.QueryEscape), with...)
				if b.Code != 200 || strings.TrimSpace(b.Body.String()) != `{"msg":"Token revoked"}` {
					t.Fatalf("%d %s", b.Code, b.Body)
				}
				if h := b.Header(); h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" || h.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("headers %v", h)
				}
			}
			if got := rl.works(t, a.AccessToken); got != tc.access {
				t.Errorf("access token works: %v", got)
			}
			c := rl.do(t, "POST", "/token", refreshBody(a.RefreshToken)+tc.client, tc.headers...)
			if got := c.Code == 200; got != tc.refresh {
				t.Errorf("refresh token works: %v", got)
			}
		})
	}
}

func TestRevokeRequests(t *testing.T) {
	for _, tc := range []struct {
		name    string
		method  string
		path    string
		body    string
		headers []string
		status  int
		code    string
	}{
		{name: "nothing", status: 401},
		{name: "a cookie alone", headers: []string{"Cookie: __Host-jwtauth=x"}, status: 401},
		{name: "a client alone", headers: []string{basic("web", "s3cret+%2B")}, status: 401},
		{name: "in the query", path: "/revoke?token=x", status: 401},
		{name: "GET", method: "GET", headers: []string{bearer("x")}, status: 405, code: "invalid_request"},
		{name: "malformed bearer", headers: []string{"Authorization: Bearer x y"}, status: 401, code: "invalid_token"},
		{name: "two headers", headers: []string{bearer("x"), bearer("y")}, status: 400, code: "invalid_request"},
		{name: "twice", body: "token=x&token=y", status: 400, code: "invalid_request"},
		{name: "client that fails", body: "token=x", headers: []string{basic("web", "x")}, status: 401, code: "invalid_client"},
		{name: "too large", body: "token=" + strings.Repeat("x", 16<<10), status: 413, code: "invalid_request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rl := newRealm(t)
			rl.CookiePrincipal = neverCalled(t)
			method, path := tc.method, tc.path
			if method == "" {
				method = "POST"
			}
			if path == "" {
				path = "/revoke"
			}
			rl.do(t, method, path, tc.body, tc.headers...).want(t, tc.status, tc.code)
		})
	}
}

// A failure to revoke must not be answered with "Token revoked".
func TestRevokeThatFails(t *testing.T) {
	rl := newRealm(t)
	a := rl.signIn(t, "")
	rl.Sessions = brokenRevocation{rl.Sessions}
	for _, token := range []string{a.RefreshToken, a.AccessToken} {
		rl.do(t, "POST", "/revoke", "token="+url.QueryEscape(token)).want(t, 500, "server_error")
	}
}

type brokenRevocation struct{ oauth2.Sessions }

func (brokenRevocation) EndSession(context.Context, string) error { return errDisk }

func (brokenRevocation) RevokeAccessToken(context.Context, session.Lifetimes, string, string, string, time.Time) error {
	return errDisk
}
