package revocation

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// page is how many entries a feed reads at once.
	page = 1000
	// poll is how often a feed reads the log when nothing was signalled. It
	// bounds how stale a node can be that a signal was lost on.
	poll = time.Second
	// sweep is how often a feed has its set drop what has passed.
	sweep = time.Minute
	// retryMin and retryMax bound the wait after a failure, which doubles.
	retryMin = 100 * time.Millisecond
	retryMax = 5 * time.Second
)

// Feed fills a [Set] from a [Log]. The owner calls Sync once before anything
// asks the set, and then keeps Run going. Methods may be called concurrently.
type Feed struct {
	// OnError, if set before Run, is called by Run with every failure to read
	// the log. Run tries again by itself.
	OnError func(error)
	// OnEnded, if set before Run, is called with a user of whom an entry of kind
	// User was read and no other is in force: once, however many follow it.
	OnEnded func(user string)

	log   Log
	set   *Set
	now   func() time.Time
	clock *Clock

	// turn holds the one right to read. last belongs to the holder.
	turn chan struct{}
	last uint64
	// begun counts the readings, done is the number of the latest one that
	// reached the end.
	begun, done atomic.Uint64
	syncedAt    atomic.Pointer[time.Time]
}

// NewFeed returns a feed that has read nothing yet.
func NewFeed(log Log, set *Set) *Feed {
	return &Feed{log: log, set: set, now: time.Now, clock: NewClock(), turn: make(chan struct{}, 1)}
}

// Sync returns when everything that was in the log when Sync was called is in
// the set. Callers that arrive together share one reading.
func (f *Feed) Sync(ctx context.Context) error {
	before := f.begun.Load()
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("read the revocation log: %w", ctx.Err())
	}
	defer func() { <-f.turn }()
	// A reading that began after this call and reached the end has seen it all.
	if f.done.Load() > before {
		return nil
	}
	reading := f.begun.Add(1)
	at := f.now()
	if err := f.read(ctx); err != nil {
		return fmt.Errorf("read the revocation log: %w", err)
	}
	f.done.Store(reading)
	f.syncedAt.Store(&at)
	return nil
}

// SyncedAt returns the moment up to which the set is known to be complete, or
// the zero time where the log was never read.
func (f *Feed) SyncedAt() time.Time {
	if at := f.syncedAt.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// Run keeps the set up to date until ctx ends.
func (f *Feed) Run(ctx context.Context) {
	sweeper := time.NewTicker(sweep)
	defer sweeper.Stop()
	wait := retryMin
	for {
		synced, err := f.follow(ctx, sweeper.C)
		if ctx.Err() != nil {
			return
		}
		if f.OnError != nil {
			f.OnError(err)
		}
		if synced {
			wait = retryMin
		}
		retry := time.NewTimer(wait)
		wait = min(2*wait, retryMax)
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				retry.Stop()
				return
			case <-sweeper.C:
				f.set.DropExpired(f.clock.Now().Add(-Late))
			case <-retry.C:
				waiting = false
			}
		}
	}
}

// errWatchEnded is reported by Run where a store closed the watch.
var errWatchEnded = errors.New("the store stopped signalling new revocations")

// follow reads the log whenever it is signalled, and every so often, until
// something fails. synced says whether it ever reached the end of the log by a
// signal or by polling, that is, whether the watch has lasted.
func (f *Feed) follow(ctx context.Context, sweeper <-chan time.Time) (synced bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// Watched before it is read: what comes in between is signalled.
	grew := f.log.Watch(ctx)
	if err := f.Sync(ctx); err != nil {
		return false, err
	}
	poller := time.NewTicker(poll)
	defer poller.Stop()
	for {
		select {
		case <-ctx.Done():
			return synced, ctx.Err()
		case <-sweeper:
			f.set.DropExpired(f.clock.Now().Add(-Late))
			continue
		case _, open := <-grew:
			if !open {
				return synced, errWatchEnded
			}
		case <-poller.C:
		}
		if err := f.Sync(ctx); err != nil {
			return synced, err
		}
		synced = true
	}
}

// read applies the log from the last position to its end.
func (f *Feed) read(ctx context.Context) error {
	for {
		entries, position, err := f.log.Since(ctx, f.last, page)
		if errors.Is(err, ErrPositionLost) && f.last > 0 {
			// Another log than before. What was denied stays denied.
			f.last = 0
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			first := e.Kind == User && !f.set.hasEnded(e.ID)
			f.set.Add(e)
			if first && f.OnEnded != nil {
				f.OnEnded(e.ID)
			}
		}
		full := len(entries) >= page
		if position < f.last || full && position == f.last {
			return fmt.Errorf("log went from position %d to %d", f.last, position)
		}
		f.last = position
		if !full {
			return nil
		}
	}
}
