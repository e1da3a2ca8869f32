package session

import (
	"fmt"
	"time"
)

// Lifetimes are the durations that a realm is configured with.
type Lifetimes struct {
	// Access is how long an access token lives. Default: 15 minutes.
	Access time.Duration
	// Refresh is how long a session lives at most, however often it is
	// refreshed. Default: 30 days.
	Refresh time.Duration
	// Idle is how long a session lives without being refreshed. Default: 7 days.
	Idle time.Duration
	// Grace is how long after a rotation the token before it is still answered
	// with the current one. 0 switches it off. Default: 10 seconds.
	Grace time.Duration
	// Leeway is the difference of clocks that the guard allows. Denials last
	// that much longer than the tokens they deny. Default: 30 seconds.
	Leeway time.Duration
}

// DefaultLifetimes are those of a realm that configures none.
func DefaultLifetimes() Lifetimes {
	return Lifetimes{
		Access:  15 * time.Minute,
		Refresh: 30 * 24 * time.Hour,
		Idle:    7 * 24 * time.Hour,
		Grace:   10 * time.Second,
		Leeway:  30 * time.Second,
	}
}

// Check returns an error that names the option of the first lifetime that makes
// no sense.
func (lt Lifetimes) Check() error {
	for _, o := range []struct {
		name  string
		value time.Duration
		least time.Duration
	}{
		{"access_token_lifetime", lt.Access, time.Second},
		{"refresh_token_lifetime", lt.Refresh, time.Second},
		{"refresh_token_idle", lt.Idle, time.Second},
		{"refresh_token_grace", lt.Grace, 0},
		{"clock leeway", lt.Leeway, 0},
	} {
		if o.value < o.least {
			return fmt.Errorf("%s must be at least %s, not %s", o.name, o.least, o.value)
		}
	}
	return nil
}
