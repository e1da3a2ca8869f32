package password

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestSlotsBoundAndQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(2, 3)
		var order []int
		var mu sync.Mutex
		free := make([]chan struct{}, 5)
		var wg sync.WaitGroup
		for i := range free {
			free[i] = make(chan struct{})
			wg.Go(func() {
				release, err := s.Acquire(t.Context(), Caller{})
				if err != nil {
					t.Errorf("caller %d: %v", i, err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				<-free[i]
				release()
			})
			synctest.Wait()
		}
		if s.InUse() != 2 || s.Waiting() != 3 {
			t.Fatalf("InUse %d, Waiting %d; want 2, 3", s.InUse(), s.Waiting())
		}
		if _, err := s.Acquire(t.Context(), Caller{}); !errors.Is(err, ErrBusy) {
			t.Fatalf("behind a full queue: %v, want ErrBusy at once", err)
		}
		for i := range free {
			close(free[i])
			synctest.Wait()
		}
		wg.Wait()
		for i, who := range order {
			if i != who {
				t.Fatalf("slots were given in the order %v, not of arrival", order)
			}
		}
		if s.InUse() != 0 || s.Waiting() != 0 {
			t.Errorf("InUse %d, Waiting %d after all; want 0, 0", s.InUse(), s.Waiting())
		}
	})
}

func TestSlotsEndOfContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(1, 1)
		release, err := s.Acquire(t.Context(), Caller{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Acquire(ctx, Caller{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting past the deadline: %v", err)
		}
		if s.Waiting() != 0 {
			t.Errorf("%d still in the queue", s.Waiting())
		}
		release()
		if _, err := s.Acquire(ctx, Caller{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that has ended: %v", err)
		}
		if s.InUse() != 0 {
			t.Errorf("a slot was taken for nobody")
		}
	})
}

func TestSlotsReleaseTwice(t *testing.T) {
	s := NewSlots(1, 0)
	first, err := s.Acquire(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	first()
	second, err := s.Acquire(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	first()
	if _, err := s.Acquire(t.Context(), Caller{}); !errors.Is(err, ErrBusy) {
		t.Errorf("releasing twice freed the slot of another: %v", err)
	}
	second()
}

func TestSlotsNeverExceeded(t *testing.T) {
	s := NewSlots(3, 1000)
	var now, most atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			release, err := s.Acquire(t.Context(), Caller{})
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			runtime.Gosched()
			now.Add(-1)
		})
	}
	wg.Wait()
	if most.Load() > 3 {
		t.Errorf("%d at once with 3 slots", most.Load())
	}
}

func TestSlotsDefaults(t *testing.T) {
	if n := DefaultSlots(); n < 1 || n > max(1, runtime.GOMAXPROCS(0)/2) {
		t.Errorf("DefaultSlots() = %d of %d CPUs", n, runtime.GOMAXPROCS(0))
	}
	if DefaultQueue(4) != 64 || DefaultQueue(0) < 1 {
		t.Errorf("DefaultQueue: %d, %d", DefaultQueue(4), DefaultQueue(0))
	}
	// Nonsense does not deadlock.
	release, err := NewSlots(0, -1).Acquire(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	release()
}
