package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
)

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
