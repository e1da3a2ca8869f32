package throttle

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// ErrAddress is what an [AddressError] is.
var ErrAddress = errors.New("too many failed attempts from this address")

// AddressError refuses an attempt because its address has to wait.
type AddressError struct {
	// RetryAfter is how long, more than zero.
	RetryAfter time.Duration
}

// Error names neither the address nor the account.
func (e *AddressError) Error() string { return ErrAddress.Error() }

// Unwrap returns [ErrAddress].
func (e *AddressError) Unwrap() error { return ErrAddress }

// Limiter counts attempts in a store. It holds no state of its own and is safe
// for concurrent use, also by several nodes with one store.
type Limiter struct {
	store Store
	cfg   Config
	// now is the clock. Default: time.Now.
	now func() time.Time
}

// New returns a Limiter. cfg is one that [Config.Validate] accepts.
func New(store Store, cfg Config) *Limiter {
	return &Limiter{store: store, cfg: cfg.withDefaults(), now: time.Now}
}

// Begin counts an attempt as a failure, before it is known to be one: however
// many run at once, no more than the free ones are evaluated. The caller then
// ends it with [Attempt.Succeed] or [Attempt.Cancel], or leaves it as the
// failure it is.
//
// account is a [UserAccount] or a [ClientAccount], whether or not it exists.
// addr is the client's; the zero Addr is a bucket of its own.
//
// The error is an *[AddressError] where the address has to wait, in which case
// nothing is counted, and otherwise that of the store: nobody is to be let in.
func (l *Limiter) Begin(ctx context.Context, account string, addr netip.Addr) (*Attempt, error) {
	if l.cfg.Off {
		return &Attempt{}, nil
	}
	a := &Attempt{limiter: l, keys: keysOf(account, bucket(addr)), addressed: addr.IsValid()}
	err := l.update(ctx, a.keys, func(now time.Time, c *counters) error {
		a.Throttled = false // the store may call more than once
		if wait := l.waits(now, c.address); wait > 0 {
			return &AddressError{RetryAfter: wait}
		}
		a.addressBlock = l.failAddress(now, &c.address)
		a.known = c.isKnown()
		mine := c.ofAccount(a.known)
		if mine.Failures >= l.cfg.AccountMax || l.waits(now, *mine) > 0 {
			// Not a guess: it will not be evaluated. It cost the address. It is
			// remembered as any failure is, and takes as long to write down.
			a.Throttled = true
			mine.Expires = now.Add(l.accountMemory(mine.Failures))
			return nil
		}
		a.accountBlock = l.failAccount(now, mine)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Reset forgets the failures of an account, those from known addresses too, and
// which addresses were known: for an administrator who sets a password or
// enables a user.
func (l *Limiter) Reset(ctx context.Context, account string) error {
	return l.update(ctx, keysOf(account, ""), func(now time.Time, c *counters) error {
		c.account = Counter{}
		// It outlives every mark of the generations before it.
		c.generation = Counter{Failures: c.generation.Failures + 1, Expires: now.Add(year)}
		return nil
	})
}

// waits returns how long a counter blocks from now on. A wait that is longer
// than any this Limiter gives comes from a clock or a configuration that has
// changed since; it is over, and the next failure makes a proper one.
func (l *Limiter) waits(now time.Time, c Counter) time.Duration {
	if wait := c.BlockedUntil.Sub(now); wait > 0 && wait <= l.cfg.MaxWait {
		return wait
	}
	return 0
}

// addressMemory is how long the failures of an address are remembered after
// the last one.
func (l *Limiter) addressMemory() time.Duration { return 24 * l.cfg.MaxWait }

// failAddress counts a failure and returns the end of the wait that it began,
// or zero. An address, unlike an account, is not forgiven for a success, since
// an attacker may have an account; one failure is forgiven in each MaxWait
// instead, so that the typing errors of an office do not add up for ever. That
// is no faster than the longest wait.
func (l *Limiter) failAddress(now time.Time, c *Counter) time.Time {
	if c.Failures > 0 {
		last := c.Expires.Add(-l.addressMemory())
		if quiet := now.Sub(last); quiet > 0 {
			c.Failures -= int(min(time.Duration(c.Failures), quiet/l.cfg.MaxWait))
		}
	}
	c.Failures++
	c.BlockedUntil = l.block(now, c.Failures, l.cfg.AddressFree)
	c.Expires = now.Add(l.addressMemory())
	return c.BlockedUntil
}

func (l *Limiter) failAccount(now time.Time, c *Counter) time.Time {
	c.Failures++
	c.BlockedUntil = l.block(now, c.Failures, l.cfg.AccountFree)
	c.Expires = now.Add(l.accountMemory(c.Failures))
	return c.BlockedUntil
}

// accountMemory is how long the failures of an account are remembered after
// the last one. The free ones cost little and may be of any name a stranger
// made up, so they go soon; "in a row" has to hold against the patient.
func (l *Limiter) accountMemory(failures int) time.Duration {
	switch {
	case failures >= l.cfg.AccountMax:
		return year
	case failures >= l.cfg.AccountFree:
		return 30 * day
	default:
		return 24 * l.cfg.MaxWait
	}
}

// block is the end of the wait that follows a failure, or zero.
func (l *Limiter) block(now time.Time, failures, free int) time.Time {
	wait := l.cfg.wait(failures, free)
	if wait == 0 {
		return time.Time{}
	}
	return now.Add(wait)
}

// counters are those of one account and one address.
type counters struct {
	// address counts the failures from the address, account those of
	// strangers on the account.
	address, account Counter
	// generation has in Failures how often the account was reset. known, the
	// mark of an address that signed in, has there the generation it is of:
	// the marks cannot be listed, but made void.
	generation, known Counter
	// knownCount counts the failures on the account from the known address,
	// so that no stranger can lock it out.
	knownCount Counter
}

func (c *counters) isKnown() bool {
	return !c.known.Expires.IsZero() && c.known.Failures == c.generation.Failures
}

func (c *counters) ofAccount(known bool) *Counter {
	if known {
		return &c.knownCount
	}
	return &c.account
}

func keysOf(account, bucket string) []string {
	return []string{
		key(kindAddress, bucket),
		key(kindAccount, account),
		key(kindGeneration, account),
		key(kindKnown, account, bucket),
		key(kindKnownCount, account, bucket),
	}
}

// update is UpdateAttempts with names for the counters.
func (l *Limiter) update(ctx context.Context, keys []string, change func(now time.Time, c *counters) error) error {
	// What every engine can store without loss.
	now := l.now().UTC().Truncate(time.Millisecond)
	return l.store.UpdateAttempts(ctx, now, keys, func(s []Counter) error {
		c := counters{address: s[0], account: s[1], generation: s[2], known: s[3], knownCount: s[4]}
		if err := change(now, &c); err != nil {
			return err
		}
		s[0], s[1], s[2], s[3], s[4] = c.address, c.account, c.generation, c.known, c.knownCount
		return nil
	})
}

// Interface guards.
var _ error = (*AddressError)(nil)
