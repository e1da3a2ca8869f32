package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
)

// pauses are the latencies, in µs, of who uses a store meanwhile.
type pauses struct{ lookUps, rotations []float64 }

// measureCollection has the collector throw away what has expired, as the server
// does, and looks at what others feel of it.
func measureCollection(ctx context.Context, l *lab, r *report) (err error) {
	expired, live := pick(l, 200_000, 4_000), pick(l, 100_000, 4_000)
	dir, err := l.temp("collect")
	if err != nil {
		return err
	}
	f := &filled{path: filepath.Join(dir, "store.db"), fill: fill{sessions: live}}
	err = f.write(ctx, func(f *filled, ctx context.Context, s *bolt.Store) error {
		if err := f.putSessions(ctx, s); err != nil {
			return err
		}
		return f.putExpired(ctx, s, expired)
	})
	if err != nil {
		return err
	}
	s, err := bolt.Open(f.path, bolt.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if closed := s.Close(); err == nil {
			err = closed
		}
	}()

	alone := pick(l, 20*time.Second, time.Second)
	before := f.useFor(ctx, s, alone)
	collecting, stop := context.WithCancel(ctx)
	defer stop()
	began := time.Now()
	var (
		took    time.Duration
		removed int
		failed  error
		running sync.WaitGroup
		ended   = make(chan struct{})
	)
	during := make(chan pauses, 1)
	running.Go(func() {
		during <- f.use(ctx, s, ended)
	})
	store.RunCollector(collecting, s, time.Hour, func(n int, err error) {
		took, removed, failed = time.Since(began), n, err
		stop()
	})
	close(ended)
	running.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case failed != nil:
		return failed
	case removed < expired:
		return fmt.Errorf("%d of %d expired sessions were collected", removed, expired)
	}
	busy, after := <-during, f.useFor(ctx, s, alone)
	r.paragraph("A collection of %s expired sessions beside %s live ones took %s. Others meanwhile, one look-up and one rotation a millisecond at the most:",
		thousands(expired), thousands(live), took.Round(time.Second))
	t := &table{head: []string{"", "before, µs", "during, µs", "after, µs", "during / before", "after / before"}}
	lookUps := func(p pauses) []float64 { return p.lookUps }
	rotations := func(p pauses) []float64 { return p.rotations }
	for _, row := range []struct {
		name string
		of   func(pauses) []float64
		q    float64
	}{
		{"look-up, p50", lookUps, 0.5},
		{"look-up, p99", lookUps, 0.99},
		{"look-up, longest", lookUps, 1},
		{"rotation, p50", rotations, 0.5},
		{"rotation, p99", rotations, 0.99},
		{"rotation, longest", rotations, 1},
	} {
		a, b, c := quantile(row.of(before), row.q), quantile(row.of(busy), row.q), quantile(row.of(after), row.q)
		t.add(row.name, fmt.Sprintf("%.0f", a), fmt.Sprintf("%.0f", b), fmt.Sprintf("%.0f", c),
			fmt.Sprintf("%.2f", b/a), fmt.Sprintf("%.2f", c/a))
	}
	r.table(t)
	return nil
}

// useFor is use for a time.
func (f *filled) useFor(ctx context.Context, s *bolt.Store, d time.Duration) pauses {
	ended := make(chan struct{})
	timer := time.AfterFunc(d, func() { close(ended) })
	defer timer.Stop()
	return f.use(ctx, s, ended)
}

// use looks sessions up, and rotates others, until ended is closed.
func (f *filled) use(ctx context.Context, s *bolt.Store, ended <-chan struct{}) (p pauses) {
	again := func(into *[]float64, do func() error) {
		for {
			began := time.Now()
			if err := do(); err == nil {
				*into = append(*into, micros(time.Since(began)))
			}
			select {
			case <-ended:
				return
			case <-ctx.Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
	pickOne := func() string { return f.sids[rand.IntN(len(f.sids))] }
	var users sync.WaitGroup
	users.Go(func() {
		again(&p.lookUps, func() error { _, err := s.Session(ctx, pickOne()); return err })
	})
	users.Go(func() {
		again(&p.rotations, func() error { return s.UpdateSession(ctx, pickOne(), rotate) })
	})
	users.Wait()
	return p
}

// putExpired adds sessions that ended days ago.
func (f *filled) putExpired(ctx context.Context, s *bolt.Store, count int) error {
	old := time.Now().UTC().Add(-10 * 24 * time.Hour)
	return inParallel(ctx, count, func(n int) error {
		_, err := s.CreateSession(ctx, newSession(f.id, userName(n/perUser), old, 7*24*time.Hour), session.MaxPerUser)
		return err
	})
}

// measureGrowth fills a store and lets everything expire, again and again.
func measureGrowth(ctx context.Context, l *lab, r *report) error {
	const step = 200 // as the server's collector
	count, cycles := pick(l, 20_000, 2_000), pick(l, 8, 3)
	dir, err := l.temp("growth")
	if err != nil {
		return err
	}
	f := &filled{path: filepath.Join(dir, "store.db")}
	var sizes []float64
	err = f.write(ctx, func(f *filled, ctx context.Context, s *bolt.Store) error {
		for range cycles {
			if err := f.putExpired(ctx, s, count); err != nil {
				return err
			}
			for removed := step; removed == step; {
				if removed, err = s.Collect(ctx, time.Now(), step); err != nil {
					return err
				}
			}
			info, err := os.Stat(f.path)
			if err != nil {
				return err
			}
			sizes = append(sizes, float64(info.Size()))
		}
		left, err := s.Sessions(ctx, "", "", 1)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("an expired session is still there")
		}
		return err
	})
	if err != nil {
		return err
	}
	t := &table{head: []string{"cycle"}, rows: [][]string{{"file"}, {"ratio to the first"}}}
	for i, size := range sizes {
		t.head = append(t.head, fmt.Sprint(i+1))
		t.rows[0] = append(t.rows[0], megabytes(size))
		t.rows[1] = append(t.rows[1], fmt.Sprintf("%.2f", size/sizes[0]))
	}
	half := sizes[len(sizes)/2:]
	r.paragraph("A file that is filled with %s sessions, all of which then expire and are collected, again and again. It stops growing: %s.",
		thousands(count), map[bool]string{true: "yes", false: "**no**"}[slices.Max(half) == half[0]])
	r.table(t)
	return nil
}
