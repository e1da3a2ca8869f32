package throttle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestOffice: people who share an address and mistype now and then do not keep each other
// out, and a guesser among them gets no further than one who is alone.
func TestOffice(t *testing.T) {
	const people, days = 200, 28
	for _, typos := range []int{16, 24, 48} {
		t.Run(fmt.Sprintf("%d a day", typos), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, chance := newRig(t, Config{}), rand.New(rand.NewPCG(1, uint64(typos)))
				right, refused := 0, 0
				for range days {
					// Most come in the morning. Of those who mistype, a third does so twice.
					begins := r.now()
					var moments []time.Duration
					for range typos + 40 {
						at := 8*time.Hour + time.Duration(chance.Int64N(int64(90*time.Minute)))
						if chance.IntN(3) == 0 {
							at = 8*time.Hour + time.Duration(chance.Int64N(int64(10*time.Hour)))
						}
						moments = append(moments, at)
					}
					slices.Sort(moments)
					wrong := chance.Perm(len(moments))[:typos]
					for i, at := range moments {
						if wait := begins.Add(at).Sub(r.now()); wait > 0 {
							time.Sleep(wait)
						}
						who := fmt.Sprint("user ", chance.IntN(people))
						mistakes := 0
						if slices.Contains(wrong, i) {
							mistakes = 1 + chance.IntN(3)/2
						}
						for range mistakes {
							r.officeTry(who, false)
							time.Sleep(10 * time.Second)
						}
						right++
						if !r.officeTry(who, true) {
							refused++
						}
					}
					time.Sleep(begins.Add(day).Sub(r.now()))
				}
				t.Logf("%d of %d right passwords were refused", refused, right)
				if refused*1000 > right {
					t.Errorf("%d of %d right passwords were refused, more than 0.1 %%", refused, right)
				}
			})
		})
	}
}

// officeTry signs in, or mistypes, and reports whether the password was compared.
func (r rig) officeTry(who string, right bool) bool {
	a, err := r.Begin(r.Context(), who, Origin{Address: address("192.0.2.1")})
	if err != nil {
		return false
	}
	if right && !a.Throttled {
		r.succeed(a)
		return true
	}
	a.Fail()
	return !a.Throttled
}

// TestOfficeGuesser: one who guesses from a shared address, as fast as it lets him, gets a
// few hundred tries a day, also where 200 others sign in from there each day, by browsers
// that are known and so do not wait.
func TestOfficeGuesser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{})
		const days, people = 5, 200
		colleague := func(i int) {
			a, err := r.Begin(r.Context(), fmt.Sprint("user ", i%people), Origin{address("192.0.2.1"), fmt.Sprint("browser ", i%people)})
			if err == nil && !a.Throttled {
				r.succeed(a)
			}
		}
		for i := range people {
			colleague(i) // which makes the browsers known
		}
		guesses, tries, come := 0, 0, 0
		next := r.now().Add(day / people)
		for ends := r.now().Add(days * day); r.now().Before(ends); {
			if !r.now().Before(next) {
				colleague(come)
				come, next = come+1, next.Add(day/people)
			}
			tries++
			if r.officeTry(fmt.Sprint("victim ", tries), false) {
				guesses++
				continue
			}
			time.Sleep(min(r.retryAfter("192.0.2.1")+time.Millisecond, next.Sub(r.now())))
		}
		t.Logf("%d guesses a day, while %d others signed in", guesses/days, come/days)
		if guesses/days > 300 || come/days < people-1 {
			t.Errorf("%d guesses a day, while %d others signed in", guesses/days, come/days)
		}
	})
}
