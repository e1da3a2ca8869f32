package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
)

const (
	floodUsers    = 1000
	floodPassword = "the right password"
	// floodFactor is how many times more sign-ins come than can be hashed.
	floodFactor = 10
	// floodSlow is how many connections send their bodies byte by byte.
	floodSlow = 300
	// probeRate is how many guarded requests come to each server in a second
	// meanwhile.
	probeRate = 300
	// floodLimit is how many times longer than idle the slowest in a hundred
	// guarded requests may take.
	floodLimit = 2
)

// flood is what is measured before, during and after one.
type flood struct {
	l *lab
	r *report
	// s is flooded. neighbour is another Caddy of the machine, which is not: what
	// its requests feel is the want of cores, and no matter of the server.
	s, neighbour *server
	window       time.Duration
}

// probes are the guarded requests to both.
type probes struct{ flooded, neighbour probeResult }

// measureFlood looks at guarded requests while sign-ins flood the server.
func measureFlood(ctx context.Context, l *lab) (_ *report, err error) {
	f := &flood{l: l, r: new(report), window: pick(l, 10*time.Second, 2*time.Second)}
	users, err := l.floodedUsers()
	if err != nil {
		return nil, err
	}
	for name, s := range map[string]**server{"the flooded Caddy": &f.s, "its neighbour": &f.neighbour} {
		if *s, err = l.floodedSite(ctx, name, users); err != nil {
			return nil, err
		}
		defer func() {
			if stopped := (*s).stop(); err == nil {
				err = stopped
			}
		}()
	}
	capacity, err := f.capacity(ctx)
	if err != nil {
		return nil, err
	}
	idle, err := f.probe(ctx, 3)
	if err != nil {
		return nil, err
	}
	before, err := f.state()
	if err != nil {
		return nil, err
	}
	during, highest, signIns, err := f.run(ctx, int(capacity*floodFactor))
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if _, err := f.s.signIn(userName(1), floodPassword, "X-Forwarded-For: 192.0.2.2"); err != nil {
		f.r.fail("after the flood a user could not sign in: %v", err)
	}
	signInAfter := time.Since(began)
	sleep(ctx, f.window)
	after, err := f.state()
	if err != nil {
		return nil, err
	}
	again, err := f.probe(ctx, 3)
	if err != nil {
		return nil, err
	}

	f.r.paragraph("The server has all %d cores, as users run it; the generators are processes of the same machine, the flood's at the "+
		"lowest priority (nice %d). Default settings: %.0f sign-ins a second could be hashed, %d came, for %s, and %d connections more "+
		"sent theirs byte by byte. Beside them %d guarded requests a second, and as many to the neighbour.",
		runtime.NumCPU(), humble, capacity, int(capacity*floodFactor), f.duration(), floodSlow, probeRate)
	f.latencies(idle, during, again)
	f.answers(signIns)
	t := &table{head: []string{"", "before", "highest", fmt.Sprintf("%s after", f.window)}}
	t.add("resident memory", megabytes(before.rss), megabytes(highest.rss), megabytes(after.rss))
	t.add("goroutines", thousands(before.goroutines), thousands(highest.goroutines), thousands(after.goroutines))
	f.r.table(t)
	f.r.paragraph("Right after the flood, a user at a clean address signed in within %s.", signInAfter.Round(time.Millisecond))
	return f.r, nil
}

// floodedUsers writes the users file of the flooded sites.
func (l *lab) floodedUsers() (path string, err error) {
	hash, err := password.Default().Hash(floodPassword)
	if err != nil {
		return "", err
	}
	type entry struct {
		Username     string `json:"username"`
		PasswordHash string `json:"password_hash"`
	}
	var file struct {
		Users []entry `json:"users"`
	}
	for n := range floodUsers {
		file.Users = append(file.Users, entry{userName(n), hash})
	}
	text, err := json.Marshal(file)
	if err != nil {
		return "", err
	}
	path = filepath.Join(l.dir, "users.json")
	return path, os.WriteFile(path, text, 0o600)
}

// floodedSite is a site with the default settings and those users.
func (l *lab) floodedSite(ctx context.Context, name, users string) (*server, error) {
	return l.serve(ctx, serverOptions{name: name, core: anyCore, env: []string{"BENCH_USERS=" + users}, config: `{
	servers {
		trusted_proxies static 127.0.0.1/32
	}
	jwtauth {
		users_file {env.BENCH_USERS}
	}
}
http://127.0.0.1:{$PORT} {
	token_server
	jwt_auth
	respond "ok"
}
`})
}

// capacity is how many sign-ins a second the server hashes.
func (f *flood) capacity(ctx context.Context) (float64, error) {
	const atOnce = 8 // fewer than fit into the queue
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu      sync.Mutex
		signed  int
		signers sync.WaitGroup
		begin   = time.Now()
		end     = begin.Add(f.window)
	)
	for signer := range atOnce {
		signers.Go(func() {
			for n := 0; time.Now().Before(end) && ctx.Err() == nil; n++ {
				from := "X-Forwarded-For: " + newcomer(3<<22+signer<<16+n)
				if _, err := f.s.signIn(userName(signer*100+n%100), floodPassword, from); err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				signed++
				mu.Unlock()
			}
		})
	}
	signers.Wait()
	return float64(signed) / time.Since(begin).Seconds(), context.Cause(ctx)
}

func (f *flood) windows() int            { return 6 }
func (f *flood) duration() time.Duration { return time.Duration(f.windows()) * f.window }

// startProbe begins with guarded requests to both servers. The function that it
// returns waits for their end.
func (f *flood) startProbe(ctx context.Context, windows int) (func() (probes, error), error) {
	var started [2]*child[probeResult]
	for i, s := range []*server{f.s, f.neighbour} {
		token, err := s.signIn(userName(0), floodPassword, "X-Forwarded-For: 192.0.2.1")
		if err == nil {
			started[i], err = startChild[probeResult](ctx, f.l, usual, "probe", probeConfig{
				URL: s.url("/"), Token: token, Rate: probeRate, Windows: windows, Window: f.window,
			})
		}
		if err != nil {
			if i > 0 {
				_ = started[0].stop()
			}
			return nil, err
		}
	}
	return func() (p probes, err error) {
		var also error
		p.flooded, err = started[0].result()
		p.neighbour, also = started[1].result()
		if err == nil {
			err = also
		}
		return p, err
	}, nil
}

func (f *flood) probe(ctx context.Context, windows int) (probes, error) {
	result, err := f.startProbe(ctx, windows)
	if err != nil {
		return probes{}, err
	}
	return result()
}

// run floods the server, and looks at it.
func (f *flood) run(ctx context.Context, rate int) (during probes, highest floodState, signIns signInsResult, err error) {
	result, err := f.startProbe(ctx, f.windows()+1) // the first is before the flood
	if err != nil {
		return during, highest, signIns, err
	}
	sleep(ctx, f.window)
	flooding, err := startChild[signInsResult](ctx, f.l, humble, "signins", signInsConfig{
		Host: strings.TrimPrefix(f.s.url(""), "http://"), Rate: rate, For: f.duration() + time.Second, Users: floodUsers,
		Password: floodPassword, Slow: floodSlow,
	})
	if err != nil {
		_, _ = result()
		return during, highest, signIns, err
	}
	for !flooding.ended() && sleep(ctx, 2*time.Second) {
		state, failed := f.state()
		if failed != nil {
			err = failed
			break
		}
		highest.rss, highest.goroutines = max(highest.rss, state.rss), max(highest.goroutines, state.goroutines)
	}
	signIns, failed := flooding.result()
	if err == nil {
		err = failed
	}
	during, failed = result()
	if err == nil {
		err = failed
	}
	if err == nil {
		during.flooded.Windows, during.neighbour.Windows = during.flooded.Windows[1:], during.neighbour.Windows[1:]
	}
	return during, highest, signIns, err
}

// floodState is what the server holds.
type floodState struct{ rss, goroutines float64 }

func (f *flood) state() (s floodState, err error) {
	if f.s.ended() {
		return s, fmt.Errorf("%s ended: %v\n%s", f.s.name, f.s.err, f.s.log)
	}
	if s.rss, _, err = f.s.rss(); err != nil {
		return s, err
	}
	s.goroutines, err = f.s.goroutines()
	return s, err
}

// latencies compares how long guarded requests take. Those to the neighbour say
// how much of it is the machine.
func (f *flood) latencies(idle, during, again probes) {
	t := &table{head: []string{"guarded requests", "idle, µs", "flood, µs", "flood / idle", "reach", "after / idle", "neighbour, flood / idle"}}
	for _, row := range []struct {
		name  string
		of    func(probeWindow) float64
		limit float64
	}{
		{"p50", func(w probeWindow) float64 { return w.P50 }, 0},
		{"p99", func(w probeWindow) float64 { return w.P99 }, floodLimit},
		{"slowest", func(w probeWindow) float64 { return w.Max }, 0},
		{"p50, from when it was sent", func(w probeWindow) float64 { return w.SentP50 }, 0},
		{"p99, from when it was sent", func(w probeWindow) float64 { return w.SentP99 }, 0},
	} {
		figures := func(r probeResult) spread {
			var all []float64
			for _, w := range r.Windows {
				all = append(all, row.of(w))
			}
			return spreadOf(all)
		}
		over := func(of, by probeResult) spread {
			s, base := figures(of), figures(by).median
			return spread{s.median / base, s.low / base, s.high / base}
		}
		ratio := over(during.flooded, idle.flooded)
		should := ""
		if row.limit > 0 {
			should = reach(ratio.median <= row.limit, fmt.Sprintf("≤ %g", row.limit))
		}
		t.add(row.name, figures(idle.flooded).with("%.0f"), figures(during.flooded).with("%.0f"), ratio.with("%.2f"), should,
			over(again.flooded, idle.flooded).with("%.2f"), over(during.neighbour, idle.neighbour).with("%.2f"))
	}
	f.r.table(t)
	for name, p := range map[string]probes{"idle": idle, "during the flood": during, "after the flood": again} {
		for which, result := range map[string]probeResult{"flooded server": p.flooded, "neighbour": p.neighbour} {
			if result.Wrong > 0 {
				f.r.fail("%s, %d guarded requests to the %s failed: %s", name, result.Wrong, which, result.Example)
			}
		}
	}
}

// answers tells what became of the sign-ins.
func (f *flood) answers(signIns signInsResult) {
	t := &table{head: []string{"sign-ins", "sent", "answers", "as they should be"}}
	for _, kind := range signInKinds {
		of := signIns.Kinds[kind.name]
		var answers []string
		all := 0
		for _, answer := range slices.Sorted(maps.Keys(of)) {
			answers = append(answers, thousands(of[answer])+" × "+answer)
			all += of[answer]
		}
		var wrong []string
		for what, count := range signIns.Wrong {
			if rest, ok := strings.CutPrefix(what, kind.name+": "); ok {
				wrong = append(wrong, fmt.Sprintf("**%d × %s**", count, rest))
				f.r.fail("sign-ins, %s: %d ×", what, count)
			}
		}
		good := "yes"
		if wrong != nil {
			slices.Sort(wrong)
			good = strings.Join(wrong, ", ")
		}
		t.add(kind.name, thousands(all), strings.Join(answers, ", "), good)
	}
	f.r.table(t)
	if signIns.Unsent > 0 {
		f.r.paragraph("%s sign-ins were not sent, since as many as can be had no answer yet.", thousands(signIns.Unsent))
	}
}
