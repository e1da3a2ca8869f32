package realm

import (
	"sync"
	"testing"
	"time"
)

// TestGateMayBePassedAgain by a caller inside, while it is closing: a request asks
// for the store more than once, and a reload may come in between.
func TestGateMayBePassedAgain(t *testing.T) {
	var g gate
	if !g.enter() {
		t.Fatal("a new gate is closed")
	}
	empty := g.close()
	again := make(chan bool)
	go func() { again <- g.enter() }()
	select {
	case ok := <-again:
		if !ok {
			t.Error("a caller inside cannot enter again")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a caller inside waits for itself")
	}
	for range 2 {
		select {
		case <-empty:
			t.Error("closed with a caller inside")
		default:
		}
		g.leave()
	}
	<-empty
	if g.enter() {
		t.Error("entered a closed gate")
	}
}

func TestGateClosesOnce(t *testing.T) {
	var g gate
	var wg sync.WaitGroup
	var empty <-chan struct{}
	for i := range 100 {
		wg.Go(func() {
			if i == 50 {
				empty = g.close()
			} else if g.enter() {
				g.leave()
			}
		})
	}
	wg.Wait()
	<-empty
	if g.enter() {
		t.Error("entered a closed gate")
	}
}
