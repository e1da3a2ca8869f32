package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// usage is what a server has used since it began. Unlike requests a second, what one
// request uses does not depend on what else the machine does.
type usage struct {
	cpu         time.Duration
	allocations float64
}

func (s *server) usage() (u usage, err error) {
	body, err := s.adminGet("/debug/vars")
	if err != nil {
		return u, err
	}
	var vars struct {
		Memstats struct{ Mallocs float64 } `json:"memstats"`
	}
	if err := json.Unmarshal(body, &vars); err != nil {
		return u, fmt.Errorf("%s: its variables make no sense: %w", s.name, err)
	}
	u.allocations = vars.Memstats.Mallocs
	u.cpu, err = s.cpu()
	return u, err
}

// cpu is the time on a processor of all threads, which the kernel counts in nanoseconds.
// Go keeps its threads.
func (s *server) cpu() (sum time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		return 0, fmt.Errorf("%s: its threads cannot be read (%v)", s.name, err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", s.name, err)
		}
		var ran time.Duration
		if _, err := fmt.Sscan(strings.TrimSpace(string(text)), &ran); err != nil {
			return 0, fmt.Errorf("%s: %s: %w", s.name, thread, err)
		}
		sum += ran
	}
	return sum, nil
}
