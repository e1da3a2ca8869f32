package oauth2

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func isInvalidScope(err error) bool {
	var refusal *Error
	return errors.As(err, &refusal) && refusal.Code == codeInvalidScope && refusal.Status == 400
}

func TestParseScope(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []string
		bad  bool
	}{
		{"", nil, false},
		{"   ", nil, false},
		{"read", []string{"read"}, false},
		{" read  write read ", []string{"read", "write"}, false},
		{"read\twrite", nil, true},
		{`a"b`, nil, true},
		{`a\b`, nil, true},
		{"ä", nil, true},
		{"a\x00", nil, true},
	} {
		got, err := parseScope(tc.text)
		if tc.bad != isInvalidScope(err) || !slices.Equal(got, tc.want) {
			t.Errorf("%q: %q %v", tc.text, got, err)
		}
	}
}

func words(text string) []string {
	if text == "-" {
		return nil
	}
	return slices.Clip(append([]string{}, strings.Fields(text)...))
}

func TestSignInScopes(t *testing.T) {
	u := user.User{Scopes: []string{"read", "write", "admin"}}
	for _, tc := range []struct {
		name   string
		client *Client
		asked  string // "-" for none
		want   string
		bad    bool
	}{
		{name: "none asked", asked: "-", want: "read write admin"},
		{name: "some asked", asked: "write read", want: "write read"},
		{name: "one that the user does not have", asked: "read delete", bad: true},
		{name: "client of everything, none asked", client: &Client{}, asked: "-", want: "read write admin"},
		{name: "client, none asked", client: &Client{Scopes: words("admin read delete")}, asked: "-", want: "read admin"},
		{name: "client of nothing, none asked", client: &Client{Scopes: []string{}}, asked: "-", want: ""},
		{name: "client, some asked", client: &Client{Scopes: words("read")}, asked: "read write", want: "read"},
		{name: "client, not the user's", client: &Client{Scopes: words("delete")}, asked: "delete", bad: true},
		{name: "client, not the client's", client: &Client{Scopes: words("read")}, asked: "write", bad: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := signInScopes(u, tc.client, words(tc.asked))
			if tc.bad != isInvalidScope(err) || strings.Join(got, " ") != tc.want {
				t.Errorf("%q %v", got, err)
			}
		})
	}
}

func TestRefreshScopes(t *testing.T) {
	for _, tc := range []struct {
		name    string
		granted string
		user    string
		client  *Client
		asked   string
		want    string
		bad     bool
	}{
		{name: "none asked", granted: "read write", user: "read write admin", asked: "-", want: "read write"},
		{name: "narrower", granted: "read write", user: "read write", asked: "write", want: "write"},
		{name: "wider", granted: "read", user: "read write", asked: "read write", bad: true},
		{name: "taken from the user", granted: "read write", user: "read", asked: "-", want: "read"},
		{name: "all taken from the user", granted: "read write", user: "", asked: "-", want: ""},
		{name: "asked for, taken from the user", granted: "read write", user: "read", asked: "write", bad: true},
		{name: "given to the user since", granted: "read", user: "read write admin", asked: "-", want: "read"},
		{name: "client of nothing", granted: "read", user: "read", client: &Client{Scopes: []string{}}, asked: "-", want: ""},
		{name: "client of more than the user", granted: "read", user: "", client: &Client{}, asked: "-", want: ""},
		{name: "taken from the client", granted: "read write", user: "read write", client: &Client{Scopes: words("write")}, asked: "-", want: "write"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			live := session.Session{Scopes: words(tc.granted)}
			if tc.client != nil {
				live.Client = "app"
			}
			now, ok := ScopesNow(live, user.User{Scopes: words(tc.user)}, func(string) (Client, bool) { return *tc.client, true })
			if !ok || !subset(now, live.Scopes) {
				t.Fatalf("now it may %q, %v", now, ok)
			}
			got, err := refreshScopes(live.Scopes, now, words(tc.asked))
			if tc.bad != isInvalidScope(err) || strings.Join(got, " ") != tc.want {
				t.Errorf("%q %v", got, err)
			}
		})
	}
}

// A session whose client is no longer in the config may do nothing.
func TestScopesOfARemovedClient(t *testing.T) {
	gone := func(string) (Client, bool) { return Client{}, false }
	u := user.User{Scopes: words("read")}
	if now, ok := ScopesNow(session.Session{Client: "app", Scopes: words("read")}, u, gone); ok || now != nil {
		t.Errorf("%q, %v", now, ok)
	}
	if now, ok := ScopesNow(session.Session{Scopes: words("read")}, u, gone); !ok || len(now) != 1 {
		t.Errorf("the first party: %q, %v", now, ok)
	}
}

// A list of scopes is read before the request is authenticated, so it is bounded.
func TestScopeListIsBounded(t *testing.T) {
	names := make([]string, maxScopes+1)
	for i := range names {
		names[i] = "scope" + strconv.Itoa(i)
	}
	if _, err := parseScope(strings.Join(names[:maxScopes], " ")); err != nil {
		t.Errorf("%d scopes: %v", maxScopes, err)
	}
	if _, err := parseScope(strings.Join(names, " ")); err == nil {
		t.Errorf("%d scopes were accepted", len(names))
	}
}
