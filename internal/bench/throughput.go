package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
)

// throughputRow is one kind of request.
type throughputRow struct {
	name string
	site site
	path string
	// credential returns the header that each request has.
	credential func(*server) (string, error)
	// fresh has each request bring a token of its own instead.
	fresh bool
	// refused is for requests that the guard answers with 401.
	refused bool
	// least is the ratio to reach, 0 for none.
	least float64
}

func throughputRows() ([]throughputRow, error) {
	elliptic, err := accesstoken.GenerateKey("ES256")
	if err != nil {
		return nil, err
	}
	ellipticKey, err := elliptic.MarshalPrivate()
	if err != nil {
		return nil, err
	}
	var (
		usual = site{algorithm: "ES256", key: ellipticKey}
		hmac  = site{algorithm: "HS256", key: randomID() + randomID()}
		many  = usual
	)
	for i := range 100 {
		many.guards = append(many.guards, fmt.Sprintf("jwt_auth /area%d/* user", i+1))
		// Caddy looks through 100 routes with and without a guard in each.
		many.twin = append(many.twin, fmt.Sprintf("header /area%d/* X-Area here", i+1))
	}
	bearer := func(s *server) (string, error) {
		token, err := s.signIn(aliceName, alicePassword)
		return "Authorization: Bearer " + token, err
	}
	cookie := func(s *server) (string, error) {
		value, err := s.cookie(aliceName, alicePassword)
		return "Cookie: " + value, err
	}
	return []throughputRow{
		{name: "the same token again", site: usual, path: "/", credential: bearer, least: 0.97},
		{name: "a session cookie", site: usual, path: "/", credential: cookie},
		{name: "a new HS256 token each request", site: hmac, path: "/", fresh: true, least: 0.85},
		{name: "a new ES256 token each request", site: usual, path: "/", fresh: true},
		{name: "no credential: 401 against the twin's 200", site: usual, path: "/", refused: true},
		{name: "100 guards, the last one matches; the twin has 100 header directives", site: many, path: "/area100/x", credential: bearer},
	}, nil
}

// measureGuard compares a guarded site with an unguarded one.
func measureGuard(ctx context.Context, l *lab) (*report, error) {
	rows, err := throughputRows()
	if err != nil {
		return nil, err
	}
	r := new(report)
	t := &table{head: []string{"request", "throughput, guarded / unguarded", "reach", "p50 ratio", "p99 ratio", "unguarded, requests/s"}}
	for _, row := range rows {
		m, err := measureThroughput(ctx, l, row)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", row.name, err)
		}
		should := ""
		if row.least > 0 {
			should = reach(m.rate.median >= row.least, fmt.Sprintf("≥ %.2f", row.least))
		}
		t.add(row.name, m.rate.String(), should, m.p50.with("%.2f"), m.p99.with("%.2f"), thousands(m.twin))
		if m.repeated > 0 {
			r.fail("%s: there were too few tokens: the file was begun anew %d times", row.name, m.repeated)
		}
		if m.tokens > 0 {
			fmt.Fprintf(os.Stderr, "%s: %s tokens, none of them twice\n", row.name, thousands(m.tokens))
		}
	}
	pinned := "Each server has core 0 and GOMAXPROCS=1, wrk has core 1."
	if !canPin() {
		pinned = "**Not pinned**: this machine has no taskset, or one core, so that servers and wrk disturb each other."
	}
	r.paragraph("%d rounds of two runs of %s each, %d connections. %s", l.rounds(), l.round(), wrkConnections, pinned)
	r.table(t)
	return r, nil
}

// Many short rounds tell more than few long ones: what disturbs one run is over in
// the next.
func (l *lab) rounds() int          { return pick(l, 25, 2) }
func (l *lab) round() time.Duration { return time.Second }

// throughput is what a row comes to.
type throughput struct {
	rate, p50, p99 spread
	// twin is the unguarded median in requests a second.
	twin float64
	// tokens is how many were made; repeated how often a guarded run began its
	// file anew.
	tokens, repeated int
}

func measureThroughput(ctx context.Context, l *lab, row throughputRow) (m throughput, err error) {
	both, err := l.twins(ctx, row.site, 0)
	if err != nil {
		return m, err
	}
	defer func() {
		if stopped := both.stop(); err == nil {
			err = stopped
		}
	}()
	var headers []string
	if row.credential != nil {
		header, err := row.credential(both.guarded)
		if err != nil {
			return m, err
		}
		headers = []string{header}
	}
	var tokens *mint
	file := ""
	if row.fresh {
		issued, err := both.guarded.signIn(aliceName, alicePassword)
		if err != nil {
			return m, err
		}
		if tokens, err = newMint(row.site.algorithm, row.site.key, issued); err != nil {
			return m, err
		}
		file = filepath.Join(l.dir, "tokens")
	}
	run := func(s *server) (wrkResult, error) {
		result, err := l.wrk(ctx, wrkRun{url: s.url(row.path), headers: headers, duration: l.round(), tokens: file, core: 1})
		switch {
		case err != nil:
		case s.ended():
			err = fmt.Errorf("%s ended: %v\n%s", s.name, s.err, s.log)
		case result.broken > 0:
			err = fmt.Errorf("%s left %d requests without an answer", s.name, result.broken)
		case row.refused && s == both.guarded:
			if missed := int(result.requests) - result.refused; missed > wrkConnections {
				err = fmt.Errorf("%s let %d requests pass that it should have refused", s.name, missed)
			}
		case result.refused > 0:
			err = fmt.Errorf("%s refused %d of %.0f requests", s.name, result.refused, result.requests)
		}
		return result, err
	}
	var guarded, unguarded struct{ rate, p50, p99 []float64 }
	need := 100_000 // tokens for one run
	// Round 0 warms up.
	for round := range 1 + l.rounds() {
		if tokens != nil {
			if err := tokens.file(file, need); err != nil {
				return m, err
			}
			m.tokens += need
		}
		order := []*server{both.guarded, both.unguarded}
		if round%2 == 1 {
			order[0], order[1] = order[1], order[0]
		}
		for _, s := range order {
			result, err := run(s)
			if err != nil {
				return m, err
			}
			into := &unguarded
			if s == both.guarded {
				into = &guarded
				need = max(need, int(result.requests*1.3))
			}
			if round == 0 {
				continue
			}
			if s == both.guarded {
				m.repeated += result.repeated
			}
			into.rate = append(into.rate, result.rate)
			into.p50 = append(into.p50, result.p50)
			into.p99 = append(into.p99, result.p99)
		}
	}
	m.rate = spreadOf(ratios(guarded.rate, unguarded.rate))
	m.p50 = spreadOf(ratios(guarded.p50, unguarded.p50))
	m.p99 = spreadOf(ratios(guarded.p99, unguarded.p99))
	m.twin = spreadOf(unguarded.rate).median
	return m, nil
}
