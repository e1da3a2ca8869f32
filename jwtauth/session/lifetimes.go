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
	// Streams is how long an upgraded connection, or an answer that is sent bit by bit, may
	// go on after its session has ended or its user has lost a role. 0: for ever.
	// Default: 30 seconds.
	Streams time.Duration
	// Leeway is how far the clocks of two machines may differ. A token may be issued that
	// much in the future, and denials last that much longer than the tokens they deny; a
	// token ends when it says. Default: 30 seconds.
	Leeway time.Duration
}

// DefaultLifetimes are those of a realm that configures none.
func DefaultLifetimes() Lifetimes {
	return Lifetimes{
		Access:  15 * time.Minute,
		Refresh: 30 * 24 * time.Hour,
		Idle:    7 * 24 * time.Hour,
		Grace:   10 * time.Second,
		Streams: 30 * time.Second,
		Leeway:  30 * time.Second,
	}
}

const (
	maxLifetime = 10 * 365 * 24 * time.Hour
	maxGrace    = 5 * time.Minute
	maxStreams  = time.Hour
)

// Check returns an error that names the option of the first lifetime that is out of
// bounds: 1 second to 10 years, for the grace 0 to 5 minutes.
func (lt Lifetimes) Check() error {
	for _, o := range []struct {
		name  string
		value time.Duration
	}{
		{"access_token_lifetime", lt.Access},
		{"refresh_token_lifetime", lt.Refresh},
		{"refresh_token_idle", lt.Idle},
	} {
		if o.value < time.Second || o.value > maxLifetime {
			return fmt.Errorf("%s is %s: it takes a duration from 1s to 10 years, such as 15m or 30d", o.name, o.value)
		}
	}
	if lt.Grace < 0 || lt.Grace > maxGrace {
		return fmt.Errorf("refresh_token_grace is %s: it takes a duration from 0 (off) to %s", lt.Grace, maxGrace)
	}
	if lt.Streams != 0 && (lt.Streams < time.Second || lt.Streams > maxStreams) {
		return fmt.Errorf("streams_end_within is %s: it takes a duration from 1s to %s, or 0 for never", lt.Streams, maxStreams)
	}
	return nil
}
