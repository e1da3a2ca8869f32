package password

import (
	"fmt"
	"strings"
)

// Params are the costs of a scheme. Each scheme reads its own; zero is the
// default of the scheme.
type Params struct {
	// Memory in KiB (argon2id). Default: 19456.
	Memory int
	// Time is the number of passes over the memory (argon2id). Default: 2.
	Time int
	// Parallelism is the number of lanes, and of CPUs that one comparison
	// keeps busy (argon2id). Default: 1.
	Parallelism int
	// Cost is the base-2 logarithm of the rounds (bcrypt). Default: 12.
	Cost int
	// LogN is the base-2 logarithm of N (scrypt). Default: 17.
	LogN int
	// R is the block size (scrypt). Default: 8.
	R int
	// P is the number of runs, one after the other (scrypt). Default: 1.
	P int
	// Iterations (pbkdf2-sha256). Default: 600000.
	Iterations int
}

// Profile is what decides the time a comparison takes: the scheme, its costs
// and the lengths of salt and key. Profiles can be compared with == and be map
// keys. The zero Profile stands for none.
type Profile struct {
	scheme    string
	params    Params
	salt, key int
}

// Scheme returns the name of the profile's scheme.
func (p Profile) Scheme() string { return p.scheme }

// String returns the profile as text that differs between any two profiles.
func (p Profile) String() string {
	s, ok := schemeByName(p.scheme)
	if !ok {
		return "none"
	}
	parts := []string{p.scheme}
	for _, o := range s.options() {
		parts = append(parts, fmt.Sprintf("%s=%d", o.word, *o.field(&p.params)))
	}
	return strings.Join(append(parts, fmt.Sprintf("salt=%d", p.salt), fmt.Sprintf("key=%d", p.key)), " ")
}

// option is one cost of a scheme.
type option struct {
	// key names it in a hash string, word in a configuration.
	key, word string
	field     func(*Params) *int
	// min and max bound what is read; below floor nothing new is made.
	min, max, floor, normal int
}

// complete fills in the defaults of the scheme and checks what was given.
func complete(s scheme, p Params) (Params, error) {
	foreign := p
	for _, o := range s.options() {
		*o.field(&foreign) = 0
		v := o.field(&p)
		if *v == 0 {
			*v = o.normal
		}
		if *v < o.floor || *v > o.max {
			return Params{}, fmt.Errorf("%w: %s: %s takes %d to %d", ErrParams, s.name(), o.word, o.floor, o.max)
		}
	}
	for _, other := range schemes() {
		for _, o := range other.options() {
			if *o.field(&foreign) != 0 {
				return Params{}, fmt.Errorf("%w: %s has no %s: that is for %s", ErrParams, s.name(), o.word, other.name())
			}
		}
	}
	if err := s.bound(p); err != nil {
		return Params{}, fmt.Errorf("%w: %s: %w", ErrParams, s.name(), err)
	}
	return p, nil
}
