package throttle

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"time"
)

// Attempt is one try that is under way. The zero Attempt is one that is not
// counted.
type Attempt struct {
	// Throttled says that the account has to wait. The caller compares as
	// ever and answers as for a wrong password, even when it is the right one.
	Throttled bool

	limiter *Limiter
	record
	place Reservation
	// whose says which of the account's counters has the reservation.
	whose whose
	// uncharged says that the address has nothing to do with it: it has to wait,
	// and a known browser need not.
	uncharged bool
	// known says that the address or the browser was known when it began.
	known bool
	// generation is that of the account when the attempt began.
	generation int
	ended      atomic.Bool
}

// reserve writes the attempt into the counters. One that is throttled will not be
// evaluated. It costs the address, and is kept by the account as any other
// is, so that it takes as long to write down.
func (a *Attempt) reserve(now time.Time, c *counters) {
	a.place = Reservation{ID: rand.Text(), At: now}
	for i, b := range a.charged() {
		a.limiter.addressScale(b).reserve(now, &c.addresses[i], a.place)
	}
	s, mine := a.limiter.accountScale(a.whose), c.ofAccount(a.whose)
	if a.Throttled {
		s.remind(now, mine)
		return
	}
	s.reserve(now, mine, a.accountPlace())
}

// charged are the blocks of addresses that the attempt is counted in.
func (a *Attempt) charged() []bucket {
	if a.uncharged {
		return nil
	}
	return a.buckets
}

// accountPlace is the reservation in the account's counter, which says where the
// attempt came from.
func (a *Attempt) accountPlace() Reservation {
	p := a.place
	if a.whose == strangers {
		p.Origin = a.origin
	}
	return p
}

// Succeed takes the reservation back, clears the account's failures from this
// address and browser, and from all that are not known unless this one was, and
// makes both known to the account. Of other failures of the address one is
// pardoned, once a day for each account: an attacker may have one of his own. It does nothing for a throttled
// attempt, which cannot succeed, and for one that was ended before. After an
// error the attempt is under way as before.
func (a *Attempt) Succeed(ctx context.Context) error {
	if a.Throttled {
		return nil
	}
	return a.settle(ctx, func(now time.Time, c *counters) {
		l := a.limiter
		l.accountScale(a.whose).takeBack(now, c.ofAccount(a.whose), a.accountPlace())
		l.accountScale(knownAddress).forgive(now, &c.knownCount)
		l.accountScale(knownDevice).forgive(now, &c.deviceCount)
		if !a.known {
			// Otherwise an owner who signs in often, from home, would wipe out
			// what strangers have tried meanwhile.
			l.accountScale(strangers).forgive(now, &c.account)
		}
		if a.generation != c.generation.Failures {
			return // reset since: what it proved may be the former password
		}
		mark := Counter{Failures: a.generation, Expires: now.Add(l.cfg.KnownFor)}
		if a.addressed { // "no address" is shared by all without one
			earned := l.earn(now, a.record, c)
			c.known = mark
			c.known.FadesFrom = earned
		}
		if a.device {
			c.device = mark
		}
	})
}

// Fail counts the attempt as a failure. It writes nothing, takes no time that
// depends on the store, and does nothing for an attempt that was ended before.
func (a *Attempt) Fail() {
	if a.limiter == nil || !a.ended.CompareAndSwap(false, true) {
		return
	}
	a.limiter.lines.fail(a.place.ID, a.limiter.now())
	a.limiter.lines.next(a.keys)
}

// Cancel takes the reservation back: the attempt was neither a failure nor a
// success, because nothing was evaluated. It does nothing for an attempt that
// was ended before. After an error the attempt is under way as before.
func (a *Attempt) Cancel(ctx context.Context) error {
	return a.settle(ctx, func(now time.Time, c *counters) {
		s, mine := a.limiter.accountScale(a.whose), c.ofAccount(a.whose)
		if a.Throttled {
			s.keep(now, mine) // as much work as for one that was not
			return
		}
		s.takeBack(now, mine, a.accountPlace())
	})
}

// settle takes back what the address was charged and makes a further change, once.
// After an error it can be called again.
func (a *Attempt) settle(ctx context.Context, change func(now time.Time, c *counters)) error {
	if a.limiter == nil || !a.ended.CompareAndSwap(false, true) {
		return nil
	}
	err := a.limiter.update(ctx, a.record, func(now time.Time, c *counters) {
		a.limiter.settle(now, a.record, c)
		for i, b := range a.charged() {
			a.limiter.addressScale(b).takeBack(now, &c.addresses[i], a.place)
		}
		change(now, c)
	})
	if err != nil {
		a.ended.Store(false)
		return err
	}
	a.limiter.lines.next(a.keys)
	return nil
}
