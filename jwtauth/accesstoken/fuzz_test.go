package accesstoken

import (
	"bytes"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// spliced replaces some bytes of base by text. Each fuzzing process has its own
// keys, so each starts from tokens that are valid in it.
func spliced(base, text string, at, drop uint16) string {
	i := int(at) % (len(base) + 1)
	j := min(len(base), i+int(drop))
	return base[:i] + text + base[j:]
}

// FuzzVerify: no input panics, and only the tokens that were signed here are
// accepted, byte by byte.
func FuzzVerify(f *testing.F) {
	hs, ed := testKey(f, "HS256"), testKey(f, "EdDSA")
	set := testSet(f, hs, ed)
	v := testVerifier(set)
	var tokens []string
	for _, signing := range []*KeySet{set, testSet(f, ed, hs)} {
		token, err := signing.Sign(testClaims())
		if err != nil {
			f.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	tokens = append(tokens, signRaw(f, hs, `{"alg":"HS256","kid":"hmac-HS256","typ":"application/at+jwt"}`, payloadWith("aud", `"`+testAudience+`"`)))
	for _, token := range tokens {
		if _, err := v.Verify(token); err != nil {
			f.Fatal(err)
		}
		f.Add(token, uint16(0), uint16(0))
	}
	for _, seed := range []string{
		"", ".", "..", "...", "a.b.c", strings.Repeat(".", 100),
		b64(`{"alg":"none","typ":"at+jwt"}`) + "." + b64(payloadWith()) + ".",
		b64(`{"alg":"HS256","kid":"hmac-HS256","typ":"at+jwt","crit":["x"]}`) + "." + b64(payloadWith()) + ".AAAA",
		set.header + "." + b64(payloadWith()) + "." + strings.Repeat("A", 43),
	} {
		f.Add(seed, uint16(0), ^uint16(0))
	}
	for _, piece := range []string{"", "=", "\n", "\r\n", " ", ".", "..", "A", "_", "+", "/", "\x00", "é"} {
		for _, at := range []uint16{0, 1, 40, 100, 300} {
			f.Add(piece, at, uint16(0))
			f.Add(piece, at, uint16(len(piece)))
		}
	}
	f.Fuzz(func(t *testing.T, text string, at, drop uint16) {
		candidates := []string{text}
		for _, token := range tokens {
			candidates = append(candidates, spliced(token, text, at, drop))
		}
		for _, token := range candidates {
			claims, err := v.Verify(token)
			if err != nil && (!errors.Is(err, ErrInvalid) || claims != nil) {
				t.Errorf("%q: %v, %v", token, claims, err)
			}
			// With both algorithms a text has exactly one signature.
			if err == nil != slices.Contains(tokens, token) {
				t.Errorf("%q: error %v", token, err)
			}
			for _, key := range set.All() {
				if _, err := VerifySignature(token, key); err == nil && !slices.Contains(tokens, token) {
					t.Errorf("%v has not signed %q", key, token)
				}
			}
		}
	})
}

// FuzzHeader: the signature is good, the header is anything. A header is accepted
// only if it has alg, kid and typ and nothing else, for every kind of reader.
func FuzzHeader(f *testing.F) {
	hs := testKey(f, "HS256")
	v := testVerifier(testSet(f, hs, testKey(f, "ES256")))
	payload := b64(payloadWith())
	const good = `{"alg":"HS256","kid":"hmac-HS256","typ":"at+jwt"}`
	for _, seed := range []string{
		good, "{}", "null", `"x"`, "[]", "", "{", good + "{}", good + "\x00", ` { "typ" : "Application/At+JWT" , "kid":"hmac-HS256", "alg":"HS256" } `,
		`{"alg":"none","kid":"hmac-HS256","typ":"at+jwt"}`, `{"alg":"hs256","kid":"hmac-HS256","typ":"at+jwt"}`, `{"ALG":"HS256","kid":"hmac-HS256","typ":"at+jwt"}`,
		`{"alg":["HS256"],"kid":"hmac-HS256","typ":"at+jwt"}`, `{"alg":"none","alg":"HS256","kid":"hmac-HS256","typ":"at+jwt"}`,
		`{"alg":"none","\u0061lg":"HS256","kid":"hmac-HS256","typ":"at+jwt"}`, `{"\u0061lg":"HS256","kid":"hmac\u002dHS256","typ":"at\u002bjwt"}`,
		`{"alg":"HS256","kid":"../../dev/null","typ":"at+jwt"}`, `{"alg":"HS256","kid":"hmac-HS256\u0000","typ":"at+jwt"}`, `{"alg":"HS256","kid":7,"typ":"at+jwt"}`,
		`{"alg":"HS256","kid":"hmac-HS256","typ":"at+jwt","crit":[]}`, `{"alg":"HS256","kid":"hmac-HS256","typ":"at+jwt","b64":false}`,
		`{"alg":"HS256","kid":"hmac-HS256","typ":"at+jwt","jku":"http://127.0.0.1:1/"}`, `{"alg":"HS256","kid":"hmac-HS256","typ":"JWT"}`, "\ufeff" + good, "{\"alg\":\"\xff\"}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := v.Verify(signSegments(t, hs, b64(text), payload)); err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Error(err)
			}
			return
		}
		// encoding/json takes the last of two and any case: a reader like it must
		// not see another header.
		var lenient map[string]any
		if err := json.Unmarshal([]byte(text), &lenient); err != nil {
			t.Fatalf("%q was accepted, and is no JSON: %v", text, err)
		}
		typ, _ := lenient["typ"].(string)
		if len(lenient) != 3 || lenient["alg"] != "HS256" || lenient["kid"] != "hmac-HS256" ||
			!slices.Contains([]string{"at+jwt", "application/at+jwt"}, strings.ToLower(typ)) {
			t.Errorf("accepted the header %q", text)
		}
	})
}

// FuzzClaims: the signature is good, the payload is anything. Nothing panics.
// Accepted claims keep what Claims promises, mean the same to a less strict reader,
// and can be issued again.
func FuzzClaims(f *testing.F) {
	hs := testKey(f, "HS256")
	set := testSet(f, hs)
	v := testVerifier(set)
	for _, seed := range []string{
		payloadWith(), payloadWith("t", `{"a":[1,1.5,null,true,"x"]}`), payloadWith("exp", "1e308"), payloadWith("nbf", "1.5"),
		payloadWith(`\u0065xp`, "1"), payloadWith("sub", `"\ud83d\ude00"`), "{", "[]", `{"exp":`, `{"aud":[`, `{"t":[[[`, "",
		payloadWith("exp", "0"), payloadWith("exp", "-1"), payloadWith("exp", "9.2e18"), payloadWith("exp", "1e400"), payloadWith("exp", `"1800000900"`),
		payloadWith("EXP", "1"), payloadWith("nbf", "1e308"), payloadWith("iat", "1800000061"), payloadWith("sub", "1"), payloadWith("sub", `"a\u0000"`),
		payloadWith("sub", "\"\xff\""), payloadWith("aud", `["`+testAudience+`",1]`), payloadWith("aud", `"`+testAudience+`"`), payloadWith("roles", `"admin"`),
		payloadWith("roles", `["admin,user"]`), payloadWith("roles", `[["admin"]]`), payloadWith("roles", `["аdmin"]`), payloadWith("scope", `"a  b"`),
		payloadWith("t", strings.Repeat("[", 31)+strings.Repeat("]", 31)), payloadWith("t", strings.Repeat("[", 32)+strings.Repeat("]", 32)),
		payloadWith("t", "12345678901234567890"), payloadWith("t", "1e400"), payloadWith() + "{}", payloadWith()[:40] + `,"sub":"root",` + payloadWith()[40:],
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		token := signSegments(t, hs, set.header, b64(string(payload)))
		claims, err := v.Verify(token)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Error(err)
			}
			return
		}
		switch latest := testNow.Add(v.Leeway); {
		case claims.Issuer != testIssuer, !slices.Contains(claims.Audience, testAudience), !isText(claims.Subject), !isText(claims.ClientID), !isText(claims.ID),
			claims.SessionID != "" && !isText(claims.SessionID):
			t.Errorf("accepted: %q as %v", payload, claims)
		case !claims.ExpiresAt.After(testNow), claims.ExpiresAt.After(time.Unix(maxDate, 0)),
			claims.NotBefore.After(latest), claims.IssuedAt.After(latest), claims.IssuedAt.Unix() < 0:
			t.Errorf("accepted at this time: %q as %v", payload, claims)
		}
		for _, role := range claims.Roles {
			if !isText(role) || strings.ContainsAny(role, ", ") {
				t.Errorf("role %q", role)
			}
		}
		if list := strings.Fields(claims.Scope); strings.Join(list, " ") != claims.Scope {
			t.Errorf("scope %q", claims.Scope)
		}
		sameToALenientReader(t, payload, claims)
		claims = asSigned(claims)
		for name, value := range claims.Extra {
			if depth(value) > maxDepth-1 {
				t.Errorf("%q nests %d deep", name, depth(value))
			}
			if strings.TrimSpace(name) == "" || ReservedClaim(name) {
				delete(claims.Extra, name)
			}
		}
		if _, err := set.Sign(claims); err != nil && !errors.Is(err, ErrUnissuable) {
			t.Errorf("%q cannot be issued again: %v", payload, err)
		}
	})
}

// sameToALenientReader compares claims with those that encoding/json reads, which
// takes the last of two members and repairs UTF-8.
func sameToALenientReader(t *testing.T, payload []byte, claims *Claims) {
	t.Helper()
	var lenient map[string]any
	dec := json.NewDecoder(bytes.NewReader(payload))
	if err := dec.Decode(&lenient); err != nil {
		t.Fatalf("%q was accepted, and is no JSON: %v", payload, err)
	}
	texts := func(value any) (list []string) {
		if one, ok := value.(string); ok {
			return []string{one}
		}
		elements, _ := value.([]any)
		for _, element := range elements {
			text, ok := element.(string)
			if !ok {
				t.Errorf("%q holds what is no text, and was accepted", payload)
			}
			list = append(list, text)
		}
		return list
	}
	seconds, _ := lenient["exp"].(float64)
	sid, _ := lenient["sid"].(string)
	scope, _ := lenient["scope"].(string)
	roles, listed := lenient["roles"]
	if _, list := roles.([]any); listed && !list {
		t.Errorf("roles of %q are no list", payload)
	}
	if lenient["iss"] != claims.Issuer || lenient["sub"] != claims.Subject || lenient["client_id"] != claims.ClientID ||
		lenient["jti"] != claims.ID || sid != claims.SessionID || scope != claims.Scope || int64(seconds) != claims.ExpiresAt.Unix() ||
		!slices.Equal(texts(lenient["aud"]), claims.Audience) || !slices.Equal(texts(roles), claims.Roles) {
		t.Errorf("%q is read as %v here and as %v elsewhere", payload, claims, lenient)
	}
	if all := claims.Map(); len(all) > len(lenient) {
		t.Errorf("%q became %v", payload, all)
	}
}

// depth is how deep a decoded value nests.
func depth(value any) int {
	deepest := 0
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			deepest = max(deepest, depth(element))
		}
	case map[string]any:
		for _, element := range v {
			deepest = max(deepest, depth(element))
		}
	default:
		return 0
	}
	return deepest + 1
}

// FuzzParseKey: no loader panics, and none returns a key that is too weak, that has
// another algorithm than the pinned one, or that it would not read again.
func FuzzParseKey(f *testing.F) {
	es, ed, hs, rs := testKey(f, "ES256"), testKey(f, "EdDSA"), testKey(f, "HS256"), testKey(f, "RS256")
	jwks, err := MarshalJWKS([]*Key{es, ed, rs})
	if err != nil {
		f.Fatal(err)
	}
	for _, k := range []*Key{es, ed, rs} {
		f.Add(k.Algorithm, mustPrivate(f, k))
		f.Add(k.Algorithm, strings.ReplaceAll(mustPrivate(f, k), "\n", `\n`))
		f.Add(k.Algorithm, publicPEM(f, k))
		f.Add("HS256", publicPEM(f, k))
		j, err := publicJWK(k)
		if err != nil {
			f.Fatal(err)
		}
		text, err := json.Marshal(j)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(k.Algorithm, string(text))
		f.Add("", strings.Replace(string(text), "{", `{"use":"enc",`, 1))
		f.Add("", strings.Replace(string(text), "{", `{"key_ops":["sign"],"alg":"`+k.Algorithm+`",`, 1))
	}
	f.Add("HS256", mustPrivate(f, hs))
	f.Add("HS512", strings.Repeat("s", 63))
	f.Add("HS256", "base64:"+strings.Repeat("A", 64))
	f.Add("", string(jwks))
	f.Add("RS256", `{"kty":"RSA","e":"AQAB","n":"`+rsaN+`"}`)
	f.Add("PS512", `{"kty":"RSA","e":"AQ","n":"`+rsaN+`"}`)
	f.Add("", `{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`)
	f.Fuzz(func(t *testing.T, alg, material string) {
		if k, err := ParseKey(alg, material); err == nil {
			if k.Algorithm != alg {
				t.Errorf("%v was asked to be of %s", k, alg)
			}
			usable(t, k)
			if k.CanSign() {
				again, err := ParseKey(alg, mustPrivate(t, k))
				if err != nil || !again.SameMaterial(k) {
					t.Errorf("%v is not read again: %v", k, err)
				}
			}
		} else if k != nil {
			t.Errorf("%v together with %v", k, err)
		}
		if k, err := ParseJWKAs([]byte(material), alg); err == nil {
			if alg != "" && k.Algorithm != alg {
				t.Errorf("%v was pinned to %s", k, alg)
			}
			if k.CanSign() != k.Symmetric() {
				t.Errorf("%v can sign: %v", k, k.CanSign())
			}
			usable(t, k)
		}
		if keys, err := ParseJWKS([]byte(material)); err == nil {
			for _, k := range keys {
				if k.CanSign() || k.Symmetric() {
					t.Errorf("%v can sign", k)
				}
				usable(t, k)
			}
			if _, err := NewKeySet(nil, keys...); err != nil {
				t.Error(err)
			}
			again, err := MarshalJWKS(keys)
			if err != nil {
				t.Fatal(err)
			}
			reread, err := ParseJWKS(again)
			if err != nil || !slices.EqualFunc(reread, keys, func(a, b *Key) bool { return a.ID == b.ID && a.SameMaterial(b) }) {
				t.Errorf("%v are published as %v: %v", keys, reread, err)
			}
		}
	})
}

// usable checks what holds for every key that a loader returns.
func usable(t *testing.T, k *Key) {
	t.Helper()
	if _, err := NewKeySet(nil, k.WithID("x")); err != nil {
		t.Error(err)
	}
	if _, err := VerifySignature("e30.e30.e30", k); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	switch public := k.public.(type) {
	case []byte:
		least := map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}[k.Algorithm]
		if least == 0 || len(public) < least {
			t.Errorf("%v has %d bytes", k, len(public))
		}
	case *rsa.PublicKey:
		if public.Size() < 256 || public.E < 65537 || k.Symmetric() {
			t.Errorf("%v has %d bytes and the exponent %d", k, public.Size(), public.E)
		}
	}
}
