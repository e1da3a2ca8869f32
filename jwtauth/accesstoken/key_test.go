package accesstoken

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

func TestAlgorithmsRoundTrip(t *testing.T) {
	for _, alg := range Algorithms() {
		t.Run(alg, func(t *testing.T) {
			k := testKey(t, alg)
			set := testSet(t, k)
			token, err := set.Sign(testClaims())
			if err != nil {
				t.Fatal(err)
			}
			claims, err := testVerifier(set).Verify(token)
			if err != nil || claims.Subject != "alice" || len(claims.Roles) != 2 || asSigned(claims).Extra["tenant"] != "acme" {
				t.Fatalf("got %v, %v", claims, err)
			}
			// The stored key is read back as the same key, with the same id.
			text, err := k.MarshalPrivate()
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseKey(alg, text)
			if err != nil {
				t.Fatal(err)
			}
			if !again.SameMaterial(k) || !again.CanSign() || again.Algorithm != alg {
				t.Error("the stored key is another one")
			}
			if k.Symmetric() {
				if again.ID != "" {
					t.Errorf("an HMAC key got the id %q from its material", again.ID)
				}
				again = again.WithID(k.ID)
			}
			if again.ID != k.ID {
				t.Errorf("id %q became %q", k.ID, again.ID)
			}
			if _, err := testVerifier(testSet(t, again)).Verify(token); err != nil {
				t.Errorf("the stored key does not verify: %v", err)
			}
			if again.Fingerprint([]byte("f")) != k.Fingerprint([]byte("f")) {
				t.Error("the fingerprints differ")
			}
		})
	}
}

func TestGenerateKey(t *testing.T) {
	for _, alg := range []string{"HS256", "HS384", "HS512", "ES256", "ES384", "ES512", "EdDSA", "PS256"} {
		a, err := GenerateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		if !a.CanSign() || a.ID == "" || a.Algorithm != alg {
			t.Errorf("%s: %v", alg, a)
		}
		if a.Symmetric() {
			b, err := GenerateKey(alg)
			if err != nil {
				t.Fatal(err)
			}
			if a.SameMaterial(b) || a.ID == b.ID {
				t.Errorf("%s: two new keys are the same", alg)
			}
		}
	}
	if _, err := GenerateKey("none"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("none: %v", err)
	}
}

func TestParseSecret(t *testing.T) {
	raw := bytes.Repeat([]byte{0xfb, 0xef, 0xbe, 0x01, 0x7f}, 13) // 65 bytes, both alphabets differ
	hs := func(alg, material string) func(*testing.T) (*Key, error) {
		return func(*testing.T) (*Key, error) { return ParseKey(alg, material) }
	}
	tests := []struct {
		name     string
		alg      string
		material string
		want     error
		secret   []byte
	}{
		{"bytes of the string", "HS256", strings.Repeat("k", 32), nil, []byte(strings.Repeat("k", 32))},
		{"64 for HS512", "HS512", strings.Repeat("k", 64), nil, []byte(strings.Repeat("k", 64))},
		{"not decoded without base64:", "HS256", base64.StdEncoding.EncodeToString(raw), nil, []byte(base64.StdEncoding.EncodeToString(raw))},
		{"base64 standard", "HS512", "base64:" + base64.StdEncoding.EncodeToString(raw), nil, raw},
		{"base64 standard, unpadded", "HS512", "base64:" + base64.RawStdEncoding.EncodeToString(raw), nil, raw},
		{"base64 URL", "HS512", "base64:" + base64.URLEncoding.EncodeToString(raw), nil, raw},
		{"base64 URL, unpadded", "HS512", "base64:" + base64.RawURLEncoding.EncodeToString(raw), nil, raw},
		{"base64 with a line break at the end", "HS512", "base64:" + base64.StdEncoding.EncodeToString(raw) + "\n", nil, raw},
		{"base64 of 32 bytes", "HS256", "base64:" + base64.StdEncoding.EncodeToString(raw[:32]), nil, raw[:32]},
		{"empty", "HS256", "", ErrWeakKey, nil},
		{"the tutorial's", "HS256", "your-secret-key", ErrWeakKey, nil},
		{"31 bytes", "HS256", strings.Repeat("k", 31), ErrWeakKey, nil},
		{"47 bytes for HS384", "HS384", strings.Repeat("k", 47), ErrWeakKey, nil},
		{"63 bytes for HS512", "HS512", strings.Repeat("k", 63), ErrWeakKey, nil},
		{"base64 empty", "HS256", "base64:", ErrWeakKey, nil},
		{"base64 of 31 bytes, in 44 characters", "HS256", "base64:" + base64.StdEncoding.EncodeToString(raw[:31]), ErrWeakKey, nil},
		{"base64 of both alphabets", "HS256", "base64:" + strings.Repeat("-+", 32), ErrKeyFormat, nil},
		{"base64 broken", "HS256", "base64:" + strings.Repeat("!", 64), ErrKeyFormat, nil},
		{"base64 with a line break inside", "HS256", "base64:" + strings.Repeat("A", 40) + "\n" + strings.Repeat("A", 40), ErrKeyFormat, nil},
		{"base64 with trailing bits", "HS256", "base64:" + strings.Repeat("A", 42) + "B", ErrKeyFormat, nil},
		{"base64 with padding missing in part", "HS256", "base64:" + base64.StdEncoding.EncodeToString(raw[:34])[:47], ErrKeyFormat, nil},
		{"a public key", "HS256", publicPEM(t, testKey(t, "ES256")), ErrKeyFit, nil},
		{"a private key", "HS256", mustPrivate(t, testKey(t, "ES256")), ErrKeyFit, nil},
		{"a placeholder", "HS256", "{env.THE_SECRET_FOR_SIGNING_ACCESS_TOKENS}", ErrKeyFormat, nil},
		{"a placeholder of the Caddyfile", "HS256", "{$THE_SECRET_FOR_SIGNING_ACCESS_TOKENS}", ErrKeyFormat, nil},
		{"unknown algorithm", "HS128", strings.Repeat("k", 64), ErrUnsupported, nil},
		{"lower case", "hs256", strings.Repeat("k", 64), ErrUnsupported, nil},
		{"none", "none", "", ErrUnsupported, nil},
		{"no algorithm", "", strings.Repeat("k", 64), ErrUnsupported, nil},
		{"swapped", strings.Repeat("k", 64), "HS256", ErrUnsupported, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k, err := hs(test.alg, test.material)(t)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if err != nil {
				if len(test.material) > 8 && strings.Contains(err.Error(), test.material) || strings.Contains(err.Error(), "kkk") {
					t.Errorf("error holds the secret: %v", err)
				}
				return
			}
			if !bytes.Equal(k.public.([]byte), test.secret) {
				t.Errorf("the secret is %q", k.public)
			}
		})
	}
	_, err := ParseKey("HS256", "your-secret-key")
	if err == nil || !strings.Contains(err.Error(), "openssl rand -base64 48") {
		t.Errorf("error does not say how to make a good secret: %v", err)
	}
	_, err = ParseKey(strings.Repeat("k", 64), "HS256")
	if err == nil || !strings.Contains(err.Error(), "comes before") {
		t.Errorf("error does not say that the arguments are swapped: %v", err)
	}
}

func publicPEM(t testing.TB, k *Key) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("PUBLIC KEY", der)
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func mustPrivate(t testing.TB, k *Key) string {
	t.Helper()
	text, err := k.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestParsePEM(t *testing.T) {
	es, rs, ed := testKey(t, "ES256"), testKey(t, "RS256"), testKey(t, "EdDSA")
	esKey, rsKey := es.private.(*ecdsa.PrivateKey), rs.private.(*rsa.PrivateKey)
	sec1, err := x509.MarshalECPrivateKey(esKey)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p224DER, err := x509.MarshalPKCS8PrivateKey(p224)
	if err != nil {
		t.Fatal(err)
	}
	short, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537})
	if err != nil {
		t.Fatal(err)
	}
	// 1 + m·t, where m is the product of the odd primes to 167: a modulus that a
	// generator with CVE-2017-15361 may make.
	broken := big.NewInt(1)
	for p := int64(3); p <= 167; p += 2 {
		if big.NewInt(p).ProbablyPrime(0) {
			broken.Mul(broken, big.NewInt(p))
		}
	}
	broken.Lsh(broken, uint(2100-broken.BitLen()))
	broken.Add(broken, big.NewInt(1))
	modulus := func(n *big.Int) string {
		return pemText("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n, E: 65537}))
	}
	long := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 8192), big.NewInt(1))
	exponent := func(e int) string {
		return pemText("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: rsKey.N, E: e}))
	}
	// The scalar of one key with the stated point of another.
	otherPoint, err := testKey(t, "ES256").public.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	ownPoint, err := esKey.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	swap := func(der []byte) []byte { return bytes.ReplaceAll(der, ownPoint, otherPoint) }
	esPEM := mustPrivate(t, es)
	oneLine := strings.ReplaceAll(esPEM, "\n", `\n`)
	crossed := new(rsa.PrivateKey)
	*crossed = *rsKey
	crossed.D = new(big.Int).Add(rsKey.D, big.NewInt(2))
	crossed.Precomputed = rsa.PrecomputedValues{}

	tests := []struct {
		name     string
		alg      string
		material string
		want     error
		sign     bool
		id       string
	}{
		{"EC in PKCS#8", "ES256", esPEM, nil, true, es.ID},
		{"EC in SEC1", "ES256", pemText("EC PRIVATE KEY", sec1), nil, true, es.ID},
		{"EC with its parameters in front", "ES256", pemText("EC PARAMETERS", []byte{6, 0}) + pemText("EC PRIVATE KEY", sec1), nil, true, es.ID},
		{"EC public", "ES256", publicPEM(t, es), nil, false, es.ID},
		{"RSA in PKCS#8", "RS256", mustPrivate(t, rs), nil, true, rs.ID},
		{"RSA in PKCS#1", "PS384", pemText("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsKey)), nil, true, rs.ID},
		{"RSA public", "RS512", publicPEM(t, rs), nil, false, rs.ID},
		{"RSA public in PKCS#1", "PS512", exponent(65537), nil, false, rs.ID},
		{"Ed25519", "EdDSA", mustPrivate(t, ed), nil, true, ed.ID},
		{"Ed25519 public", "EdDSA", publicPEM(t, ed), nil, false, ed.ID},
		{"on one line", "ES256", oneLine, nil, true, es.ID},
		{"on one line with CR", "ES256", strings.ReplaceAll(esPEM, "\n", `\r\n`), nil, true, es.ID},
		{"CR LF", "ES256", strings.ReplaceAll(esPEM, "\n", "\r\n"), nil, true, es.ID},
		{"text around it", "ES256", "my key\n" + esPEM + "\n\n", nil, true, es.ID},

		{"empty", "ES256", "", ErrKeyFormat, false, ""},
		{"a secret", "ES256", strings.Repeat("k", 64), ErrKeyFormat, false, ""},
		{"only the first line", "ES256", "-----BEGIN PRIVATE KEY-----", ErrKeyFormat, false, ""},
		{"cut off", "ES256", esPEM[:len(esPEM)/2], ErrKeyFormat, false, ""},
		{"not a key inside", "ES256", pemText("PRIVATE KEY", []byte("hello")), ErrKeyFormat, false, ""},
		{"empty inside", "ES256", pemText("PRIVATE KEY", nil), ErrKeyFormat, false, ""},
		{"two keys", "ES256", esPEM + esPEM, ErrKeyFormat, false, ""},
		{"key and certificate", "ES256", esPEM + pemText("CERTIFICATE", []byte{1}), ErrKeyFormat, false, ""},
		{"certificate", "ES256", pemText("CERTIFICATE", []byte{1}), ErrKeyFormat, false, ""},
		{"encrypted", "ES256", pemText("ENCRYPTED PRIVATE KEY", []byte{1}), ErrKeyFormat, false, ""},
		{"encrypted the old way", "RS256", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", ErrKeyFormat, false, ""},
		{"parameters only", "ES256", pemText("EC PARAMETERS", []byte{6, 0}), ErrKeyFormat, false, ""},
		{"SSH", "EdDSA", pemText("OPENSSH PRIVATE KEY", []byte{1}), ErrKeyFormat, false, ""},
		{"EC point of another key, PKCS#8", "ES256", pemText("PRIVATE KEY", swap(es.material)), ErrKeyFormat, false, ""},
		{"EC point of another key, SEC1", "ES256", pemText("EC PRIVATE KEY", swap(sec1)), ErrKeyFormat, false, ""},
		{"RSA halves of two keys", "RS256", pemText("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(crossed)), ErrKeyFormat, false, ""},

		{"P-256 for ES384", "ES384", esPEM, ErrKeyFit, false, ""},
		{"P-256 for ES512", "ES512", publicPEM(t, es), ErrKeyFit, false, ""},
		{"P-224", "ES256", pemText("PRIVATE KEY", p224DER), ErrKeyFit, false, ""},
		{"EC for RS256", "RS256", esPEM, ErrKeyFit, false, ""},
		{"RSA for ES256", "ES256", mustPrivate(t, rs), ErrKeyFit, false, ""},
		{"RSA for EdDSA", "EdDSA", publicPEM(t, rs), ErrKeyFit, false, ""},
		{"Ed25519 for ES256", "ES256", mustPrivate(t, ed), ErrKeyFit, false, ""},
		{"RSA of 1024 bits", "RS256", pemText("PUBLIC KEY", short), ErrWeakKey, false, ""},
		{"RSA of 8193 bits", "RS256", modulus(long), ErrWeakKey, false, ""},
		{"RSA of a broken generator", "RS256", modulus(broken), ErrWeakKey, false, ""},
		{"RSA modulus even", "RS256", modulus(new(big.Int).Lsh(big.NewInt(1), 2048)), ErrKeyFormat, false, ""},
		{"RSA exponent 3", "RS256", exponent(3), ErrWeakKey, false, ""},
		{"RSA exponent even", "RS256", exponent(65538), ErrWeakKey, false, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k, err := ParseKey(test.alg, test.material)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if err != nil {
				for _, line := range strings.Split(test.material, "\n") {
					if len(line) > 30 && !strings.HasPrefix(line, "-----") && strings.Contains(err.Error(), line) {
						t.Errorf("error holds the key: %v", err)
					}
				}
				return
			}
			if k.CanSign() != test.sign || k.ID != test.id || k.Algorithm != test.alg {
				t.Errorf("got %v, signs: %v", k, k.CanSign())
			}
			if _, err := k.MarshalPrivate(); (err == nil) != test.sign {
				t.Errorf("MarshalPrivate: %v", err)
			}
		})
	}
}

func TestKeyNeverPrinted(t *testing.T) {
	for _, alg := range []string{"HS256", "ES256", "RS256", "EdDSA"} {
		k := testKey(t, alg).WithID("the-id")
		var printed []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
			printed = append(printed, fmt.Sprintf(verb, k), fmt.Sprintf(verb, *k), fmt.Sprintf(verb, []*Key{k}), fmt.Sprintf(verb, []Key{*k}))
		}
		asJSON, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		printed = append(printed, string(asJSON))
		for _, text := range printed {
			if !strings.Contains(text, "the-id") || len(text) > 60 || strings.Contains(text, "correct") || strings.Contains(text, fmt.Sprintf("%x", testSecret[:8])) {
				t.Errorf("%s is printed as %s", alg, text)
			}
		}
	}
}

func TestSameMaterialAndFingerprint(t *testing.T) {
	parse := func(alg, material string) *Key {
		k, err := ParseKey(alg, material)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	a := parse("HS256", testSecret)
	es := testKey(t, "ES256")
	others := map[string]*Key{
		"another secret":             parse("HS256", testSecret+"x"),
		"the secret for another alg": parse("HS512", testSecret),
		"an EC key":                  es,
	}
	if !a.SameMaterial(parse("HS256", "base64:"+base64.StdEncoding.EncodeToString([]byte(testSecret))).WithID("x")) {
		t.Error("the same secret under another id is not the same")
	}
	for name, k := range others {
		if a.SameMaterial(k) || k.SameMaterial(a) {
			t.Errorf("%s is the same", name)
		}
		if a.Fingerprint([]byte("f")) == k.Fingerprint([]byte("f")) {
			t.Errorf("%s has the same fingerprint", name)
		}
	}
	if es.SameMaterial(parse("ES256", publicPEM(t, es))) {
		t.Error("the public half is the same as the pair")
	}
	if a.SameMaterial(nil) {
		t.Error("no key is the same")
	}
	if a.Fingerprint([]byte("f")) == a.Fingerprint([]byte("g")) {
		t.Error("the fingerprint does not depend on its key")
	}
}

func TestRandomKeyID(t *testing.T) {
	if a, b := RandomKeyID(), RandomKeyID(); a == b || len(a) < 22 || len(a) > maxKeyID {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestNewKeySet(t *testing.T) {
	hs, es := testKey(t, "HS256"), testKey(t, "ES256")
	verifyOnly, err := ParseKey("ES256", publicPEM(t, es))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		signing *Key
		others  []*Key
		want    error
	}{
		{"one", es, nil, nil},
		{"two", es, []*Key{hs}, nil},
		{"only verifying", nil, []*Key{verifyOnly}, nil},
		{"empty", nil, nil, nil},
		{"signing without a private half", verifyOnly, nil, ErrKeyFit},
		{"the same twice", es, []*Key{es}, ErrKeyFit},
		{"two of one id", es, []*Key{hs.WithID(es.ID)}, ErrKeyFit},
		{"no id", hs.WithID(""), nil, ErrKeyFit},
		{"id too long to be looked up", hs.WithID(strings.Repeat("x", 257)), nil, ErrKeyFit},
		{"id not text", hs.WithID("\xff"), nil, ErrKeyFit},
		{"nil among others", es, []*Key{nil}, ErrKeyFit},
		{"a key that is none", es, []*Key{{ID: "x"}}, ErrKeyFit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			set, err := NewKeySet(test.signing, test.others...)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if err == nil && (set.SigningKey() != test.signing || len(set.All()) != len(set.byID)) {
				t.Errorf("got %v of %v", set.SigningKey(), set.All())
			}
		})
	}
	set := testSet(t, es, hs)
	set.All()[0] = nil
	if set.All()[0] != es || set.Lookup(hs.ID) != hs || set.Lookup("x") != nil || set.Lookup("") != nil {
		t.Error("the set changed or finds other keys")
	}
	var none *KeySet
	if none.SigningKey() != nil || none.Lookup("x") != nil || none.All() != nil {
		t.Error("a nil set is not empty")
	}
}

// An old key goes on verifying when a new one signs.
func TestRotation(t *testing.T) {
	old, fresh := testKey(t, "ES256"), testKey(t, "HS256")
	before, err := testSet(t, old, fresh).Sign(testClaims())
	if err != nil {
		t.Fatal(err)
	}
	after := testSet(t, fresh, old)
	if _, err := testVerifier(after).Verify(before); err != nil {
		t.Errorf("after the rotation: %v", err)
	}
	if _, err := testVerifier(testSet(t, fresh)).Verify(before); !errors.Is(err, ErrKey) {
		t.Errorf("after the old key is gone: %v", err)
	}
}
