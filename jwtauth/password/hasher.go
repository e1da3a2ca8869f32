package password

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"
)

// Hasher makes new hashes, all of one profile. It is safe for concurrent use.
type Hasher struct {
	scheme  scheme
	profile Profile
	// random is where salts come from. Default: crypto/rand.
	random io.Reader
}

// NewHasher returns a Hasher for a scheme named as in [Schemes]; "" is
// argon2id. Its errors are [ErrParams] and name the setting and its range.
func NewHasher(scheme string, params Params) (*Hasher, error) {
	if scheme == "" {
		scheme = Argon2id
	}
	s, ok := schemeByName(scheme)
	if !ok {
		return nil, fmt.Errorf("%w: unknown scheme; there are %s", ErrParams, strings.Join(Schemes(), ", "))
	}
	p, err := complete(s, params)
	if err != nil {
		return nil, err
	}
	return newHasher(s, p), nil
}

func newHasher(s scheme, p Params) *Hasher {
	profile := Profile{scheme: s.name(), params: p, salt: newSalt, key: newKey}
	if s.name() == Bcrypt {
		profile = bcryptScheme{}.profile(p.Cost)
	}
	return &Hasher{scheme: s, profile: profile, random: rand.Reader}
}

// Default returns the Hasher of a realm that configures none: argon2id with
// 19 MiB, two passes and one lane.
func Default() *Hasher {
	return newHasher(argon2idScheme{}, Params{Memory: 19456, Time: 2, Parallelism: 1})
}

// Profile returns the profile of the hashes it makes.
func (h *Hasher) Profile() Profile { return h.profile }

// Hash returns a new hash string of password. [ErrEmpty], [ErrTooLong] and
// [ErrNUL] say that the password cannot be used; nothing is cut off silently. It is
// hashed as [Normalize] makes it.
func (h *Hasher) Hash(password string) (string, error) {
	password = Normalize(password)
	if password == "" {
		return "", ErrEmpty
	}
	if err := h.scheme.check(password); err != nil {
		return "", err
	}
	return h.scheme.create(h.random, h.profile, []byte(password))
}

// NeedsUpgrade reports whether a hash should be replaced by one of this Hasher:
// where it is of another scheme than the one configured, and where this
// Hasher's are stronger in something and weaker in nothing.
func (h *Hasher) NeedsUpgrade(old *Hash) bool {
	if old.profile.scheme != h.profile.scheme {
		return true
	}
	is, want := h.weigh(old.profile), h.weigh(h.profile)
	stronger := false
	for i := range want {
		if want[i] < is[i] {
			return false
		}
		stronger = stronger || want[i] > is[i]
	}
	return stronger
}

// weigh adds the lengths to the strength of a profile; more than a new hash
// has adds nothing.
func (h *Hasher) weigh(p Profile) []int {
	return append(h.scheme.strength(p), min(p.salt, newSalt), min(p.key, newKey))
}
