package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	pw "github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
)

// throughputRow is one kind of request.
type throughputRow struct {
	name string
	site site
	// asked is another site that the guarded one asks, nil for none.
	asked *site
	path  string
	// credential returns the header that each request has, nil for none.
	credential func(*server) (string, error)
	// fresh has each request bring a token of its own instead.
	fresh bool
	// refused is for requests that the guard answers with 401, compared with those of the
	// same server that it lets pass.
	refused bool
	// least is the ratio of CPU times to reach, 0 for none; most is how many allocations
	// more than the twin's it may have.
	least float64
	most  float64
}

func throughputRows(files string) ([]throughputRow, error) {
	elliptic, err := accesstoken.GenerateKey("ES256")
	if err != nil {
		return nil, err
	}
	ellipticKey, err := elliptic.MarshalPrivate()
	if err != nil {
		return nil, err
	}
	var (
		usual = site{algorithm: "HS256", key: randomID() + randomID()}
		curve = site{algorithm: "ES256", key: ellipticKey}
		// The site of the front page.
		page  = usual
		two   = usual
		many  = usual
		basic = usual
		other = usual
	)
	guards := []string{"token_server", "jwt_auth /private/*", "jwt_auth /admin/* admin"}
	page.guards, page.rest = guards, []string{"root " + files, "file_server"}
	two.guards, two.rest = guards, []string{`respond /private/* "in"`, `respond "ok"`}
	many.guards = []string{"token_server"}
	for i := range 100 {
		many.guards = append(many.guards, fmt.Sprintf("jwt_auth /area%d/* user", i+1))
	}
	// It knows a password that was right once.
	hash, err := cheapest(pw.Bcrypt, alicePassword)
	if err != nil {
		return nil, err
	}
	basic.guards = []string{"basic_auth {", aliceName + " " + hash, "}"}
	other.guards = []string{"forward_auth {$ASKED} {", "uri /auth", "}"}
	asked := usual

	bearer := func(s *server) (string, error) {
		token, err := s.signIn(aliceName, alicePassword)
		return "Authorization: Bearer " + token, err
	}
	cookie := func(s *server) (string, error) {
		value, err := s.cookie(aliceName, alicePassword)
		return "Cookie: " + value, err
	}
	password := func(*server) (string, error) {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(aliceName+":"+alicePassword)), nil
	}
	return []throughputRow{
		{name: "one guard of everything", site: usual, path: "/", credential: bearer, least: 0.97},
		{name: "the front page's site", site: page, path: "/private/page.html", credential: bearer, least: 0.95, most: 8},
		{name: "the same, a path without a guard", site: page, path: "/page.html", least: 0.97, most: 6},
		{name: "its guards, two `respond` lines", site: two, path: "/private/x", credential: bearer, most: 13},
		{name: "the same, a path without a guard", site: two, path: "/x", most: 11},
		{name: "100 guards, the last one matches", site: many, path: "/area100/x", credential: bearer, most: 130},
		{name: "a session cookie", site: usual, path: "/", credential: cookie, least: 0.93},
		{name: "a new HS256 token each request", site: usual, path: "/", fresh: true, least: 0.85},
		{name: "a new ES256 token each request", site: curve, path: "/", fresh: true},
		{name: "no credential: 401, against the guarded 200", site: usual, path: "/", credential: bearer, refused: true, least: 0.9},
		{name: "Caddy's `basic_auth`", site: basic, path: "/", credential: password},
		{name: "Caddy's `forward_auth` to a second Caddy with `jwt_auth`", site: other, asked: &asked, path: "/", credential: bearer},
	}, nil
}

// files makes the folder of a site.
func (l *lab) files() (string, error) {
	folder, err := l.temp("files")
	if err != nil {
		return "", err
	}
	for _, name := range []string{"page.html", "private/page.html"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte("<!doctype html><title>A page</title><p>"+strings.Repeat("Some text. ", 80)), 0o644); err != nil {
			return "", err
		}
	}
	return folder, nil
}

// measureGuard compares a guarded site with an unguarded one.
func measureGuard(ctx context.Context, l *lab) (*report, error) {
	folder, err := l.files()
	if err != nil {
		return nil, err
	}
	rows, err := throughputRows(folder)
	if err != nil {
		return nil, err
	}
	r := new(report)
	t := &table{head: []string{
		"request", "CPU time, unguarded / guarded", "reach", "allocations more", "reach", "throughput, guarded / unguarded", "p99 ratio", "unguarded, requests/s",
	}}
	for _, row := range rows {
		m, err := measureThroughput(ctx, l, row)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", row.name, err)
		}
		var should, shouldNot string
		if row.least > 0 {
			should = reach(m.cpu.median >= row.least, fmt.Sprintf("≥ %.2f", row.least))
		}
		if row.most > 0 {
			shouldNot = reach(m.allocations.median < row.most+0.5, fmt.Sprintf("≤ %.0f", row.most))
		}
		t.add(row.name, m.cpu.String(), should, m.allocations.with("%.1f"), shouldNot, m.rate.String(), m.p99.with("%.2f"), thousands(m.twin))
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
	cpu, allocations, rate, p99 spread
	// twin is the unguarded median in requests a second.
	twin float64
	// tokens is how many were made; repeated how often a guarded run began its
	// file anew.
	tokens, repeated int
}

// figures are those of one side, a value a round.
type figures struct{ cpu, allocations, rate, p99 []float64 }

func measureThroughput(ctx context.Context, l *lab, row throughputRow) (m throughput, err error) {
	both, err := l.twinsAsking(ctx, row.site, row.asked, 0)
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
		header, err := row.credential(both.tokenServer())
		if err != nil {
			return m, err
		}
		headers = []string{header}
	}
	// sides are what is compared: the guarded site, and what it is compared with.
	sides := [2]struct {
		*server
		headers []string
		refused bool
		figures
	}{{server: both.guarded, headers: headers}, {server: both.unguarded, headers: headers}}
	if row.refused {
		sides[0].headers, sides[0].refused, sides[1].server = nil, true, both.guarded
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
	need := 100_000 // tokens for one run
	// Round 0 warms up.
	for round := range 1 + l.rounds() {
		if tokens != nil {
			if err := tokens.file(file, need); err != nil {
				return m, err
			}
			m.tokens += need
		}
		for i := range sides {
			side := &sides[(i+round)%2]
			before, err := both.usage(side.server)
			if err != nil {
				return m, err
			}
			result, err := l.wrk(ctx, wrkRun{url: side.url(row.path), headers: side.headers, duration: l.round(), tokens: file, core: 1})
			if err == nil {
				err = checkRun(side.server, result, side.refused)
			}
			if err != nil {
				return m, err
			}
			after, err := both.usage(side.server)
			if err != nil {
				return m, err
			}
			if side == &sides[0] {
				need = max(need, int(result.requests*1.3))
			}
			if round == 0 {
				continue
			}
			if side == &sides[0] {
				m.repeated += result.repeated
			}
			side.figures.cpu = append(side.figures.cpu, float64(after.cpu-before.cpu)/result.requests)
			side.figures.allocations = append(side.figures.allocations, (after.allocations-before.allocations)/result.requests)
			side.figures.rate = append(side.figures.rate, result.rate)
			side.figures.p99 = append(side.figures.p99, result.p99)
		}
	}
	guarded, other := sides[0].figures, sides[1].figures
	m.cpu = spreadOf(ratios(other.cpu, guarded.cpu))
	m.allocations = spreadOf(differences(guarded.allocations, other.allocations))
	m.rate = spreadOf(ratios(guarded.rate, other.rate))
	m.p99 = spreadOf(ratios(guarded.p99, other.p99))
	m.twin = spreadOf(other.rate).median
	return m, nil
}

// checkRun is an error where not all requests got the answers that they should.
func checkRun(s *server, result wrkResult, refused bool) error {
	switch {
	case s.ended():
		return fmt.Errorf("%s ended: %v\n%s", s.name, s.err, s.log)
	case result.broken > 0:
		return fmt.Errorf("%s left %d requests without an answer", s.name, result.broken)
	case refused:
		if missed := int(result.requests) - result.refused; missed > wrkConnections {
			return fmt.Errorf("%s let %d requests pass that it should have refused", s.name, missed)
		}
	case result.refused > 0:
		return fmt.Errorf("%s refused %d of %.0f requests", s.name, result.refused, result.requests)
	}
	return nil
}
