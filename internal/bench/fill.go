package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// perUser is how many sessions each user of a filled store has.
const perUser = 10

// fill is what a store holds. It is the same at each size, but for the sessions.
type fill struct{ sessions, users, revocations int }

// filled is a store file and what was put into it.
type filled struct {
	fill
	path string
	// id is the store's.
	id string
	// sids are the ids of some sessions, users the names of some users who
	// have sessions.
	sids, names []string
}

// fillStores makes a store of each size. What they have in common is written
// once and copied.
func fillStores(ctx context.Context, l *lab) ([]*filled, error) {
	dir, err := l.temp("stores")
	if err != nil {
		return nil, err
	}
	common := fill{users: pick(l, 100_000, 5_000), revocations: pick(l, 100_000, 5_000)}
	base := &filled{fill: common, path: filepath.Join(dir, "base.db")}
	if err := base.write(ctx, (*filled).putCommon); err != nil {
		return nil, err
	}
	var stores []*filled
	for _, sessions := range pick(l, []int{1000, 10_000, 100_000, 1_000_000}, []int{1000, 10_000}) {
		s := &filled{fill: common, path: filepath.Join(dir, fmt.Sprintf("%d.db", sessions))}
		s.sessions = sessions
		if err := copyFile(base.path, s.path); err != nil {
			return nil, err
		}
		began := time.Now()
		if err := s.write(ctx, (*filled).putSessions); err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "size: %s sessions written in %s\n", thousands(sessions), time.Since(began).Round(time.Second))
		stores = append(stores, s)
	}
	return stores, os.Remove(base.path)
}

// write fills the store, without waiting for the disk. In the end the file is
// compacted, since big transactions leave more free pages than small ones do, and
// is on the disk: what comes later does not wait for that.
func (f *filled) write(ctx context.Context, put func(*filled, context.Context, *bolt.Store) error) error {
	s, err := bolt.Open(f.path, bolt.Options{NoSync: true})
	if err != nil {
		return err
	}
	f.id = s.ID()
	err = put(f, ctx, s)
	if closed := s.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return compact(f.path)
}

// compact writes a file anew, without its free pages.
func compact(path string) error {
	const step = 1 << 20
	source, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := bbolt.Open(path+".new", 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		return err
	}
	err = bbolt.Compact(target, source, step)
	if err == nil {
		err = target.Sync()
	}
	if closed := target.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// inParallel calls write for 0 to count-1, many at once: they share commits.
func inParallel(ctx context.Context, count int, write func(n int) error) error {
	const writers = 10_000
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		next    atomic.Int64
		working sync.WaitGroup
	)
	for range min(writers, count) {
		working.Go(func() {
			for n := int(next.Add(1)) - 1; n < count && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				if err := write(n); err != nil {
					cancel(err)
				}
			}
		})
	}
	working.Wait()
	return context.Cause(ctx)
}

func (f *filled) putCommon(ctx context.Context, s *bolt.Store) error {
	hash, now := cheapHash(alicePassword), time.Now().UTC()
	err := inParallel(ctx, f.users, func(n int) error {
		_, err := s.PutUser(ctx, user.Record{
			User:      user.User{Username: userName(n), Roles: []string{"user"}, PasswordHash: hash},
			CreatedAt: now, UpdatedAt: now, PasswordChangedAt: now,
		}, nil)
		return err
	})
	if err != nil {
		return err
	}
	return inParallel(ctx, f.revocations, func(int) error {
		return s.Deny(ctx, revocation.Entry{Kind: revocation.Session, ID: f.id + randomID(), Until: now.Add(2 * time.Hour)})
	})
}

func (f *filled) putSessions(ctx context.Context, s *bolt.Store) error {
	const kept = 20_000
	now := time.Now().UTC()
	f.sids = make([]string, min(f.sessions, kept))
	for n := range min(f.sessions/perUser, kept) {
		f.names = append(f.names, userName(n))
	}
	// The ones that are kept are spread over all.
	every := f.sessions / len(f.sids)
	return inParallel(ctx, f.sessions, func(n int) error {
		one := newSession(f.id, userName(n/perUser), now.Add(-time.Duration(n%3600)*time.Second), 7*24*time.Hour)
		if n%every == 0 && n/every < len(f.sids) {
			f.sids[n/every] = one.ID
		}
		_, err := s.CreateSession(ctx, one, session.MaxPerUser)
		return err
	})
}

// newSession is one as a sign-in makes it.
func newSession(storeID, username string, created time.Time, idle time.Duration) session.Session {
	return session.Session{
		ID: storeID + randomID(), User: username, Counter: 1, Key: "AAAAAAAA",
		CreatedAt: created, LastUsedAt: created, ExpiresAt: created.Add(30 * 24 * time.Hour), IdleExpiresAt: created.Add(idle),
		DenyUntil: created.Add(15*time.Minute + 30*time.Second), IP: "192.0.2.1",
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	}
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	if closed := target.Close(); err == nil {
		err = closed
	}
	return err
}
