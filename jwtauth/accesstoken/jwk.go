package accesstoken

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxJWKS is the maximum length in bytes of what [ParseJWK] and [ParseJWKS] read.
const MaxJWKS = 256 << 10

// jwk is the public half of a key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). It
// has no field that could hold private or symmetric material.
type jwk struct {
	Kty string `json:"kty"`
	Use string `json:"use,omitempty"`
	Kid string `json:"kid,omitempty"`
	Alg string `json:"alg,omitempty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
}

// publicJWK describes the public half of k, without id, use and algorithm.
func publicJWK(k *Key) (jwk, error) {
	enc := base64.RawURLEncoding.EncodeToString
	switch pub := k.public.(type) {
	case *rsa.PublicKey:
		return jwk{Kty: string(familyRSA), N: enc(pub.N.Bytes()), E: enc(big.NewInt(int64(pub.E)).Bytes())}, nil
	case *ecdsa.PublicKey:
		point, err := pub.Bytes() // 4 ‖ x ‖ y
		if err != nil {
			return jwk{}, fmt.Errorf("%w: its public point is not on the curve", ErrKeyFormat)
		}
		return jwk{Kty: string(familyEC), Crv: k.alg.crv, X: enc(point[1 : 1+k.alg.size]), Y: enc(point[1+k.alg.size:])}, nil
	case ed25519.PublicKey:
		return jwk{Kty: string(familyOKP), Crv: k.alg.crv, X: enc(pub)}, nil
	}
	return jwk{}, fmt.Errorf("%w: a symmetric key has no public half", ErrKeyFit)
}

// thumbprint returns the thumbprint of RFC 7638 §3. Its members need no escaping.
func thumbprint(k *Key) (string, error) {
	j, err := publicJWK(k)
	if err != nil {
		return "", err
	}
	var text string
	switch k.alg.family {
	case familyRSA:
		text = `{"e":"` + j.E + `","kty":"RSA","n":"` + j.N + `"}`
	case familyEC:
		text = `{"crv":"` + j.Crv + `","kty":"EC","x":"` + j.X + `","y":"` + j.Y + `"}`
	default:
		text = `{"crv":"` + j.Crv + `","kty":"OKP","x":"` + j.X + `"}`
	}
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// MarshalJWKS returns the JWK Set to publish (RFC 7517 §5): the public halves,
// each with "kid", "use" and "alg". Symmetric keys are left out. Keys without
// an id, and two with the same, are an error.
func MarshalJWKS(keys []*Key) ([]byte, error) {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	seen := make(map[string]bool)
	for _, k := range keys {
		if k.Symmetric() {
			continue
		}
		if k == nil || k.ID == "" || seen[k.ID] {
			return nil, fmt.Errorf("%w: keys that are published need ids of their own", ErrKeyFit)
		}
		seen[k.ID] = true
		j, err := publicJWK(k)
		if err != nil {
			return nil, err
		}
		j.Kid, j.Use, j.Alg = k.ID, "sig", k.alg.name
		set.Keys = append(set.Keys, j)
	}
	return json.Marshal(set)
}

// presentedJWK is a JWK as others write it. Private members are read only to refuse
// the key.
type presentedJWK struct {
	jwk    `json:",inline"`
	KeyOps []string       `json:"key_ops"`
	K      string         `json:"k"`
	D      jsontext.Value `json:"d"`
	P      jsontext.Value `json:"p"`
	Q      jsontext.Value `json:"q"`
	DP     jsontext.Value `json:"dp"`
	DQ     jsontext.Value `json:"dq"`
	QI     jsontext.Value `json:"qi"`
	Oth    jsontext.Value `json:"oth"`
}

func (j *presentedJWK) private() bool {
	return j.D != nil || j.P != nil || j.Q != nil || j.DP != nil || j.DQ != nil || j.QI != nil || j.Oth != nil
}

// ParseJWK reads one key to verify with. Its algorithm is that of "alg", or the
// only one of its curve; an RSA key without "alg" is refused (see [ParseJWKAs]).
// If "use" is present, it has to be "sig"; if "key_ops" is present, it has to list
// "verify". Private keys are refused. A symmetric key ("oct") is read and can
// sign: never take one from a document that others can read.
//
// The ID is the "kid". Without a "kid" it is the thumbprint, and "" for a symmetric
// key.
// Errors wrap [ErrUnsupported], [ErrKeyFormat], [ErrKeyFit] or [ErrWeakKey].
func ParseJWK(data []byte) (*Key, error) { return ParseJWKAs(data, "") }

// ParseJWKAs is [ParseJWK] with the algorithm that the caller pins. A JWK that names
// another one is refused.
func ParseJWKAs(data []byte, alg string) (*Key, error) {
	var j presentedJWK
	if len(data) > MaxJWKS || json.Unmarshal(data, &j) != nil {
		return nil, fmt.Errorf("%w: not a JWK", ErrKeyFormat)
	}
	return j.key(alg)
}

// ParseJWKS reads the keys of a published JWK Set that can verify signatures.
// As RFC 7517 §5 asks, it skips keys it cannot use: keys of other kinds or uses,
// too weak, or without an algorithm. It also skips private and symmetric keys,
// which are no secret once published. Two usable keys with the same id are an
// error.
func ParseJWKS(data []byte) ([]*Key, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if len(data) > MaxJWKS || json.Unmarshal(data, &set) != nil || set.Keys == nil {
		return nil, fmt.Errorf("%w: not a JWK Set", ErrKeyFormat)
	}
	var keys []*Key
	seen := make(map[string]bool)
	for _, raw := range set.Keys {
		k, err := ParseJWK(raw)
		if err != nil || k.Symmetric() {
			continue
		}
		if seen[k.ID] {
			return nil, fmt.Errorf("%w: two keys of the set have the same id", ErrKeyFormat)
		}
		seen[k.ID] = true
		keys = append(keys, k)
	}
	return keys, nil
}

func (j *presentedJWK) key(pinned string) (*Key, error) {
	if j.private() {
		return nil, fmt.Errorf("%w: it is a private key, and verifying takes the public one", ErrKeyFit)
	}
	if j.Use != "" && j.Use != "sig" {
		return nil, fmt.Errorf("%w: its use is not to verify signatures", ErrKeyFit)
	}
	if j.KeyOps != nil && !slices.Contains(j.KeyOps, "verify") {
		return nil, fmt.Errorf("%w: its key_ops do not list verify", ErrKeyFit)
	}
	if len(j.Kid) > maxKeyID {
		return nil, fmt.Errorf("%w: its kid is longer than %d bytes", ErrKeyFormat, maxKeyID)
	}
	alg, err := j.algorithm(pinned)
	if err != nil {
		return nil, err
	}
	if string(alg.family) != j.Kty || alg.crv != j.Crv {
		return nil, fitError(alg)
	}
	k, err := j.material(alg)
	if err != nil {
		return nil, err
	}
	if j.Kid != "" {
		k = k.WithID(j.Kid)
	}
	return k, nil
}

func (j *presentedJWK) algorithm(pinned string) (*algorithm, error) {
	name := j.Alg
	switch {
	case pinned != "" && name != "" && pinned != name:
		return nil, fmt.Errorf("%w: its alg is another one", ErrKeyFit)
	case pinned != "":
		name = pinned
	case name == "":
		for i := range algorithms {
			if a := &algorithms[i]; a.crv != "" && a.crv == j.Crv && string(a.family) == j.Kty {
				return a, nil
			}
		}
		return nil, fmt.Errorf("%w: it names no alg, and its kind has several", ErrKeyFit)
	}
	return findAlgorithm(name)
}

func (j *presentedJWK) material(alg *algorithm) (*Key, error) {
	switch alg.family {
	case familyHMAC:
		secret, err := member(j.K, 0)
		if err != nil {
			return nil, err
		}
		return newKey(alg, secret, secret)
	case familyRSA:
		n, err := member(j.N, 0)
		if err != nil {
			return nil, err
		}
		e, err := member(j.E, 0)
		if err != nil {
			return nil, err
		}
		// RFC 7518 §6.3.1: the fewest octets.
		if n[0] == 0 || e[0] == 0 || len(n) > maxRSABits/8 || len(e) > 4 {
			return nil, fmt.Errorf("%w: its RSA numbers are too long or begin with zeros", ErrKeyFormat)
		}
		return newKey(alg, nil, &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())})
	case familyEC:
		x, err := member(j.X, alg.size)
		if err != nil {
			return nil, err
		}
		y, err := member(j.Y, alg.size)
		if err != nil {
			return nil, err
		}
		pub, err := ecdsa.ParseUncompressedPublicKey(alg.curve, slices.Concat([]byte{4}, x, y))
		if err != nil {
			return nil, fmt.Errorf("%w: its point is not on the curve", ErrKeyFormat)
		}
		return newKey(alg, nil, pub)
	default:
		x, err := member(j.X, alg.size)
		if err != nil {
			return nil, err
		}
		return newKey(alg, nil, ed25519.PublicKey(x))
	}
}

// member decodes a base64url member of exactly size bytes, or of at least one byte
// if size is 0.
func member(s string, size int) ([]byte, error) {
	b, err := strictBase64.DecodeString(s)
	if err != nil || len(b) == 0 || size != 0 && len(b) != size || bytes.ContainsAny([]byte(s), "\r\n") {
		return nil, fmt.Errorf("%w: a member is missing or not base64url of the right length", ErrKeyFormat)
	}
	return b, nil
}
