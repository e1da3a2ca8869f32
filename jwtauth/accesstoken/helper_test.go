package accesstoken

import (
	"encoding/base64"
	"sync"
	"testing"
	"time"
)

const (
	testIssuer   = "https://auth.example.com"
	testAudience = "https://api.example.com"
	testSecret   = "correct-horse-battery-staple-correct-horse-battery-staple-0123456789"
)

// testNow is the time of these tests.
var testNow = time.Unix(1_800_000_000, 0)

// rsaPEM is one RSA key for all tests: making one is slow.
var rsaPEM = sync.OnceValues(func() (string, error) {
	k, err := GenerateKey("RS256")
	if err != nil {
		return "", err
	}
	return k.MarshalPrivate()
})

// testKey returns a key that can sign, with an id.
func testKey(t testing.TB, alg string) *Key {
	t.Helper()
	var k *Key
	var err error
	switch alg[:2] {
	case "RS", "PS":
		text, genErr := rsaPEM()
		if genErr != nil {
			t.Fatal(genErr)
		}
		k, err = ParseKey(alg, text)
	case "HS":
		k, err = ParseKey(alg, testSecret)
		if err == nil {
			k = k.WithID("hmac-" + alg)
		}
	default:
		k, err = GenerateKey(alg)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testSet(t testing.TB, signing *Key, others ...*Key) *KeySet {
	t.Helper()
	set, err := NewKeySet(signing, others...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func testVerifier(set *KeySet) *Verifier {
	return &Verifier{
		Issuer:   testIssuer,
		Audience: []string{"https://other.example.com", testAudience},
		Keys:     func() *KeySet { return set },
		Leeway:   time.Minute,
		Now:      func() time.Time { return testNow },
	}
}

func testClaims() *Claims {
	return &Claims{
		Issuer:    testIssuer,
		Subject:   "alice",
		Audience:  []string{testAudience},
		ClientID:  "first-party",
		IssuedAt:  testNow,
		ExpiresAt: testNow.Add(15 * time.Minute),
		ID:        "store1-jti",
		SessionID: "store1-sid",
		Roles:     []string{"admin", "editor"},
		Scope:     "read write",
		Extra:     map[string]any{"tenant": "acme"},
	}
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// signRaw signs any header and payload, also those that Sign refuses.
func signRaw(t testing.TB, k *Key, header, payload string) string {
	t.Helper()
	return signSegments(t, k, b64(header), b64(payload))
}

// signSegments signs encoded segments as they are.
func signSegments(t testing.TB, k *Key, header, payload string) string {
	t.Helper()
	sig, err := k.alg.method.Sign(header+"."+payload, k.private)
	if err != nil {
		t.Fatal(err)
	}
	return header + "." + payload + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// asSigned are the claims of a verified token, as they would be signed again.
func asSigned(c *Claims) *Claims {
	signed := *c
	signed.Extra = c.others.values()
	signed.others, signed.held = nil, 0
	return &signed
}
