package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// memoryLimit is the most that memory may grow by the tokens.
const memoryLimit = 24e6

// measureMemory sends distinct tokens to a guarded site and to its twin, and
// compares by how much the two have grown.
func measureMemory(ctx context.Context, l *lab) (*report, error) {
	count := pick(l, 200_000, 20_000)
	names := []string{"resident, right after", "resident, at the highest", "Go heap in use after a collection"}
	growth := make([]struct{ guarded, unguarded, difference []float64 }, len(names))
	for range pick(l, 3, 1) {
		guarded, unguarded, err := memoryRound(ctx, l, count)
		if err != nil {
			return nil, err
		}
		for i := range names {
			g := &growth[i]
			g.guarded = append(g.guarded, guarded[i])
			g.unguarded = append(g.unguarded, unguarded[i])
			g.difference = append(g.difference, guarded[i]-unguarded[i])
		}
	}
	r := new(report)
	r.paragraph("%s distinct HS256 tokens, each of a session of its own, each sent twice; GOMAXPROCS=1.", thousands(count))
	t := &table{head: []string{"growth", "guarded", "unguarded", "difference", "reach"}}
	mega := func(values []float64) string {
		s := spreadOf(values)
		return spread{s.median / 1e6, s.low / 1e6, s.high / 1e6}.with("%.1f") + " MB"
	}
	for i, name := range names {
		g := growth[i]
		t.add(name, mega(g.guarded), mega(g.unguarded), mega(g.difference),
			reach(spreadOf(g.difference).median <= memoryLimit, "≤ "+fmt.Sprintf("%.0f MB", memoryLimit/1e6)))
	}
	r.table(t)
	return r, nil
}

func memoryRound(ctx context.Context, l *lab, count int) (guarded, unguarded []float64, err error) {
	s := site{algorithm: "HS256", key: randomID() + randomID()}
	both, err := l.twins(ctx, s, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if stopped := both.stop(); err == nil {
			err = stopped
		}
	}()
	issued, err := both.guarded.signIn(aliceName, alicePassword)
	if err != nil {
		return nil, nil, err
	}
	tokens, err := newMint(s.algorithm, s.key, issued)
	if err != nil {
		return nil, nil, err
	}
	warm, file := filepath.Join(l.dir, "warm"), filepath.Join(l.dir, "tokens")
	if err := tokens.file(file, count); err != nil {
		return nil, nil, err
	}
	// The warm-up sends one token again and again: it fills no cache.
	if err := repeatLine(warm, issued, min(count, 20_000)); err != nil {
		return nil, nil, err
	}
	if guarded, err = memoryGrowth(ctx, both.guarded, warm, file); err != nil {
		return nil, nil, err
	}
	unguarded, err = memoryGrowth(ctx, both.unguarded, warm, file)
	return guarded, unguarded, err
}

// memoryGrowth is by how many bytes a server grows by the tokens of a file:
// resident, resident at the highest, and on the heap.
func memoryGrowth(ctx context.Context, s *server, warm, file string) ([]float64, error) {
	if err := sendTokens(ctx, s, warm); err != nil {
		return nil, err
	}
	heap, err := s.heap()
	if err != nil {
		return nil, err
	}
	before, _, err := s.rss()
	if err != nil {
		return nil, err
	}
	if err := sendTokens(ctx, s, file); err != nil {
		return nil, err
	}
	after, highest, err := s.rss()
	if err != nil {
		return nil, err
	}
	heapAfter, err := s.heap()
	if err != nil {
		return nil, err
	}
	return []float64{after - before, highest - before, heapAfter - heap}, nil
}

// sendTokens makes two requests with each token of a file. All have to be let
// pass.
func sendTokens(ctx context.Context, s *server, path string) error {
	const connections = 16
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lines := make(chan string, 1024)
	var senders sync.WaitGroup
	for range connections {
		senders.Go(func() {
			for token := range lines {
				err := sendToken(ctx, s, token)
				if err == nil {
					err = sendToken(ctx, s, token) // now it is remembered
				}
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	scanner := bufio.NewScanner(f)
	for scanner.Scan() && ctx.Err() == nil {
		lines <- scanner.Text()
	}
	close(lines)
	senders.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return scanner.Err()
}

func sendToken(ctx context.Context, s *server, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url("/"), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: a good token got %s", s.name, response.Status)
	}
	return nil
}

// repeatLine writes a file of one line again and again.
func repeatLine(path, line string, count int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	for range count {
		_, _ = out.WriteString(line + "\n") // Flush tells
	}
	return out.Flush()
}
