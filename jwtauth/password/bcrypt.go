package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// bcryptScheme is bcrypt as htpasswd, passlib and Caddy write it:
// `$2y$05$` and 53 characters. The variants 2a, 2b and 2y differ in faults of
// long-gone programs only.
type bcryptScheme struct{}

// bcryptMax is the number of bytes bcrypt looks at.
const bcryptMax = 72

// Lengths in bytes, and of the salt in characters.
const (
	bcryptSalt      = 16
	bcryptKey       = 23
	bcryptSaltChars = 22
	bcryptChars     = 53
)

func (bcryptScheme) name() string     { return Bcrypt }
func (bcryptScheme) ids() []string    { return []string{"2a", "2b", "2y"} }
func (bcryptScheme) maxPassword() int { return bcryptMax }

func (bcryptScheme) options() []option {
	return []option{
		// Each step doubles the time; 16 is some 4 s of a core.
		{key: "cost", word: "cost", field: func(p *Params) *int { return &p.Cost }, min: bcrypt.MinCost, max: 16, floor: 10, normal: 12},
	}
}

func (bcryptScheme) bound(Params) error { return nil }

func (s bcryptScheme) check(password string) error {
	if strings.IndexByte(password, 0) >= 0 {
		return fmt.Errorf("%w, which bcrypt cannot tell from the password's end", ErrNUL)
	}
	return checkLength(s, password)
}

func (s bcryptScheme) parse(rest string) (*Hash, error) {
	if len(rest) != len("00$")+bcryptChars || rest[2] != '$' {
		return nil, errShape("$2b$cost$ and 53 characters")
	}
	o := s.options()[0]
	cost, ok := parseNumber(strings.TrimPrefix(rest[:2], "0"))
	if !ok || cost < o.min || cost > o.max {
		return nil, fmt.Errorf("the cost takes %02d to %d", o.min, o.max)
	}
	alphabet := base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)
	salt, key := rest[3:3+bcryptSaltChars], rest[3+bcryptSaltChars:]
	if strings.ContainsAny(rest, "\r\n") {
		return nil, errors.New("there is a line break in it")
	}
	// Some programs leave stray bits in the salt, and nothing else minds. Stray
	// bits in the key could match no password.
	if _, err := alphabet.DecodeString(salt); err != nil {
		return nil, errors.New("the salt has characters outside of bcrypt's base64")
	}
	if _, err := alphabet.Strict().DecodeString(key); err != nil {
		return nil, errors.New("the key has characters that bcrypt's base64 cannot have there")
	}
	return &Hash{profile: s.profile(cost)}, nil
}

func (bcryptScheme) profile(cost int) Profile {
	return Profile{scheme: Bcrypt, params: Params{Cost: cost}, salt: bcryptSalt, key: bcryptKey}
}

func (bcryptScheme) compare(h *Hash, password []byte) bool {
	return bcrypt.CompareHashAndPassword([]byte(h.text), password) == nil
}

// create leaves the salt to the library, which draws it from crypto/rand.
func (bcryptScheme) create(_ io.Reader, p Profile, password []byte) (string, error) {
	b, err := bcrypt.GenerateFromPassword(password, p.params.Cost)
	return string(b), err
}

func (s bcryptScheme) decoy(p Profile) *Hash {
	text := fmt.Sprintf("$2b$%02d$%s", p.params.Cost, strings.Repeat(".", bcryptChars))
	return &Hash{text: text, scheme: s, profile: p}
}

func (bcryptScheme) strength(p Profile) []int { return []int{p.params.Cost} }

var _ scheme = bcryptScheme{}
