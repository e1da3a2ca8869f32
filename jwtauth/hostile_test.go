package jwtauth_test

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
)

// attackedConfig is a realm whose keys the test has, too.
const attackedConfig = `{
	<GLOBAL>
	servers {
		max_header_size 1MB # Caddy itself takes 16 KiB
	}
	jwtauth {
		store memory
		issuer https://auth.example.com
		audience https://api.example.com
		signing_key HS256 "<SECRET>"
		signing_key ES256 "<ES256>"
		signing_key RS256 "<RS256>"
		<USERS>
	}
}
http://:<PORT> {
	bind 127.0.0.1
	token_server
	jwt_auth /in
	jwt_auth /admin admin
	jwt_auth /optional {
		optional
	}
	jwt_auth /query {
		source query token
	}
	respond "{http.auth.user.id}"
}
`

// signer is a key as an attacker, or a careless issuer, may use it.
type signer struct {
	kid    string
	method jwt.SigningMethod
	key    any
	public any
}

// segments signs two segments as they are.
func (k signer) segments(header, payload string) string {
	signature, err := k.method.Sign(header+"."+payload, k.key)
	if err != nil {
		panic(err)
	}
	return header + "." + payload + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// raw signs any header, in which KID stands for the key's own id, and payload.
func (k signer) raw(header, payload string) string {
	return k.segments(b64(strings.ReplaceAll(header, "KID", k.kid)), b64(payload))
}

func (k signer) der(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (k signer) pem(t *testing.T) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.der(t)})
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// makeKey makes a key, and what the Caddyfile takes for it.
func makeKey(t *testing.T, alg string) (k signer, material string) {
	t.Helper()
	made, err := accesstoken.GenerateKey(alg)
	if err != nil {
		t.Fatal(err)
	}
	if material, err = made.MarshalPrivate(); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(material))
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	public := private.(crypto.Signer)
	return signer{made.ID, jwt.GetSigningMethod(alg), private, public.Public()}, strings.ReplaceAll(material, "\n", `\n`)
}

// verdictWanted is what has to come of a row.
type verdictWanted int

const (
	refused    verdictWanted = iota // 401 invalid_token, wherever it is presented
	passes                          // and is alice
	powerless                       // passes, but is no admin
	nothing                         // as if nothing was presented
	twoHeaders                      // 400 invalid_request
	tooLarge                        // refused by Caddy before any handler
)

// hostile is a row: something presented, and what has to come of it.
type hostile struct {
	name string
	// token is presented as a bearer token and as a parameter of the URL.
	token string
	// lines are the Authorization headers where token is "".
	lines []string
	want  verdictWanted
	// why begins the reason, for a row must not be refused by another check
	// than the one that it is about.
	why string
}

// Reasons for a refusal.
var (
	malformed = accesstoken.ErrMalformed.Error()
	badType   = accesstoken.ErrType.Error()
	badKey    = accesstoken.ErrKey.Error()
	badAlg    = accesstoken.ErrAlgorithm.Error()
	badSign   = accesstoken.ErrSignature.Error()
	badClaims = accesstoken.ErrClaims.Error()
	badIssuer = accesstoken.ErrIssuer.Error()
	badAud    = accesstoken.ErrAudience.Error()
	expired   = accesstoken.ErrExpired.Error()
	notYet    = accesstoken.ErrNotYetValid.Error()
	tooLong   = accesstoken.ErrLifetime.Error()
	badForm   = "malformed bearer credential"
)

// TestHostileTokens is everything that must not get past a guard, each row by the
// check that is there for it, and beside it what almost is one and does. Every
// row is sent twice to each place that takes a token: what is remembered of the
// first must not change the second.
func TestHostileTokens(t *testing.T) {
	s := newServer(t)
	es, esPEM := makeKey(t, "ES256")
	rs, rsPEM := makeKey(t, "RS256")
	const secret = "correct-horse-battery-staple-correct-horse-battery-staple-0123456789"
	s.vars["<SECRET>"], s.vars["<ES256>"], s.vars["<RS256>"] = secret, esPEM, rsPEM
	s.load(attackedConfig)
	good := s.signIn("alice", "read").Access

	// The claims, in order, of a token that is good, for rows to change.
	var joseHeader struct{ Alg, Kid, Typ string }
	var base struct {
		Iss, Sub, Jti, Sid string
		Iat, Exp           int64
	}
	segments := strings.Split(good, ".")
	for i, into := range []any{&joseHeader, &base} {
		text, err := base64.RawURLEncoding.DecodeString(segments[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	hs := signer{kid: joseHeader.Kid, method: jwt.SigningMethodHS256, key: []byte(secret)}
	exp, past, future := strconv.FormatInt(base.Exp, 10), strconv.FormatInt(base.Iat-3600, 10), strconv.FormatInt(base.Iat+3600, 10)
	const aud = `"https://api.example.com"`
	payload := func(members ...string) string {
		return changed([][2]string{
			{"iss", `"` + base.Iss + `"`}, {"sub", `"alice"`}, {"aud", `[` + aud + `]`}, {"client_id", `"first-party"`},
			{"iat", strconv.FormatInt(base.Iat, 10)}, {"exp", exp}, {"jti", `"` + base.Jti + `"`}, {"sid", `"` + base.Sid + `"`},
			{"roles", `["user","admin"]`}, {"scope", `"read"`},
		}, members...)
	}
	claims := payload()
	with := func(members ...string) string { return hs.raw(goodHeader, payload(members...)) }
	head := func(h string) string { return hs.raw(h, claims) }
	also := func(members string) string { return head(strings.TrimSuffix(goodHeader, "}") + "," + members + "}") }
	body := func(text string) string { return hs.raw(goodHeader, text) }
	h, p := b64(strings.ReplaceAll(goodHeader, "KID", hs.kid)), b64(claims) // the segments
	token := hs.segments(h, p)
	sig := strings.Split(token, ".")[2]
	esToken := es.raw(`{"alg":"ES256","kid":"KID","typ":"at+jwt"}`, claims)

	// HMAC with what everybody knows of a public key as the secret.
	confused := func(k signer, secret []byte) string {
		return signer{k.kid, jwt.SigningMethodHS256, secret, nil}.raw(goodHeader, claims)
	}
	jwks := s.get("/.well-known/jwks.json").want(t, http.StatusOK).json(t)["keys"].([]any)
	jwkOf := func(k signer) []byte {
		for _, jwk := range jwks {
			if jwk.(map[string]any)["kid"] == k.kid {
				text, err := json.Marshal(jwk)
				if err != nil {
					t.Fatal(err)
				}
				return text
			}
		}
		t.Fatalf("key %s is not published", k.kid)
		return nil
	}
	mine, _ := makeKey(t, "ES256") // the attacker's own

	// Nobody may ask here for a key.
	var asked atomic.Int64
	listener := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer listener.Close()

	lists := func(depth int) string { return strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) } // the claims are one
	rows := []hostile{
		{name: "as it was issued", token: good, want: passes},
		{name: "as rows are built", token: token, want: passes},
		{name: "of the EC key", token: esToken, want: passes},
		{name: "of the RSA key", token: rs.raw(`{"alg":"RS256","kid":"KID","typ":"at+jwt"}`, claims), want: passes},
		{name: "members of the header in another order", token: head(` { "typ":"at+jwt", "kid":"KID", "alg":"HS256" } `), want: passes},

		// alg: none in any case, empty, array, hs256 …
		{name: "alg none", token: head(`{"alg":"none","kid":"KID","typ":"at+jwt"}`), why: badAlg},
		{name: "alg None", token: head(`{"alg":"None","kid":"KID","typ":"at+jwt"}`), why: badAlg},
		{name: "alg NONE", token: head(`{"alg":"NONE","kid":"KID","typ":"at+jwt"}`), why: badAlg},
		{name: "alg nOnE", token: head(`{"alg":"nOnE","kid":"KID","typ":"at+jwt"}`), why: badAlg},
		{name: "alg none, no signature", token: b64(`{"alg":"none","kid":"`+hs.kid+`","typ":"at+jwt"}`) + "." + p + ".", why: malformed},
		{name: "alg none, no signature and no dot", token: b64(`{"alg":"none","kid":"`+hs.kid+`","typ":"at+jwt"}`) + "." + p, why: malformed},
		{name: "alg none, some signature", token: b64(`{"alg":"none","kid":"`+hs.kid+`","typ":"at+jwt"}`) + "." + p + "." + b64("x"), why: badAlg},
		{name: "alg none, no kid", token: head(`{"alg":"none","typ":"at+jwt"}`), why: badKey},
		{name: "alg empty", token: head(`{"alg":"","kid":"KID","typ":"at+jwt"}`), why: badAlg},
		{name: "alg absent", token: head(`{"kid":"KID","typ":"at+jwt"}`), why: badAlg},
		{name: "alg array", token: head(`{"alg":["HS256"],"kid":"KID","typ":"at+jwt"}`), why: malformed},
		{name: "alg null", token: head(`{"alg":null,"kid":"KID","typ":"at+jwt"}`), why: malformed},
		{name: "alg number", token: head(`{"alg":256,"kid":"KID","typ":"at+jwt"}`), why: malformed},
		{name: "alg hs256", token: head(`{"alg":"hs256","kid":"KID","typ":"at+jwt"}`), why: badAlg},
		// … HS* with the public key's PEM, DER or JWK bytes …
		{name: "HS256 with the RSA key's PEM", token: confused(rs, rs.pem(t)), why: badAlg},
		{name: "HS256 with the RSA key's PEM less its last line break", token: confused(rs, rs.pem(t)[:len(rs.pem(t))-1]), why: badAlg},
		{name: "HS256 with the RSA key's DER", token: confused(rs, rs.der(t)), why: badAlg},
		{name: "HS256 with the RSA key's JWK", token: confused(rs, jwkOf(rs)), why: badAlg},
		{name: "HS256 with the EC key's PEM", token: confused(es, es.pem(t)), why: badAlg},
		{name: "HS256 with the EC key's DER", token: confused(es, es.der(t)), why: badAlg},
		{name: "HS256 with the EC key's JWK", token: confused(es, jwkOf(es)), why: badAlg},
		{name: "HMAC with the EC key's PEM, under that key's alg", token: signer{es.kid, jwt.SigningMethodHS256, es.pem(t), nil}.raw(`{"alg":"ES256","kid":"KID","typ":"at+jwt"}`, claims), why: badSign},
		{name: "HS256 with an empty secret", token: signer{hs.kid, jwt.SigningMethodHS256, []byte{}, nil}.raw(goodHeader, claims), why: badSign},
		// … any alg but the one pinned to that kid.
		{name: "alg HS512 for the HS256 key", token: signer{hs.kid, jwt.SigningMethodHS512, []byte(secret), nil}.raw(`{"alg":"HS512","kid":"KID","typ":"at+jwt"}`, claims), why: badAlg},
		{name: "alg PS256 for the RS256 key", token: signer{rs.kid, jwt.SigningMethodPS256, rs.key, nil}.raw(`{"alg":"PS256","kid":"KID","typ":"at+jwt"}`, claims), why: badAlg},
		{name: "alg RS512 for the RS256 key", token: signer{rs.kid, jwt.SigningMethodRS512, rs.key, nil}.raw(`{"alg":"RS512","kid":"KID","typ":"at+jwt"}`, claims), why: badAlg},
		{name: "alg ES384 for the ES256 key", token: es.raw(`{"alg":"ES384","kid":"KID","typ":"at+jwt"}`, claims), why: badAlg},
		{name: "alg and signature of another key of the realm", token: es.raw(`{"alg":"ES256","kid":"`+hs.kid+`","typ":"at+jwt"}`, claims), why: badAlg},

		// crit in any form; b64:false.
		{name: "crit", token: also(`"crit":["exp"]`), why: malformed},
		{name: "crit empty", token: also(`"crit":[]`), why: malformed},
		{name: "crit null", token: also(`"crit":null`), why: malformed},
		{name: "crit text", token: also(`"crit":"exp"`), why: malformed},
		{name: "crit of b64", token: also(`"b64":false,"crit":["b64"]`), why: malformed},
		{name: "b64 false", token: also(`"b64":false`), why: malformed},
		{name: "b64 true", token: also(`"b64":true`), why: malformed},
		{name: "b64 false, payload as it is", token: hs.segments(b64(`{"alg":"HS256","kid":"`+hs.kid+`","typ":"at+jwt","b64":false,"crit":["b64"]}`), claims), why: malformed},
		{name: "zip", token: also(`"zip":"DEF"`), why: malformed},
		// jku, x5u, jwk, x5c never fetched and never trusted.
		{name: "jku", token: mine.raw(`{"alg":"ES256","kid":"KID","typ":"at+jwt","jku":"`+listener.URL+`/jwks"}`, claims), why: malformed},
		{name: "jku beside a good signature", token: also(`"jku":"` + listener.URL + `/jwks"`), why: malformed},
		{name: "x5u", token: mine.raw(`{"alg":"ES256","kid":"KID","typ":"at+jwt","x5u":"`+listener.URL+`/x5u"}`, claims), why: malformed},
		{name: "x5u beside a good signature", token: also(`"x5u":"` + listener.URL + `/x5u"`), why: malformed},
		{name: "jwk", token: mine.raw(`{"alg":"ES256","typ":"at+jwt","jwk":`+string(jwkOf(es))+`}`, claims), why: malformed},
		{name: "jwk beside a good signature", token: also(`"jwk":` + string(jwkOf(es))), why: malformed},
		{name: "x5c", token: mine.raw(`{"alg":"ES256","kid":"KID","typ":"at+jwt","x5c":["`+base64.StdEncoding.EncodeToString(mine.der(t))+`"]}`, claims), why: malformed},
		{name: "x5c beside a good signature", token: also(`"x5c":["MIIB"]`), why: malformed},
		{name: "x5t", token: also(`"x5t":"AAAA"`), why: malformed},
		{name: "kid as an address of keys", token: mine.raw(`{"alg":"ES256","kid":"`+listener.URL+`/jwks","typ":"at+jwt"}`, claims), why: badKey},
		{name: "iss as an address of keys", token: mine.raw(`{"alg":"ES256","kid":"KID","typ":"at+jwt"}`, payload("iss", `"`+listener.URL+`"`)), why: badKey},

		// kid: ../../dev/null, NUL, 64 KB, non-string, unknown.
		{name: "kid a path", token: head(`{"alg":"HS256","kid":"../../dev/null","typ":"at+jwt"}`), why: badKey},
		{name: "kid a path, signed with nothing", token: signer{"", jwt.SigningMethodHS256, []byte{}, nil}.raw(`{"alg":"HS256","kid":"../../dev/null","typ":"at+jwt"}`, claims), why: badKey},
		{name: "kid with NUL", token: head(`{"alg":"HS256","kid":"KID\u0000","typ":"at+jwt"}`), why: badKey},
		{name: "kid NUL", token: head(`{"alg":"HS256","kid":"\u0000","typ":"at+jwt"}`), why: badKey},
		{name: "kid with NUL as a byte", token: head("{\"alg\":\"HS256\",\"kid\":\"KID\x00\",\"typ\":\"at+jwt\"}"), why: malformed},
		{name: "kid of 64 KB", token: head(`{"alg":"HS256","kid":"` + strings.Repeat("k", 64<<10) + `","typ":"at+jwt"}`), why: malformed},
		{name: "kid of 257 bytes", token: head(`{"alg":"HS256","kid":"` + strings.Repeat("k", 257) + `","typ":"at+jwt"}`), why: malformed},
		{name: "kid of 256 bytes", token: head(`{"alg":"HS256","kid":"` + strings.Repeat("k", 256) + `","typ":"at+jwt"}`), why: badKey},
		{name: "kid number", token: head(`{"alg":"HS256","kid":7,"typ":"at+jwt"}`), why: malformed},
		{name: "kid array", token: head(`{"alg":"HS256","kid":["KID"],"typ":"at+jwt"}`), why: malformed},
		{name: "kid object", token: head(`{"alg":"HS256","kid":{"KID":1},"typ":"at+jwt"}`), why: malformed},
		{name: "kid null", token: head(`{"alg":"HS256","kid":null,"typ":"at+jwt"}`), why: malformed},
		{name: "kid unknown", token: head(`{"alg":"HS256","kid":"nobody","typ":"at+jwt"}`), why: badKey},
		{name: "kid unknown, the attacker's key", token: mine.raw(`{"alg":"ES256","kid":"KID","typ":"at+jwt"}`, claims), why: badKey},
		{name: "kid empty", token: head(`{"alg":"HS256","kid":"","typ":"at+jwt"}`), why: badKey},
		{name: "kid absent", token: head(`{"alg":"HS256","typ":"at+jwt"}`), why: badKey},
		{name: "kid SQL", token: head(`{"alg":"HS256","kid":"' OR 1=1 --","typ":"at+jwt"}`), why: badKey},
		{name: "kid with a space", token: head(`{"alg":"HS256","kid":"KID ","typ":"at+jwt"}`), why: badKey},

		// Duplicate members in header or claims …
		{name: "alg twice", token: head(`{"alg":"none","alg":"HS256","kid":"KID","typ":"at+jwt"}`), why: malformed},
		{name: "alg twice, once escaped", token: head(`{"alg":"none","\u0061lg":"HS256","kid":"KID","typ":"at+jwt"}`), why: malformed},
		{name: "kid twice", token: also(`"kid":"KID"`), why: malformed},
		{name: "typ twice", token: also(`"typ":"at+jwt"`), why: malformed},
		{name: "sub twice", token: body(strings.TrimSuffix(claims, "}") + `,"sub":"root"}`), why: malformed},
		{name: "roles twice", token: body(strings.TrimSuffix(claims, "}") + `,"roles":["admin"]}`), why: malformed},
		{name: "exp twice, once escaped", token: body(strings.TrimSuffix(claims, "}") + `,"\u0065xp":9999999999}`), why: malformed},
		{name: "another claim twice", token: body(strings.TrimSuffix(claims, "}") + `,"t":1,"t":2}`), why: malformed},
		{name: "a member within a claim twice", token: with("t", `{"a":1,"a":2}`), why: malformed},
		// … claim names in another case …
		{name: "ALG in place of alg", token: head(`{"ALG":"HS256","kid":"KID","typ":"at+jwt"}`), why: malformed},
		{name: "Alg beside alg", token: also(`"Alg":"none"`), why: malformed},
		{name: "EXP in place of exp", token: with("exp", "", "EXP", exp), why: badClaims},
		{name: "Iss in place of iss", token: with("iss", "", "Iss", `"`+base.Iss+`"`), why: badClaims},
		{name: "Aud in place of aud", token: with("aud", "", "Aud", aud), why: badClaims},
		{name: "SUB in place of sub", token: with("sub", "", "SUB", `"alice"`), why: badClaims},
		{name: "SUB beside sub", token: with("SUB", `"root"`), want: passes},
		{name: "EXP beside exp, which has passed", token: with("exp", past, "EXP", exp), why: expired},
		{name: "Roles in place of roles", token: with("roles", "", "Roles", `["admin"]`), want: powerless},
		// … numbers as strings …
		{name: "exp as a string", token: with("exp", `"`+exp+`"`), why: badClaims},
		{name: "iat as a string", token: with("iat", `"`+past+`"`), why: badClaims},
		{name: "nbf as a string", token: with("nbf", `"`+past+`"`), why: badClaims},
		// … exp 0, negative, 1e308, 9.2e18, 1e400 …
		{name: "exp 0", token: with("exp", "0"), why: expired},
		{name: "exp -0", token: with("exp", "-0"), why: expired},
		{name: "exp an hour ago", token: with("exp", past), why: expired},
		{name: "exp negative", token: with("exp", "-1"), why: badClaims},
		{name: "exp 1e308", token: with("exp", "1e308"), why: badClaims},
		{name: "exp 9.2e18", token: with("exp", "9.2e18"), why: badClaims},
		{name: "exp 1e400", token: with("exp", "1e400"), why: badClaims},
		{name: "exp of the largest int64", token: with("exp", "9223372036854775807"), why: badClaims},
		{name: "exp of 5000 digits", token: with("exp", strings.Repeat("9", 5000)), why: badClaims},
		{name: "exp after the year 9999", token: with("exp", "253402300800"), why: badClaims},
		{name: "exp just after the year 9999", token: with("exp", "253402300799.5"), why: badClaims},
		{name: "exp at the end of the year 9999", token: with("exp", "253402300799"), why: tooLong},
		{name: "exp with a fraction", token: with("exp", exp+".25"), want: passes},
		{name: "exp NaN", token: with("exp", "NaN"), why: malformed},
		{name: "exp hexadecimal", token: with("exp", "0x7fffffff"), why: malformed},
		{name: "exp with a zero in front", token: with("exp", "0"+exp), why: malformed},
		{name: "exp with a plus", token: with("exp", "+"+exp), why: malformed},
		{name: "exp null", token: with("exp", "null"), why: badClaims},
		{name: "exp true", token: with("exp", "true"), why: badClaims},
		{name: "exp array", token: with("exp", "["+exp+"]"), why: badClaims},
		{name: "exp object", token: with("exp", `{"a":1}`), why: badClaims},
		// … nbf, iat in the future …
		{name: "nbf in an hour", token: with("nbf", future), why: notYet},
		{name: "nbf an hour ago", token: with("nbf", past), want: passes},
		{name: "nbf 1e308", token: with("nbf", "1e308"), why: badClaims},
		{name: "nbf null", token: with("nbf", "null"), why: badClaims},
		{name: "iat in an hour", token: with("iat", future, "exp", "253402300799"), why: notYet},
		{name: "iat 1e308", token: with("iat", "1e308"), why: badClaims},
		{name: "iat negative", token: with("iat", "-1"), why: badClaims},
		// … missing exp, aud, iss …
		{name: "no exp", token: with("exp", ""), why: badClaims},
		{name: "no aud", token: with("aud", ""), why: badClaims},
		{name: "no iss", token: with("iss", ""), why: badClaims},
		{name: "no sub", token: with("sub", ""), why: badClaims},
		{name: "no iat", token: with("iat", ""), why: badClaims},
		{name: "no jti", token: with("jti", ""), why: badClaims},
		{name: "no client_id", token: with("client_id", ""), why: badClaims},
		{name: "no claims", token: body("{}"), why: badClaims},
		{name: "no optional claim", token: with("sid", "", "jti", `"`+base.Sid+`"`, "roles", "", "scope", ""), want: powerless},
		// … sub number, null, empty, with NUL, CR LF or invalid UTF-8 …
		{name: "sub number", token: with("sub", "1"), why: badClaims},
		{name: "sub null", token: with("sub", "null"), why: badClaims},
		{name: "sub empty", token: with("sub", `""`), why: badClaims},
		{name: "sub with NUL", token: with("sub", `"alice\u0000"`), why: badClaims},
		{name: "sub with NUL as a byte", token: with("sub", "\"alice\x00\""), why: malformed},
		{name: "sub with CR LF", token: with("sub", `"alice\r\nX-Admin: 1"`), why: badClaims},
		{name: "sub with a line break as a byte", token: with("sub", "\"a\nb\""), why: malformed},
		{name: "sub of invalid UTF-8", token: with("sub", "\"al\xc3\""), why: malformed},
		{name: "sub with half a surrogate", token: with("sub", `"\ud800"`), why: malformed},
		{name: "sub with DEL", token: with("sub", `"alice\u007f"`), why: badClaims},
		{name: "sub with C1", token: with("sub", `"alice\u0085"`), why: badClaims},
		{name: "sub array", token: with("sub", `["alice"]`), why: badClaims},
		// … aud array with non-strings …
		{name: "aud with a number", token: with("aud", "["+aud+",1]"), why: badClaims},
		{name: "aud with null", token: with("aud", "[null,"+aud+"]"), why: badClaims},
		{name: "aud with an object", token: with("aud", "["+aud+",{}]"), why: badClaims},
		{name: "aud object", token: with("aud", "{"+aud+":true}"), why: badClaims},
		{name: "aud number", token: with("aud", "1"), why: badClaims},
		{name: "aud null", token: with("aud", "null"), why: badClaims},
		{name: "aud empty array", token: with("aud", "[]"), why: badClaims},
		{name: "aud empty", token: with("aud", `""`), why: badClaims},
		{name: "aud nested", token: with("aud", "[["+aud+"]]"), why: badClaims},
		{name: "aud another", token: with("aud", `"https://evil.example.com"`), why: badAud},
		{name: "aud with ours as a part", token: with("aud", `"https://api.example.com.evil.com"`), why: badAud},
		{name: "aud in another case", token: with("aud", strings.ToUpper(aud)), why: badAud},
		{name: "aud as a string", token: with("aud", aud), want: passes},
		{name: "aud one of several", token: with("aud", `["a",`+aud+`]`), want: passes},
		{name: "iss another", token: with("iss", `"https://evil.example.com"`), why: badIssuer},
		{name: "iss with a slash more", token: with("iss", `"`+base.Iss+`/"`), why: badIssuer},
		{name: "iss in another case", token: with("iss", `"`+strings.ToUpper(base.Iss)+`"`), why: badIssuer},
		{name: "iss array", token: with("iss", `["`+base.Iss+`"]`), why: badClaims},
		{name: "iss empty", token: with("iss", `""`), why: badClaims},
		{name: "jti number", token: with("jti", "1"), why: badClaims},
		{name: "jti empty", token: with("jti", `""`), why: badClaims},
		{name: "sid number", token: with("sid", "1"), why: badClaims},
		{name: "sid null", token: with("sid", "null"), why: badClaims},
		{name: "sid empty", token: with("sid", `""`), why: badClaims},
		{name: "sid of another store", token: with("sid", `"AAAAAAAAAAA`+strings.Repeat("b", 22)+`"`), why: "the token is of another store"},
		{name: "no sid, jti of another store", token: with("sid", "", "jti", `"AAAAAAAAAAA`+strings.Repeat("b", 22)+`"`), why: "the token is of another store"},
		{name: "sid too short", token: with("sid", `"x"`), why: "the token is of another store"},
		{name: "no sid, jti too short", token: with("sid", "", "jti", `"x"`), why: "the token is of another store"},
		{name: "client_id array", token: with("client_id", `["first-party"]`), why: badClaims},
		// … nesting deeper than 32 …
		{name: "claims 32 deep", token: with("t", lists(32)), want: passes},
		{name: "claims 33 deep", token: with("t", lists(33)), why: badClaims},
		{name: "objects 33 deep", token: with("t", strings.Repeat(`{"a":`, 32)+"1"+strings.Repeat("}", 32)), why: badClaims},
		{name: "claims 5000 deep", token: with("t", lists(5000)), why: badClaims},
		{name: "roles 5000 deep", token: with("roles", lists(5000)), why: badClaims},
		{name: "header 1500 deep", token: head(strings.Repeat(`{"a":`, 1500)), why: malformed},
		// … trailing data.
		{name: "an object behind the header", token: head(goodHeader + "{}"), why: malformed},
		{name: "NUL behind the header", token: head(goodHeader + "\x00"), why: malformed},
		{name: "an object behind the claims", token: body(claims + "{}"), why: malformed},
		{name: "a bracket behind the claims", token: body(claims + "}"), why: malformed},
		{name: "NUL behind the claims", token: body(claims + "\x00"), why: malformed},
		{name: "white space behind the claims", token: body(claims + "\n"), want: passes},
		{name: "a byte order mark", token: body("\ufeff" + claims), why: malformed},
		{name: "a comment", token: body(strings.TrimSuffix(claims, "}") + "/**/}"), why: malformed},
		{name: "claims cut off", token: body(claims[:len(claims)-1]), why: malformed},
		{name: "claims in an array", token: body("[" + claims + "]"), why: malformed},
		{name: "claims null", token: body("null"), why: malformed},
		{name: "claims text", token: body(`"x"`), why: malformed},
		{name: "claims no JSON", token: body("hello"), why: malformed},
		{name: "header cut off", token: head(`{"alg":"HS256"`), why: malformed},
		{name: "header array", token: head(`["HS256"]`), why: malformed},
		{name: "header null", token: head(`null`), why: malformed},
		{name: "header of invalid UTF-8", token: head("{\"alg\":\"HS256\",\"kid\":\"\xff\",\"typ\":\"at+jwt\"}"), why: malformed},
		{name: "a claim of invalid UTF-8", token: with("t", "\"\xff\""), why: malformed},
		{name: "the name of a claim of invalid UTF-8", token: with("t\xff", "1"), why: malformed},
		{name: "a number beyond float64", token: with("t", "1e400"), why: badClaims},

		// Roles as string, nested array, object, number, "admin,user", look-alike
		// letters, other case: exact comparison, fail closed.
		{name: "roles string", token: with("roles", `"admin"`), why: badClaims},
		{name: "roles nested", token: with("roles", `[["admin"]]`), why: badClaims},
		{name: "roles object", token: with("roles", `{"admin":true}`), why: badClaims},
		{name: "roles number", token: with("roles", "1"), why: badClaims},
		{name: "roles with a number", token: with("roles", `["admin",1]`), why: badClaims},
		{name: "roles null", token: with("roles", "null"), why: badClaims},
		{name: "roles with null", token: with("roles", `["admin",null]`), why: badClaims},
		{name: "roles a list in a string", token: with("roles", `"admin,user"`), why: badClaims},
		{name: "roles a list in an element", token: with("roles", `["admin,user"]`), why: badClaims},
		{name: "roles a list with a space in an element", token: with("roles", `["admin user"]`), why: badClaims},
		{name: "roles with an empty one", token: with("roles", `["admin",""]`), why: badClaims},
		{name: "roles with CR LF", token: with("roles", `["admin\r\n"]`), why: badClaims},
		{name: "roles with NUL", token: with("roles", `["admin\u0000"]`), why: badClaims},
		{name: "roles with a space behind", token: with("roles", `["admin "]`), why: badClaims},
		{name: "roles empty", token: with("roles", "[]"), want: powerless},
		{name: "roles with a look-alike letter", token: with("roles", `["аdmin"]`), want: powerless},
		{name: "roles with a wide letter", token: with("roles", `["ａdmin"]`), want: powerless},
		{name: "roles with a letter composed", token: with("roles", `["admín","admi\u0301n"]`), want: powerless},
		{name: "roles with a letter of no width", token: with("roles", `["admin\u200b","\u2060admin"]`), want: powerless},
		{name: "roles in another case", token: with("roles", `["Admin","ADMIN","aDMIN"]`), want: powerless},
		{name: "roles like it", token: with("roles", `["admins","adm","*","admin*",".*"]`), want: powerless},
		{name: "roles in pieces", token: with("roles", `["ad","min"]`), want: powerless},
		{name: "role in place of roles", token: with("roles", "", "role", `"admin"`), want: powerless},
		{name: "role as scope", token: with("roles", "", "scope", `"admin"`), want: powerless},
		{name: "role as group", token: with("roles", "", "groups", `["admin"]`), want: powerless},
		{name: "role with an escape", token: with("roles", `["\u0061dmin"]`), want: passes}, // the same text in JSON
		{name: "scope array", token: with("scope", `["read"]`), why: badClaims},
		{name: "scope null", token: with("scope", "null"), why: badClaims},
		{name: "scope with a quote", token: with("scope", `"re\"ad"`), why: badClaims},
		{name: "scope with a backslash", token: with("scope", `"re\\ad"`), why: badClaims},
		{name: "scope with two spaces", token: with("scope", `"read  write"`), why: badClaims},
		{name: "scope with a space in front", token: with("scope", `" read"`), why: badClaims},
		{name: "scope with a space behind", token: with("scope", `"read "`), why: badClaims},
		{name: "scope with a tab", token: with("scope", `"read\twrite"`), why: badClaims},
		{name: "scope not ASCII", token: with("scope", `"réad"`), why: badClaims},
		{name: "scope empty", token: with("scope", `""`), want: passes},

		// base64: padding, standard alphabet, trailing bits, CR/LF or spaces inside,
		// empty segments …
		{name: "signature padded", token: token + "=", why: malformed},
		{name: "header padded", token: hs.segments(h+strings.Repeat("=", (4-len(h)%4)%4+1), p), why: malformed},
		{name: "payload padded", token: hs.segments(h, b64(fill(claims, 2))+"="), why: malformed},
		{name: "standard alphabet", token: hs.segments(h, base64.RawStdEncoding.EncodeToString([]byte(payload("x", `"???>>>"`)))), why: malformed},
		{name: "URL alphabet", token: hs.segments(h, b64(payload("x", `"???>>>"`))), want: passes},
		{name: "trailing bits in the header", token: hs.segments(trailingBits(b64(fill(strings.ReplaceAll(goodHeader, "KID", hs.kid), 1))), p), why: malformed},
		{name: "trailing bits in the payload", token: hs.segments(h, trailingBits(b64(fill(claims, 1)))), why: malformed},
		{name: "trailing bits in the signature", token: h + "." + p + "." + trailingBits(sig), why: malformed},
		{name: "one character too many", token: hs.segments(h, b64(fill(claims, 0))+"A"), why: malformed},
		{name: "CR LF inside", token: h + "." + p[:8] + "\r\n" + p[8:] + "." + sig, why: malformed},
		{name: "CR LF inside, signed so", token: hs.segments(h, p[:8]+"\r\n"+p[8:]), why: malformed},
		{name: "line break in the signature", token: h + "." + p + "." + sig[:8] + "\n" + sig[8:], why: malformed},
		{name: "line break at the end", token: token + "\n", why: malformed},
		{name: "space inside", token: h + "." + p[:8] + " " + p[8:] + "." + sig, why: malformed},
		{name: "space inside, signed so", token: hs.segments(h, p[:8]+" "+p[8:]), why: malformed},
		{name: "tab inside", token: h + "." + p[:8] + "\t" + p[8:] + "." + sig, why: malformed},
		{name: "NUL at the end", token: token + "\x00", why: malformed},
		{name: "percent sign inside", token: token[:10] + "%00" + token[10:], why: malformed},
		{name: "bytes beyond ASCII", token: "\xff\xfe" + token, why: malformed},
		{name: "letters beyond ASCII", token: "é" + token, why: malformed},
		{name: "empty header", token: "." + p + "." + sig, why: malformed},
		{name: "empty header, signed so", token: hs.segments("", p), why: malformed},
		{name: "empty payload", token: h + ".." + sig, why: malformed},
		{name: "empty payload, signed so", token: hs.segments(h, ""), why: malformed},
		{name: "empty signature", token: h + "." + p + ".", why: malformed},
		{name: "two dots", token: "..", why: malformed},
		{name: "one dot", token: ".", why: malformed},
		// … 2, 4, 5 segments; JSON serialization; 100,000 dots; longer than 16 KiB.
		{name: "1 segment", token: h, why: malformed},
		{name: "2 segments", token: h + "." + p, why: malformed},
		{name: "4 segments", token: token + "." + sig, why: malformed},
		{name: "5 segments", token: token + "." + sig + "." + sig, why: malformed},
		{name: "5 segments, empty ones", token: token + "..", why: malformed},
		{name: "flattened JSON serialization", token: `{"payload":"` + p + `","protected":"` + h + `","signature":"` + sig + `"}`, why: malformed},
		{name: "general JSON serialization", token: `{"payload":"` + p + `","signatures":[{"protected":"` + h + `","signature":"` + sig + `"}]}`, why: malformed},
		{name: "100,000 dots", token: strings.Repeat(".", 100_000), why: malformed},
		{name: "100,000 equal signs behind", token: token + strings.Repeat("=", 100_000), why: malformed},
		{name: "100,000 letters", token: strings.Repeat("A", 100_000), why: malformed},
		{name: "longer than 16 KiB, and signed", token: with("x", `"`+strings.Repeat("x", 16<<10)+`"`), why: malformed},
		{name: "longer than 16 KiB by its payload alone", token: h + "." + strings.Repeat("A", 16<<10) + "." + sig, why: malformed},
		{name: "nearly 16 KiB", token: with("x", `"`+strings.Repeat("x", 11<<10)+`"`), want: passes},
		{name: "500 KB", token: strings.Repeat("A", 500_000), why: malformed},

		// Two Authorization headers, tab, double space, Bearer alone …
		{name: "small letters", lines: []string{"bearer " + token}, want: passes},
		{name: "capitals", lines: []string{"BEARER " + token}, want: passes},
		{name: "space behind", lines: []string{"Bearer " + token + " "}, want: passes}, // not part of a field value (RFC 9110 §5.5)
		{name: "space before", lines: []string{" Bearer " + token}, want: passes},
		{name: "two headers", lines: []string{"Bearer " + token, "Bearer " + token}, want: twoHeaders},
		{name: "two headers, one bad", lines: []string{"Bearer x", "Bearer " + token}, want: twoHeaders},
		{name: "two headers of two schemes", lines: []string{"Basic eDp5", "Bearer " + token}, want: twoHeaders},
		{name: "two headers, one empty", lines: []string{"Bearer " + token, ""}, want: twoHeaders},
		{name: "tab", lines: []string{"Bearer\t" + token}, why: badForm},
		{name: "space and tab", lines: []string{"Bearer \t" + token}, why: malformed},
		{name: "double space", lines: []string{"Bearer  " + token}, want: passes}, // 1*SP, RFC 6750 §2.1
		{name: "Bearer alone", lines: []string{"Bearer"}, why: badForm},
		{name: "Bearer and a space", lines: []string{"Bearer "}, why: badForm},
		{name: "Bearer twice", lines: []string{"Bearer Bearer " + token}, why: malformed},
		{name: "two tokens", lines: []string{"Bearer " + token + " " + token}, why: malformed},
		{name: "comma", lines: []string{"Bearer " + token + "," + token}, why: malformed},
		{name: "two headers in one", lines: []string{"Bearer " + token + ", Bearer " + token}, why: malformed},
		{name: "parameter", lines: []string{"Bearer token=" + token}, why: malformed},
		{name: "quoted", lines: []string{`Bearer "` + token + `"`}, why: malformed},
		{name: "colon", lines: []string{"Bearer:" + token}, why: badForm},
		{name: "no space", lines: []string{"Bearer" + token}, want: nothing},
		{name: "no scheme", lines: []string{token}, want: nothing},
		{name: "other scheme", lines: []string{"Basic " + token}, want: nothing},
		{name: "longer scheme", lines: []string{"BearerX " + token}, want: nothing},
		{name: "empty header line", lines: []string{""}, want: nothing},
		{name: "2 MB", lines: []string{"Bearer " + strings.Repeat("A", 2_000_000)}, want: tooLarge},

		// What is signed by the realm, and no access token.
		{name: "typ absent", token: head(`{"alg":"HS256","kid":"KID"}`), why: badType},
		{name: "typ empty", token: head(`{"alg":"HS256","kid":"KID","typ":""}`), why: badType},
		{name: "typ of an ID token", token: head(`{"alg":"HS256","kid":"KID","typ":"JWT"}`), why: badType},
		{name: "typ of a logout token", token: head(`{"alg":"HS256","kid":"KID","typ":"logout+jwt"}`), why: badType},
		{name: "typ of a client assertion", token: head(`{"alg":"HS256","kid":"KID","typ":"client-authentication+jwt"}`), why: badType},
		{name: "typ array", token: head(`{"alg":"HS256","kid":"KID","typ":["at+jwt"]}`), why: malformed},
		{name: "typ with a parameter", token: head(`{"alg":"HS256","kid":"KID","typ":"at+jwt;x=1"}`), why: badType},
		{name: "typ application/", token: head(`{"alg":"HS256","kid":"KID","typ":"application/"}`), why: badType},
		{name: "typ twice application/", token: head(`{"alg":"HS256","kid":"KID","typ":"application/application/at+jwt"}`), why: badType},
		{name: "typ in full", token: head(`{"alg":"HS256","kid":"KID","typ":"application/at+jwt"}`), want: passes},
		{name: "typ in capitals", token: head(`{"alg":"HS256","kid":"KID","typ":"Application/AT+JWT"}`), want: passes},
		{name: "header empty", token: head(`{}`), why: badType},

		// What is not signed by the realm.
		{name: "signature changed", token: h + "." + p + "." + flip(sig, 3), why: badSign},
		{name: "signature cut short", token: token[:len(token)-3], why: badSign},
		{name: "signature of another token", token: h + "." + p + "." + strings.Split(with("sub", `"bob"`), ".")[2], why: badSign},
		{name: "signature of zeros for ECDSA", token: esToken[:strings.LastIndexByte(esToken, '.')+1] + strings.Repeat("A", 86), why: badSign},
		{name: "claims changed", token: h + "." + b64(payload("roles", `["admin"]`)) + "." + sig, why: badSign},
		{name: "claims no JSON, signature wrong", token: h + "." + b64("no JSON") + "." + sig, why: badSign},
		{name: "expired, signature wrong", token: h + "." + b64(payload("exp", "1")) + "." + sig, why: badSign},
	}

	log := filepath.Join(s.dir, "caddy.log")
	read := fileSize(t, log)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			lines, why := row.lines, row.why
			if row.token != "" {
				lines = []string{"Bearer " + row.token}
				if !token68.MatchString(row.token) {
					why = malformed // refused by its looks, before anything is decoded
				}
			}
			var send []option
			sendable := true
			for _, line := range lines {
				send = append(send, header("Authorization", line))
				sendable = sendable && !strings.ContainsAny(line, "\x00\r\n")
			}
			twice := func(method, path string, check func(answer), send ...option) {
				t.Helper()
				first, err := s.try(method, path, "", send...)
				if err != nil {
					if row.want == tooLarge { // the server hangs up on it
						return
					}
					t.Fatal(err)
				}
				second, err := s.try(method, path, "", send...)
				if err != nil {
					t.Fatal(err)
				}
				check(first)
				sameAnswer(t, path, first, second)
			}
			if sendable {
				for _, path := range []string{"/in", "/admin", "/optional", "/users/me"} {
					twice(http.MethodGet, path, func(a answer) { row.check(t, path, a) }, send...)
				}
				if row.want == refused {
					twice(http.MethodPost, "/refresh", func(a answer) { a.want(t, http.StatusUnauthorized) }, send...)
					twice(http.MethodPost, "/revoke", func(a answer) {
						if a.StatusCode >= http.StatusInternalServerError {
							t.Errorf("/revoke: %d %s", a.StatusCode, a.Body)
						}
					}, send...)
				}
			} else if !strings.HasSuffix(lines[0], "\n") { // where the line would end as it should
				a, err := s.raw("GET /in HTTP/1.1\r\nHost: a\r\nAuthorization: " + lines[0] + "\r\n\r\n")
				// The server itself takes no such header.
				if err != nil || a.StatusCode != http.StatusBadRequest && a.StatusCode != http.StatusUnauthorized {
					t.Errorf("%v %v", a.Response, err)
				}
			}
			reasons := refusals(t, log, &read)
			if row.token != "" && len(row.token) < 200_000 {
				path := "/query?token=" + url.QueryEscape(row.token)
				twice(http.MethodGet, path, func(a answer) { row.check(t, "/query", a) })
				// Nothing is done about its looks here.
				for _, reason := range refusals(t, log, &read) {
					wantReason(t, row, row.why, reason)
				}
			}
			for _, reason := range reasons {
				wantReason(t, row, why, reason)
			}
			if row.want == refused && sendable && len(reasons) < 6 {
				t.Errorf("%d refusals were told of, at three guards twice", len(reasons))
			}
		})
	}
	s.get("/in", bearer(good)).want(t, http.StatusOK) // and nothing of this ended the session
	if n := asked.Load(); n != 0 {
		t.Errorf("a token had the guard ask for a key %d times", n)
	}
	s.wantQuietLog()
}

// check holds an answer against what the row wants of a path.
func (row hostile) check(t *testing.T, path string, a answer) {
	t.Helper()
	switch {
	case row.want == tooLarge:
		a.want(t, http.StatusRequestHeaderFieldsTooLarge)
	case row.want == twoHeaders:
		a.wantRefusal(t, http.StatusBadRequest, `Bearer error="invalid_request"`, "invalid_request", "The request has more than one Authorization header")
	case row.want == refused:
		a.wantInvalidToken(t)
	case row.want == nothing && path == "/optional":
		a.wantBody(t, http.StatusOK, "")
	case row.want == nothing:
		a.wantNothingPresented(t)
	case row.want == powerless && path == "/admin":
		a.wantForbidden(t)
	case path == "/users/me":
		a.want(t, http.StatusOK)
	default:
		a.wantBody(t, http.StatusOK, "alice")
	}
}

// wantReason holds a reason in the log against that of the row. The reason may
// say which check it was, and repeats nothing that the token says.
func wantReason(t *testing.T, row hostile, why, reason string) {
	t.Helper()
	if row.want == refused && !strings.HasPrefix(reason, "401 invalid_token: "+why) {
		t.Errorf("refused by another check: %s, want %s", reason, why)
	}
	for _, said := range []string{"alice", "evil", "first-party", "example.com", "http", "\r", "\n"} {
		if strings.Contains(reason, said) {
			t.Errorf("the reason repeats the token: %s", reason)
		}
	}
}

// TestTwoCookiesOfOneName: what is not ours takes nothing from what is. Where both
// are, and of two users, neither counts.
func TestTwoCookiesOfOneName(t *testing.T) {
	s := start(t, `
		token_server
		jwt_auth /in
		jwt_auth /optional {
			optional
		}
		respond "{http.auth.user.id}"
	`)
	alice, bob, again := s.signIn("alice").CookieValue, s.signIn("bob").CookieValue, s.signIn("alice").CookieValue
	dead := s.signIn("bob")
	s.form("/revoke", "token="+dead.Refresh).want(t, http.StatusOK)
	ended := dead.CookieValue
	for _, row := range []struct {
		name  string
		lines []string
		want  verdictWanted
	}{
		{"one", []string{"jwtauth=" + alice}, passes},
		{"two", []string{"jwtauth=" + alice + "; jwtauth=" + bob}, refused},
		{"the same twice", []string{"jwtauth=" + alice + "; jwtauth=" + alice}, passes},
		{"two in two lines", []string{"jwtauth=" + alice, "jwtauth=" + bob}, refused},
		{"one bad", []string{"jwtauth=x; jwtauth=" + alice}, passes},
		{"one bad, after it", []string{"jwtauth=" + alice + "; jwtauth=x"}, passes},
		{"one empty", []string{"jwtauth=; jwtauth=" + alice}, passes},
		{"many bad", []string{strings.Repeat("jwtauth="+alice[:len(alice)-1]+"A; ", 100) + "jwtauth=" + alice}, passes},
		{"one that has ended", []string{"jwtauth=" + ended + "; jwtauth=" + alice}, passes},
		{"another session of the same user", []string{"jwtauth=" + alice + "; jwtauth=" + again}, passes},
		{"two, and one bad", []string{"jwtauth=x; jwtauth=" + bob + "; jwtauth=" + alice}, refused},
		{"two with the prefix", []string{"__Host-jwtauth=" + alice + "; __Host-jwtauth=" + bob}, refused},
		{"two names, of which one counts", []string{"jwtauth=" + bob + "; __Host-jwtauth=" + alice}, passes},
		{"two cases, of which one counts", []string{"JWTAUTH=" + bob + "; jwtauth=" + alice}, passes},
	} {
		t.Run(row.name, func(t *testing.T) {
			var send []option
			for _, line := range row.lines {
				send = append(send, header("Cookie", line))
			}
			for range 2 {
				if row.want == passes {
					s.get("/in", send...).wantBody(t, http.StatusOK, "alice")
					s.get("/optional", send...).wantBody(t, http.StatusOK, "alice")
					continue
				}
				s.get("/in", send...).wantInvalidToken(t)
				s.get("/optional", send...).wantBody(t, http.StatusOK, "") // a browser cannot help it
				s.get("/users/me", send...).wantInvalidToken(t)
			}
		})
	}
	s.wantQuietLog()
}

const goodHeader = `{"alg":"HS256","kid":"KID","typ":"at+jwt"}`

// token68 is what may stand behind "Bearer" (RFC 6750 §2.1).
var token68 = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// changed writes an object, with some members replaced by the JSON given, or
// removed where that is "".
func changed(members [][2]string, by ...string) string {
	for i := 0; i+1 < len(by); i += 2 {
		at := slices.IndexFunc(members, func(m [2]string) bool { return m[0] == by[i] })
		if at < 0 {
			at, members = len(members), append(members, [2]string{by[i]})
		}
		members[at][1] = by[i+1]
	}
	var list []string
	for _, m := range members {
		if m[1] != "" {
			list = append(list, `"`+m[0]+`":`+m[1])
		}
	}
	return "{" + strings.Join(list, ",") + "}"
}

// fill adds spaces to a text until its length leaves that rest modulo 3.
func fill(text string, rest int) string {
	for len(text)%3 != rest {
		text += " "
	}
	return text
}

// trailingBits sets the lowest bit that decoding throws away.
func trailingBits(segment string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(segment)%4 == 0 {
		panic("this segment has no trailing bits")
	}
	last := strings.IndexByte(alphabet, segment[len(segment)-1])
	return segment[:len(segment)-1] + string(alphabet[last+1])
}

// flip changes one character of a segment.
func flip(segment string, i int) string {
	c := byte('A')
	if segment[i] == c {
		c = 'B'
	}
	return segment[:i] + string(c) + segment[i+1:]
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// refusals are the reasons that guards have logged since the log was read up to
// read.
func refusals(t *testing.T, path string, read *int64) (reasons []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text[*read:])) {
		var entry struct{ Msg, Reason string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("a line of the log is not JSON: %s", line)
		}
		if entry.Msg == "request refused" {
			reasons = append(reasons, entry.Reason)
		}
	}
	*read = int64(len(text))
	return reasons
}
