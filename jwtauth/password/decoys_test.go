package password

import (
	"fmt"
	"sync"
	"testing"
)

// cheap returns profiles that cost next to nothing.
func cheap(iterations int) Profile {
	return Profile{scheme: PBKDF2SHA256, params: Params{Iterations: iterations}, salt: 16, key: 32}
}

func TestDecoysFollowTheProfilesInUse(t *testing.T) {
	d := NewDecoys([]byte("key"), cheap(1))
	if got := d.pick("alice").Profile(); got != cheap(1) {
		t.Errorf("without users: %s, want the fallback", got)
	}

	const names = 4000
	d.Set(map[Profile]int{cheap(2): 30, cheap(3): 10, cheap(4): 0})
	first := map[string]Profile{}
	counts := map[Profile]int{}
	for i := range names {
		name := fmt.Sprint("user", i)
		first[name] = d.pick(name).Profile()
		counts[first[name]]++
	}
	// 3000 and 1000 are expected, with a deviation of 27.
	if n := counts[cheap(2)]; n < 2800 || n > 3200 || n+counts[cheap(3)] != names {
		t.Errorf("of %d names: %v; want three of four as cheap(2), the rest as cheap(3)", names, counts)
	}

	// One user more: nobody but the few it takes may change.
	d.Set(map[Profile]int{cheap(2): 30, cheap(3): 11})
	moved := 0
	for name, was := range first {
		now := d.pick(name).Profile()
		if now != was {
			moved++
			if now != cheap(3) {
				t.Errorf("%s went from %s to %s", name, was, now)
			}
		}
	}
	if moved > names/20 {
		t.Errorf("%d of %d names changed their profile for one more user", moved, names)
	}

	d.Set(nil)
	if got := d.pick("alice").Profile(); got != cheap(1) {
		t.Errorf("after the last user: %s, want the fallback", got)
	}
}

func TestDecoysDependOnTheKey(t *testing.T) {
	a, b := NewDecoys([]byte("a"), cheap(1)), NewDecoys([]byte("b"), cheap(1))
	same := 0
	for _, d := range []*Decoys{a, b} {
		d.Set(map[Profile]int{cheap(2): 1, cheap(3): 1})
	}
	for i := range 200 {
		name := fmt.Sprint(i)
		if a.pick(name).Profile() == b.pick(name).Profile() {
			same++
		}
	}
	if same == 200 {
		t.Error("whoever knows the code can foretell which name has which profile")
	}
}

func TestDecoysCompareAtTheProfilesCost(t *testing.T) {
	for _, s := range schemes() {
		t.Run(s.name(), func(t *testing.T) {
			var p Params
			for _, o := range s.options() {
				*o.field(&p) = o.min
			}
			profile := newHasher(s, p).Profile()
			d := NewDecoys([]byte("key"), profile)
			if d.fallback.Profile() != profile {
				t.Fatalf("decoy has the profile %s, want %s", d.fallback.Profile(), profile)
			}
			r := &recorder{scheme: s}
			d.fallback.scheme = r
			d.Compare("nobody", "password")
			if len(r.lengths) != 1 || r.lengths[0] != len("password") {
				t.Errorf("compared %v, want the password once", r.lengths)
			}
			if d.fallback.Verify("password") {
				t.Error("a decoy said yes")
			}
		})
	}
}

func TestDecoysWithoutProfile(t *testing.T) {
	d := NewDecoys(nil, Profile{})
	d.Set(map[Profile]int{{}: 5})
	if got, want := d.pick("alice").Profile(), Default().Profile(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestDecoysConcurrently(t *testing.T) {
	d := NewDecoys([]byte("key"), cheap(1))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				d.Set(map[Profile]int{cheap(2 + i): 1 + j, cheap(20): 1})
				d.Compare(fmt.Sprint(i, j), "password")
			}
		})
	}
	wg.Wait()
}
