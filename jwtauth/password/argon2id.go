package password

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password/argon2"
)

// argon2idScheme is RFC 9106, as `$argon2id$v=19$m=19456,t=2,p=1$salt$key`.
type argon2idScheme struct{}

// argon2idWork bounds memory times passes, in KiB: some seconds of a core.
const argon2idWork = 4 << 20

func (argon2idScheme) name() string     { return Argon2id }
func (argon2idScheme) ids() []string    { return []string{"argon2id"} }
func (argon2idScheme) maxPassword() int { return MaxLength }

func (argon2idScheme) options() []option {
	return []option{
		// OWASP's figures: 7 MiB is the least it names, 19 MiB with two passes its first choice.
		{key: "m", word: "memory", field: func(p *Params) *int { return &p.Memory }, min: 8, max: 1 << 20, floor: 7168, normal: 19456},
		{key: "t", word: "time", field: func(p *Params) *int { return &p.Time }, min: 1, max: 1024, floor: 1, normal: 2},
		{key: "p", word: "parallelism", field: func(p *Params) *int { return &p.Parallelism }, min: 1, max: 16, floor: 1, normal: 1},
	}
}

func (argon2idScheme) bound(p Params) error {
	// RFC 9106 §3.1: eight blocks a lane.
	if p.Memory < 8*p.Parallelism {
		return errors.New("memory (m) must be at least 8 times parallelism (p)")
	}
	if p.Memory*p.Time > argon2idWork {
		return fmt.Errorf("memory (m) times time (t) must be at most %d", argon2idWork)
	}
	return nil
}

func (s argon2idScheme) check(password string) error { return checkLength(s, password) }

func (s argon2idScheme) parse(rest string) (*Hash, error) {
	fields := strings.Split(rest, "$")
	if len(fields) != 4 {
		return nil, errShape("$argon2id$v=19$m=…,t=…,p=…$salt$key")
	}
	if fields[0] != "v=19" {
		return nil, errors.New("option v takes 19")
	}
	p, err := parseOptions(s, fields[1])
	if err != nil {
		return nil, err
	}
	salt, key, err := parseSaltAndKey(fields[2], fields[3], 8)
	if err != nil {
		return nil, err
	}
	return keyed(p, salt, key), nil
}

func (argon2idScheme) derive(p Profile, password, salt []byte) []byte {
	return argon2.IDKey(password, salt, uint32(p.params.Time), uint32(p.params.Memory), uint8(p.params.Parallelism), uint32(p.key))
}

func (s argon2idScheme) compare(h *Hash, password []byte) bool {
	return sameKey(h.key, s.derive(h.profile, password, h.salt))
}

func (s argon2idScheme) create(random io.Reader, p Profile, password []byte) (string, error) {
	salt, err := randomSalt(random, p.salt)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.params.Memory, p.params.Time, p.params.Parallelism, encode64(salt), encode64(s.derive(p, password, salt))), nil
}

func (s argon2idScheme) decoy(p Profile) *Hash { return keyedDecoy(s, p) }

// Lanes make a comparison faster, not a guess harder.
func (argon2idScheme) strength(p Profile) []int { return []int{p.params.Memory, p.params.Time} }

var _ scheme = argon2idScheme{}
