package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
)

// hold keeps the writer busy until the answer is called, so that what is
// written meanwhile ends up in one batch.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	begun, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	done := make(chan error, 1)
	go func() {
		done <- s.write(context.Background(), func(*tx) error {
			once.Do(func() { close(begun) })
			<-held
			return nil
		})
	}()
	<-begun
	return func() {
		close(held)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// queued waits until n operations wait for the writer.
func queued(s *Store, n int) {
	for {
		s.writer.mu.Lock()
		waiting := len(s.writer.queue)
		s.writer.mu.Unlock()
		if waiting >= n {
			return
		}
		runtime.Gosched()
	}
}

func TestWritersShareACommit(t *testing.T) {
	s := open(t, newPath(t))
	release := hold(t, s)
	before := commits(t, s)
	const writers = 100
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			if _, err := s.CreateSession(context.Background(), aSession("alice", fmt.Sprint(i)), 1000); err != nil {
				t.Error(err)
			}
		})
	}
	queued(s, writers)
	release()
	wg.Wait()
	if n := commits(t, s) - before; n != 1 {
		t.Errorf("%d writers that waited together took %d commits", writers, n)
	}
	if all, err := s.Sessions(t.Context(), "alice", "", 1000); err != nil || len(all) != writers {
		t.Errorf("%d sessions, %v", len(all), err)
	}
}

// commits returns how many transactions were ever committed.
func commits(t *testing.T, s *Store) (n int) {
	t.Helper()
	if err := s.read(t.Context(), func(t *tx) error { n = t.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOneFailureSpoilsNoOther puts operations that fail before writing, after
// writing, and by a panic, between good ones.
func TestOneFailureSpoilsNoOther(t *testing.T) {
	s := open(t, newPath(t))
	if _, err := s.CreateSession(t.Context(), aSession("alice", "one"), 100); err != nil {
		t.Fatal(err)
	}
	refused, halfway := errors.New("refused"), errors.New("halfway")
	release := hold(t, s)
	var wg sync.WaitGroup
	for i := range 10 {
		for _, c := range []struct {
			fn   func(*tx) error
			want error
		}{
			{func(*tx) error { return refused }, refused},
			{func(t *tx) error {
				if err := t.put(bucketMeta, []byte("half"), []byte("done")); err != nil {
					return err
				}
				return halfway
			}, halfway},
			{func(t *tx) error {
				if err := t.remove(bucketSessions, []byte("one")); err != nil {
					return err
				}
				panic("unexpected")
			}, store.ErrCorrupt},
			{func(t *tx) error { return t.put(bucketMeta, fmt.Append(nil, "good", i), []byte("v")) }, nil},
			{func(t *tx) error { return t.put(bucketMeta, []byte(strings.Repeat("k", 40_000)), nil) }, errAny},
		} {
			wg.Go(func() {
				err := s.write(context.Background(), c.fn)
				if c.want == errAny && err != nil {
					return
				}
				if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			})
		}
	}
	queued(s, 50)
	release()
	wg.Wait()
	for i := range 10 {
		if v, err := s.Meta(t.Context(), fmt.Sprint("good", i)); string(v) != "v" || err != nil {
			t.Errorf("a good write is %q, %v", v, err)
		}
	}
	if v, err := s.Meta(t.Context(), "half"); v != nil || err != nil {
		t.Errorf("half a change was written: %q, %v", v, err)
	}
	if _, err := s.Session(t.Context(), "one"); err != nil {
		t.Errorf("a panic wrote something: %v", err)
	}
}

var errAny = errors.New("any error")

func TestWaitingEndsWithItsContext(t *testing.T) {
	s := open(t, newPath(t))
	release := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error)
	go func() { answer <- onlyError(s.CreateSession(ctx, aSession("alice", "one"), 100)) }()
	queued(s, 1)
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	release()
	// The next write comes behind the one that was given up.
	if _, err := s.CreateSession(t.Context(), aSession("alice", "two"), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Session(t.Context(), "one"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("what was given up was written: %v", err)
	}
}

// TestGoexitOfAChange: a change that ends its goroutine, as a failing test
// does, must not leave all others waiting.
func TestGoexitOfAChange(t *testing.T) {
	s, err := Open(newPath(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.write(t.Context(), func(*tx) error { runtime.Goexit(); return nil }); !errors.Is(err, errStopped) {
		t.Errorf("got %v", err)
	}
	if _, err := s.CreateSession(t.Context(), aSession("alice", "one"), 100); !errors.Is(err, errStopped) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
