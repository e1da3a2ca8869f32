package password

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// ErrBusy is returned by [Slots.Acquire] where all slots and the queue are full.
var ErrBusy = errors.New("too many passwords are being hashed")

// Slots bounds how many hashings run at once, and how many wait for that. It is
// safe for concurrent use.
type Slots struct {
	inUse chan struct{}
	queue int

	mu      sync.Mutex
	waiting int
}

// NewSlots returns Slots for that many hashings at once, at least one, with a
// queue of that many callers, at least none.
func NewSlots(slots, queue int) *Slots {
	return &Slots{inUse: make(chan struct{}, max(1, slots)), queue: max(0, queue)}
}

// DefaultSlots returns half of the CPUs that Go uses, at least one: the other
// half stays with the site.
func DefaultSlots() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// DefaultQueue returns 16 callers a slot. The last of them waits half a second
// with the default hashes, and some 4 s with bcrypt of cost 12.
func DefaultQueue(slots int) int { return 16 * max(1, slots) }

// Acquire takes a slot, waiting in line for one where none is free. Where the
// line is full it returns [ErrBusy] at once, and the error of ctx where ctx ends
// first. The caller calls release when it has done hashing; calling it again
// does nothing.
func (s *Slots) Acquire(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s.inUse <- struct{}{}:
		return s.release(), nil
	default:
	}
	if !s.enqueue() {
		return nil, ErrBusy
	}
	defer s.dequeue()
	// A freed slot goes to the longest waiting sender, never past the line.
	select {
	case s.inUse <- struct{}{}:
		return s.release(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Cap returns how many slots there are.
func (s *Slots) Cap() int { return cap(s.inUse) }

// Full reports whether [Slots.Acquire] would refuse right now.
func (s *Slots) Full() bool {
	return len(s.inUse) == cap(s.inUse) && s.Waiting() >= s.queue
}

// InUse returns how many slots are taken.
func (s *Slots) InUse() int { return len(s.inUse) }

// Waiting returns how many callers wait for a slot.
func (s *Slots) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

func (s *Slots) enqueue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting >= s.queue {
		return false
	}
	s.waiting++
	return true
}

func (s *Slots) dequeue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
}

func (s *Slots) release() func() {
	return sync.OnceFunc(func() { <-s.inUse })
}
