package accesstoken

import (
	"crypto/rsa"
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// rsaN is the modulus of RFC 7515, Appendix A.2.1.
const rsaN = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR" +
	"T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV" +
	"MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"

// joe is the payload of RFC 7515, Appendix A.1 to A.3.
const joe = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

const joeText = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"

func TestPublishedSignatures(t *testing.T) {
	tests := []struct {
		source  string
		alg     string
		jwk     string
		token   string
		payload string
	}{
		{
			"RFC 7515, Appendix A.1", "HS256",
			`{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`,
			"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + joe + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
			joeText,
		},
		{
			"RFC 7515, Appendix A.2", "RS256", `{"kty":"RSA","e":"AQAB","n":"` + rsaN + `"}`,
			"eyJhbGciOiJSUzI1NiJ9." + joe + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4" +
				"BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
			joeText,
		},
		{
			"RFC 7515, Appendix A.3", "ES256",
			`{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
			"eyJhbGciOiJFUzI1NiJ9." + joe + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
			joeText,
		},
		{
			"RFC 7515, Appendix A.4", "ES512",
			`{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",` +
				`"y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}`,
			"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
			"Payload",
		},
		{
			"RFC 8037, Appendix A.4", "EdDSA",
			`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
			"Example of Ed25519 signing",
		},
	}
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			k, err := ParseJWKAs([]byte(test.jwk), test.alg)
			if err != nil {
				t.Fatal(err)
			}
			payload, err := VerifySignature(test.token, k)
			if err != nil || string(payload) != test.payload {
				t.Fatalf("got %q, %v", payload, err)
			}
			parts := strings.Split(test.token, ".")
			if _, err := VerifySignature(parts[0]+"."+flip(parts[1], 5)+"."+parts[2], k); !errors.Is(err, ErrSignature) {
				t.Errorf("changed payload: %v", err)
			}
			if _, err := VerifySignature(parts[0]+"."+parts[1]+"."+flip(parts[2], 5), k); !errors.Is(err, ErrSignature) {
				t.Errorf("changed signature: %v", err)
			}
		})
	}
}

func TestVerifySignature(t *testing.T) {
	es := testKey(t, "ES256")
	ps := testKey(t, "PS256")
	salted := func(length int) string {
		other := *ps.alg
		other.method = &jwt.SigningMethodRSAPSS{
			SigningMethodRSA: jwt.SigningMethodRS256,
			Options:          &rsa.PSSOptions{SaltLength: length},
		}
		return signRaw(t, &Key{alg: &other, private: ps.private}, `{"alg":"PS256"}`, "x")
	}
	tests := []struct {
		name  string
		token string
		key   *Key
		want  error
	}{
		{"any payload", signRaw(t, es, `{"alg":"ES256"}`, "\x00\xff"), es, nil},
		{"empty payload", signSegments(t, es, b64(`{"alg":"ES256"}`), ""), es, nil},
		{"kid of the key", signRaw(t, es, `{"alg":"ES256","kid":"`+es.ID+`"}`, "x"), es, nil},
		{"kid of another key", signRaw(t, es, `{"alg":"ES256","kid":"x"}`, "x"), es, ErrKey},
		{"no key", signRaw(t, es, `{"alg":"ES256"}`, "x"), nil, ErrKey},
		{"a key that is none", signRaw(t, es, `{"alg":"ES256"}`, "x"), &Key{}, ErrKey},
		{"another alg", signRaw(t, es, `{"alg":"ES384"}`, "x"), es, ErrAlgorithm},
		{"no alg", signRaw(t, es, `{}`, "x"), es, ErrAlgorithm},
		{"jwk", signRaw(t, es, `{"alg":"ES256","jwk":{}}`, "x"), es, ErrMalformed},
		{"PSS with a salt as long as the hash", signRaw(t, ps, `{"alg":"PS256"}`, "x"), ps, nil},
		{"PSS with a salt of 20 bytes", salted(20), ps, ErrSignature},
		{"PSS with the longest salt", salted(rsa.PSSSaltLengthAuto), ps, ErrSignature},
		{"not compact", "x", es, ErrMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			payload, err := VerifySignature(test.token, test.key)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err != nil && payload != nil {
				t.Error("a payload was returned together with an error")
			}
		})
	}
}

func TestPublishedThumbprints(t *testing.T) {
	for _, test := range []struct{ source, jwk, want string }{
		{
			"RFC 7638, §3.1",
			`{"kty":"RSA","alg":"RS256","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}`,
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		},
		{
			"RFC 8037, Appendix A.3",
			`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
		},
	} {
		k, err := ParseJWK([]byte(test.jwk))
		if err != nil {
			t.Fatalf("%s: %v", test.source, err)
		}
		if k.ID != test.want {
			t.Errorf("%s: got %s, want %s", test.source, k.ID, test.want)
		}
	}
}

// The "kid" of an EC key made here is its thumbprint. The key and its "jkt" are
// those of RFC 9449, §4.1 and §6.1.
func TestPublishedThumbprintOfAnECKey(t *testing.T) {
	const (
		jwk = `{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}`
		jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	)
	k, err := ParseJWK([]byte(jwk))
	if err != nil {
		t.Fatal(err)
	}
	if k.ID != jkt || k.Algorithm != "ES256" {
		t.Errorf("got %s, want ES256 and %s", k, jkt)
	}
}
