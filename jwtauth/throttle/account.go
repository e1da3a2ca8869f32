package throttle

import "time"

// fadeWaits is how many of the longest waits it takes until one failure of an
// account is forgotten.
const fadeWaits = 5

// maxOwnTries bounds the tries of their own that addresses have in each MaxWait
// on a closed account, whatever the free ones are.
const maxOwnTries = 16

// whose says which of the counters of an account an attempt raises.
type whose int

const (
	strangers whose = iota
	// of an address, or of a browser, that signed in to the account before
	knownAddress
	knownDevice
)

// verdict is what becomes of an attempt on an account.
type verdict int

const (
	open verdict = iota
	// full: attempts under way decide, once they have ended
	full
	throttled
)

// accountScale is that of the counters of an account. Those of known addresses
// and browsers end where the wait is the longest: they are never closed.
func (l *Limiter) accountScale(w whose) scale {
	s := scale{cfg: l.cfg, free: l.cfg.AccountFree, fade: fadeWaits * l.cfg.MaxWait, most: l.cfg.AccountMax}
	if w != strangers {
		s.most = l.cfg.longest(s.free)
	}
	return s
}

// addressScale is that of a block of addresses. An address, unlike an account, is
// not forgiven all for a success, since an attacker may have an account: each account
// earns it one failure a day, so that people who share an address and mistype do not keep
// each other out. See [Limiter.earn].
func (l *Limiter) addressScale(b bucket) scale {
	free := b.factor * l.cfg.AddressFree
	return scale{cfg: l.cfg, free: free, fade: l.cfg.MaxWait / time.Duration(b.factor), most: l.cfg.longest(free)}
}

// earnsEvery is how often a success of one account from one address earns it a failure.
const earnsEvery = day

// earn pardons one failure of the address for the success of an account that has not
// earned it one within a day, and returns when it last did. known is the mark of the
// account's successes from there before this one.
func (l *Limiter) earn(now time.Time, r record, c *counters) (last time.Time) {
	if last = c.known.FadesFrom; c.isMark(c.known) && now.Sub(last) < earnsEvery {
		return last
	}
	for i, b := range r.buckets {
		l.addressScale(b).pardon(now, &c.addresses[i])
	}
	return now
}

// choose returns the first of the account's counters that lets an attempt pass, or
// else the first that may yet, or else the last.
func (l *Limiter) choose(now time.Time, c *counters, origin string) (w whose, v verdict) {
	v = throttled
	for _, next := range c.own() {
		judged := l.judge(now, *c.ofAccount(next), next, origin)
		if judged == open {
			return next, open
		}
		if v == throttled {
			w, v = next, judged
		}
	}
	return w, v
}

// judge looks at an account's counter, which is settled.
func (l *Limiter) judge(now time.Time, c Counter, w whose, origin string) verdict {
	s := l.accountScale(w)
	c = s.faded(now, c)
	switch {
	case w == strangers && l.closed(c.Failures):
		return l.ownTry(now, c, origin)
	case s.waits(now, c) > 0:
		return throttled
	case s.full(c):
		return full
	}
	return open
}

// closed reports that the wait of an account is as long as waits get. From then
// on it is not one for all: a stranger who tries whenever it is over would keep
// the owner out.
func (l *Limiter) closed(failures int) bool {
	return failures >= l.cfg.AccountMax || l.cfg.wait(failures, l.cfg.AccountFree) == l.cfg.MaxWait
}

// ownTry looks whether an origin may have a try of its own: one in each MaxWait.
// Of all origins together so many have one: half for those that failed on the
// account before, the rest for those that are new to it.
func (l *Limiter) ownTry(now time.Time, c Counter, origin string) verdict {
	again := make(map[string]bool, len(c.Tries))
	// Those of the last MaxWait, with and without the ones under way. One that is
	// further in the future comes from a clock that has been set back since.
	var had, mayHave [2]int
	recent := func(t Try) bool { return now.Sub(t.At).Abs() < l.cfg.MaxWait }
	kind := func(again bool) int {
		if again {
			return 1
		}
		return 0
	}
	for _, t := range c.Tries {
		again[t.Origin] = true
		if !recent(t) {
			continue
		}
		if t.Origin == origin {
			return throttled
		}
		had[kind(t.Again)]++
	}
	mayHave = had
	wait := false
	for _, p := range c.Pending {
		mayHave[kind(again[p.Origin])]++
		wait = wait || p.Origin == origin
	}
	all := min(l.cfg.AccountFree, maxOwnTries)
	room := [2]int{max(1, all-all/2), max(1, all/2)}
	mine := kind(again[origin])
	switch {
	case had[mine] >= room[mine]:
		return throttled
	case wait || mayHave[mine] >= room[mine]:
		return full
	}
	return open
}
