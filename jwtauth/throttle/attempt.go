package throttle

import (
	"context"
	"sync/atomic"
	"time"
)

// Attempt is one try that has been counted as a failure. The zero Attempt is
// one that was not counted.
type Attempt struct {
	// Throttled says that the account has to wait. The caller compares as
	// ever and answers as for a wrong password, even when it is the right one.
	Throttled bool

	limiter *Limiter
	keys    []string
	// addressed is false for a client without an address.
	addressed bool
	// known says which of the account's counters was raised.
	known bool
	// The waits that this attempt began, or zero.
	addressBlock, accountBlock time.Time
	ended                      atomic.Bool
}

// Succeed takes the attempt's failure back, forgets the account's failures from
// this address, and from all that are not known unless this one was, and makes
// the address known to the account. Other failures of the address stay:
// an attacker may have an account of his own. It does nothing for a throttled
// attempt, which cannot succeed, and for one that was ended before.
func (a *Attempt) Succeed(ctx context.Context) error {
	if a.Throttled {
		return nil
	}
	return a.end(ctx, func(now time.Time, c *counters) {
		c.knownCount = Counter{}
		if !a.known {
			// An owner who signs in often, from home, must not wipe out
			// what strangers have tried meanwhile.
			c.account = Counter{}
		}
		// "No address" is everybody's.
		if a.addressed {
			c.known = Counter{Failures: c.generation.Failures, Expires: now.Add(a.limiter.cfg.KnownFor)}
		}
	})
}

// Cancel takes the attempt's failure back: it was neither a failure nor a
// success, because nothing was evaluated. It does nothing for an attempt that
// was ended before.
func (a *Attempt) Cancel(ctx context.Context) error {
	return a.end(ctx, func(_ time.Time, c *counters) {
		if !a.Throttled {
			takeBack(c.ofAccount(a.known), a.accountBlock, a.limiter.cfg.AccountFree)
		}
	})
}

// end takes back what the address was charged and makes a further change, once.
// After an error it can be called again.
func (a *Attempt) end(ctx context.Context, change func(now time.Time, c *counters)) error {
	if a.limiter == nil || !a.ended.CompareAndSwap(false, true) {
		return nil
	}
	err := a.limiter.update(ctx, a.keys, func(now time.Time, c *counters) error {
		takeBack(&c.address, a.addressBlock, a.limiter.cfg.AddressFree)
		change(now, c)
		return nil
	})
	if err != nil {
		a.ended.Store(false)
	}
	return err
}

// takeBack undoes one failure, and the wait that it began: also the one that a
// later attempt began only because this one was still counted.
func takeBack(c *Counter, began time.Time, free int) {
	if c.Failures <= 1 {
		*c = Counter{}
		return
	}
	c.Failures--
	if c.Failures < free || c.BlockedUntil.Equal(began) {
		c.BlockedUntil = time.Time{}
	}
}
