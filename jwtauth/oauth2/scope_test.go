package oauth2

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

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
		{name: "one that the user has not", asked: "read delete", bad: true},
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
		{name: "taken from the client", granted: "read write", user: "read write", client: &Client{Scopes: words("write")}, asked: "-", want: "write"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := refreshScopes(words(tc.granted), user.User{Scopes: words(tc.user)}, tc.client, words(tc.asked))
			if tc.bad != isInvalidScope(err) || strings.Join(got, " ") != tc.want {
				t.Errorf("%q %v", got, err)
			}
		})
	}
}

// A list of scopes is read before anybody has proved anything.
func TestScopeOfAStrangerIsBounded(t *testing.T) {
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
