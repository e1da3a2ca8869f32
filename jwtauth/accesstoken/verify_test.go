package accesstoken

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// payloadWith returns the claims of a good token with some members replaced by
// the JSON given, or removed where that is "".
func payloadWith(members ...string) string {
	base := [][2]string{
		{"iss", `"` + testIssuer + `"`}, {"sub", `"alice"`}, {"aud", `["` + testAudience + `"]`},
		{"client_id", `"first-party"`}, {"iat", "1800000000"}, {"exp", "1800000900"}, {"jti", `"store1-jti"`},
		{"sid", `"store1-sid"`}, {"roles", `["user"]`}, {"scope", `"read"`},
	}
	for i := 0; i < len(members); i += 2 {
		found := false
		for j := range base {
			if base[j][0] == members[i] {
				base[j][1], found = members[i+1], true
			}
		}
		if !found {
			base = append(base, [2]string{members[i], members[i+1]})
		}
	}
	var list []string
	for _, m := range base {
		if m[1] != "" {
			list = append(list, `"`+m[0]+`":`+m[1])
		}
	}
	return "{" + strings.Join(list, ",") + "}"
}

// Each refusal has exactly one reason, and its text repeats nothing of the token.
// The table covers the bounds of time, to the second; the tests of the guard cover
// the other reasons.
func TestVerifyReasons(t *testing.T) {
	hs := testKey(t, "HS256")
	es := testKey(t, "ES256")
	set := testSet(t, hs, es)
	v := testVerifier(set)
	claims := func(members ...string) string { return signSegments(t, hs, set.header, b64(payloadWith(members...))) }
	all := []error{ErrMalformed, ErrType, ErrKey, ErrAlgorithm, ErrSignature, ErrClaims, ErrIssuer, ErrAudience, ErrExpired, ErrNotYetValid}
	for _, test := range []struct {
		name  string
		token string
		want  error // nil: accepted
	}{
		{"good", claims(), nil},
		{"good, other key", signRaw(t, es, `{"alg":"ES256","kid":"`+es.ID+`","typ":"at+jwt"}`, payloadWith()), nil},
		{"two segments", set.header + "." + b64(payloadWith()), ErrMalformed},
		{"header no JSON", signRaw(t, hs, "alice", payloadWith()), ErrMalformed},
		{"claims no JSON", signRaw(t, hs, `{"alg":"HS256","kid":"hmac-HS256","typ":"at+jwt"}`, "alice"), ErrMalformed},
		{"typ", signRaw(t, hs, `{"alg":"HS256","kid":"hmac-HS256","typ":"evil"}`, payloadWith()), ErrType},
		{"kid", signRaw(t, hs, `{"alg":"HS256","kid":"evil","typ":"at+jwt"}`, payloadWith()), ErrKey},
		{"alg", signRaw(t, hs, `{"alg":"evil","kid":"hmac-HS256","typ":"at+jwt"}`, payloadWith()), ErrAlgorithm},
		{"signature", set.header + "." + b64(payloadWith()) + "." + strings.Repeat("A", 43), ErrSignature},
		{"claims", claims("sub", `"alice\r\n"`), ErrClaims},
		{"too deep", claims("evil", strings.Repeat("[", 40)+strings.Repeat("]", 40)), ErrClaims},
		{"number", claims("evil", "1e400"), ErrClaims},
		{"iss", claims("iss", `"evil"`), ErrIssuer},
		{"aud", claims("aud", `"evil"`), ErrAudience},
		{"exp reached", claims("exp", "1800000000"), ErrExpired},
		{"exp a second ahead", claims("exp", "1800000001"), nil},
		{"nbf beyond the leeway", claims("nbf", "1800000061"), ErrNotYetValid},
		{"nbf within the leeway", claims("nbf", "1800000060"), nil},
		{"iat beyond the leeway", claims("iat", "1800000061"), ErrNotYetValid},
		{"iat within the leeway", claims("iat", "1800000060"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := v.Verify(test.token)
			if test.want == nil {
				if err != nil || got == nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, ErrInvalid) || got != nil {
				t.Fatalf("got %v, %v", got, err)
			}
			for _, reason := range all {
				if errors.Is(err, reason) != (reason == test.want) {
					t.Errorf("error %v is %q: %v", err, reason, reason != test.want)
				}
			}
			for _, said := range []string{"alice", "evil", "hmac-", "store1", "1800000", "\r", "\n"} {
				if strings.Contains(err.Error(), said) {
					t.Errorf("error repeats the token: %v", err)
				}
			}
		})
	}
}

// flip changes one character of a base64url segment.
func flip(s string, i int) string {
	c := byte('A')
	if s[i] == c {
		c = 'B'
	}
	return s[:i] + string(c) + s[i+1:]
}

func TestVerifyClaims(t *testing.T) {
	hs := testKey(t, "HS256")
	set := testSet(t, hs)
	payload := payloadWith("nbf", "1799999999.5", "aud", `["`+testAudience+`","b"]`, "big", "12345678901234567",
		"float", "1.5", "huge", "12345678901234567890", "yes", "true", "no", "false", "none", "null",
		"list", `["a",1,{"b":[]}]`, "Exp", `"x"`, `e\u0073c`, `"q\"\n"`)
	got, err := testVerifier(set).Verify(signSegments(t, hs, set.header, b64(payload)))
	if err != nil {
		t.Fatal(err)
	}
	want := &Claims{
		Issuer: testIssuer, Subject: "alice", Audience: []string{testAudience, "b"}, ClientID: "first-party",
		IssuedAt: testNow.UTC(), NotBefore: time.Unix(1799999999, 5e8).UTC(), ExpiresAt: testNow.Add(15 * time.Minute).UTC(),
		ID: "store1-jti", SessionID: "store1-sid", Roles: []string{"user"}, Scope: "read",
		Extra: map[string]any{
			"big": int64(12345678901234567), "float": 1.5, "huge": 12345678901234567890.0, "yes": true, "no": false, "none": nil,
			"list": []any{"a", int64(1), map[string]any{"b": []any{}}}, "Exp": "x", "esc": "q\"\n",
		},
	}
	m := got.Map()
	if got := asSigned(got); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
	for name, value := range map[string]any{
		"iss": testIssuer, "sub": "alice", "aud": []any{testAudience, "b"}, "client_id": "first-party",
		"iat": int64(1800000000), "nbf": int64(1799999999), "exp": int64(1800000900), "jti": "store1-jti",
		"sid": "store1-sid", "roles": []any{"user"}, "scope": "read", "float": 1.5, "none": nil,
	} {
		if got, ok := m[name]; !ok || !reflect.DeepEqual(got, value) {
			t.Errorf("Map()[%q] = %#v, want %#v", name, got, value)
		}
	}
	if len(m) != 11+len(want.Extra) {
		t.Errorf("Map() has %d claims: %v", len(m), m)
	}
	m["tenant"] = "changed"
	if _, leaked := got.Claim("tenant"); leaked {
		t.Error("a change of the map reached the claims")
	}
}

func TestMapLeavesOutWhatIsAbsent(t *testing.T) {
	m := (&Claims{}).Map()
	for _, name := range []string{"nbf", "sid", "roles", "scope"} {
		if _, ok := m[name]; ok {
			t.Errorf("%s is there", name)
		}
	}
}

// A verifier that was not set up must not let anything through.
func TestVerifierFailsClosed(t *testing.T) {
	hs := testKey(t, "HS256")
	set := testSet(t, hs)
	token, err := set.Sign(testClaims())
	if err != nil {
		t.Fatal(err)
	}
	noIssuer := signSegments(t, hs, set.header, b64(payloadWith("iss", `""`)))
	tests := []struct {
		name  string
		setUp func(*Verifier)
		token string
		want  error
	}{
		{"zero value", func(v *Verifier) { *v = Verifier{} }, token, ErrKey},
		{"nil key set", func(v *Verifier) { v.Keys = func() *KeySet { return nil } }, token, ErrKey},
		{"empty key set", func(v *Verifier) { v.Keys = func() *KeySet { return &KeySet{} } }, token, ErrKey},
		{"no issuer", func(v *Verifier) { v.Issuer = "" }, token, ErrIssuer},
		{"no issuer on either side", func(v *Verifier) { v.Issuer = "" }, noIssuer, ErrClaims},
		{"no audience", func(v *Verifier) { v.Audience = nil }, token, ErrAudience},
		{"other types", func(v *Verifier) { v.Types = []string{"JWT"} }, token, ErrType},
		{"negative leeway is none", func(v *Verifier) { v.Leeway = -time.Hour }, token, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := testVerifier(set)
			test.setUp(v)
			if _, err := v.Verify(test.token); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestVerifierTypes(t *testing.T) {
	hs := testKey(t, "HS256")
	v := testVerifier(testSet(t, hs))
	v.Types = []string{"at+jwt", "JWT", "secevent+jwt"}
	for typ, want := range map[string]error{"at+jwt": nil, "jwt": nil, "application/jwt": nil, "JWS": ErrType, "": ErrType, "SECEVENT+JWT": nil, "ſecevent+jwt": ErrType} {
		token := signRaw(t, hs, `{"typ":"`+typ+`","kid":"hmac-HS256","alg":"HS256"}`, payloadWith())
		if _, err := v.Verify(token); !errors.Is(err, want) {
			t.Errorf("typ %q: got %v, want %v", typ, err, want)
		}
	}
}

// With the default clock a token ends at its "exp".
func TestVerifyClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := testSet(t, testKey(t, "EdDSA"))
		v := testVerifier(set)
		v.Now, v.Leeway = nil, 0
		c := testClaims()
		c.IssuedAt, c.ExpiresAt = time.Now(), time.Now().Add(15*time.Minute)
		token, err := set.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(15*time.Minute - time.Second)
		if _, err := v.Verify(token); err != nil {
			t.Errorf("a second before the end: %v", err)
		}
		<-time.After(time.Second)
		if _, err := v.Verify(token); !errors.Is(err, ErrExpired) {
			t.Errorf("at the end: %v", err)
		}
	})
}

// The allocations of Verify are bounded, whatever the token contains.
func TestVerifyAllocationsAreBounded(t *testing.T) {
	hs := testKey(t, "HS256")
	set := testSet(t, hs)
	v := testVerifier(set)
	for name, token := range map[string]string{
		"dots":        strings.Repeat(".", 1<<20),
		"long":        strings.Repeat("A", 1<<20),
		"unknown kid": signRaw(t, hs, `{"alg":"HS256","kid":"`+strings.Repeat("k", 200)+`","typ":"at+jwt"}`, payloadWith()),
		"forged":      set.header + "." + strings.Repeat("A", 15<<10) + "." + b64(strings.Repeat("x", 32)),
	} {
		if n := testing.AllocsPerRun(20, func() {
			if _, err := v.Verify(token); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}); n > 40 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func benchmarkVerify(b *testing.B, alg string) {
	set := testSet(b, testKey(b, alg))
	v := testVerifier(set)
	token, err := set.Sign(testClaims())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyHS256(b *testing.B) { benchmarkVerify(b, "HS256") }
func BenchmarkVerifyES256(b *testing.B) { benchmarkVerify(b, "ES256") }

// What was read of one token stays as it is while others are read, and several goroutines
// may ask for it.
func TestClaimsOfManyTokens(t *testing.T) {
	hs := testKey(t, "HS256")
	set := testSet(t, hs)
	v := testVerifier(set)
	claims := make([]*Claims, 50)
	for i := range claims {
		n := strings.Repeat(strconv.Itoa(i), 1+i%3)
		payload := payloadWith("sub", `"user`+n+`"`, "roles", `["r`+n+`","\u0061`+n+`"]`, "tenant", `"t`+n+`"`, "number", strconv.Itoa(i), "list", `["l`+n+`"]`)
		var err error
		if claims[i], err = v.Verify(signSegments(t, hs, set.header, b64(payload))); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, c := range claims {
				n := strings.Repeat(strconv.Itoa(i), 1+i%3)
				tenant, _ := c.Claim("tenant")
				number, _ := c.Claim("number")
				list, _ := c.Claim("list")
				_, missing := c.Claim("missing")
				if c.Subject != "user"+n || !slices.Equal(c.Roles, []string{"r" + n, "a" + n}) || tenant != "t"+n || number != int64(i) ||
					!reflect.DeepEqual(list, []any{"l" + n}) || missing {
					t.Errorf("token %d is read as %+v, %v, %v, %v", i, c, tenant, number, list)
				}
			}
		})
	}
	wg.Wait()
}
