package revocation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeLog is a log that a test can break.
type fakeLog struct {
	mu       sync.Mutex
	entries  []Entry
	fail     error
	hold     chan struct{} // if set, Since waits for it
	reads    int
	watchers []chan struct{}
	deaf     bool // Watch gives a channel that is closed at once
}

func (l *fakeLog) Deny(_ context.Context, e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Position = uint64(len(l.entries) + 1)
	l.entries = append(l.entries, e)
	for _, ch := range l.watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
	return nil
}

func (l *fakeLog) Since(ctx context.Context, after uint64, limit int) ([]Entry, uint64, error) {
	l.mu.Lock()
	l.reads++
	hold := l.hold
	l.mu.Unlock()
	if hold != nil {
		<-hold
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(ctx.Err(), l.fail); err != nil {
		return nil, 0, err
	}
	if after > uint64(len(l.entries)) {
		return nil, 0, ErrPositionLost
	}
	found := l.entries[after:]
	if len(found) >= limit {
		return found[:limit], found[limit-1].Position, nil
	}
	return found, uint64(len(l.entries)), nil
}

func (l *fakeLog) Watch(ctx context.Context) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	ch := make(chan struct{}, 1)
	if l.deaf {
		close(ch)
		return ch
	}
	l.watchers = append(l.watchers, ch)
	return ch
}

func (l *fakeLog) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func entry(id string, until time.Time) Entry { return Entry{Kind: Session, ID: id, Until: until} }

func TestSyncReadsToTheEnd(t *testing.T) {
	log := &fakeLog{}
	for i := range 2*page + 7 {
		if err := log.Deny(t.Context(), entry(fmt.Sprint(i), start)); err != nil {
			t.Fatal(err)
		}
	}
	set := NewSet()
	f := NewFeed(log, set)
	if !f.SyncedAt().IsZero() {
		t.Fatal("a feed that never read claims to be synced")
	}
	before := time.Now()
	if err := f.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if set.Len() != 2*page+7 {
		t.Fatalf("%d entries, want %d", set.Len(), 2*page+7)
	}
	if f.SyncedAt().Before(before) {
		t.Fatalf("synced at %v, before it was asked to", f.SyncedAt())
	}
}

func TestSyncStartsAgainWhereThePositionIsLost(t *testing.T) {
	log := &fakeLog{}
	for i := range 3 {
		_ = log.Deny(t.Context(), entry(fmt.Sprint("old", i), start))
	}
	set := NewSet()
	f := NewFeed(log, set)
	if err := f.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	log.set(func() { log.entries = nil })
	_ = log.Deny(t.Context(), entry("new", start))
	if err := f.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !set.Denied("", "new", "") || !set.Denied("", "old0", "") {
		t.Fatal("a replaced log must be read from its start, with what was denied kept")
	}
}

// A caller that comes while a reading is under way may not be content with it:
// what it waits for can have been written behind the reader.
func TestSyncDoesNotShareAReadingThatBeganEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &fakeLog{hold: make(chan struct{})}
		set := NewSet()
		f := NewFeed(log, set)
		first := make(chan error, 1)
		go func() { first <- f.Sync(t.Context()) }()
		synctest.Wait()

		var wg sync.WaitGroup
		for i := range 100 {
			id := fmt.Sprint(i)
			_ = log.Deny(t.Context(), entry(id, start))
			wg.Go(func() {
				if err := f.Sync(t.Context()); err != nil {
					t.Error(err)
				}
				if !set.Denied("", id, "") {
					t.Errorf("%s is not denied after Sync", id)
				}
			})
		}
		synctest.Wait()
		close(log.hold)
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if log.reads > 2 {
			t.Errorf("%d readings for callers that waited together, want 2", log.reads)
		}
	})
}

func TestSyncReportsFailuresAndCancelling(t *testing.T) {
	broken := errors.New("broken")
	log := &fakeLog{fail: broken}
	f := NewFeed(log, NewSet())
	if err := f.Sync(t.Context()); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if !f.SyncedAt().IsZero() {
		t.Fatal("synced in spite of an error")
	}
	f.turn <- struct{}{} // someone else is reading
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Sync(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestRunFollowsTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, set := &fakeLog{}, NewSet()
		f := NewFeed(log, set)
		f.OnError = func(err error) { t.Errorf("unexpected: %v", err) }
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() { f.Run(ctx); close(stopped) }()
		synctest.Wait()

		_ = log.Deny(ctx, entry("signalled", time.Now().Add(30*time.Second)))
		synctest.Wait()
		if !set.Denied("", "signalled", "") {
			t.Fatal("a signalled entry is not in the set")
		}
		log.set(func() { log.watchers = nil }) // signals are lost from here on
		_ = log.Deny(ctx, entry("polled", time.Now().Add(time.Hour)))
		time.Sleep(poll)
		synctest.Wait()
		if !set.Denied("", "polled", "") {
			t.Fatal("an entry whose signal was lost is not in the set after a poll")
		}
		if age := time.Since(f.SyncedAt()); age > poll {
			t.Fatalf("synced %v ago", age)
		}
		time.Sleep(Late + 2*sweep)
		synctest.Wait()
		if set.Denied("", "signalled", "") || !set.Denied("", "polled", "") {
			t.Fatal("a sweep must forget what has passed and nothing else")
		}
		cancel()
		<-stopped
	})
}

func TestRunTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		log, set := &fakeLog{fail: broken}, NewSet()
		f := NewFeed(log, set)
		var failures []error
		f.OnError = func(err error) { failures = append(failures, err) }
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() { f.Run(ctx); close(stopped) }()

		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(failures); n < 10 || n > 30 || !errors.Is(failures[0], broken) {
			t.Fatalf("%d failures in a minute: %v", n, failures)
		}
		log.set(func() { log.fail, log.deaf = nil, true })
		_ = log.Deny(ctx, entry("a", time.Now().Add(time.Hour)))
		time.Sleep(retryMax)
		synctest.Wait()
		if !set.Denied("", "a", "") || !errors.Is(failures[len(failures)-1], errWatchEnded) {
			t.Fatal("after an outage the log is not read, or a lost watch goes unnoticed")
		}
		log.set(func() { log.deaf = false })
		time.Sleep(retryMax)
		synctest.Wait()
		quiet := len(failures)
		_ = log.Deny(ctx, entry("b", time.Now().Add(time.Hour)))
		time.Sleep(time.Minute)
		synctest.Wait()
		if !set.Denied("", "b", "") || len(failures) != quiet {
			t.Fatal("Run does not settle when the log is well again")
		}
		cancel()
		<-stopped
	})
}
