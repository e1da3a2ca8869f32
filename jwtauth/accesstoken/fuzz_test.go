package accesstoken

import (
	"errors"
	"strings"
	"testing"
)

// FuzzVerify: no input panics, and nothing is accepted but what was signed here.
func FuzzVerify(f *testing.F) {
	hs, ed := testKey(f, "HS256"), testKey(f, "EdDSA")
	set := testSet(f, hs, ed)
	v := testVerifier(set)
	signed := make(map[string]bool)
	add := func(token string) {
		if i := strings.LastIndexByte(token, '.'); i > 0 {
			signed[token[:i]] = true
		}
		f.Add(token)
	}
	for _, signing := range []*KeySet{set, testSet(f, ed, hs)} {
		token, err := signing.Sign(testClaims())
		if err != nil {
			f.Fatal(err)
		}
		add(token)
	}
	add(signRaw(f, hs, `{"alg":"HS256","kid":"hmac-HS256","typ":"application/at+jwt"}`, payloadWith("aud", `"`+testAudience+`"`)))
	for _, seed := range []string{
		"", ".", "..", "...", "a.b.c", strings.Repeat(".", 100),
		b64(`{"alg":"none","typ":"at+jwt"}`) + "." + b64(payloadWith()) + ".",
		b64(`{"alg":"HS256","kid":"hmac-HS256","typ":"at+jwt","crit":["x"]}`) + "." + b64(payloadWith()) + ".AAAA",
		set.header + "." + b64(payloadWith()) + "." + strings.Repeat("A", 43),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := v.Verify(token)
		if err != nil {
			if !errors.Is(err, ErrInvalid) || claims != nil {
				t.Errorf("%v, %v", claims, err)
			}
			return
		}
		if i := strings.LastIndexByte(token, '.'); i < 0 || !signed[token[:i]] {
			t.Errorf("accepted, and never signed: %q", token)
		}
	})
}

// FuzzClaims: what a genuine signature covers may still be anything. It does not
// panic, and what is accepted keeps the promises of Claims and can be issued again.
func FuzzClaims(f *testing.F) {
	hs := testKey(f, "HS256")
	set := testSet(f, hs)
	v := testVerifier(set)
	for _, seed := range []string{
		payloadWith(), payloadWith("t", `{"a":[1,1.5,null,true,"x"]}`), payloadWith("exp", "1e308"), payloadWith("nbf", "1.5"),
		payloadWith(`\u0065xp`, "1"), payloadWith("sub", `"\ud83d\ude00"`), "{", "[]", `{"exp":`, `{"aud":[`, `{"t":[[[`, "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		claims, err := v.Verify(signSegments(t, hs, set.header, b64(string(payload))))
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Error(err)
			}
			return
		}
		if claims.Issuer != testIssuer || !isText(claims.Subject) || !claims.ExpiresAt.Add(v.Leeway).After(testNow) {
			t.Errorf("accepted: %q as %v", payload, claims)
		}
		for name := range claims.Extra {
			if strings.TrimSpace(name) == "" || ReservedClaim(name) {
				delete(claims.Extra, name)
			}
		}
		if _, err := set.Sign(claims); err != nil && !errors.Is(err, ErrUnissuable) {
			t.Errorf("%q cannot be issued again: %v", payload, err)
		}
	})
}

// FuzzParseKey: neither loader panics, and what it returns can be used.
func FuzzParseKey(f *testing.F) {
	es := testKey(f, "ES256")
	jwks, err := MarshalJWKS([]*Key{es})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("ES256", mustPrivate(f, es))
	f.Add("ES256", publicPEM(f, es))
	f.Add("HS256", "base64:"+strings.Repeat("A", 64))
	f.Add("", string(jwks))
	f.Add("RS256", `{"kty":"RSA","e":"AQAB","n":"`+rsaN+`"}`)
	f.Fuzz(func(t *testing.T, alg, material string) {
		if k, err := ParseKey(alg, material); err == nil {
			if _, err := NewKeySet(nil, k.WithID("x")); err != nil {
				t.Error(err)
			}
		}
		if k, err := ParseJWKAs([]byte(material), alg); err == nil {
			if _, err := VerifySignature("e30.e30.e30", k); !errors.Is(err, ErrInvalid) {
				t.Error(err)
			}
		}
		if keys, err := ParseJWKS([]byte(material)); err == nil {
			for _, k := range keys {
				if k.CanSign() {
					t.Errorf("%v can sign", k)
				}
			}
		}
	})
}
