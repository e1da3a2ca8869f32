package accesstoken

import (
	"crypto/rsa"
	"fmt"
	"math/big"
)

// Bounds of an RSA modulus in bits. RFC 7518 §3.3 demands the lower bound; the upper
// one limits the time of a verification to some milliseconds.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// checkRSA refuses public keys that are too short, have an exponent outside
// what FIPS 186-5 allows (odd, above 2^16), or were made by a generator known
// to be broken.
func checkRSA(pub *rsa.PublicKey) error {
	if pub.N == nil || pub.N.Sign() <= 0 || pub.N.Bit(0) == 0 {
		return fmt.Errorf("%w: its RSA modulus is not odd and positive", ErrKeyFormat)
	}
	if bits := pub.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("%w: an RSA key has %d to %d bits, and this one %d; "+
			"make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072`",
			ErrWeakKey, minRSABits, maxRSABits, bits)
	}
	if pub.E <= 1<<16 || pub.E > 1<<31-1 || pub.E%2 == 0 {
		return fmt.Errorf("%w: its RSA exponent is not an odd number from 65537 up", ErrWeakKey)
	}
	if roca(pub.N) {
		return fmt.Errorf("%w: it was made by a broken generator (CVE-2017-15361, ROCA)", ErrWeakKey)
	}
	return nil
}

// roca recognises moduli of CVE-2017-15361: their primes are powers of 65537
// modulo the product of the small primes, so n is one too modulo each of these.
// A good modulus is recognised by chance about once in 2^27.
func roca(n *big.Int) bool {
	var rem, p big.Int
	for prime := int64(3); prime <= 167; prime += 2 {
		if !p.SetInt64(prime).ProbablyPrime(0) {
			continue
		}
		want := rem.Mod(n, &p).Int64()
		power, found := int64(1), false
		for range prime {
			if power == want {
				found = true
				break
			}
			power = power * 65537 % prime
		}
		if !found {
			return false
		}
	}
	return true
}
