package accesstoken

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"io"
)

// GenerateKey makes a new key: 2048 bits for RSA, a secret as long as the hash
// for HMAC, which also gets a random id.
func GenerateKey(alg string) (*Key, error) {
	a, err := findAlgorithm(alg)
	if err != nil {
		return nil, err
	}
	switch a.family {
	case familyHMAC:
		secret := make([]byte, a.secret)
		rand.Read(secret) // never fails
		k, err := newKey(a, secret, secret)
		if err != nil {
			return nil, err
		}
		return k.WithID(RandomKeyID(rand.Reader)), nil
	case familyRSA:
		private, err := rsa.GenerateKey(rand.Reader, minRSABits)
		if err != nil {
			return nil, err
		}
		return newKey(a, private, &private.PublicKey)
	case familyEC:
		private, err := ecdsa.GenerateKey(a.curve, rand.Reader)
		if err != nil {
			return nil, err
		}
		return newKey(a, private, &private.PublicKey)
	default:
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return newKey(a, private, public)
	}
}

// RandomKeyID returns a "kid" for an HMAC key: 128 random bits, base64url. A
// source that is nil or fails is replaced by crypto/rand.
func RandomKeyID(source io.Reader) string {
	b := make([]byte, 16)
	if source == nil {
		source = rand.Reader
	}
	if _, err := io.ReadFull(source, b); err != nil {
		rand.Read(b)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
