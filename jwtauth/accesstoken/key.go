package accesstoken

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Key is a signing or verification key that is bound to one algorithm. It must not
// be changed once made, and may be shared. Formatting one prints its algorithm
// and id, never its material.
type Key struct {
	// ID is the "kid": the RFC 7638 thumbprint of an asymmetric key, random for
	// an HMAC key, whose thumbprint would let anyone check guesses of the
	// secret. Set by [Key.WithID].
	ID string
	// Algorithm is the "alg" that the key is bound to. Verification uses the
	// algorithm that the key was made with, even if this field is changed.
	Algorithm string

	alg     *algorithm
	private any // nil for a verify-only key
	public  any // the secret itself for HMAC
	// material is the encoded key: PKCS#8, or PKIX if there is only a public
	// half; the secret for HMAC.
	material []byte
	macs     *macs // of an HMAC key
	// stopped is when the key stopped signing, zero for a key that still signs.
	stopped time.Time
}

// newKey checks that the pair fits the algorithm and is strong enough. private
// is nil for a verify-only key; for HMAC both are the secret.
func newKey(alg *algorithm, private, public any) (*Key, error) {
	k := &Key{Algorithm: alg.name, alg: alg, private: private, public: public}
	var err error
	switch pub := public.(type) {
	case []byte:
		if alg.family != familyHMAC {
			return nil, fitError(alg)
		}
		if len(pub) < alg.secret {
			return nil, fmt.Errorf("%w: %s takes a secret of at least %d bytes, and this one has %d; "+
				"make one with `openssl rand -base64 48` and give it as it is", ErrWeakKey, alg.name, alg.secret, len(pub))
		}
		k.material = pub
		k.macs = newMACs(alg.method.(*jwt.SigningMethodHMAC).Hash, pub)
		return k, nil
	case *rsa.PublicKey:
		if alg.family != familyRSA {
			return nil, fitError(alg)
		}
		err = checkRSA(pub)
	case *ecdsa.PublicKey:
		if alg.family != familyEC || pub.Curve != alg.curve {
			return nil, fitError(alg)
		}
	case ed25519.PublicKey:
		if alg.family != familyOKP || len(pub) != ed25519.PublicKeySize {
			return nil, fitError(alg)
		}
	default:
		return nil, fitError(alg)
	}
	if err != nil {
		return nil, err
	}
	if private == nil {
		k.material, err = x509.MarshalPKIXPublicKey(public)
	} else {
		k.material, err = x509.MarshalPKCS8PrivateKey(private)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be encoded", ErrKeyFormat)
	}
	if k.ID, err = thumbprint(k); err != nil {
		return nil, err
	}
	return k, k.selfTest()
}

// selfTest signs and verifies once. So a pair whose halves do not belong together
// is refused when it is loaded, and not at the first sign-in.
func (k *Key) selfTest() error {
	if k.private == nil {
		return nil
	}
	sig, err := k.alg.method.Sign("self-test", k.private)
	if err != nil || k.alg.method.Verify("self-test", sig, k.public) != nil {
		return fmt.Errorf("%w: its private and public halves do not belong together", ErrKeyFormat)
	}
	return nil
}

// verify reports whether signature is a signature of the key over signed.
func (k *Key) verify(signed string, signature []byte) bool {
	if k.macs != nil {
		return k.macs.verify(signed, signature)
	}
	return k.alg.method.Verify(signed, signature, k.public) == nil
}

func fitError(alg *algorithm) error {
	takes := map[family]string{
		familyHMAC: "a secret",
		familyRSA:  "an RSA key",
		familyEC:   "an EC key on curve " + alg.crv,
		familyOKP:  "an Ed25519 key",
	}[alg.family]
	return fmt.Errorf("%w: %s takes %s", ErrKeyFit, alg.name, takes)
}

// CanSign reports whether the key has its private half.
func (k *Key) CanSign() bool { return k != nil && k.private != nil }

// Symmetric reports whether the key that verifies can also sign. Such a key is
// never published.
func (k *Key) Symmetric() bool { return k != nil && k.alg != nil && k.alg.family == familyHMAC }

// WithID returns the same key under another id.
func (k *Key) WithID(id string) *Key {
	c := *k
	c.ID = id
	return &c
}

// StoppedAt returns the same key as one that stopped signing at that time: its
// tokens with a later "iat" are refused, even if the signature is good. The zero
// time means that the key still signs.
func (k *Key) StoppedAt(t time.Time) *Key {
	c := *k
	c.stopped = t
	return &c
}

// StopTime returns the time that [Key.StoppedAt] set.
func (k *Key) StopTime() time.Time { return k.stopped }

// MarshalPrivate returns the key as [ParseKey] reads it: PKCS#8 in PEM, or
// "base64:…" for HMAC. It is an error on a verify-only key. The id is not in it.
func (k *Key) MarshalPrivate() (string, error) {
	switch {
	case !k.CanSign():
		return "", fmt.Errorf("%w: it has no private half", ErrKeyFit)
	case k.Symmetric():
		return base64Prefix + base64.StdEncoding.EncodeToString(k.material), nil
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k.material})), nil
}

// SameMaterial reports, in constant time, whether both are the same key for the
// same algorithm. It ignores their ids. A public half is not the same as its pair.
func (k *Key) SameMaterial(o *Key) bool {
	if k == nil || o == nil {
		return k == o
	}
	a, b := sha256.Sum256(k.material), sha256.Sum256(o.material)
	same := subtle.ConstantTimeCompare(a[:], b[:]) == 1
	return same && k.alg == o.alg
}

// Fingerprint returns an HMAC-SHA256 over algorithm and material, base64url. With
// it a key can be recognised without being stored: this is how a configured HMAC
// secret gets the random id that it was given before. hmacKey has to stay secret,
// or weak secrets could be guessed from the fingerprint.
func (k *Key) Fingerprint(hmacKey []byte) string {
	mac := hmac.New(sha256.New, hmacKey)
	io.WriteString(mac, k.alg.name)
	mac.Write([]byte{0})
	mac.Write(k.material)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// String returns the algorithm and the id.
func (k Key) String() string { return "key " + k.Algorithm + " " + k.ID }

// Format prints what String returns, for every verb: fmt would otherwise print the
// private half.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// Interface guards
var (
	_ fmt.Stringer  = (*Key)(nil)
	_ fmt.Formatter = (*Key)(nil)
	_ fmt.Formatter = Key{}
)
