package testcaddy

import (
	"testing"
	"time"
)

// Patience bounds every wait for something that has to come.
const Patience = 60 * time.Second

// Eventually tries until it is true, and fails the test where that never comes.
func Eventually(t testing.TB, what string, try func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for !try() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in %s", what, Patience)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
