package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

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
	text, env := site{
		algorithm: "HS256", key: key, global: "\t\tissuer https://example.com\n\t\tstore bolt {env.BENCH_STORE}\n",
	}.guarded()
	config := func(f *filled) serverOptions {
		return serverOptions{name: "a starting Caddy", config: text, core: anyCore, data: data,
			env: append(slices.Clone(env), "BENCH_STORE="+f.path)}
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
