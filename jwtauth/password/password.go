// Package password reads, compares and makes password hashes, and keeps that
// work within bounds.
//
// It imports no package of this module. Packages signin, user and oauth2 call it, and
// package jwtauth configures it.
//
// Four schemes are read: argon2id, bcrypt, scrypt and pbkdf2-sha256, in the
// spellings of the PHC string format, of passlib and of htpasswd. Every cost
// that a hash string can ask for is bounded when it is parsed, so that no
// comparison takes more than seconds or more than 1 GiB.
package password

import (
	"errors"
	"fmt"
	"strings"
)

// MaxLength is the length in bytes of the longest password of any scheme.
// bcrypt, which ignores what follows its 72nd byte, ends there.
const MaxLength = 1024

// maxHashLength bounds a hash string. The longest that the limits allow has
// some 230 characters.
const maxHashLength = 512

// Bounds of what a hash string carries, in bytes.
const (
	maxSalt = 64
	minKey  = 16
	maxKey  = 64
)

// What new hashes carry, in bytes (RFC 9106 §3.1).
const (
	newSalt = 16
	newKey  = 32
)

// Errors of this package.
var (
	// ErrUnsupported is returned for a hash of another scheme, and for text
	// that is no hash at all.
	ErrUnsupported = errors.New("not a supported password hash")
	// ErrInvalid is returned for a hash of a supported scheme that is
	// damaged, or whose cost is outside the bounds.
	ErrInvalid = errors.New("password hash is not valid")
	// ErrParams is returned for settings of new hashes that are out of range.
	ErrParams = errors.New("password hash settings are not valid")
	// ErrTooLong is returned for a password that the scheme could not tell
	// apart from a shorter one, or that is longer than [MaxLength].
	ErrTooLong = errors.New("password is too long")
	// ErrNUL is returned for a password with a NUL byte where the scheme is
	// bcrypt, to which "a" and "a\x00a" are the same.
	ErrNUL = errors.New("password contains a NUL byte")
	// ErrEmpty is returned for a new password without a single byte.
	ErrEmpty = errors.New("password is empty")
)

// Hash is a password hash whose parameters are known to be within bounds. It is
// immutable and made by [Parse].
type Hash struct {
	text    string
	scheme  scheme
	profile Profile
	// salt and key are nil for bcrypt, which keeps its own in text.
	salt, key []byte
}

// Parse reads a hash string. Its errors are [ErrUnsupported] or [ErrInvalid];
// they name the scheme, the option and what is accepted, and contain nothing of
// the string itself.
func Parse(s string) (*Hash, error) {
	if len(s) > maxHashLength {
		return nil, fmt.Errorf("%w: it is longer than %d characters", ErrInvalid, maxHashLength)
	}
	for _, sch := range schemes() {
		for _, id := range sch.ids() {
			rest, ok := strings.CutPrefix(s, "$"+id+"$")
			if !ok {
				continue
			}
			h, err := sch.parse(rest)
			if err != nil {
				return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, sch.name(), err)
			}
			h.text, h.scheme, h.profile.scheme = s, sch, sch.name()
			return h, nil
		}
	}
	return nil, unsupported(s)
}

// Scheme returns the name of the scheme, as [NewHasher] takes it.
func (h *Hash) Scheme() string { return h.scheme.name() }

// String returns the hash string that was parsed, byte for byte. It belongs in
// the user's record and in no log.
func (h *Hash) String() string { return h.text }

// Profile returns what decides the time that Verify takes.
func (h *Hash) Profile() Profile { return h.profile }

// Verify reports whether password is the one that was hashed, in a time that
// does not depend on where the two differ. A password that the scheme cannot
// hold (longer than [MaxLength], or for bcrypt longer than 72 bytes or with a
// NUL byte) is a wrong one, and takes as long as any other.
//
// It is compared as [Normalize] makes it. Where that is another text, the password is also
// compared as it is: a hash of another program, or of before, may be of that.
func (h *Hash) Verify(password string) bool {
	normal := Normalize(password)
	if h.verify(normal) {
		return true
	}
	return normal != password && h.verify(password)
}

// IsOfNormal reports whether the hash is of the password as [Normalize] makes it, and so
// whether one that [Hash.Verify] has found right need not be hashed again for that.
func (h *Hash) IsOfNormal(password string) bool {
	normal := Normalize(password)
	return normal == password || h.verify(normal)
}

func (h *Hash) verify(password string) bool {
	fits := h.scheme.check(password) == nil
	if limit := h.scheme.maxPassword(); len(password) > limit {
		password = password[:limit]
	}
	// The comparison comes first: && would skip it.
	same := h.scheme.compare(h, []byte(password))
	return same && fits
}
