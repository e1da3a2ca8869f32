package accesstoken

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that the algorithms name
	_ "crypto/sha512"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// family is the kind of key that an algorithm takes, as the "kty" of a JWK.
type family string

const (
	familyHMAC family = "oct"
	familyRSA  family = "RSA"
	familyEC   family = "EC"
	familyOKP  family = "OKP"
)

// algorithm is one signature algorithm of RFC 7518 §3.1 or RFC 8037 §3.1.
type algorithm struct {
	name   string
	family family
	method jwt.SigningMethod
	// secret is the least length of an HMAC secret in bytes (RFC 7518 §3.2).
	secret int
	// curve and crv belong to familyEC and familyOKP; size is the length of a
	// coordinate in bytes.
	curve elliptic.Curve
	crv   string
	size  int
}

// algorithms must not be changed.
var algorithms = [...]algorithm{
	{name: "HS256", family: familyHMAC, method: jwt.SigningMethodHS256, secret: 32},
	{name: "HS384", family: familyHMAC, method: jwt.SigningMethodHS384, secret: 48},
	{name: "HS512", family: familyHMAC, method: jwt.SigningMethodHS512, secret: 64},
	{name: "RS256", family: familyRSA, method: jwt.SigningMethodRS256},
	{name: "RS384", family: familyRSA, method: jwt.SigningMethodRS384},
	{name: "RS512", family: familyRSA, method: jwt.SigningMethodRS512},
	{name: "PS256", family: familyRSA, method: pss("PS256", crypto.SHA256)},
	{name: "PS384", family: familyRSA, method: pss("PS384", crypto.SHA384)},
	{name: "PS512", family: familyRSA, method: pss("PS512", crypto.SHA512)},
	{name: "ES256", family: familyEC, method: jwt.SigningMethodES256, curve: elliptic.P256(), crv: "P-256", size: 32},
	{name: "ES384", family: familyEC, method: jwt.SigningMethodES384, curve: elliptic.P384(), crv: "P-384", size: 48},
	{name: "ES512", family: familyEC, method: jwt.SigningMethodES512, curve: elliptic.P521(), crv: "P-521", size: 66},
	{name: "EdDSA", family: familyOKP, method: jwt.SigningMethodEdDSA, crv: "Ed25519", size: 32},
}

// pss is RSASSA-PSS with a salt as long as the hash, for verifying too (RFC
// 7518 §3.5); golang-jwt's own methods verify any length.
func pss(name string, hash crypto.Hash) jwt.SigningMethod {
	return &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: &jwt.SigningMethodRSA{Name: name, Hash: hash},
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	}
}

// Algorithms returns the names of the supported algorithms.
func Algorithms() []string {
	names := make([]string, len(algorithms))
	for i := range algorithms {
		names[i] = algorithms[i].name
	}
	return names
}

// findAlgorithm finds an algorithm by its name, exactly as RFC 7518 writes it. The
// error does not repeat the name: if two arguments were swapped, it is the secret.
func findAlgorithm(name string) (*algorithm, error) {
	for i := range algorithms {
		if algorithms[i].name == name {
			return &algorithms[i], nil
		}
	}
	return nil, fmt.Errorf("%w: use one of %s", ErrUnsupported, strings.Join(Algorithms(), ", "))
}
