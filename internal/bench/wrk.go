package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

//go:embed wrk/load.lua
var wrkScript []byte

// wrkConnections are kept open by a run of wrk, in one thread.
const wrkConnections = 32

// wrkRun is one run of wrk.
type wrkRun struct {
	url      string
	headers  []string
	duration time.Duration
	// tokens is a file of bearer tokens, one a line, "" for none.
	tokens string
	core   int
}

// wrkResult is what came of it.
type wrkResult struct {
	requests float64
	// rate is in requests a second.
	rate float64
	// p50 and p99 are in µs.
	p50, p99 float64
	// refused have a status of 400 or above, broken no answer at all.
	refused, broken int
	// repeated is how often the file of tokens was begun anew.
	repeated int
}

func (l *lab) wrk(ctx context.Context, run wrkRun) (wrkResult, error) {
	script := filepath.Join(l.dir, "load.lua")
	if err := os.WriteFile(script, wrkScript, 0o600); err != nil {
		return wrkResult{}, err
	}
	args := []string{"-t1", fmt.Sprintf("-c%d", wrkConnections), fmt.Sprintf("-d%.0fs", run.duration.Seconds()), "-s", script}
	for _, header := range run.headers {
		args = append(args, "-H", header)
	}
	cmd := command(run.core, usual, "wrk", append(args, run.url)...)
	cmd.Env = append(os.Environ(), "TOKENS="+run.tokens)
	if run.tokens == "" {
		cmd.Env = withoutTokens(os.Environ())
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	p, err := l.start(ctx, "wrk", cmd)
	if err != nil {
		return wrkResult{}, fmt.Errorf("%w (make bench installs it)", err)
	}
	if err := p.wait(); err != nil {
		return wrkResult{}, fmt.Errorf("%w\n%s", err, output.Bytes())
	}
	return parseWrk(output.String())
}

func withoutTokens(env []string) []string {
	var kept []string
	for _, pair := range env {
		if !strings.HasPrefix(pair, "TOKENS=") {
			kept = append(kept, pair)
		}
	}
	return kept
}

// parseWrk reads the lines that the script has written.
func parseWrk(output string) (r wrkResult, err error) {
	var micros float64
	found := 0
	for line := range strings.Lines(output) {
		if n, _ := fmt.Sscanf(line, "RESULT %g %g %d %d %d", &r.requests, &micros, &r.refused, &r.broken, &r.repeated); n == 5 {
			found++
		}
		if n, _ := fmt.Sscanf(line, "LATENCY %g %g", &r.p50, &r.p99); n == 2 {
			found++
		}
	}
	if found != 2 || micros == 0 {
		return r, errors.New("wrk did not tell its figures:\n" + output)
	}
	if r.requests == 0 {
		return r, errors.New("wrk got no answer at all")
	}
	r.rate = r.requests / (micros / 1e6)
	return r, nil
}
