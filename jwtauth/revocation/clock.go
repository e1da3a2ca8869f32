package revocation

import (
	"sync"
	"time"
)

const (
	// step is by how much a clock may run ahead of the time that passed
	// before it counts as set.
	step = 2 * time.Second
	// settled is how long a clock must have stayed where it was set to.
	settled = time.Hour
)

// Late is how much longer than needed a revocation is kept, in memory and in a
// store: a clock that is set back by less makes no forgotten token valid again.
const Late = time.Hour

// Clock tells the time for throwing revocations away. A clock that is set
// forward by mistake and then back would otherwise make revoked tokens valid
// again, with nothing left that denies them. So a step forward counts only
// after an hour; a step back counts at once. Methods may be called concurrently.
type Clock struct {
	wall    func() time.Time
	elapsed func() time.Duration

	mu sync.Mutex
	// base and at belong together: the time that was right at that moment.
	base time.Time
	at   time.Duration
	// ahead is since when the wall clock has been ahead; set tells whether it is.
	ahead time.Duration
	set   bool
}

// NewClock returns a clock that starts with the wall clock.
func NewClock() *Clock {
	start := time.Now()
	return newClock(time.Now, func() time.Duration { return time.Since(start) })
}

func newClock(wall func() time.Time, elapsed func() time.Duration) *Clock {
	return &Clock{wall: wall, elapsed: elapsed, base: wall().Round(0), at: elapsed()}
}

// Now returns a moment that has passed, as far as this process can tell.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, elapsed := c.wall().Round(0), c.elapsed()
	steady := c.base.Add(elapsed - c.at)
	if wall.After(steady.Add(step)) {
		if !c.set {
			c.set, c.ahead = true, elapsed
		}
		if elapsed-c.ahead < settled {
			return steady
		}
	}
	c.set, c.base, c.at = false, wall, elapsed
	return wall
}
