package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// counters reads counters at a moment and changes nothing.
func (s *suite) counters(t *testing.T, now time.Time, keys ...string) (got []throttle.Counter) {
	t.Helper()
	must(t, s.UpdateAttempts(t.Context(), now, keys, func(counters []throttle.Counter) error {
		got = slices.Clone(counters)
		return nil
	}))
	if len(got) != len(keys) {
		t.Fatalf("%d counters for %d keys", len(got), len(keys))
	}
	return got
}

func (s *suite) failures(t *testing.T, now time.Time, keys ...string) []int {
	t.Helper()
	var n []int
	for _, c := range s.counters(t, now, keys...) {
		n = append(n, c.Failures)
	}
	return n
}

func testAttempts(t *testing.T, s *suite) {
	ctx := t.Context()
	if got := s.counters(t, s.now, "a"); !got[0].Equal(throttle.Counter{}) {
		t.Errorf("a counter that never was is %+v", got[0])
	}
	full := throttle.Counter{Failures: 3, BlockedUntil: s.at(time.Minute), Expires: s.at(time.Hour)}
	must(t, s.UpdateAttempts(ctx, s.now, []string{"a", "b"}, func(counters []throttle.Counter) error {
		counters[0] = full
		counters[1] = throttle.Counter{Failures: 1, Expires: s.at(2 * time.Hour)}
		return nil
	}))
	got := s.counters(t, s.now, "b", "a", "c")
	if got[0].Failures != 1 || got[1].Failures != 3 || got[2].Failures != 0 ||
		!got[1].BlockedUntil.Equal(full.BlockedUntil) || !got[1].Expires.Equal(full.Expires) {
		t.Errorf("stored %+v", got)
	}
	wantSlice(t, "before the first expires", s.failures(t, s.at(time.Hour-time.Millisecond), "a", "b"), []int{3, 1})

	refused := errors.New("refused")
	err := s.UpdateAttempts(ctx, s.now, []string{"a", "c"}, func(counters []throttle.Counter) error {
		counters[0].Failures, counters[1] = 99, full
		return refused
	})
	wantErr(t, "change refuses", err, refused)
	wantSlice(t, "after a refused change", s.failures(t, s.now, "a", "c"), []int{3, 0})

	// A success takes the counter away; the one next to it stays.
	must(t, s.UpdateAttempts(ctx, s.now, []string{"a", "b"}, func(counters []throttle.Counter) error {
		counters[0] = throttle.Counter{}
		return nil
	}))
	wantSlice(t, "after removing", s.failures(t, s.now, "a", "b"), []int{0, 1})
	// Made again it expires by its new time.
	must(t, s.UpdateAttempts(ctx, s.now, []string{"a"}, func(counters []throttle.Counter) error {
		counters[0] = throttle.Counter{Failures: 1, Expires: s.at(3 * time.Hour)}
		return nil
	}))
	wantSlice(t, "when the second has expired", s.failures(t, s.at(2*time.Hour), "a", "b"), []int{1, 0})
	must(t, s.UpdateAttempts(ctx, s.now, []string{"a"}, func(counters []throttle.Counter) error {
		counters[0].Failures++
		counters[0].Expires = s.at(5 * time.Hour)
		return nil
	}))
	// All of a counter is kept.
	whole := throttle.Counter{
		Failures: 7, BlockedUntil: s.at(time.Minute), Expires: s.at(6 * time.Hour), FadesFrom: s.at(time.Second),
		Pending: []throttle.Reservation{{ID: "one", At: s.now, Origin: "there"}, {ID: "two", At: s.at(time.Millisecond)}},
		Tries:   []throttle.Try{{Origin: "here", At: s.now, Again: true}, {Origin: "there", At: s.at(time.Second)}},
	}
	must(t, s.UpdateAttempts(ctx, s.now, []string{"d"}, func(counters []throttle.Counter) error {
		counters[0] = whole
		return nil
	}))
	if got := s.counters(t, s.now, "d")[0]; !got.Equal(whole) {
		t.Errorf("stored %+v, want %+v", got, whole)
	}
	// One that changes in its reservations alone is written.
	must(t, s.UpdateAttempts(ctx, s.now, []string{"d"}, func(counters []throttle.Counter) error {
		counters[0].Pending = whole.Pending[1:]
		return nil
	}))
	if got := s.counters(t, s.now, "d")[0]; len(got.Pending) != 1 || got.Pending[0].ID != "two" {
		t.Errorf("after one of two ended %+v are under way", got.Pending)
	}
	// Whether an expired counter is there to be collected is the engine's business.
	if _, err := s.Collect(ctx, s.at(4*time.Hour), 10); err != nil {
		t.Fatal(err)
	}
	wantSlice(t, "after collecting", s.failures(t, s.now, "a", "b"), []int{2, 0})
}

func testAttemptsAtomic(t *testing.T, s *suite) {
	ctx := context.WithoutCancel(t.Context())
	count := func(counters []throttle.Counter) error {
		for i := range counters {
			counters[i].Failures++
			counters[i].Expires = s.at(time.Hour)
		}
		return nil
	}
	// Each caller counts its account and the address that all share, in an
	// order of its own.
	atOnce(t, func(i int) error {
		keys := []string{"address", []string{"alice", "bob"}[i%2]}
		if i%4 < 2 {
			slices.Reverse(keys)
		}
		return s.UpdateAttempts(ctx, s.now, keys, count)
	}, nil)
	wantSlice(t, "failures", s.failures(t, s.now, "address", "alice", "bob"), []int{callers, callers / 2, callers / 2})
}
