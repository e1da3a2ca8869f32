package throttle

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Config says how many failures are free and how long the waits are. The zero
// Config is the default.
type Config struct {
	// AccountFree is the number of failures of one account without a wait. One
	// failure of an account fades in each five MaxWaits. Default: 5.
	AccountFree int
	// AddressFree is the number of failures from one address without a wait. An
	// IPv6 address is counted by its /64, its /56, which has 4 times as many,
	// and its /48, which has 16 times as many. One failure of an address fades
	// in each MaxWait, 4 of a /56 and 16 of a /48, and one for each account that signs in
	// from there, once a day. It is also how many sign-ins
	// one address may have under way: more wait in line. Default: 20.
	AddressFree int
	// MinWait is the first wait; each further failure doubles it. Default: 30 s.
	MinWait time.Duration
	// MaxWait is the longest wait. Once an account has reached it, each address
	// has a try of its own in it, and all of them together AccountFree, but 2 at
	// least and 16 at most. Default: 1 h.
	MaxWait time.Duration
	// AccountMax is the number of failures at which an account is closed in
	// that way also where the wait is shorter, and at which counting ends.
	// Default: 100.
	AccountMax int
	// KnownFor is how long an address or a browser is known to an account after
	// it last signed in to it. Default: 60 days.
	KnownFor time.Duration
	// Off lets every attempt pass and counts none.
	Off bool
}

// ErrConfig is returned for a Config that makes no sense.
var ErrConfig = errors.New("throttle settings are not valid")

// Validate returns an [ErrConfig] that names the setting and what it takes.
func (c Config) Validate() error {
	c = c.withDefaults()
	for _, n := range []struct {
		word  string
		value int
	}{{"account_free", c.AccountFree}, {"address_free", c.AddressFree}, {"account_max", c.AccountMax}} {
		if n.value < 1 || n.value > 1_000_000 {
			return fmt.Errorf("%w: %s takes 1 to 1000000", ErrConfig, n.word)
		}
	}
	for _, d := range []struct {
		word  string
		value time.Duration
		max   time.Duration
	}{{"min_wait", c.MinWait, day}, {"max_wait", c.MaxWait, day}, {"known_for", c.KnownFor, year}} {
		if d.value < time.Second || d.value > d.max {
			return fmt.Errorf("%w: %s takes a duration from 1s to %s", ErrConfig, d.word, d.max)
		}
	}
	if c.MinWait > c.MaxWait {
		return fmt.Errorf("%w: min_wait must not be longer than max_wait, which is %s", ErrConfig, c.MaxWait)
	}
	if c.AccountMax < c.AccountFree {
		return fmt.Errorf("%w: account_max must not be less than account_free, which is %d", ErrConfig, c.AccountFree)
	}
	return nil
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

func (c Config) withDefaults() Config {
	c.AccountFree = cmp.Or(c.AccountFree, 5)
	c.AddressFree = cmp.Or(c.AddressFree, 20)
	c.MinWait = cmp.Or(c.MinWait, 30*time.Second)
	c.MaxWait = cmp.Or(c.MaxWait, time.Hour)
	c.AccountMax = cmp.Or(c.AccountMax, 100)
	c.KnownFor = cmp.Or(c.KnownFor, 60*day)
	return c
}

// wait is how long the next attempt waits after that many failures, of which
// free are free.
func (c Config) wait(failures, free int) time.Duration {
	if failures < free {
		return 0
	}
	wait := c.MinWait
	for range failures - free {
		if wait >= c.MaxWait {
			break
		}
		wait *= 2
	}
	return min(wait, c.MaxWait)
}

// longest is the number of failures after which the wait is the longest.
func (c Config) longest(free int) int {
	for n := free; ; n++ {
		if c.wait(n, free) == c.MaxWait {
			return n
		}
	}
}
