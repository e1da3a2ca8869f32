package password

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"sync/atomic"
)

// Decoys compares passwords for names that have no hash, so that an unknown
// name takes the time of a known one. Which time that is, the name decides: the
// names are spread over the profiles in use as the users are. It is safe for
// concurrent use.
type Decoys struct {
	key      []byte
	fallback *Hash
	inUse    atomic.Pointer[[]decoy]
}

type decoy struct {
	hash   *Hash
	label  string
	weight float64
}

// NewDecoys returns Decoys whose choices only a holder of key can foretell.
// fallback is the profile where none is in use: that of the realm's Hasher.
func NewDecoys(key []byte, fallback Profile) *Decoys {
	if _, ok := schemeByName(fallback.scheme); !ok {
		fallback = Default().Profile()
	}
	return &Decoys{key: slices.Clone(key), fallback: decoyOf(fallback)}
}

// Set replaces the profiles in use: how many users have a hash of each. The map
// is not kept.
func (d *Decoys) Set(counts map[Profile]int) {
	var all []decoy
	for p, n := range counts {
		if hash := decoyOf(p); hash != nil && n > 0 {
			all = append(all, decoy{hash: hash, label: p.String(), weight: float64(n)})
		}
	}
	slices.SortFunc(all, func(a, b decoy) int { return cmp.Compare(a.label, b.label) })
	d.inUse.Store(&all)
}

// Compare does the work of comparing password with the hash of a user of that
// name, and says nothing: the answer is no. It wants a hashing slot as any
// other comparison does.
func (d *Decoys) Compare(name, password string) {
	d.pick(name).Verify(password)
}

// Choose takes the time in which Compare finds out what to compare with, for names
// that have a hash.
func (d *Decoys) Choose(name string) { d.pick(name) }

// pick is weighted rendezvous hashing: a name keeps its profile when the counts
// change, but for the few that have to move. Otherwise each new user would show
// which names are decoys.
func (d *Decoys) pick(name string) *Hash {
	best, bestScore := d.fallback, math.Inf(1)
	if all := d.inUse.Load(); all != nil {
		for _, c := range *all {
			if score := d.draw(c.label, name) / c.weight; score < bestScore {
				best, bestScore = c.hash, score
			}
		}
	}
	return best
}

// draw maps (label, name) to a positive number of exponential distribution.
func (d *Decoys) draw(label, name string) float64 {
	mac := hmac.New(sha256.New, d.key)
	_, _ = io.WriteString(mac, label+"\x00"+name)
	// 53 bits are what a float64 holds; the half keeps the logarithm finite.
	uniform := (float64(binary.BigEndian.Uint64(mac.Sum(nil))>>11) + 0.5) / (1 << 53)
	return -math.Log(uniform)
}

func decoyOf(p Profile) *Hash {
	s, ok := schemeByName(p.scheme)
	if !ok {
		return nil
	}
	return s.decoy(p)
}
