package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
)

// heap is a collector with something left to remove, and what was seen of it.
type heap struct {
	mu      sync.Mutex
	left    int
	fail    error
	largest int
	steps   []time.Time
	reports []int
	failed  error
}

func (h *heap) Collect(_ context.Context, _ time.Time, limit int) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.steps = append(h.steps, time.Now())
	h.largest = max(h.largest, limit)
	n := min(h.left, limit)
	h.left -= n
	return n, h.fail
}

func (h *heap) report(removed int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reports, h.failed = append(h.reports, removed), err
}

// after lets time pass and then looks at the heap.
func (h *heap) after(d time.Duration, look func()) {
	time.Sleep(d)
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	look()
}

func TestRunCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heap{left: 1700}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			store.RunCollector(ctx, h, time.Hour, h.report)
		}()
		h.after(time.Minute, func() {
			if h.left != 0 || len(h.reports) != 1 || h.reports[0] != 1700 || h.failed != nil {
				t.Fatalf("%d left after a minute, reports %v, %v", h.left, h.reports, h.failed)
			}
			if h.largest > 1000 || len(h.steps) < 2 || !h.steps[1].After(h.steps[0]) {
				t.Errorf("steps of %d at %v: want small ones with pauses", h.largest, h.steps)
			}
		})
		h.after(time.Hour, func() {
			if len(h.reports) != 1 {
				t.Errorf("a collection of nothing was reported: %v", h.reports)
			}
			h.left, h.fail = 3, errBroken
		})
		h.after(time.Hour, func() {
			if len(h.reports) != 2 || h.reports[1] != 3 || !errors.Is(h.failed, errBroken) {
				t.Errorf("reports %v, %v", h.reports, h.failed)
			}
			h.left, h.fail = 1_000_000, nil
		})
		h.after(time.Hour, cancel) // in the middle of a collection
		<-stopped
		if h.left == 0 || len(h.reports) != 2 {
			t.Error("the collection did not stop with its context")
		}
	})
}
