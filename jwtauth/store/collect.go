package store

import (
	"context"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

const (
	// collectStep is how much one step of a collection removes at most, and
	// collectPause how long it then leaves the store to others.
	collectStep  = 200
	collectPause = 50 * time.Millisecond
)

// RunCollector has c throw away what has expired, at once and then at intervals
// of every, until ctx ends. report, if not nil, is called after each collection
// that removed something or failed; a failed one is tried again next time. A
// clock that is set forward for a moment takes nothing away: see
// [revocation.Clock].
func RunCollector(ctx context.Context, c session.Collector, every time.Duration, report func(removed int, err error)) {
	clock := revocation.NewClock()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		removed, err := collect(ctx, c, clock)
		if ctx.Err() != nil {
			return
		}
		if report != nil && (removed > 0 || err != nil) {
			report(removed, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// collect removes what has expired, in steps.
func collect(ctx context.Context, c session.Collector, clock *revocation.Clock) (removed int, err error) {
	for {
		n, err := c.Collect(ctx, clock.Now().Add(-revocation.Late), collectStep)
		removed += n
		if err != nil || n < collectStep {
			return removed, err
		}
		pause := time.NewTimer(collectPause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return removed, ctx.Err()
		case <-pause.C:
		}
	}
}
