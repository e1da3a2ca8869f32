package accesstoken

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
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

// TestVerifyHostile is the table of what a stranger, or a careless issuer, may
// present. Every row but the marked ones carries a genuine signature, so that
// it is the named check that refuses.
func TestVerifyHostile(t *testing.T) {
	hs := testKey(t, "HS256")
	es := testKey(t, "ES256")
	rs := testKey(t, "RS256")
	set := testSet(t, hs, es, rs)
	v := testVerifier(set)

	var fetched atomic.Int64
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		jwks, err := MarshalJWKS([]*Key{es})
		if err != nil {
			t.Error(err)
		}
		w.Write(jwks)
	}))
	defer listener.Close()

	head := func(members string) string {
		return `{"alg":"HS256","kid":"hmac-HS256","typ":"at+jwt"` + members + `}`
	}
	good := payloadWith()
	claims := func(members ...string) string { return signRaw(t, hs, head(""), payloadWith(members...)) }
	header := func(h string) string { return signRaw(t, hs, h, good) }
	unsigned := func(h string) string { return b64(h) + "." + b64(good) + "." + b64("x") }
	token := claims()
	parts := strings.Split(token, ".")

	// HMAC with what everybody knows of a public key as the secret.
	confused := func(k *Key, secret []byte) string {
		forger := &Key{alg: hs.alg, private: secret}
		return signRaw(t, forger, `{"alg":"HS256","kid":"`+k.ID+`","typ":"at+jwt"}`, good)
	}
	der := func(k *Key) []byte {
		b, err := x509.MarshalPKIXPublicKey(k.public)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	pemOf := func(k *Key) []byte { return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der(k)}) }
	jwkOf := func(k *Key) []byte {
		j, err := publicJWK(k)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	nested := func(depth int) string { // the claims object counts as one
		return strings.Repeat(`[`, depth-1) + strings.Repeat(`]`, depth-1)
	}
	esToken := signRaw(t, es, `{"alg":"ES256","kid":"`+es.ID+`","typ":"at+jwt"}`, good)

	tests := []struct {
		name  string
		token string
		want  error // nil: accepted
	}{
		{"good", token, nil},
		{"good, other key", esToken, nil},
		{"good, as Sign writes the header", signSegments(t, hs, set.header, b64(good)), nil},

		// alg
		{"alg none", header(`{"alg":"none","kid":"hmac-HS256","typ":"at+jwt"}`), ErrAlgorithm},
		{"alg None", header(`{"alg":"None","kid":"hmac-HS256","typ":"at+jwt"}`), ErrAlgorithm},
		{"alg NONE", header(`{"alg":"NONE","kid":"hmac-HS256","typ":"at+jwt"}`), ErrAlgorithm},
		{"alg nOnE", header(`{"alg":"nOnE","kid":"hmac-HS256","typ":"at+jwt"}`), ErrAlgorithm},
		{"alg none, no signature", b64(`{"alg":"none","kid":"hmac-HS256","typ":"at+jwt"}`) + "." + b64(good) + ".", ErrMalformed},
		{"alg none, no kid", unsigned(`{"alg":"none","typ":"at+jwt"}`), ErrKey},
		{"alg empty", header(`{"alg":"","kid":"hmac-HS256","typ":"at+jwt"}`), ErrAlgorithm},
		{"alg absent", header(`{"kid":"hmac-HS256","typ":"at+jwt"}`), ErrAlgorithm},
		{"alg array", header(`{"alg":["HS256"],"kid":"hmac-HS256","typ":"at+jwt"}`), ErrMalformed},
		{"alg null", header(`{"alg":null,"kid":"hmac-HS256","typ":"at+jwt"}`), ErrMalformed},
		{"alg number", header(`{"alg":256,"kid":"hmac-HS256","typ":"at+jwt"}`), ErrMalformed},
		{"alg hs256", header(`{"alg":"hs256","kid":"hmac-HS256","typ":"at+jwt"}`), ErrAlgorithm},
		{"alg HS512 for a HS256 key", header(`{"alg":"HS512","kid":"hmac-HS256","typ":"at+jwt"}`), ErrAlgorithm},
		{"alg of a key that is not the kid's", signRaw(t, es, `{"alg":"ES256","kid":"hmac-HS256","typ":"at+jwt"}`, good), ErrAlgorithm},
		{"alg PS256 for a RS256 key", signRaw(t, testKey(t, "PS256"), `{"alg":"PS256","kid":"`+rs.ID+`","typ":"at+jwt"}`, good), ErrAlgorithm},
		{"HS256 with the RSA key's PEM", confused(rs, pemOf(rs)), ErrAlgorithm},
		{"HS256 with the RSA key's DER", confused(rs, der(rs)), ErrAlgorithm},
		{"HS256 with the RSA key's JWK", confused(rs, jwkOf(rs)), ErrAlgorithm},
		{"HS256 with the EC key's PEM", confused(es, pemOf(es)), ErrAlgorithm},
		{"HS256 with the EC key's DER", confused(es, der(es)), ErrAlgorithm},
		{"HS256 with the EC key's JWK", confused(es, jwkOf(es)), ErrAlgorithm},
		{"HMAC under the header of the EC key", func() string {
			forger := &Key{alg: hs.alg, private: pemOf(es)}
			return signRaw(t, forger, `{"alg":"ES256","kid":"`+es.ID+`","typ":"at+jwt"}`, good)
		}(), ErrSignature},
		{"signed with an empty secret", signRaw(t, &Key{alg: hs.alg, private: []byte{}}, head(""), good), ErrSignature},

		// other members of the header
		{"crit", header(head(`,"crit":["exp"]`)), ErrMalformed},
		{"crit empty", header(head(`,"crit":[]`)), ErrMalformed},
		{"crit null", header(head(`,"crit":null`)), ErrMalformed},
		{"crit b64", header(head(`,"b64":false,"crit":["b64"]`)), ErrMalformed},
		{"b64 false", header(head(`,"b64":false`)), ErrMalformed},
		{"b64 true", header(head(`,"b64":true`)), ErrMalformed},
		{"zip", header(head(`,"zip":"DEF"`)), ErrMalformed},
		{"jku", signRaw(t, es, `{"alg":"ES256","kid":"new","typ":"at+jwt","jku":"`+listener.URL+`/jwks"}`, good), ErrMalformed},
		{"x5u", signRaw(t, es, `{"alg":"ES256","kid":"new","typ":"at+jwt","x5u":"`+listener.URL+`/x5u"}`, good), ErrMalformed},
		{"jwk", signRaw(t, es, `{"alg":"ES256","typ":"at+jwt","jwk":`+string(jwkOf(es))+`}`, good), ErrMalformed},
		{"x5c", signRaw(t, es, `{"alg":"ES256","typ":"at+jwt","x5c":["MIIB"]}`, good), ErrMalformed},
		{"iss as an address of keys", signRaw(t, es, `{"alg":"ES256","kid":"`+listener.URL+`","typ":"at+jwt"}`, payloadWith("iss", `"`+listener.URL+`"`)), ErrKey},
		{"duplicate alg", header(`{"alg":"none","alg":"HS256","kid":"hmac-HS256","typ":"at+jwt"}`), ErrMalformed},
		{"duplicate alg, escaped", header(`{"alg":"none","\u0061lg":"HS256","kid":"hmac-HS256","typ":"at+jwt"}`), ErrMalformed},
		{"duplicate kid", header(head(`,"kid":"hmac-HS256"`)), ErrMalformed},
		{"ALG", header(`{"ALG":"HS256","kid":"hmac-HS256","typ":"at+jwt"}`), ErrMalformed},
		{"header bad UTF-8", header("{\"alg\":\"HS256\",\"kid\":\"\xff\",\"typ\":\"at+jwt\"}"), ErrMalformed},
		{"header trailing data", header(head("") + "{}"), ErrMalformed},
		{"header trailing byte", header(head("") + "\x00"), ErrMalformed},
		{"header array", header(`["HS256"]`), ErrMalformed},
		{"header null", header(`null`), ErrMalformed},
		{"header string", header(`"x"`), ErrMalformed},
		{"header empty object", header(`{}`), ErrType},
		{"header cut off", header(`{"alg":"HS256"`), ErrMalformed},
		{"header nested deep", header(strings.Repeat(`{"a":`, 5000)), ErrMalformed},

		// typ
		{"typ absent", header(`{"alg":"HS256","kid":"hmac-HS256"}`), ErrType},
		{"typ empty", header(`{"alg":"HS256","kid":"hmac-HS256","typ":""}`), ErrType},
		{"typ JWT", header(`{"alg":"HS256","kid":"hmac-HS256","typ":"JWT"}`), ErrType},
		{"typ of a logout token", header(`{"alg":"HS256","kid":"hmac-HS256","typ":"logout+jwt"}`), ErrType},
		{"typ of a client assertion", header(`{"alg":"HS256","kid":"hmac-HS256","typ":"client-authentication+jwt"}`), ErrType},
		{"typ array", header(`{"alg":"HS256","kid":"hmac-HS256","typ":["at+jwt"]}`), ErrMalformed},
		{"typ with a parameter", header(`{"alg":"HS256","kid":"hmac-HS256","typ":"at+jwt;x=1"}`), ErrType},
		{"typ application/", header(`{"alg":"HS256","kid":"hmac-HS256","typ":"application/"}`), ErrType},
		{"typ twice application/", header(`{"alg":"HS256","kid":"hmac-HS256","typ":"application/application/at+jwt"}`), ErrType},
		{"typ in full", header(`{"alg":"HS256","kid":"hmac-HS256","typ":"application/at+jwt"}`), nil},
		{"typ in capitals", header(`{"alg":"HS256","kid":"hmac-HS256","typ":"Application/AT+JWT"}`), nil},

		// kid
		{"kid a path", header(`{"alg":"HS256","kid":"../../dev/null","typ":"at+jwt"}`), ErrKey},
		{"kid with NUL", header(`{"alg":"HS256","kid":"hmac-HS256\u0000","typ":"at+jwt"}`), ErrKey},
		{"kid NUL raw", header("{\"alg\":\"HS256\",\"kid\":\"hmac-HS256\x00\",\"typ\":\"at+jwt\"}"), ErrMalformed},
		{"kid 64 KB", header(`{"alg":"HS256","kid":"` + strings.Repeat("k", 64<<10) + `","typ":"at+jwt"}`), ErrMalformed},
		{"kid 257 bytes", header(`{"alg":"HS256","kid":"` + strings.Repeat("k", 257) + `","typ":"at+jwt"}`), ErrMalformed},
		{"kid 256 bytes", header(`{"alg":"HS256","kid":"` + strings.Repeat("k", 256) + `","typ":"at+jwt"}`), ErrKey},
		{"kid number", header(`{"alg":"HS256","kid":7,"typ":"at+jwt"}`), ErrMalformed},
		{"kid array", header(`{"alg":"HS256","kid":["hmac-HS256"],"typ":"at+jwt"}`), ErrMalformed},
		{"kid null", header(`{"alg":"HS256","kid":null,"typ":"at+jwt"}`), ErrMalformed},
		{"kid unknown", header(`{"alg":"HS256","kid":"nobody","typ":"at+jwt"}`), ErrKey},
		{"kid empty", header(`{"alg":"HS256","kid":"","typ":"at+jwt"}`), ErrKey},
		{"kid absent", header(`{"alg":"HS256","typ":"at+jwt"}`), ErrKey},
		{"kid SQL", header(`{"alg":"HS256","kid":"' OR 1=1 --","typ":"at+jwt"}`), ErrKey},

		// signature
		{"signature changed", parts[0] + "." + parts[1] + "." + flip(parts[2], 3), ErrSignature},
		{"payload changed", parts[0] + "." + b64(payloadWith("roles", `["admin"]`)) + "." + parts[2], ErrSignature},
		{"payload not JSON, signature wrong", parts[0] + "." + b64("not JSON") + "." + parts[2], ErrSignature},
		{"expired, signature wrong", parts[0] + "." + b64(payloadWith("exp", "1")) + "." + parts[2], ErrSignature},
		{"signature cut short", token[:len(token)-3], ErrSignature},
		{"signature of zeros for ECDSA", strings.Join(strings.Split(esToken, ".")[:2], ".") + "." + strings.Repeat("A", 86), ErrSignature},
		{"signature of another token", parts[0] + "." + parts[1] + "." + strings.Split(claims("sub", `"bob"`), ".")[2], ErrSignature},

		// the compact form
		{"empty", "", ErrMalformed},
		{"one segment", parts[0], ErrMalformed},
		{"two segments", parts[0] + "." + parts[1], ErrMalformed},
		{"four segments", token + "." + parts[2], ErrMalformed},
		{"five segments", token + ".." + parts[2], ErrMalformed},
		{"empty header", "." + parts[1] + "." + parts[2], ErrMalformed},
		{"empty payload", signSegments(t, hs, parts[0], ""), ErrMalformed},
		{"empty payload, signature wrong", parts[0] + ".." + parts[2], ErrMalformed},
		{"empty signature", parts[0] + "." + parts[1] + ".", ErrMalformed},
		{"only dots", "..", ErrMalformed},
		{"100,000 dots", strings.Repeat(".", 100_000), ErrMalformed},
		{"JSON serialization", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, ErrMalformed},
		{"padded signature", token + "=", ErrMalformed},
		{"padded payload", signSegments(t, hs, parts[0], base64.URLEncoding.EncodeToString([]byte(good+" "))+"="), ErrMalformed},
		{"standard alphabet", signSegments(t, hs, parts[0], base64.RawStdEncoding.EncodeToString([]byte(payloadWith("x", `"???>>>"`)))), ErrMalformed},
		{"trailing bits in the header", signSegments(t, hs, trailingBits(b64(head(" "))), parts[1]), ErrMalformed},
		{"trailing bits in the payload", signSegments(t, hs, parts[0], trailingBits(b64(good+strings.Repeat(" ", (4-len(good)%3)%3)))), ErrMalformed},
		{"trailing bits in the signature", parts[0] + "." + parts[1] + "." + trailingBits(parts[2]), ErrMalformed},
		{"one character too many", signSegments(t, hs, parts[0], b64(good+strings.Repeat(" ", 3-len(good)%3))+"A"), ErrMalformed},
		{"line break at the end", token + "\n", ErrMalformed},
		{"CR LF inside", parts[0] + "." + parts[1][:8] + "\r\n" + parts[1][8:] + "." + parts[2], ErrMalformed},
		{"CR LF inside, signed so", signSegments(t, hs, parts[0], parts[1][:8]+"\r\n"+parts[1][8:]), ErrMalformed},
		{"line break in the signature", parts[0] + "." + parts[1] + "." + parts[2][:8] + "\n" + parts[2][8:], ErrMalformed},
		{"space in front", " " + token, ErrMalformed},
		{"space inside", signSegments(t, hs, parts[0], parts[1][:8]+" "+parts[1][8:]), ErrMalformed},
		{"NUL at the end", token + "\x00", ErrMalformed},
		{"not ASCII", "é" + token, ErrMalformed},
		{"Bearer in front", "Bearer " + token, ErrMalformed},
		{"longer than 16 KiB", claims("x", `"`+strings.Repeat("x", 16<<10)+`"`), ErrMalformed},
		{"nearly 16 KiB", claims("x", `"`+strings.Repeat("x", 11<<10)+`"`), nil},

		// the payload
		{"claims not JSON", signRaw(t, hs, head(""), "hello"), ErrMalformed},
		{"claims array", signRaw(t, hs, head(""), "["+good+"]"), ErrMalformed},
		{"claims null", signRaw(t, hs, head(""), "null"), ErrMalformed},
		{"claims string", signRaw(t, hs, head(""), `"x"`), ErrMalformed},
		{"claims number", signRaw(t, hs, head(""), `1`), ErrMalformed},
		{"claims cut off", signRaw(t, hs, head(""), good[:len(good)-1]), ErrMalformed},
		{"trailing object", signRaw(t, hs, head(""), good+"{}"), ErrMalformed},
		{"trailing bracket", signRaw(t, hs, head(""), good+"}"), ErrMalformed},
		{"trailing NUL", signRaw(t, hs, head(""), good+"\x00"), ErrMalformed},
		{"trailing white space", signRaw(t, hs, head(""), good+"\n"), nil},
		{"byte order mark", signRaw(t, hs, head(""), "\ufeff"+good), ErrMalformed},
		{"a comment", signRaw(t, hs, head(""), good[:len(good)-1]+"/**/}"), ErrMalformed},
		{"duplicate sub", signRaw(t, hs, head(""), good[:len(good)-1]+`,"sub":"root"}`), ErrMalformed},
		{"duplicate exp, escaped", signRaw(t, hs, head(""), good[:len(good)-1]+`,"\u0065xp":9999999999}`), ErrMalformed},
		{"duplicate of another claim", signRaw(t, hs, head(""), good[:len(good)-1]+`,"t":1,"t":2}`), ErrMalformed},
		{"duplicate inside a claim", claims("t", `{"a":1,"a":2}`), ErrMalformed},
		{"bad UTF-8 in a claim", claims("t", "\"\xff\""), ErrMalformed},
		{"bad UTF-8 in a name", claims("t\xff", "1"), ErrMalformed},
		{"lone surrogate", claims("t", `"\ud800"`), ErrMalformed},
		{"nested 32 deep", claims("t", nested(32)), nil},
		{"nested 33 deep", claims("t", nested(33)), ErrClaims},
		{"objects nested 33 deep", claims("t", strings.Repeat(`{"a":`, 32)+"1"+strings.Repeat("}", 32)), ErrClaims},
		{"nested 5000 deep", claims("t", nested(5000)), ErrClaims},
		{"nested 5000 deep in roles", claims("roles", nested(5000)), ErrClaims},
		{"number beyond float64 in a claim", claims("t", "1e400"), ErrClaims},

		// missing claims
		{"no exp", claims("exp", ""), ErrClaims},
		{"no iss", claims("iss", ""), ErrClaims},
		{"no aud", claims("aud", ""), ErrClaims},
		{"no sub", claims("sub", ""), ErrClaims},
		{"no iat", claims("iat", ""), ErrClaims},
		{"no jti", claims("jti", ""), ErrClaims},
		{"no client_id", claims("client_id", ""), ErrClaims},
		{"EXP instead of exp", claims("exp", "", "EXP", "1800000900"), ErrClaims},
		{"Aud instead of aud", claims("aud", "", "Aud", `"`+testAudience+`"`), ErrClaims},
		{"SUB beside sub is another claim", claims("SUB", `"root"`), nil},
		{"no optional claim", claims("sid", "", "roles", "", "scope", ""), nil},

		// dates
		{"exp as a string", claims("exp", `"1800000900"`), ErrClaims},
		{"exp null", claims("exp", "null"), ErrClaims},
		{"exp true", claims("exp", "true"), ErrClaims},
		{"exp array", claims("exp", "[1800000900]"), ErrClaims},
		{"exp object", claims("exp", `{"a":1}`), ErrClaims},
		{"exp 0", claims("exp", "0"), ErrExpired},
		{"exp -0", claims("exp", "-0"), ErrExpired},
		{"exp negative", claims("exp", "-1"), ErrClaims},
		{"exp 1e308", claims("exp", "1e308"), ErrClaims},
		{"exp 9.2e18", claims("exp", "9.2e18"), ErrClaims},
		{"exp 1e400", claims("exp", "1e400"), ErrClaims},
		{"exp of max int64", claims("exp", "9223372036854775807"), ErrClaims},
		{"exp with 5000 digits", claims("exp", strings.Repeat("9", 5000)), ErrClaims},
		{"exp after the year 9999", claims("exp", "253402300800"), ErrClaims},
		{"exp just after the year 9999", claims("exp", "253402300799.5"), ErrClaims},
		{"exp at the end of the year 9999", claims("exp", "253402300799"), nil},
		{"exp NaN", claims("exp", "NaN"), ErrMalformed},
		{"exp hexadecimal", claims("exp", "0x7fffffff"), ErrMalformed},
		{"exp with a leading zero", claims("exp", "01800000900"), ErrMalformed},
		{"exp with a plus", claims("exp", "+1800000900"), ErrMalformed},
		{"exp decimal", claims("exp", "1800000900.25"), nil},
		{"exp reached, leeway used up", claims("exp", "1799999940"), ErrExpired},
		{"exp reached, within the leeway", claims("exp", "1799999941"), nil},
		{"nbf in the future", claims("nbf", "1800000061"), ErrNotYetValid},
		{"nbf within the leeway", claims("nbf", "1800000060"), nil},
		{"nbf 1e308", claims("nbf", "1e308"), ErrClaims},
		{"nbf as a string", claims("nbf", `"0"`), ErrClaims},
		{"nbf null", claims("nbf", "null"), ErrClaims},
		{"iat in the future", claims("iat", "1800000061"), ErrNotYetValid},
		{"iat within the leeway", claims("iat", "1800000060"), nil},
		{"iat as a string", claims("iat", `"1800000000"`), ErrClaims},

		// sub and the other text
		{"sub number", claims("sub", "1"), ErrClaims},
		{"sub null", claims("sub", "null"), ErrClaims},
		{"sub empty", claims("sub", `""`), ErrClaims},
		{"sub array", claims("sub", `["alice"]`), ErrClaims},
		{"sub with NUL", claims("sub", `"alice\u0000"`), ErrClaims},
		{"sub with CR LF", claims("sub", `"alice\r\nX-Admin: 1"`), ErrClaims},
		{"sub with DEL", claims("sub", `"alice\u007f"`), ErrClaims},
		{"sub with C1", claims("sub", `"alice\u0085"`), ErrClaims},
		{"sub bad UTF-8", claims("sub", "\"al\xc3\""), ErrMalformed},
		{"sub raw line break", claims("sub", "\"a\nb\""), ErrMalformed},
		{"sub not ASCII", claims("sub", `"Алиса"`), nil},
		{"jti number", claims("jti", "1"), ErrClaims},
		{"jti empty", claims("jti", `""`), ErrClaims},
		{"sid number", claims("sid", "1"), ErrClaims},
		{"sid null", claims("sid", "null"), ErrClaims},
		{"sid empty", claims("sid", `""`), ErrClaims},
		{"client_id array", claims("client_id", `["first-party"]`), ErrClaims},

		// iss and aud
		{"iss another", claims("iss", `"https://evil.example.com"`), ErrIssuer},
		{"iss with a slash more", claims("iss", `"`+testIssuer+`/"`), ErrIssuer},
		{"iss in capitals", claims("iss", `"`+strings.ToUpper(testIssuer)+`"`), ErrIssuer},
		{"iss array", claims("iss", `["`+testIssuer+`"]`), ErrClaims},
		{"iss empty", claims("iss", `""`), ErrClaims},
		{"aud string", claims("aud", `"`+testAudience+`"`), nil},
		{"aud one of several", claims("aud", `["a","`+testAudience+`"]`), nil},
		{"aud another", claims("aud", `"https://evil.example.com"`), ErrAudience},
		{"aud with ours as a part", claims("aud", `"`+testAudience+`.evil.com"`), ErrAudience},
		{"aud with non-strings", claims("aud", `["`+testAudience+`",1]`), ErrClaims},
		{"aud with null", claims("aud", `[null,"`+testAudience+`"]`), ErrClaims},
		{"aud object", claims("aud", `{"`+testAudience+`":true}`), ErrClaims},
		{"aud number", claims("aud", "1"), ErrClaims},
		{"aud null", claims("aud", "null"), ErrClaims},
		{"aud empty array", claims("aud", "[]"), ErrClaims},
		{"aud empty string", claims("aud", `""`), ErrClaims},
		{"aud nested", claims("aud", `[["`+testAudience+`"]]`), ErrClaims},

		// roles and scope
		{"roles string", claims("roles", `"admin"`), ErrClaims},
		{"roles list in a string", claims("roles", `"admin,user"`), ErrClaims},
		{"roles list in an element", claims("roles", `["admin,user"]`), ErrClaims},
		{"roles with a space", claims("roles", `["admin user"]`), ErrClaims},
		{"roles nested", claims("roles", `[["admin"]]`), ErrClaims},
		{"roles object", claims("roles", `{"admin":true}`), ErrClaims},
		{"roles number", claims("roles", "1"), ErrClaims},
		{"roles with a number", claims("roles", `["admin",1]`), ErrClaims},
		{"roles null", claims("roles", "null"), ErrClaims},
		{"roles with an empty one", claims("roles", `[""]`), ErrClaims},
		{"roles with CR LF", claims("roles", `["admin\r\n"]`), ErrClaims},
		{"roles empty", claims("roles", `[]`), nil},
		{"scope array", claims("scope", `["read"]`), ErrClaims},
		{"scope with a quote", claims("scope", `"re\"ad"`), ErrClaims},
		{"scope with a backslash", claims("scope", `"re\\ad"`), ErrClaims},
		{"scope with two spaces", claims("scope", `"read  write"`), ErrClaims},
		{"scope with a space at the end", claims("scope", `"read "`), ErrClaims},
		{"scope with a space in front", claims("scope", `" read"`), ErrClaims},
		{"scope with a tab", claims("scope", `"read\twrite"`), ErrClaims},
		{"scope not ASCII", claims("scope", `"réad"`), ErrClaims},
		{"scope null", claims("scope", `null`), ErrClaims},
		{"scope empty", claims("scope", `""`), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := v.Verify(test.token)
			if test.want == nil {
				if err != nil || got == nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, test.want) || !errors.Is(err, ErrInvalid) {
				t.Fatalf("got error %v, want %v", err, test.want)
			}
			for _, other := range []error{ErrMalformed, ErrType, ErrKey, ErrAlgorithm, ErrSignature, ErrClaims, ErrIssuer, ErrAudience, ErrExpired, ErrNotYetValid} {
				if other != test.want && errors.Is(err, other) {
					t.Errorf("error %v is %v too", err, other)
				}
			}
			if got != nil {
				t.Error("claims were returned beside an error")
			}
			for _, secret := range []string{"alice", "evil", "hmac-", "store1", "1800000", "\r", "\n"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("error repeats the token: %v", err)
				}
			}
		})
	}
	if n := fetched.Load(); n != 0 {
		t.Errorf("a token made the verifier fetch something %d times", n)
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

// trailingBits sets the lowest bit that decoding throws away.
func trailingBits(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(s)%4 == 0 {
		panic("this segment has no trailing bits")
	}
	last := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + string(alphabet[last+1])
}

func TestVerifyRolesAreExact(t *testing.T) {
	hs := testKey(t, "HS256")
	set := testSet(t, hs)
	got, err := testVerifier(set).Verify(signSegments(t, hs, set.header, b64(payloadWith("roles", `["аdmin","Admin","ADMIN"]`))))
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range got.Roles {
		if role == "admin" {
			t.Error("a look-alike became admin")
		}
	}
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
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
	m := got.Map()
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
	if _, leaked := got.Extra["tenant"]; leaked {
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

// The default clock runs, and a token ends when it says so.
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

// What a token claims about itself must not cost more than its length.
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

func ExampleVerifier() {
	key, err := ParseKey("HS256", testSecret)
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := NewKeySet(key.WithID("2026-01"))
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := keys.Sign(testClaims())
	if err != nil {
		fmt.Println(err)
		return
	}
	v := &Verifier{
		Issuer: testIssuer, Audience: []string{testAudience},
		Keys: func() *KeySet { return keys },
		Now:  func() time.Time { return testNow },
	}
	claims, err := v.Verify(token)
	fmt.Println(claims.Subject, claims.Roles, err)
	// Output: alice [admin editor] <nil>
}
