package password

import (
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// scryptScheme is RFC 7914, as `$scrypt$ln=17,r=8,p=1$salt$key`.
type scryptScheme struct{}

// Bounds in bytes: of the memory, 128·N·r, and of that times p, which is some
// seconds of a core.
const (
	scryptMemory int64 = 1 << 30
	scryptWork   int64 = 2 << 30
)

func (scryptScheme) name() string     { return Scrypt }
func (scryptScheme) ids() []string    { return []string{"scrypt"} }
func (scryptScheme) maxPassword() int { return MaxLength }

func (scryptScheme) options() []option {
	return []option{
		{key: "ln", word: "log_n", field: func(p *Params) *int { return &p.LogN }, min: 1, max: 20, floor: 13, normal: 17},
		{key: "r", word: "r", field: func(p *Params) *int { return &p.R }, min: 1, max: 32, floor: 8, normal: 8},
		{key: "p", word: "p", field: func(p *Params) *int { return &p.P }, min: 1, max: 16, floor: 1, normal: 1},
	}
}

func (scryptScheme) bound(p Params) error {
	memory := int64(128) << p.LogN * int64(p.R)
	if memory > scryptMemory {
		return fmt.Errorf("128·2^ln·r must be at most %d", scryptMemory)
	}
	if memory*int64(p.P) > scryptWork {
		return fmt.Errorf("128·2^ln·r·p must be at most %d", scryptWork)
	}
	return nil
}

func (s scryptScheme) check(password string) error { return checkLength(s, password) }

func (s scryptScheme) parse(rest string) (*Hash, error) {
	fields := strings.Split(rest, "$")
	if len(fields) != 3 {
		return nil, errShape("$scrypt$ln=…,r=…,p=…$salt$key")
	}
	p, err := parseOptions(s, fields[0])
	if err != nil {
		return nil, err
	}
	salt, key, err := parseSaltAndKey(fields[1], fields[2], 1)
	if err != nil {
		return nil, err
	}
	return keyed(p, salt, key), nil
}

func (scryptScheme) derive(p Profile, password, salt []byte) ([]byte, error) {
	return scrypt.Key(password, salt, 1<<p.params.LogN, p.params.R, p.params.P, p.key)
}

func (s scryptScheme) compare(h *Hash, password []byte) bool {
	key, err := s.derive(h.profile, password, h.salt)
	return err == nil && sameKey(h.key, key)
}

func (s scryptScheme) create(random io.Reader, p Profile, password []byte) (string, error) {
	salt, err := randomSalt(random, p.salt)
	if err != nil {
		return "", err
	}
	key, err := s.derive(p, password, salt)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", p.params.LogN, p.params.R, p.params.P, encode64(salt), encode64(key)), nil
}

func (s scryptScheme) decoy(p Profile) *Hash { return keyedDecoy(s, p) }

// Memory, then work.
func (scryptScheme) strength(p Profile) []int {
	memory := p.params.R << p.params.LogN
	return []int{memory, memory * p.params.P}
}

var _ scheme = scryptScheme{}
