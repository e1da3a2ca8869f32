package accesstoken

import (
	"encoding/base64"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSignHeaderAndClaims(t *testing.T) {
	set := testSet(t, testKey(t, "HS256"))
	token, err := set.Sign(testClaims())
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	for i, want := range []string{
		`{"alg":"HS256","kid":"hmac-HS256","typ":"at+jwt"}`,
		`{"iss":"https://auth.example.com","sub":"alice","aud":"https://api.example.com","client_id":"first-party",` +
			`"iat":1800000000,"exp":1800000900,"jti":"store1-jti","sid":"store1-sid","roles":["admin","editor"],` +
			`"scope":"read write","tenant":"acme"}`,
	} {
		got, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

// Verify returns the claims that Sign was given.
func TestSignRoundTrip(t *testing.T) {
	set := testSet(t, testKey(t, "ES256").WithID(`k"\ 1`))
	c := testClaims()
	c.Subject = `al"ice <&> Алиса`
	c.Audience = append(c.Audience, "b")
	c.NotBefore = testNow.Add(-time.Second)
	c.Extra = map[string]any{"n": int64(1) << 60, "f": 1.5, "s": "</script>", "l": []any{"a", nil}, "m": map[string]any{"x": true}}
	token, err := set.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := testVerifier(set).Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	c.IssuedAt, c.NotBefore, c.ExpiresAt = c.IssuedAt.UTC(), c.NotBefore.UTC(), c.ExpiresAt.UTC()
	if got := asSigned(got); !reflect.DeepEqual(got, c) {
		t.Errorf("got  %#v\nwant %#v", got, c)
	}
	// Signed once more it says the same.
	if token, err = set.Sign(got); err != nil {
		t.Fatal(err)
	}
	if got, err := testVerifier(set).Verify(token); err != nil || !reflect.DeepEqual(asSigned(got), c) {
		t.Errorf("got  %#v (%v)\nwant %#v", got, err, c)
	}
}

func TestSignRefuses(t *testing.T) {
	set := testSet(t, testKey(t, "HS256"))
	var deep any = "x"
	for range 32 {
		deep = []any{deep}
	}
	tests := []struct {
		name   string
		change func(*Claims)
	}{
		{"no issuer", func(c *Claims) { c.Issuer = "" }},
		{"no sub", func(c *Claims) { c.Subject = "" }},
		{"sub with CR LF", func(c *Claims) { c.Subject = "a\r\nb" }},
		{"sub with NUL", func(c *Claims) { c.Subject = "a\x00" }},
		{"sub bad UTF-8", func(c *Claims) { c.Subject = "a\xff" }},
		{"no audience", func(c *Claims) { c.Audience = nil }},
		{"empty audience", func(c *Claims) { c.Audience = []string{""} }},
		{"no client", func(c *Claims) { c.ClientID = "" }},
		{"no id", func(c *Claims) { c.ID = "" }},
		{"sid with a line break", func(c *Claims) { c.SessionID = "\n" }},
		{"role with a comma", func(c *Claims) { c.Roles = []string{"a,b"} }},
		{"role with a space", func(c *Claims) { c.Roles = []string{"a b"} }},
		{"empty role", func(c *Claims) { c.Roles = []string{""} }},
		{"bad scope", func(c *Claims) { c.Scope = "a  b" }},
		{"no iat", func(c *Claims) { c.IssuedAt = time.Time{} }},
		{"no exp", func(c *Claims) { c.ExpiresAt = time.Time{} }},
		{"exp before 1970", func(c *Claims) { c.ExpiresAt = time.Unix(-1, 0) }},
		{"exp after 9999", func(c *Claims) { c.ExpiresAt = time.Unix(maxDate+1, 0) }},
		{"exp not after iat", func(c *Claims) { c.ExpiresAt = c.IssuedAt }},
		{"exp not after nbf", func(c *Claims) { c.NotBefore = c.ExpiresAt }},
		{"reserved claim", func(c *Claims) { c.Extra = map[string]any{"exp": 9999999999} }},
		{"reserved claim in capitals", func(c *Claims) { c.Extra = map[string]any{"ROLES": []string{"admin"}} }},
		{"reserved claim that is not ours", func(c *Claims) { c.Extra = map[string]any{"act": "x"} }},
		{"claim without a name", func(c *Claims) { c.Extra = map[string]any{"": "x"} }},
		{"claim with a bad name", func(c *Claims) { c.Extra = map[string]any{"a\xff": "x"} }},
		{"claim bad UTF-8", func(c *Claims) { c.Extra = map[string]any{"t": "s3cret\xff"} }},
		{"claim not a number", func(c *Claims) { c.Extra = map[string]any{"t": math.NaN()} }},
		{"claim a function", func(c *Claims) { c.Extra = map[string]any{"t": func() {}} }},
		{"claim too deep", func(c *Claims) { c.Extra = map[string]any{"t": deep} }},
		{"too long", func(c *Claims) { c.Extra = map[string]any{"t": strings.Repeat("x", 16<<10)} }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := testClaims()
			test.change(c)
			token, err := set.Sign(c)
			if !errors.Is(err, ErrUnissuable) || token != "" {
				t.Fatalf("got %q, %v", token, err)
			}
			if errors.Is(err, ErrInvalid) {
				t.Errorf("the fault is taken for that of a token presented: %v", err)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error repeats a value: %v", err)
			}
		})
	}
	for name, none := range map[string]*KeySet{"nil set": nil, "only verifying": testSet(t, nil, testKey(t, "ES256"))} {
		if _, err := none.Sign(testClaims()); !errors.Is(err, ErrUnissuable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReservedClaim(t *testing.T) {
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "client_id", "roles", "scope",
		"typ", "act", "cnf", "auth_time", "acr", "amr", "nonce", "azp", "EXP", "Sub", "ROLES", "ſub", "ſcope"} {
		if !ReservedClaim(name) {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"tenant", "email", "groups", "expires", "su", "", "role"} {
		if ReservedClaim(name) {
			t.Errorf("%s is reserved", name)
		}
	}
}
