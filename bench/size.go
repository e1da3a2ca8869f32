package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
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

// measureSize looks at stores of more and more sessions.
func measureSize(ctx context.Context, l *lab) (*report, error) {
	r := new(report)
	stores, err := fillStores(ctx, l)
	if err != nil {
		return nil, err
	}
	folder, err := l.temp("sync")
	if err != nil {
		return nil, err
	}
	cost, err := syncCost(folder)
	if err != nil {
		return nil, err
	}
	r.paragraph("Besides the sessions, %d a user, each store holds %s users and %s live revocations. An fsync of 4 KiB takes %.0f µs here.",
		perUser, thousands(stores[0].users), thousands(stores[0].revocations), cost)
	for _, measure := range []func(context.Context, *lab, *report, []*filled) error{measureOperations, measureStarts} {
		if err := measure(ctx, l, r, stores); err != nil {
			return nil, err
		}
	}
	for _, s := range stores {
		if err := os.Remove(s.path); err != nil {
			return nil, err
		}
	}
	for _, measure := range []func(context.Context, *lab, *report) error{measureCollection, measureGrowth} {
		if err := measure(ctx, l, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

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
		return s.CreateSession(ctx, one, session.MaxPerUser)
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

// rotate is what a refresh writes.
func rotate(one session.Session, _ uint64) (session.Change, error) {
	one.Counter++
	one.LastUsedAt = time.Now().UTC()
	one.IdleExpiresAt = one.LastUsedAt.Add(7 * 24 * time.Hour)
	one.Rotations = append(one.Rotations[max(0, len(one.Rotations)-15):len(one.Rotations):len(one.Rotations)], one.LastUsedAt)
	return session.Change{Session: &one}, nil
}

// operation is something that a store does all day. each is how often it is done
// in a round.
type operation struct {
	name string
	each int
	do   func(ctx context.Context, s *bolt.Store, f *filled) error
}

func operations(l *lab) []operation {
	return []operation{
		{"look-up", pick(l, 5000, 500), func(ctx context.Context, s *bolt.Store, f *filled) error {
			_, err := s.Session(ctx, f.sids[rand.IntN(len(f.sids))])
			return err
		}},
		{"rotation", pick(l, 200, 20), func(ctx context.Context, s *bolt.Store, f *filled) error {
			return s.UpdateSession(ctx, f.sids[rand.IntN(len(f.sids))], rotate)
		}},
		{"list of a user's sessions", pick(l, 2000, 200), func(ctx context.Context, s *bolt.Store, f *filled) error {
			found, err := s.Sessions(ctx, f.names[rand.IntN(len(f.names))], "", 2*session.MaxPerUser)
			if err == nil && len(found) != perUser {
				err = fmt.Errorf("a user has %d sessions, not %d", len(found), perUser)
			}
			return err
		}},
	}
}

// measureOperations does the same in stores of all sizes, in turn.
func measureOperations(ctx context.Context, l *lab, r *report, stores []*filled) error {
	var opened []*bolt.Store
	defer func() {
		for _, s := range opened {
			_ = s.Close()
		}
	}()
	head := []string{"operation"}
	for _, f := range stores {
		s, err := bolt.Open(f.path, bolt.Options{})
		if err != nil {
			return err
		}
		opened = append(opened, s)
		head = append(head, thousands(f.sessions)+" sessions")
	}
	head[1] += ", µs"
	t := &table{head: head}
	for _, o := range operations(l) {
		took := make([][]float64, len(stores))
		for round := range 1 + pick(l, 7, 2) {
			for i := range stores {
				i = (i + round) % len(stores)
				began := time.Now()
				for range o.each {
					if err := o.do(ctx, opened[i], stores[i]); err != nil {
						return fmt.Errorf("%s: %w", o.name, err)
					}
				}
				if round > 0 { // 0 warms up
					took[i] = append(took[i], micros(time.Since(began))/float64(o.each))
				}
			}
		}
		row := []string{o.name, spreadOf(took[0]).with("%.1f")}
		for i := 1; i < len(stores); i++ {
			row = append(row, "× "+spreadOf(ratios(took[i], took[0])).with("%.2f"))
		}
		t.add(row...)
	}
	size := []string{"file"}
	for _, f := range stores {
		info, err := os.Stat(f.path)
		if err != nil {
			return err
		}
		size = append(size, megabytes(float64(info.Size())))
	}
	t.add(size...)
	r.table(t)
	return nil
}

// startLimit is how long the biggest store may take from the start of the process
// to the first answer.
const startLimit = 2 * time.Second

// measureStarts times the real binary from its start to its first guarded answer.
func measureStarts(ctx context.Context, l *lab, r *report, stores []*filled) error {
	data, err := l.temp("data")
	if err != nil {
		return err
	}
	key := randomID() + randomID()
	empty := &filled{path: filepath.Join(data, "empty.db")}
	all := append([]*filled{empty}, stores...)
	config := func(f *filled) serverOptions {
		s := site{algorithm: "HS256", key: key, global: "\t\tissuer https://example.com\n\t\tstore bolt {env.BENCH_STORE}\n"}
		text, env := s.guarded()
		return serverOptions{name: "a starting Caddy", config: text, core: anyCore, data: data, env: append(env, "BENCH_STORE="+f.path)}
	}
	// The first start makes what belongs to the realm, and tells the id of its key.
	first, err := l.serve(ctx, config(empty))
	if err != nil {
		return err
	}
	issued, err := first.signIn(aliceName, alicePassword)
	if stopped := first.stop(); err == nil {
		err = stopped
	}
	if err != nil {
		return err
	}
	tokens, err := newMint("HS256", key, issued)
	if err != nil {
		return err
	}
	empty.id = tokens.storeID
	took, resident := make([][]float64, len(all)), make([][]float64, len(all))
	for range pick(l, 5, 2) {
		for i, f := range all {
			tokens.storeID = f.id
			token, err := tokens.strike()
			if err != nil {
				return err
			}
			o := config(f)
			o.hurry = true
			seconds, rss, err := timeStart(ctx, l, o, token)
			if err != nil {
				return fmt.Errorf("with %s sessions: %w", thousands(f.sessions), err)
			}
			took[i], resident[i] = append(took[i], seconds), append(resident[i], rss/1e6)
		}
	}
	t := &table{head: []string{"store", "start to first guarded answer, s", "ratio to empty", "reach", "resident then, MB"}}
	for i, f := range all {
		name, ratio := "empty", ""
		if i > 0 {
			name, ratio = thousands(f.sessions)+" sessions", spreadOf(ratios(took[i], took[0])).with("%.2f")
		}
		t.add(name, spreadOf(took[i]).with("%.2f"), ratio,
			reach(spreadOf(took[i]).median <= startLimit.Seconds(), fmt.Sprintf("≤ %s", startLimit)), spreadOf(resident[i]).with("%.0f"))
	}
	r.table(t)
	return nil
}

func timeStart(ctx context.Context, l *lab, o serverOptions, token string) (seconds, rss float64, err error) {
	if _, err := l.caddy(ctx); err != nil {
		return 0, 0, err // built before the clock runs
	}
	began := time.Now()
	s, err := l.serve(ctx, o)
	if err != nil {
		return 0, 0, err
	}
	err = s.until(startPatience, func() bool { return sendToken(ctx, s, token) == nil })
	seconds = time.Since(began).Seconds()
	if err == nil {
		rss, _, err = s.rss()
	}
	if stopped := s.stop(); err == nil {
		err = stopped
	}
	return seconds, rss, err
}

// syncCost is what an fsync takes in a folder, in µs.
func syncCost(folder string) (float64, error) {
	f, err := os.Create(filepath.Join(folder, "sync"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	page := make([]byte, 4096)
	var took []float64
	for range 50 {
		began := time.Now()
		if _, err := f.WriteAt(page, 0); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, micros(time.Since(began)))
	}
	return quantile(took, 0.5), nil
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
