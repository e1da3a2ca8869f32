package throttle

import (
	"slices"
	"time"
)

// lapse is how long a reservation holds. It is longer than a comparison takes in
// the longest queue before it; an attempt that takes longer counts as a failure
// until it ends.
const lapse = 15 * time.Second

// maxTries is how many origins an account keeps.
const maxTries = 32

// A scale says how the failures of one counter weigh.
type scale struct {
	cfg Config
	// free failures have no wait.
	free int
	// fade is how long it takes for one failure to be forgotten.
	fade time.Duration
	// most is the number of failures at which counting ends, so that they can
	// fade in a time that is known.
	most int
}

func (s scale) wait(failures int) time.Duration { return s.cfg.wait(failures, s.free) }

// waits returns how long a counter blocks from now on. A wait that is longer
// than any that is given comes from a clock or a configuration that has changed
// since; it is over, and the next failure makes a proper one.
func (s scale) waits(now time.Time, c Counter) time.Duration {
	if wait := c.BlockedUntil.Sub(now); wait > 0 && wait <= s.cfg.MaxWait {
		return wait
	}
	return 0
}

// faded returns a counter as it is at now: one failure less for each stretch of
// s.fade since FadesFrom. Waits are no part of that time, or trying as soon as
// each is over would make the next one shorter.
func (s scale) faded(now time.Time, c Counter) Counter {
	if c.FadesFrom.IsZero() {
		c.FadesFrom = c.BlockedUntil // of an older version
	}
	if c.FadesFrom.IsZero() || c.FadesFrom.After(now.Add(s.cfg.MaxWait)) {
		c.FadesFrom = now
	}
	c.Failures = min(c.Failures, s.most)
	if gone := int(now.Sub(c.FadesFrom) / s.fade); gone > 0 {
		c.FadesFrom = c.FadesFrom.Add(time.Duration(gone) * s.fade)
		c.Failures = max(0, c.Failures-gone)
	}
	if c.Failures == 0 {
		c.FadesFrom, c.Tries = time.Time{}, nil
	}
	return c
}

// fail counts an attempt as the failure that it was, at the time it began.
func (s scale) fail(p Reservation, c *Counter) {
	*c = s.faded(p.At, *c)
	if c.Failures == 0 {
		c.FadesFrom = p.At
	}
	c.Failures = min(c.Failures+1, s.most)
	c.BlockedUntil = time.Time{}
	if wait := s.wait(c.Failures); wait > 0 {
		c.BlockedUntil = p.At.Add(wait)
		c.FadesFrom = c.FadesFrom.Add(wait)
		if c.FadesFrom.After(c.BlockedUntil) {
			c.FadesFrom = c.BlockedUntil
		}
	}
	if p.Origin != "" {
		c.Tries = tried(c.Tries, p)
	}
}

// tried adds a try, in place of an earlier one from there.
func tried(tries []Try, p Reservation) []Try {
	var kept []Try
	try := Try{Origin: p.Origin, At: p.At}
	for _, t := range tries {
		if t.Origin == p.Origin {
			try.Again = true
		} else {
			kept = append(kept, t)
		}
	}
	kept = append(kept, try)
	return kept[max(0, len(kept)-maxTries):]
}

// settle counts what failed among the attempts that were under way, and what
// lapsed. over reports that an attempt of this process has failed.
func (s scale) settle(now time.Time, c *Counter, over func(id string) bool) {
	if len(c.Pending) == 0 {
		return
	}
	var left []Reservation
	for _, p := range c.Pending {
		if now.Sub(p.At).Abs() < lapse && !over(p.ID) {
			left = append(left, p)
			continue
		}
		s.fail(p, c)
	}
	c.Pending = left
}

// full reports that the attempts under way, were they all to fail, leave no room
// for another one.
func (s scale) full(c Counter) bool {
	return len(c.Pending) > 0 && c.Failures+len(c.Pending) >= s.free
}

// reserve adds an attempt under way.
func (s scale) reserve(now time.Time, c *Counter, p Reservation) {
	*c = s.faded(now, *c)
	c.Pending = append(slices.Clip(c.Pending), p)
	s.keep(now, c)
}

// takeBack removes an attempt that was under way; where it lapsed meanwhile, the
// failure that it was taken for, and the wait which that began.
func (s scale) takeBack(now time.Time, c *Counter, p Reservation) {
	i := slices.IndexFunc(c.Pending, func(q Reservation) bool { return q.ID == p.ID })
	switch {
	case i >= 0:
		c.Pending = slices.Delete(slices.Clone(c.Pending), i, i+1)
	case c.Failures > 0:
		began := c.BlockedUntil.Equal(p.At.Add(s.wait(c.Failures)))
		c.Failures--
		if began || c.Failures < s.free {
			c.BlockedUntil = time.Time{}
		}
		c.Tries = slices.DeleteFunc(slices.Clone(c.Tries), func(t Try) bool {
			return t.Origin == p.Origin && t.At.Equal(p.At)
		})
	}
	s.keep(now, c)
}

// pardon removes one failure, and the wait if that leaves none to wait for.
func (s scale) pardon(now time.Time, c *Counter) {
	*c = s.faded(now, *c)
	if c.Failures == 0 {
		return
	}
	c.Failures--
	if c.Failures < s.free {
		c.BlockedUntil = time.Time{}
	}
	if c.Failures == 0 {
		c.FadesFrom = time.Time{}
	}
	s.keep(now, c)
}

// forgive removes all failures; the attempts under way stay.
func (s scale) forgive(now time.Time, c *Counter) {
	*c = Counter{Pending: c.Pending}
	s.keep(now, c)
}

// keep sets how long a counter is kept: until all in it has faded, even if what is
// under way fails.
func (s scale) keep(now time.Time, c *Counter) { s.keepFor(now, c, c.Failures+len(c.Pending)) }

// remind has a counter kept as if an attempt had been reserved, which is not
// evaluated: it writes as much, and to the same place, as one that is.
func (s scale) remind(now time.Time, c *Counter) { s.keepFor(now, c, c.Failures+len(c.Pending)+1) }

func (s scale) keepFor(now time.Time, c *Counter, failures int) {
	if failures == 0 {
		*c = Counter{}
		return
	}
	fades := time.Duration(year)
	if failures < int(year/s.fade) {
		fades = time.Duration(failures) * s.fade
	}
	c.Expires = now.Add(lapse + s.cfg.MaxWait + fades)
}
