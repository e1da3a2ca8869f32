package throttle

import (
	"context"
	"errors"
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

// Limiter counts attempts in a store, which several nodes may share. It is safe
// for concurrent use.
//
// A failure costs no write of its own: the attempt is written as one under way
// when it begins, and the next one under its keys in this process, or its lapse
// after 15 s, makes it a failure. Until then other nodes, and a Limiter that
// follows this one, take it for one under way.
type Limiter struct {
	store Store
	cfg   Config
	lines lines
	// now is the clock. Default: time.Now.
	now func() time.Time
}

// New returns a Limiter. cfg is one that [Config.Validate] accepts.
func New(store Store, cfg Config) *Limiter {
	return &Limiter{store: store, cfg: cfg.withDefaults(), now: time.Now}
}

// Begin reserves a place for an attempt, in the counters of its account and of
// its address. Where the ones that are under way leave no place, were they to
// fail, it waits in line until enough of them have ended, for 10 s at most: so
// however many run at once, no more than the free ones are evaluated, and no
// right one is refused for another. The caller then ends the attempt with
// [Attempt.Succeed], [Attempt.Fail] or [Attempt.Cancel]; one that does not end
// counts as a failure.
//
// account is a [UserAccount] or a [ClientAccount], whether or not it exists.
//
// The error is an *[AddressError] where the address has to wait, in which case
// nothing is counted, and otherwise that of the store or of ctx: the caller lets
// no one in. A browser that is known to the account does not wait with its
// address, as long as its own counter lets it try.
func (l *Limiter) Begin(ctx context.Context, account string, from Origin) (*Attempt, error) {
	if l.cfg.Off {
		return &Attempt{}, nil
	}
	a := &Attempt{limiter: l, record: newRecord(account, from)}
	var w waiter
	defer l.lines.stop(&w)
	for late := false; ; {
		line, err := l.reserve(ctx, a, late)
		switch {
		case err != nil:
			return nil, err
		case line == "":
			return a, nil
		case line != w.key:
			// Looks once more when it is in line: what has ended before that
			// did not wake it.
			late = !l.lines.join(&w, line)
		default:
			if late, err = l.lines.wait(ctx, &w); err != nil {
				return nil, err
			}
		}
	}
}

// reserve makes the reservations of an attempt, or returns the key of the counter
// that has no place for it. A late one does not wait any more.
func (l *Limiter) reserve(ctx context.Context, a *Attempt, late bool) (line string, err error) {
	var refused error
	err = l.update(ctx, a.record, func(now time.Time, c *counters) {
		// The store may call more than once.
		line, refused, a.Throttled, a.uncharged = "", nil, false, false
		l.settle(now, a.record, c)
		var blocked time.Duration
		for i, b := range a.buckets {
			s := l.addressScale(b)
			blocked = max(blocked, s.waits(now, c.addresses[i]))
			if line == "" && s.full(s.faded(now, c.addresses[i])) {
				line = a.keys[i]
				if late {
					blocked = max(blocked, lapse-now.Sub(c.addresses[i].Pending[0].At))
				}
			}
		}
		a.known, a.generation = c.isKnown(), c.generation.Failures
		var judged verdict
		a.whose, judged = l.choose(now, c, a.origin)
		if (blocked > 0 || line != "") && a.whose == knownDevice && judged == open {
			// What others at its address do keeps no known browser out.
			blocked, line, a.uncharged = 0, "", true
		}
		if blocked > 0 {
			line, refused = "", &AddressError{RetryAfter: blocked}
			return
		}
		if judged == full && line == "" {
			line = a.keyOf(a.whose)
		}
		if line != "" && !late {
			return
		}
		line = ""
		a.Throttled = judged != open
		a.reserve(now, c)
	})
	if err == nil {
		err = refused
	}
	return line, err
}

// settle brings all counters of failures up to date. What that changes is
// written even where the attempt goes no further, so that other nodes see it.
func (l *Limiter) settle(now time.Time, r record, c *counters) {
	for i, b := range r.buckets {
		l.addressScale(b).settle(now, &c.addresses[i], l.lines.over)
	}
	for _, w := range []whose{strangers, knownAddress, knownDevice} {
		l.accountScale(w).settle(now, c.ofAccount(w), l.lines.over)
	}
}

// Reset clears the failures of an account, those from known addresses and
// browsers too, and which ones were known: for an administrator who sets a
// password or enables a user.
func (l *Limiter) Reset(ctx context.Context, account string) error {
	return l.update(ctx, newRecord(account, Origin{}), func(now time.Time, c *counters) {
		c.account = Counter{}
		// It outlives every mark of the generations before it.
		c.generation = Counter{Failures: c.generation.Failures + 1, Expires: now.Add(year)}
	})
}

// update is UpdateAttempts with names for the counters.
func (l *Limiter) update(ctx context.Context, r record, change func(now time.Time, c *counters)) error {
	// What every engine can store without loss.
	now := l.now().UTC().Truncate(time.Millisecond)
	return l.store.UpdateAttempts(ctx, now, r.keys, func(s []Counter) error {
		c := r.name(s)
		change(now, &c)
		r.put(s, c)
		return nil
	})
}

// Interface guards.
var _ error = (*AddressError)(nil)
