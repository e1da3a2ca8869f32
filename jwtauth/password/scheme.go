package password

import (
	"fmt"
	"io"
	"strings"
)

// Names of the schemes.
const (
	Argon2id     = "argon2id"
	Bcrypt       = "bcrypt"
	Scrypt       = "scrypt"
	PBKDF2SHA256 = "pbkdf2-sha256"
)

// scheme is one way of hashing. Each is a file of this package and a line in
// [schemes].
type scheme interface {
	name() string
	// ids are the identifiers between the first two dollar signs.
	ids() []string
	options() []option
	// bound checks what the options cost together. Each alone is in range.
	bound(p Params) error
	// maxPassword is the number of bytes that the scheme can tell apart.
	maxPassword() int
	// check says what is wrong with a password for this scheme. It does not
	// mind an empty one: some hash of one may exist.
	check(password string) error
	// parse reads what follows the identifier. The caller fills in the rest
	// of the Hash.
	parse(rest string) (*Hash, error)
	// compare works at full cost whatever the password, of maxPassword bytes
	// at most.
	compare(h *Hash, password []byte) bool
	// create makes a hash string.
	create(random io.Reader, p Profile, password []byte) (string, error)
	// decoy makes a hash that costs what those of the profile cost.
	decoy(p Profile) *Hash
	// strength lists what makes guessing hard, each the larger the harder.
	strength(p Profile) []int
}

func schemes() []scheme {
	return []scheme{argon2idScheme{}, bcryptScheme{}, scryptScheme{}, pbkdf2Scheme{}}
}

// Schemes returns the names of the schemes, the default first.
func Schemes() []string {
	var names []string
	for _, s := range schemes() {
		names = append(names, s.name())
	}
	return names
}

func schemeByName(name string) (scheme, bool) {
	for _, s := range schemes() {
		if s.name() == name {
			return s, true
		}
	}
	return nil, false
}

// checkLength is the check of the schemes that take any bytes.
func checkLength(s scheme, password string) error {
	if limit := s.maxPassword(); len(password) > limit {
		return fmt.Errorf("%w: %s takes at most %d bytes", ErrTooLong, s.name(), limit)
	}
	return nil
}

// unsupported explains what s is, where that can be told, and what to do.
func unsupported(s string) error {
	what := "it begins like none of them"
	for _, known := range []struct{ prefix, is string }{
		{"$argon2i$", "it is an argon2i hash"},
		{"$argon2d$", "it is an argon2d hash"},
		{"$2x$", "it is a hash of the faulty bcrypt variant 2x"},
		{"$2$", "it is a hash of the first bcrypt variant"},
		{"$apr1$", "it is an MD5 hash of htpasswd"},
		{"$1$", "it is an MD5 crypt hash"},
		{"$5$", "it is a SHA-256 crypt hash"},
		{"$6$", "it is a SHA-512 crypt hash"},
		{"$y$", "it is a yescrypt hash"},
		{"$7$", "it is a scrypt hash in another spelling"},
		{"$pbkdf2-sha512$", "it is a pbkdf2-sha512 hash"},
		{"$pbkdf2$", "it is a pbkdf2-sha1 hash"},
		{"{SHA}", "it is an unsalted SHA-1 hash"},
		{"{SSHA}", "it is a SHA-1 hash"},
	} {
		if strings.HasPrefix(s, known.prefix) {
			what = known.is
		}
	}
	if s == "" {
		what = "it is empty"
	}
	return fmt.Errorf("%w: %s are, and %s; set the password with `caddy jwtauth user passwd`, or make a hash with `caddy hash-password`",
		ErrUnsupported, strings.Join(Schemes(), ", "), what)
}
