package revocation

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stuckLog is a log whose positions do not go up.
type stuckLog struct {
	*fakeLog
	position uint64
	full     bool
}

func (l stuckLog) Since(context.Context, uint64, int) ([]Entry, uint64, error) {
	if l.full {
		return make([]Entry, page), l.position, nil
	}
	return nil, l.position, nil
}

// A store that is at fault is an error, and neither an endless loop nor a node
// that believes it has read everything.
func TestSyncOfALogThatGoesBack(t *testing.T) {
	for name, log := range map[string]stuckLog{
		"back":          {&fakeLog{}, 3, false},
		"on the spot":   {&fakeLog{}, 7, true},
		"back and full": {&fakeLog{}, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := NewFeed(log, NewSet())
			f.last = 7
			if err := f.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "position 7") {
				t.Errorf("got %v, want an error that names the position", err)
			}
			if !f.SyncedAt().IsZero() {
				t.Error("synced in spite of an error")
			}
		})
	}
}

// A clock that jumps takes no denial away: the sweep goes by a clock that does
// not believe it at once.
func TestSweepDoesNotBelieveAStepForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, set := &fakeLog{}, NewSet()
		f := NewFeed(log, set)
		began := time.Now()
		f.clock = newClock(func() time.Time { return f.now() }, func() time.Duration { return time.Since(began) })
		f.now = func() time.Time { return time.Now().AddDate(1, 0, 0) } // the jump
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() { f.Run(ctx); close(stopped) }()
		_ = log.Deny(ctx, entry("long", began.AddDate(0, 1, 0)))
		_ = log.Deny(ctx, entry("short", began.Add(-Late)))
		time.Sleep(5 * sweep)
		synctest.Wait()
		if !set.Denied("", "long", "") {
			t.Error("a clock that was set forward by mistake gave a revoked session back")
		}
		if set.Denied("", "short", "") { // passed, and as long ago as it is kept
			t.Error("what has passed is not forgotten")
		}
		cancel()
		<-stopped
	})
}
