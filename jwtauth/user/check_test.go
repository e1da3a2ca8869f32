package user_test

import (
	"math"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func TestCheckNames(t *testing.T) {
	long := strings.Repeat("x", policy.MaxName)
	for name, c := range map[string]struct {
		check     func(string) error
		good, bad []string
	}{
		"username": {user.CheckUsername,
			[]string{"alice", "Alice Liddell", "alice@example.com", "ålice", "/a", "*", long},
			[]string{"", " alice", "alice ", "\u00a0alice", "al\nice", "al\x00ice", "al\x7fice", "al\u0085ice", "al\xffice", long + "x"}},
		"role": {policy.CheckRole,
			[]string{"admin", "a/b", "team:a", "ädmin", long},
			[]string{"", "a,b", "a b", "a\tb", "a\u00a0b", "a\u2003b", "/admin", "@admin", "*", "a\xff", "a\x00", long + "x"}},
		"scope": {policy.CheckScope,
			[]string{"read", "users:read", "https://example.com/read", "!#[]~", long},
			[]string{"", "a b", `a"b`, `a\b`, "é", "a\x7fb", "a\nb", long + "x"}},
		"claim": {user.CheckClaimName,
			[]string{"tenant", "https://example.com/tenant", "subject", "role", long},
			[]string{"", "sub", "SUB", "Roles", "client_id", "ſub", "a\x00b", "a\xff", long + "x"}},
		"email": {user.CheckEmail,
			[]string{"a@b", "alice+x@example.com", "ålice@exämple.com"},
			[]string{"", "alice", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "a@b\u00a0", strings.Repeat("x", 253) + "@b"}},
	} {
		for _, good := range c.good {
			if err := c.check(good); err != nil {
				t.Errorf("%s %q: %v", name, good, err)
			}
		}
		for _, bad := range c.bad {
			if c.check(bad) == nil {
				t.Errorf("%s %q passes", name, bad)
			}
		}
	}
}

func TestCheckNamesUserAndOption(t *testing.T) {
	deep := any("end")
	for range 20 {
		deep = []any{deep}
	}
	secret := "$argon2id$v=19$m=1,t=0,p=0$secretsecret$secretsecret"
	for option, u := range map[string]user.User{
		"username":      {Username: "bob\n"},
		"full_name":     {Username: "bob", FullName: "Bob\x00"},
		"email":         {Username: "bob", Email: "bob"},
		`role "a,b"`:    {Username: "bob", Roles: []string{"ok", "a,b"}},
		`scope "a b"`:   {Username: "bob", Scopes: []string{"a b"}},
		`claims: "Sub"`: {Username: "bob", Claims: map[string]any{"Sub": "root"}},
		"bytes of JSON": {Username: "bob", Claims: map[string]any{"big": strings.Repeat("x", 9000)}},
		"deeper":        {Username: "bob", Claims: map[string]any{"deep": deep}},
		"as a string":   {Username: "bob", Claims: map[string]any{"id": float64(9007199254740993)}},
		"JSON can hold": {Username: "bob", Claims: map[string]any{"nan": math.NaN()}},
		"can hold":      {Username: "bob", Claims: map[string]any{"bad": "\xff"}},
		"password_hash": {Username: "bob", PasswordHash: secret},
	} {
		err := user.Check(u)
		if err == nil || !strings.Contains(err.Error(), option) || !strings.Contains(err.Error(), `"bob`) {
			t.Errorf("got %v, want an error that names bob and %s", err, option)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q shows a hash or breaks the line", err)
		}
	}
	if err := user.Check(user.User{
		Username: "alice", FullName: "Alice Liddell", Email: "alice@example.com", Roles: []string{"admin"}, Scopes: []string{"read"},
		Claims: map[string]any{"tenant": "acme", "n": 1.5, "teams": []any{"a", "b"}}, PasswordHash: hash(0),
	}); err != nil {
		t.Error(err)
	}
	if err := user.Check(user.User{Username: strings.Repeat("x", 1<<20)}); err == nil || len(err.Error()) > 300 {
		t.Error("an endless name makes an endless error")
	}
}

// A name that is made has one spelling, and no character that cannot be seen.
func TestNewNamesHaveOneSpelling(t *testing.T) {
	for name, want := range map[string]string{
		"alice": "", "Alice": "", "007": "", "alice.b+c@example.com": "", "\u0444\u0451\u0434\u043e\u0440": "", "1\u0444": "", "caf\u00e9": "", "\u05d0\u05d1": "",
		"cafe\u0301":    "another spelling of",
		"\uff41lice":    "another spelling of", // a letter of full width
		"alice b":       "characters that names have not",
		"al\u200bice":   "characters that names have not", // a space that cannot be seen
		"al\u202eice":   "characters that names have not", // what follows is written from the right
		"al\u00adice":   "characters that names have not", // a soft hyphen
		"\u05d0a\u05d1": "characters that names have not",
		"\U0001f98a":    "characters that names have not",
	} {
		err := user.CheckNew(user.User{Username: name})
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}
