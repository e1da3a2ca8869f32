package accesstoken

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestMarshalJWKS(t *testing.T) {
	var keys []*Key
	for _, alg := range []string{"HS256", "ES256", "ES384", "ES512", "EdDSA", "RS256", "HS512"} {
		keys = append(keys, testKey(t, alg))
	}
	keys = append(keys, testKey(t, "PS256").WithID("second-use"))
	data, err := MarshalJWKS(keys)
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 6 {
		t.Fatalf("%d keys are published: %s", len(set.Keys), data)
	}
	allowed := map[string][]string{
		"EC":  {"alg", "crv", "kid", "kty", "use", "x", "y"},
		"OKP": {"alg", "crv", "kid", "kty", "use", "x"},
		"RSA": {"alg", "e", "kid", "kty", "n", "use"},
	}
	for _, j := range set.Keys {
		var names []string
		for name := range j {
			names = append(names, name)
		}
		slices.Sort(names)
		if !slices.Equal(names, allowed[j["kty"].(string)]) {
			t.Errorf("a %v key is published with %v", j["kty"], names)
		}
		if j["use"] != "sig" {
			t.Errorf("use is %v", j["use"])
		}
	}
	if strings.Contains(string(data), testSecret[:10]) || strings.Contains(string(data), "oct") {
		t.Errorf("a symmetric key is published: %s", data)
	}

	// The published keys verify what is signed, and cannot sign.
	parsed, err := ParseJWKS(data)
	if err != nil || len(parsed) != 6 {
		t.Fatalf("%v, %v", parsed, err)
	}
	public := testSet(t, nil, parsed...)
	for _, k := range keys {
		token, err := testSet(t, k).Sign(testClaims())
		if err != nil {
			t.Fatal(err)
		}
		var want error
		if k.Symmetric() {
			want = ErrKey
		}
		if _, err := testVerifier(public).Verify(token); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", k, err, want)
		}
	}
	for _, k := range parsed {
		if k.CanSign() {
			t.Errorf("%s can sign", k)
		}
	}

	if data, err := MarshalJWKS([]*Key{testKey(t, "HS256")}); err != nil || string(data) != `{"keys":[]}` {
		t.Errorf("only symmetric: %s, %v", data, err)
	}
	es := testKey(t, "ES256")
	for name, bad := range map[string][]*Key{"twice": {es, es}, "no id": {es.WithID("")}} {
		if _, err := MarshalJWKS(bad); !errors.Is(err, ErrKeyFit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseJWK(t *testing.T) {
	const (
		x    = `"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"`
		y    = `"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"`
		base = `"kty":"EC","crv":"P-256","x":` + x + `,"y":` + y
		k    = `"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"`
		n    = `"` + rsaN + `"`
	)
	tests := []struct {
		name string
		jwk  string
		want error
	}{
		{"curve decides", `{` + base + `}`, nil},
		{"with everything", `{` + base + `,"alg":"ES256","use":"sig","key_ops":["verify"],"kid":"1","x5t":"ignored","other":{"a":1}}`, nil},
		{"symmetric", `{"kty":"oct","alg":"HS256","k":` + k + `}`, nil},
		{"RSA", `{"kty":"RSA","alg":"PS256","e":"AQAB","n":` + n + `}`, nil},
		{"key_ops of a symmetric key", `{"kty":"oct","alg":"HS256","key_ops":["sign","verify"],"k":` + k + `}`, nil},
		{"x5u is not followed", `{` + base + `,"x5u":"http://127.0.0.1:1/"}`, nil},

		{"RSA without alg", `{"kty":"RSA","e":"AQAB","n":` + n + `}`, ErrKeyFit},
		{"symmetric without alg", `{"kty":"oct","k":` + k + `}`, ErrKeyFit},
		{"use enc", `{` + base + `,"use":"enc"}`, ErrKeyFit},
		{"use in capitals", `{` + base + `,"use":"SIG"}`, ErrKeyFit},
		{"use number", `{` + base + `,"use":1}`, ErrKeyFormat},
		{"key_ops without verify", `{` + base + `,"key_ops":["sign"]}`, ErrKeyFit},
		{"key_ops empty", `{` + base + `,"key_ops":[]}`, ErrKeyFit},
		{"key_ops string", `{` + base + `,"key_ops":"verify"}`, ErrKeyFormat},
		{"key_ops in one string", `{` + base + `,"key_ops":["sign, verify"]}`, ErrKeyFit},
		{"alg of another curve", `{` + base + `,"alg":"ES384"}`, ErrKeyFit},
		{"alg of another kind", `{` + base + `,"alg":"RS256"}`, ErrKeyFit},
		{"alg HS256 of an EC key", `{` + base + `,"alg":"HS256"}`, ErrKeyFit},
		{"alg of encryption", `{` + base + `,"alg":"ECDH-ES"}`, ErrUnsupported},
		{"alg none", `{` + base + `,"alg":"none"}`, ErrUnsupported},
		{"alg in lower case", `{` + base + `,"alg":"es256"}`, ErrUnsupported},
		{"alg array", `{` + base + `,"alg":["ES256"]}`, ErrKeyFormat},
		{"private EC", `{` + base + `,"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`, ErrKeyFit},
		{"private member null", `{` + base + `,"d":null}`, ErrKeyFit},
		{"private RSA", `{"kty":"RSA","alg":"RS256","e":"AQAB","n":` + n + `,"p":"AQ"}`, ErrKeyFit},
		{"kid too long", `{` + base + `,"kid":"` + strings.Repeat("k", 257) + `"}`, ErrKeyFormat},
		{"kid number", `{` + base + `,"kid":1}`, ErrKeyFormat},
		{"kty missing", `{"crv":"P-256","x":` + x + `,"y":` + y + `}`, ErrKeyFit},
		{"kty RSA of an EC key", `{"kty":"RSA","crv":"P-256","alg":"ES256","x":` + x + `,"y":` + y + `}`, ErrKeyFit},
		{"curve of another alg", `{"kty":"EC","alg":"ES256","crv":"P-384","x":` + x + `,"y":` + y + `}`, ErrKeyFit},
		{"curve unknown", `{"kty":"EC","crv":"secp256k1","x":` + x + `,"y":` + y + `}`, ErrKeyFit},
		{"Ed448", `{"kty":"OKP","crv":"Ed448","alg":"EdDSA","x":` + x + `}`, ErrKeyFit},
		{"X25519", `{"kty":"OKP","crv":"X25519","x":` + x + `}`, ErrKeyFit},
		{"point not on the curve", `{"kty":"EC","crv":"P-256","x":` + y + `,"y":` + x + `}`, ErrKeyFormat},
		{"point at zero", `{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`, ErrKeyFormat},
		{"coordinate missing", `{"kty":"EC","crv":"P-256","x":` + x + `}`, ErrKeyFormat},
		{"coordinate short", `{"kty":"EC","crv":"P-256","x":"AQ","y":` + y + `}`, ErrKeyFormat},
		{"coordinate padded", `{"kty":"EC","crv":"P-256","x":` + x[:len(x)-1] + `=","y":` + y + `}`, ErrKeyFormat},
		{"coordinate with a line break", `{"kty":"EC","crv":"P-256","x":` + x[:9] + `\n` + x[9:] + `,"y":` + y + `}`, ErrKeyFormat},
		{"Ed25519 short", `{"kty":"OKP","crv":"Ed25519","x":"AQ"}`, ErrKeyFormat},
		{"symmetric short", `{"kty":"oct","alg":"HS256","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg"}`, ErrWeakKey},
		{"symmetric empty", `{"kty":"oct","alg":"HS256","k":""}`, ErrKeyFormat},
		{"symmetric missing", `{"kty":"oct","alg":"HS256"}`, ErrKeyFormat},
		{"RSA exponent 1", `{"kty":"RSA","alg":"RS256","e":"AQ","n":` + n + `}`, ErrWeakKey},
		{"RSA exponent of 2^40", `{"kty":"RSA","alg":"RS256","e":"AQAAAAAB","n":` + n + `}`, ErrKeyFormat},
		{"RSA exponent of 2^31", `{"kty":"RSA","alg":"RS256","e":"gAAAAQ","n":` + n + `}`, ErrWeakKey},
		{"RSA exponent with zeros in front", `{"kty":"RSA","alg":"RS256","e":"AAEAAQ","n":` + n + `}`, ErrKeyFormat},
		{"RSA modulus short", `{"kty":"RSA","alg":"RS256","e":"AQAB","n":"` + strings.Repeat("_", 172) + `"}`, ErrWeakKey},
		{"RSA modulus huge", `{"kty":"RSA","alg":"RS256","e":"AQAB","n":"` + strings.Repeat("____", 5000) + `"}`, ErrKeyFormat},
		{"RSA modulus missing", `{"kty":"RSA","alg":"RS256","e":"AQAB"}`, ErrKeyFormat},
		{"duplicate member", `{` + base + `,"alg":"ES256","alg":"ES256"}`, ErrKeyFormat},
		{"another case", `{"KTY":"EC","crv":"P-256","x":` + x + `,"y":` + y + `}`, ErrKeyFit},
		{"trailing data", `{` + base + `}{}`, ErrKeyFormat},
		{"array", `[{` + base + `}]`, ErrKeyFormat},
		{"null", `null`, ErrKeyFit},
		{"empty", ``, ErrKeyFormat},
		{"longer than may be", `{` + base + `,"z":"` + strings.Repeat("z", MaxJWKS) + `"}`, ErrKeyFormat},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			key, err := ParseJWK([]byte(test.jwk))
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if err == nil && key.CanSign() != key.Symmetric() {
				t.Errorf("%v can sign: %v", key, key.CanSign())
			}
		})
	}
	if key, err := ParseJWKAs([]byte(`{"kty":"RSA","e":"AQAB","n":`+n+`}`), "PS512"); err != nil || key.Algorithm != "PS512" {
		t.Errorf("pinned: %v, %v", key, err)
	}
	if _, err := ParseJWKAs([]byte(`{"kty":"RSA","alg":"RS256","e":"AQAB","n":`+n+`}`), "PS512"); !errors.Is(err, ErrKeyFit) {
		t.Errorf("pinned to another algorithm than the key says: %v", err)
	}
	if key, err := ParseJWK([]byte(`{` + base + `,"kid":"mine"}`)); err != nil || key.ID != "mine" {
		t.Errorf("kid: %v, %v", key, err)
	}
	if key, err := ParseJWK([]byte(`{"kty":"oct","alg":"HS256","k":` + k + `}`)); err != nil || key.ID != "" {
		t.Errorf("an HMAC key got an id of its material: %v, %v", key, err)
	}
}

func TestParseJWKS(t *testing.T) {
	const good = `{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	const secret = `{"kty":"oct","alg":"HS256","kid":"s","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`
	tests := []struct {
		name string
		set  string
		keys int
		want error
	}{
		{"one", `{"keys":[` + good + `]}`, 1, nil},
		{"none", `{"keys":[]}`, 0, nil},
		{"symmetric keys are passed over", `{"keys":[` + secret + `,` + good + `]}`, 1, nil},
		{"so are private ones", `{"keys":[` + strings.Replace(good, `"kid":"a"`, `"kid":"b","d":"AQ"`, 1) + `]}`, 0, nil},
		{"and unknown ones", `{"keys":[{"kty":"XYZ"},{},` + good + `]}`, 1, nil},
		{"other members", `{"keys":[` + good + `],"x":1}`, 1, nil},
		{"two of one id", `{"keys":[` + good + `,` + good + `]}`, 0, ErrKeyFormat},
		{"no keys", `{}`, 0, ErrKeyFormat},
		{"keys null", `{"keys":null}`, 0, ErrKeyFormat},
		{"keys object", `{"keys":{}}`, 0, ErrKeyFormat},
		{"duplicate keys", `{"keys":[],"keys":[` + good + `]}`, 0, ErrKeyFormat},
		{"HTML", `<html>`, 0, ErrKeyFormat},
		{"empty", ``, 0, ErrKeyFormat},
		{"nested deep", strings.Repeat(`{"keys":[`, 20000), 0, ErrKeyFormat},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			keys, err := ParseJWKS([]byte(test.set))
			if !errors.Is(err, test.want) || len(keys) != test.keys {
				t.Errorf("got %v, %v", keys, err)
			}
		})
	}
}
