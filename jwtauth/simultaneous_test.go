package jwtauth_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// TestSimultaneousSignInsOverTheWire: right sign-ins at once, from one address,
// are neither "wrong password" nor 429; wrong ones at once still are.
func TestSimultaneousSignInsOverTheWire(t *testing.T) {
	s := throttledServer(t, "store bolt <DIR>/at-once.db\npassword_hash {\nslots 4\nqueue 100\n}")
	atOnce := func(n int, body func(i int) string, address string) map[int]int {
		t.Helper()
		statuses := make([]int, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				a, err := s.try("POST", "/token", body(i), header("Content-Type", "application/x-www-form-urlencoded"), from(address))
				if err != nil {
					t.Error(err)
				}
				statuses[i] = a.StatusCode
			})
		}
		wg.Wait()
		counts := make(map[int]int)
		for _, status := range statuses {
			counts[status]++
		}
		return counts
	}
	right := func(int) string { return rightSignIn }
	for _, n := range []int{6, 20, 40} {
		if got := atOnce(n, right, "192.0.2.1"); got[http.StatusOK] != n {
			t.Errorf("%d right sign-ins at once: statuses %v", n, got)
		}
	}
	wrong := func(i int) string { return fmt.Sprintf("username=nobody%d&password=x", i) }
	if got := atOnce(60, wrong, "192.0.2.2"); got[http.StatusUnauthorized] != 20 || got[http.StatusTooManyRequests] != 40 {
		t.Errorf("60 wrong sign-ins at once: statuses %v, want 20 of 401 and 40 of 429", got)
	}
	s.wantQuietLog()
}
