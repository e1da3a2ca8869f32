package accesstoken

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
)

const base64Prefix = "base64:"

// ParseKey reads a key as it is given in a configuration.
//
// For HS256, HS384 and HS512 the secret is the bytes of material; if it begins with
// "base64:", the rest is decoded (standard or URL alphabet, padded or not). The
// key has no ID: the caller gives it a random one and stores that (see
// [RandomKeyID], [Key.WithID], [Key.Fingerprint]).
//
// For the other algorithms material is one PEM block: a private key in PKCS#8,
// PKCS#1 or SEC1, or a public key (PKIX or PKCS#1) for a verify-only key. A PEM
// on one line, as environment variables hold it, may write its line breaks as \n.
//
// Errors wrap [ErrUnsupported], [ErrKeyFormat], [ErrKeyFit] or [ErrWeakKey].
func ParseKey(alg, material string) (*Key, error) {
	a, err := findAlgorithm(alg)
	if err != nil {
		if _, swapped := findAlgorithm(material); swapped == nil {
			return nil, fmt.Errorf("%w; the algorithm comes before the key", err)
		}
		return nil, err
	}
	if a.family == familyHMAC {
		return parseSecret(a, material)
	}
	return parsePEM(a, material)
}

func parseSecret(alg *algorithm, material string) (*Key, error) {
	secret := []byte(material)
	if rest, ok := strings.CutPrefix(material, base64Prefix); ok {
		var err error
		// A file with the value usually ends in a line break.
		if secret, err = decodeAnyBase64(strings.TrimSpace(rest)); err != nil {
			return nil, err
		}
	} else if strings.Contains(material, "-----BEGIN ") {
		// A public key used as a secret is a secret that everyone knows.
		return nil, fmt.Errorf("%w: %s takes a secret and this is PEM; RS256, PS256, ES256 or EdDSA take that", ErrKeyFit, alg.name)
	} else if looksUnfilled(material) {
		return nil, fmt.Errorf("%w: this is a placeholder that was not filled in", ErrKeyFormat)
	}
	return newKey(alg, secret, secret)
}

// looksUnfilled recognises {env.NAME} and {$NAME}: a long name would be accepted as
// a secret, and is not secret.
func looksUnfilled(s string) bool {
	return strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") &&
		(strings.HasPrefix(s, "{$") || strings.Contains(s, ".")) && !strings.ContainsAny(s, " \t\r\n\"")
}

// decodeAnyBase64 decodes either alphabet, padded or not. It refuses line breaks
// and trailing bits, so that each value has one encoding.
func decodeAnyBase64(s string) ([]byte, error) {
	enc := base64.StdEncoding
	if strings.ContainsAny(s, "-_") {
		enc = base64.URLEncoding
	}
	if !strings.HasSuffix(s, "=") {
		enc = enc.WithPadding(base64.NoPadding)
	}
	b, err := enc.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("%w: what follows base64: is not base64 on one line", ErrKeyFormat)
	}
	return b, nil
}

func parsePEM(alg *algorithm, material string) (*Key, error) {
	if !strings.Contains(material, "\n") {
		material = strings.NewReplacer(`\r\n`, "\n", `\n`, "\n").Replace(material)
	}
	block, rest := pem.Decode([]byte(material))
	if block != nil && block.Type == "EC PARAMETERS" { // `openssl ecparam -genkey` writes it first
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, fmt.Errorf("%w: %s takes a key in PEM (-----BEGIN PRIVATE KEY-----), and this is none; "+
			"make one with `openssl genpkey`", ErrKeyFormat, alg.name)
	}
	if bytes.Contains(rest, []byte("-----BEGIN ")) {
		return nil, fmt.Errorf("%w: there is more than one PEM block; give one key", ErrKeyFormat)
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["Proc-Type"] != "" {
		return nil, fmt.Errorf("%w: it is encrypted with a passphrase; `openssl pkey` writes it without one", ErrKeyFormat)
	}
	var private, public any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		private, err = x509.ParseECPrivateKey(block.Bytes)
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		return nil, fmt.Errorf("%w: it is a certificate; "+
			"`openssl x509 -pubkey -noout` writes the public key that is in it", ErrKeyFormat)
	default:
		return nil, fmt.Errorf("%w: the PEM block is neither a private nor a public key "+
			"(`openssl pkey` converts most kinds)", ErrKeyFormat)
	}
	if err != nil {
		// err is left out: its text could repeat a part of the key.
		return nil, fmt.Errorf("%w: the PEM block does not hold a valid key of the kind that it names", ErrKeyFormat)
	}
	switch key := private.(type) {
	case nil:
	case *rsa.PrivateKey:
		public = &key.PublicKey
	case *ecdsa.PrivateKey:
		if !statedPointFits(block, key) {
			return nil, fmt.Errorf("%w: its private and public halves do not belong together", ErrKeyFormat)
		}
		public = &key.PublicKey
	case ed25519.PrivateKey:
		public = key.Public()
	default:
		return nil, fitError(alg)
	}
	return newKey(alg, private, public)
}

// statedPointFits compares the public point that an encoded EC key may contain
// (RFC 5915 §3) with the one that crypto/x509 computed.
// crypto/x509 does not compare them.
func statedPointFits(block *pem.Block, key *ecdsa.PrivateKey) bool {
	der := block.Bytes
	if block.Type == "PRIVATE KEY" {
		var outer struct {
			Version   int
			Algorithm asn1.RawValue
			Key       []byte
		}
		if _, err := asn1.Unmarshal(der, &outer); err != nil {
			return false
		}
		der = outer.Key
	}
	var inner struct {
		Version int
		Private []byte
		Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
		Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
	}
	if _, err := asn1.Unmarshal(der, &inner); err != nil {
		return false
	}
	if len(inner.Public.Bytes) == 0 {
		return true
	}
	stated, err := ecdsa.ParseUncompressedPublicKey(key.Curve, inner.Public.Bytes)
	return err == nil && stated.Equal(&key.PublicKey)
}
