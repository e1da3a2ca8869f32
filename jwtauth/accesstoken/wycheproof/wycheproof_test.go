// Package wycheproof tests package accesstoken with the vectors of Project
// Wycheproof (https://github.com/c2sp/wycheproof).
package wycheproof

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
)

// How many vectors each file has. If a new release of the data has more or fewer,
// these numbers have to be changed by hand.
const (
	signatures  = 401
	keySets     = 26
	encryptions = 139
)

// file holds the parts of a file of vectors that these tests read.
type file struct {
	NumberOfTests int     `json:"numberOfTests"`
	TestGroups    []group `json:"testGroups"`
}

// group is vectors that share a JWK or, in json_web_key_test.json, a JWK Set.
type group struct {
	Comment string `json:"comment"`
	// Private is the only member where the keys are symmetric.
	Private json.RawMessage `json:"private"`
	Public  json.RawMessage `json:"public"`
	Tests   []vector        `json:"tests"`
}

// verifying returns the keys that a verifier gets.
func (g group) verifying() json.RawMessage {
	if g.Public != nil {
		return g.Public
	}
	return g.Private
}

type vector struct {
	ID      int    `json:"tcId"`
	Comment string `json:"comment"`
	JWS     string `json:"jws"`
	JWE     string `json:"jwe"`
	Result  string `json:"result"`
}

// each runs a subtest for every vector of a file. It fails if a vector is missing,
// occurs twice or is neither valid nor invalid.
func each(t *testing.T, name string, count int, run func(t *testing.T, g group, v vector, valid bool)) {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	seen := make(map[int]bool)
	for _, g := range f.TestGroups {
		for _, v := range g.Tests {
			if seen[v.ID] {
				t.Errorf("vector %d is there twice", v.ID)
			}
			if v.Result != "valid" && v.Result != "invalid" {
				t.Fatalf("vector %d: result %q is no verdict", v.ID, v.Result)
			}
			if t.Run(strconv.Itoa(v.ID), func(t *testing.T) { run(t, g, v, v.Result == "valid") }) {
				seen[v.ID] = true
			}
		}
	}
	if len(seen) != count || f.NumberOfTests != count {
		t.Errorf("%d of %d vectors hold, and the file says it has %d", len(seen), count, f.NumberOfTests)
	}
}

// defect is a vector whose result these tests do not follow, with the proof that
// the vector is wrong.
type defect struct {
	reason string
	// accept replaces the vector's result.
	accept bool
	// refusal is the error where accept is false.
	refusal error
	// is proves the reason.
	is func(g group, v vector) bool
}

// signatureDefects are the defects of json_web_signature_test.json.
func signatureDefects(valid357 string) map[int]defect {
	identical := defect{
		reason: "marked invalid for a character that is not in it: it is the valid vector 357",
		accept: true, is: func(_ group, v vector) bool { return v.JWS == valid357 },
	}
	questionMark := defect{
		reason:  "marked valid with a ? in it, which is not base64url (RFC 7515 §2)",
		refusal: accesstoken.ErrMalformed, is: func(_ group, v vector) bool { return strings.Contains(v.JWS, "?") },
	}
	disagree := defect{
		reason:  "marked valid where header and JWK name two algorithms",
		refusal: accesstoken.ErrAlgorithm, is: func(g group, v vector) bool { return headerAlg(v.JWS) == "PS384" && jwkAlg(g) == "PS256" },
	}
	unknown := defect{
		reason:  "marked valid with a JWK of the algorithm ES521, which does not exist (RFC 7518 §3.1: ES512)",
		refusal: accesstoken.ErrUnsupported, is: func(g group, v vector) bool { return headerAlg(v.JWS) == "ES512" && jwkAlg(g) == "ES521" },
	}
	return map[int]defect{
		346: disagree, 350: disagree, 347: unknown, 351: unknown,
		367: identical, 370: identical, 372: questionMark, 373: questionMark,
	}
}

// TestSignatures verifies signatures with keys from ParseJWK.
func TestSignatures(t *testing.T) {
	var valid357 string
	met := 0
	each(t, "json_web_signature_test.json", signatures, func(t *testing.T, g group, v vector, valid bool) {
		if v.ID == 357 {
			valid357 = v.JWS
		}
		err := verify(t, g, v)
		d, defective := signatureDefects(valid357)[v.ID]
		if defective {
			met++
		} else {
			if (err == nil) != valid {
				t.Errorf("%s: %v, and it is %s", v.Comment, err, v.Result)
			}
			return
		}
		if (err == nil) == valid {
			t.Errorf("%s: the result %s holds, so it is no defect that it %s", v.Comment, v.Result, d.reason)
		}
		if (err == nil) != d.accept || !d.accept && !errors.Is(err, d.refusal) || !d.is(g, v) {
			t.Errorf("%s: %v; it was taken for a vector %s", v.Comment, err, d.reason)
		}
	})
	if listed := len(signatureDefects("")); met != listed {
		t.Errorf("%d of %d defects are vectors", met, listed)
	}
}

// verify loads the key of a group alone, and as part of a published set. It returns
// the reason for which the token is refused, nil where it is accepted.
func verify(t *testing.T, g group, v vector) error {
	t.Helper()
	jwk := g.verifying()
	// A JWK without "alg" gets that of the token: its vectors test whether its
	// "use" allows that.
	pinned := ""
	if jwkAlg(g) == "" {
		pinned = headerAlg(v.JWS)
	}
	key, err := accesstoken.ParseJWKAs(jwk, pinned)
	if err == nil {
		err = verifyWith(t, v.JWS, key)
	}
	if g.Public == nil {
		return err // a published set has no secrets
	}
	set, setErr := accesstoken.ParseJWKS([]byte(`{"keys":[` + string(jwk) + `]}`))
	if setErr != nil {
		t.Fatal(setErr)
	}
	published := errors.New("no key of the set")
	for _, key := range set {
		published = verifyWith(t, v.JWS, key)
	}
	if (published == nil) != (err == nil) {
		t.Errorf("%v with the JWK, %v with a set of it", err, published)
	}
	return err
}

// verifyWith checks the payload that is returned with the result.
func verifyWith(t *testing.T, jws string, key *accesstoken.Key) error {
	t.Helper()
	payload, err := accesstoken.VerifySignature(jws, key)
	if err != nil {
		if payload != nil || !errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("payload %q, error %v", payload, err)
		}
		return err
	}
	want, decodeErr := base64.RawURLEncoding.DecodeString(strings.Split(jws, ".")[1])
	if decodeErr != nil || string(payload) != string(want) {
		t.Errorf("payload %q, want %q", payload, want)
	}
	return nil
}

// TestKeySets: a set with an error in it verifies nothing.
func TestKeySets(t *testing.T) {
	each(t, "json_web_key_test.json", keySets, func(t *testing.T, g group, v vector, valid bool) {
		err := verifyWithSet(t, g, v)
		if (err == nil) != valid {
			t.Errorf("%s: %v, and it is %s", v.Comment, err, v.Result)
		}
	})
}

func verifyWithSet(t *testing.T, g group, v vector) error {
	t.Helper()
	keys, err := loadSet(t, g.verifying())
	if err != nil {
		return err
	}
	if _, err := accesstoken.NewKeySet(nil, keys...); err != nil {
		return err
	}
	err = errors.New("no key of the set")
	for _, key := range keys { // try every key: one that should not be in the set must not verify
		if err = verifyWith(t, v.JWS, key); err == nil {
			return nil
		}
	}
	return err
}

// loadSet reads secrets one by one, as a configuration has them. It reads every set
// with other keys in it as a published document.
func loadSet(t *testing.T, data []byte) ([]*accesstoken.Key, error) {
	t.Helper()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("%d keys, error %v", len(set.Keys), err)
	}
	var keys []*accesstoken.Key
	for _, jwk := range set.Keys {
		if member(jwk, "kty") != "oct" {
			return accesstoken.ParseJWKS(data)
		}
		key, err := accesstoken.ParseJWK(jwk)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// TestEncryptions: no key for encryption is loaded, whatever algorithm is pinned,
// and no encrypted text is accepted as a token.
func TestEncryptions(t *testing.T) {
	var keys []*accesstoken.Key
	for _, alg := range []string{"HS256", "ES256", "EdDSA", "RS256"} {
		key, err := accesstoken.GenerateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	each(t, "json_web_encryption_test.json", encryptions, func(t *testing.T, g group, v vector, _ bool) {
		for _, jwk := range []json.RawMessage{g.Private, g.Public} {
			if jwk == nil {
				continue
			}
			for _, alg := range append(accesstoken.Algorithms(), "") {
				if key, err := accesstoken.ParseJWKAs(jwk, alg); err == nil {
					t.Errorf("a key of %s was loaded as %s", jwkAlg(g), key)
				}
			}
			set, err := accesstoken.ParseJWKS([]byte(`{"keys":[` + string(jwk) + `]}`))
			if err != nil || len(set) > 0 {
				t.Errorf("a published set gave %v, error %v", set, err)
			}
		}
		if v.JWE == "" {
			t.Fatal("the vector has nothing that is encrypted")
		}
		for _, key := range keys {
			if err := verifyWith(t, v.JWE, key); err == nil {
				t.Errorf("%s: accepted with %s", v.Comment, key)
			}
		}
	})
}

func jwkAlg(g group) string { return member(g.verifying(), "alg") }

// headerAlg returns the "alg" of a token, "" where it has none.
func headerAlg(jws string) string {
	header, _, _ := strings.Cut(jws, ".")
	data, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		return ""
	}
	return member(data, "alg")
}

// member returns a text member of a JSON object, "" where it has none.
func member(object []byte, name string) string {
	var members map[string]any
	if json.Unmarshal(object, &members) != nil {
		return ""
	}
	text, _ := members[name].(string)
	return text
}
