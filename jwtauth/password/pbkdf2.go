package password

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// pbkdf2Scheme is PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2), in passlib's
// spelling `$pbkdf2-sha256$29000$salt$key`, whose base64 has '.' for '+', and
// in PHC's `$pbkdf2-sha256$i=29000,l=32$salt$key`.
type pbkdf2Scheme struct{}

// pbkdf2Work bounds iterations times blocks of the key: some seconds of a core.
const pbkdf2Work = 10_000_000

func (pbkdf2Scheme) name() string     { return PBKDF2SHA256 }
func (pbkdf2Scheme) ids() []string    { return []string{"pbkdf2-sha256"} }
func (pbkdf2Scheme) maxPassword() int { return MaxLength }

func (pbkdf2Scheme) options() []option {
	return []option{
		{key: "i", word: "iterations", field: func(p *Params) *int { return &p.Iterations }, min: 1, max: pbkdf2Work, floor: 100_000, normal: 600_000},
	}
}

func (pbkdf2Scheme) bound(Params) error { return nil }

func (s pbkdf2Scheme) check(password string) error { return checkLength(s, password) }

func (s pbkdf2Scheme) parse(rest string) (*Hash, error) {
	fields := strings.Split(rest, "$")
	if len(fields) != 3 {
		return nil, errShape("$pbkdf2-sha256$iterations$salt$key")
	}
	costs, length, sized := strings.Cut(fields[0], ",l=")
	if !strings.Contains(fields[0], "=") {
		costs = "i=" + costs
	}
	p, err := parseOptions(s, costs)
	if err != nil {
		return nil, err
	}
	dots := strings.NewReplacer(".", "+")
	salt, key, err := parseSaltAndKey(dots.Replace(fields[1]), dots.Replace(fields[2]), 1)
	if err != nil {
		return nil, err
	}
	if sized && length != strconv.Itoa(len(key)) {
		return nil, errors.New("option l takes the length of the key in bytes")
	}
	if blocks := (len(key) + sha256.Size - 1) / sha256.Size; p.Iterations*blocks > pbkdf2Work {
		return nil, fmt.Errorf("option i takes 1 to %d for a key of that length", pbkdf2Work/blocks)
	}
	return keyed(p, salt, key), nil
}

func (pbkdf2Scheme) derive(p Profile, password, salt []byte) ([]byte, error) {
	return pbkdf2.Key(sha256.New, string(password), salt, p.params.Iterations, p.key)
}

func (s pbkdf2Scheme) compare(h *Hash, password []byte) bool {
	key, err := s.derive(h.profile, password, h.salt)
	return err == nil && sameKey(h.key, key)
}

func (s pbkdf2Scheme) create(random io.Reader, p Profile, password []byte) (string, error) {
	salt, err := randomSalt(random, p.salt)
	if err != nil {
		return "", err
	}
	key, err := s.derive(p, password, salt)
	if err != nil {
		return "", err
	}
	dots := strings.NewReplacer("+", ".")
	return fmt.Sprintf("$pbkdf2-sha256$%d$%s$%s", p.params.Iterations, dots.Replace(encode64(salt)), dots.Replace(encode64(key))), nil
}

func (s pbkdf2Scheme) decoy(p Profile) *Hash { return keyedDecoy(s, p) }

func (pbkdf2Scheme) strength(p Profile) []int { return []int{p.params.Iterations} }

var _ scheme = pbkdf2Scheme{}
