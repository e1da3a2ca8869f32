package accesstoken

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
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
		return k.WithID(RandomKeyID()), nil
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

// RandomKeyID returns a new "kid" for an HMAC key: at least 128 random bits.
func RandomKeyID() string { return rand.Text() }
