package password

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"sync"
)

// ErrBusy is returned by [Slots.Acquire] where all slots and the queue are full.
var ErrBusy = errors.New("too many passwords are being hashed")

// Caller is who wants a password hashed. Turns are shared out by both fields.
type Caller struct {
	// Address is the client's, the zero Addr where it is not known. Callers
	// without one count as one address.
	Address netip.Addr
	// Account is whose password or secret it is. It may be a name that a
	// stranger made up.
	Account string
}

// Slots bounds how many hashings run at once, and how many wait for that. Those
// who wait are served in turn: a freed slot goes to the next address, whatever
// the number of requests that each address has waiting. It is safe for
// concurrent use.
//
// A caller whose address has nothing else waiting is served after at most one
// request of each other address that waits, or two where many addresses share
// few accounts: every second slot then goes to the next account, so that
// a caller with one account and many addresses does not get a turn for each
// of the addresses.
type Slots struct {
	slots, places int

	// mu guards what follows. A slot is free only while the line is empty.
	mu    sync.Mutex
	inUse int
	queue fairQueue
}

// NewSlots returns Slots for that many hashings at once, at least one, with a
// queue of that many callers, at least none.
func NewSlots(slots, queue int) *Slots {
	return &Slots{slots: max(1, slots), places: max(0, queue), queue: newFairQueue()}
}

// DefaultSlots returns half of the CPUs that Go uses, at least one: the other
// half stays with the site.
func DefaultSlots() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// DefaultQueue returns 16 callers a slot. The last of them waits half a second
// with the default hashes, and some 4 s with bcrypt of cost 12.
func DefaultQueue(slots int) int { return 16 * max(1, slots) }

// Acquire takes a slot, waiting for its turn where none is free. Where the queue
// is full, it takes the place of another caller who has more requests waiting,
// or else returns [ErrBusy] at once. It also returns ErrBusy where its own place
// was taken in that way, and the error of ctx where ctx ends first. The caller
// calls release when it has done hashing; calling it again does nothing.
func (s *Slots) Acquire(ctx context.Context, c Caller) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := s.enter(c)
	if err != nil {
		return nil, err
	}
	if w != nil {
		if err := s.wait(ctx, w); err != nil {
			return nil, err
		}
	}
	return sync.OnceFunc(s.release), nil
}

// Cap returns how many slots there are.
func (s *Slots) Cap() int { return s.slots }

// Full reports whether [Slots.Acquire] would refuse this caller right now.
func (s *Slots) Full(c Caller) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inUse == s.slots && s.queue.waiting == s.places && s.queue.yields(keysOf(c)) == nil
}

// InUse returns how many slots are taken.
func (s *Slots) InUse() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inUse
}

// Waiting returns how many callers wait for a slot.
func (s *Slots) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.waiting
}

// enter takes a free slot, or a place in the line, which it returns.
func (s *Slots) enter(c Caller) (*waiter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inUse < s.slots {
		s.inUse++
		return nil, nil
	}
	key := keysOf(c)
	if s.queue.waiting == s.places {
		last := s.queue.yields(key)
		if last == nil {
			return nil, ErrBusy
		}
		s.queue.remove(last)
		last.done <- ErrBusy
	}
	return s.queue.join(key), nil
}

// wait returns nil when w has been handed a slot.
func (s *Slots) wait(ctx context.Context, w *waiter) error {
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
	}
	s.mu.Lock()
	waits := w.place != nil
	if waits {
		s.queue.remove(w)
	}
	s.mu.Unlock()
	// What was handed over in the meantime goes to the next.
	if !waits && <-w.done == nil {
		s.release()
	}
	return ctx.Err()
}

// release hands a slot to the waiter whose turn it is. The slot is free only where no caller waits.
func (s *Slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.queue.next()
	if w == nil {
		s.inUse--
		return
	}
	s.queue.remove(w)
	w.done <- nil
}
