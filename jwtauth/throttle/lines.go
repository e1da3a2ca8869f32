package throttle

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// patience is how long an attempt waits for those before it. Then they count
	// as failures for it.
	patience = 10 * time.Second
	// pollEvery is how often the first in a line looks what other nodes have
	// written.
	pollEvery = time.Second / 2
	// lineLength bounds how many wait for one counter.
	lineLength = 256
)

// lines are the attempts of this process that wait for others to end, by the key
// of the counter that is full.
type lines struct {
	mu      sync.Mutex
	waiting map[string][]*waiter
	// failed are the attempts whose failure the store does not have yet: the
	// next attempt under one of their keys writes it down with its own.
	failed map[string]bool
	// byEnd are the failed in the order in which they ended.
	byEnd []ended
}

type ended struct {
	id string
	at time.Time
}

// waiter is one attempt in a line.
type waiter struct {
	key  string
	wake chan struct{}
	// Both are made when it first has to wait.
	patience *time.Timer
	poll     *time.Ticker
}

// over reports that an attempt has failed.
func (l *lines) over(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed[id]
}

// fail notes that an attempt has failed, until its reservation has lapsed.
func (l *lines) fail(id string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := 0
	for gone < len(l.byEnd) && now.Sub(l.byEnd[gone].at).Abs() >= lapse {
		delete(l.failed, l.byEnd[gone].id)
		gone++
	}
	l.byEnd = append(slices.Delete(l.byEnd, 0, gone), ended{id, now})
	if l.failed == nil {
		l.failed = make(map[string]bool)
	}
	l.failed[id] = true
}

// next wakes the first in each line. It wakes the one after it when it leaves.
func (l *lines) next(keys []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		l.wakeFirst(key)
	}
}

// wakeFirst needs l.mu.
func (l *lines) wakeFirst(key string) {
	if line := l.waiting[key]; len(line) > 0 {
		select {
		case line[0].wake <- struct{}{}:
		default: // it is awake
		}
	}
}

// join puts a waiter at the end of a line, or reports that the line is full. Those who
// waited behind it come after it in the new line, too: it is there before they wake.
func (l *lines) join(w *waiter, key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := w.key
	l.remove(w)
	defer l.wakeFirst(before)
	if len(l.waiting[key]) >= lineLength {
		return false
	}
	if w.wake == nil {
		w.wake = make(chan struct{}, 1)
		w.patience, w.poll = time.NewTimer(patience), time.NewTicker(pollEvery)
	}
	if l.waiting == nil {
		l.waiting = make(map[string][]*waiter)
	}
	w.key = key
	l.waiting[key] = append(l.waiting[key], w)
	return true
}

// leave takes a waiter out of its line, if it is in one, and wakes the one after it.
func (l *lines) leave(w *waiter) {
	if w.key == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before := w.key
	l.remove(w)
	l.wakeFirst(before)
}

// remove needs l.mu.
func (l *lines) remove(w *waiter) {
	line := slices.DeleteFunc(l.waiting[w.key], func(other *waiter) bool { return other == w })
	if len(line) == 0 {
		delete(l.waiting, w.key)
	} else {
		l.waiting[w.key] = line
	}
	w.key = ""
}

// stop leaves the line for good.
func (l *lines) stop(w *waiter) {
	l.leave(w)
	if w.wake != nil {
		w.patience.Stop()
		w.poll.Stop()
	}
}

func (l *lines) isFirst(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting[w.key][0] == w
}

// wait returns when it is worth looking again. late says that this is the last
// time.
func (l *lines) wait(ctx context.Context, w *waiter) (late bool, err error) {
	for {
		select {
		case <-w.wake:
			return false, nil
		case <-w.poll.C:
			if l.isFirst(w) {
				return false, nil
			}
		case <-w.patience.C:
			return true, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}
