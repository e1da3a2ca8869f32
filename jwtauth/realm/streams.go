package realm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// streams are the answers under way that may last: upgraded connections, and those that
// are sent bit by bit. A guard has looked at the request once; these are looked at again
// and again. They outlive a config, as what serves them does.
type streams struct {
	mu      sync.Mutex
	live    map[*stream]struct{}
	running bool
	closed  bool
}

// stream is one of them.
type stream struct {
	who   *policy.Principal
	every time.Duration
	next  time.Time
	end   func()
}

const (
	// streamTick is how often it is looked which streams are due, and a stream is looked
	// at twice in the time within which it has to end.
	streamTick   = time.Second / 2
	checkTimeout = 5 * time.Second
)

// Watch calls end, once, within [session.Lifetimes.Streams] after the session or token of
// who has ended, or the user has lost one of its roles. stop ends that: it returns when
// end is not running, and will not be called. With 0 nothing is watched.
func (r *Realm) Watch(who *policy.Principal, end func()) (stop func()) {
	within := r.Lifetimes.Streams
	if within <= 0 {
		return func() {}
	}
	return r.shared.watch(&stream{who: who, every: within / 2, next: time.Now().Add(within / 2), end: end})
}

func (s *Shared) watch(watched *stream) (stop func()) {
	all := &s.streams
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.closed {
		watched.end() // the realm is gone
		return func() {}
	}
	if all.live == nil {
		all.live = make(map[*stream]struct{})
	}
	all.live[watched] = struct{}{}
	if !all.running {
		all.running = true
		s.loops.Go(s.lookAtStreams)
	}
	return func() {
		all.mu.Lock()
		defer all.mu.Unlock()
		delete(all.live, watched)
	}
}

// lookAtStreams runs while there are streams.
func (s *Shared) lookAtStreams() {
	all := &s.streams
	tick := time.NewTicker(streamTick)
	defer tick.Stop()
	for {
		select {
		case <-s.background.Done():
			return
		case now := <-tick.C:
			for _, watched := range all.due(now) {
				if !s.streamIsOver(watched.who) {
					continue
				}
				all.mu.Lock()
				if _, live := all.live[watched]; live {
					watched.end()
					delete(all.live, watched)
				}
				all.mu.Unlock()
			}
		}
		all.mu.Lock()
		if len(all.live) == 0 {
			all.running = false
			all.mu.Unlock()
			return
		}
		all.mu.Unlock()
	}
}

// close ends all streams.
func (all *streams) close() {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.closed = true
	for watched := range all.live {
		watched.end()
	}
	clear(all.live)
}

// due are the streams to look at now.
func (all *streams) due(now time.Time) (due []*stream) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for watched := range all.live {
		if !now.Before(watched.next) {
			watched.next = now.Add(watched.every)
			due = append(due, watched)
		}
	}
	return due
}

// streamIsOver reports that the credential of a stream would not be taken any more, or
// stands for less than it did. A store that cannot be asked ends nothing: it cannot have
// taken a revocation either.
func (s *Shared) streamIsOver(who *policy.Principal) bool {
	if s.denied.Denied(who.Username, who.Session, who.TokenID) {
		return true
	}
	release, err := s.hold()
	if err != nil {
		return true
	}
	defer release()
	ctx, cancel := context.WithTimeout(s.background, checkTimeout)
	defer cancel()
	if who.Session == "" {
		if !time.Now().Before(who.ExpiresAt) {
			return true
		}
	} else {
		// A token is of a session, and ends earlier: whoever opened the stream could have
		// refreshed it, but has no way to show the new one.
		of, err := s.store.Session(ctx, who.Session)
		if errors.Is(err, session.ErrNotFound) || err == nil && of.Expired(time.Now()) {
			return true
		}
	}
	entry, err := s.users().Lookup(ctx, who.Username)
	switch {
	case errors.Is(err, user.ErrNotFound), errors.Is(err, user.ErrAmbiguous):
		return true
	case err != nil:
		return false
	}
	lost := func(role string) bool { return !slices.Contains(entry.Roles, role) }
	return entry.Disabled || slices.ContainsFunc(who.Roles, lost)
}
