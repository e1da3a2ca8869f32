package oauth2_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// FuzzTokenForm posts any form, with any Authorization header, to the endpoints
// that take one. No answer is a 500; a request gets tokens only for a password or
// a refresh token; and a session ends only for a token of it. %a and %r are the
// tokens of alice, who is signed in: each fuzzing process has its own.
func FuzzTokenForm(f *testing.F) {
	paths := []string{"/token", "/refresh", "/revoke"}
	for _, body := range []string{
		"", "username=alice&password=secret", "username=alice&password=secret&scope=read+write", "username=alice&password=secret&scope=read++write",
		"username=alice&password=secret&scope=%22", "username=alice&password=wrong", "username=alice%00&password=secret", "username=ALICE&password=secret",
		"username=bob&password=password", "username=carol&password=carol", "username=alice&password=secret&password=secret", "username=alice&password=secret&grant_type=",
		"grant_type=password&username=alice&password=secret", "grant_type=PASSWORD&username=alice&password=secret", "grant_type=password&username=alice",
		"grant_type=password&username=alice&password=secret&client_id=spa", "grant_type=password&username=alice&password=secret&client_id=web&client_secret=x",
		"grant_type=refresh_token&refresh_token=%r", "grant_type=refresh_token&refresh_token=%a", "grant_type=refresh_token&refresh_token=%r&scope=admin",
		"grant_type=refresh_token&refresh_token=%r%0a", "refresh_token=%r", "refresh_token=%r&refresh_token=%r", "refresh_token=jr1_", "grant_type=client_credentials",
		"grant_type=authorization_code&code=x", "token=%r", "token=%a", "token=%a.", "token=%r&token_type_hint=access_token", "token=%r&client_id=spa", "a=%zz", "a=1;b=2",
		"%00=%00", "&&&=&", strings.Repeat("a&", 2000), "username=%ff%fe&password=%ff", "client_id=web", "client_secret=x", "username=" + strings.Repeat("a", 2000) + "&password=x",
		"username=alice&password=" + strings.Repeat("x", 1025),
	} {
		for path := range paths {
			f.Add(uint8(path), body, "")
		}
	}
	for _, authorization := range []string{
		"Bearer %r", "Bearer %a", "bearer %r", "Bearer %r ", "Bearer  %r", "Bearer", "Basic Og==", "Basic %r", "Basic YWxpY2U6c2VjcmV0", "Basic d2ViOnMzY3JldCUyQg==", "Digest x", "Bearer %a%r",
	} {
		for path := range paths {
			f.Add(uint8(path), "", authorization)
			f.Add(uint8(path), "grant_type=refresh_token&refresh_token=%r", authorization)
		}
	}
	passwords := map[string]string{"alice": "secret", "carol": "carol"}
	f.Fuzz(func(t *testing.T, path uint8, body, authorization string) {
		rl := newRealm(t)
		first := rl.signIn(t, "")
		to := paths[int(path)%len(paths)]
		tokens := func(escape func(string) string) *strings.Replacer {
			return strings.NewReplacer("%a", escape(first.AccessToken), "%r", escape(first.RefreshToken))
		}
		body = tokens(url.QueryEscape).Replace(body)
		authorization = tokens(func(s string) string { return s }).Replace(authorization)
		var headers []string
		if authorization != "" {
			headers = append(headers, "Authorization: "+authorization)
		}
		a := rl.do(t, "POST", to, body, headers...) // which fails where the answer is not JSON
		if a.Code >= 500 || len(rl.reports) > 0 || a.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %q %q: %d %s %v, reported %v", to, body, authorization, a.Code, a.Body, a.Header(), rl.reports)
		}
		if a.Code == 200 && (a.Error != "" || a.AccessToken == "" && to != "/revoke") {
			t.Errorf("%d %s", a.Code, a.Body)
		}

		form, _ := url.ParseQuery(strings.ReplaceAll(body, ";", "%3B"))
		one := func(name string) string {
			if values := form[name]; len(values) == 1 {
				return values[0]
			}
			return ""
		}
		_, presented, _ := strings.Cut(authorization, " ")
		presented = strings.TrimLeft(presented, " ")
		if a.AccessToken != "" {
			user := rl.claims(t, a.AccessToken).Subject
			byPassword := to == "/token" && strings.TrimSpace(one("username")) == user && passwords[user] != "" && one("password") == passwords[user]
			byToken := to == "/token" && one("grant_type") == "refresh_token" && one("refresh_token") == first.RefreshToken ||
				to == "/refresh" && (one("refresh_token") == first.RefreshToken || presented == first.RefreshToken)
			if a.Code != 200 || !byPassword && !(byToken && user == "alice") {
				t.Errorf("%s %q %q: %d, and tokens for %s", to, body, authorization, a.Code, user)
			}
			return
		}
		given := slices.Concat(form["token"], form["refresh_token"], []string{presented})
		if !slices.Contains(given, first.AccessToken) && !slices.Contains(given, first.RefreshToken) {
			if !rl.works(t, first.AccessToken) {
				t.Errorf("%s %q %q ended the session", to, body, authorization)
			}
			rl.do(t, "POST", "/refresh", "", bearer(first.RefreshToken)).want(t, 200, "")
		}
	})
}
