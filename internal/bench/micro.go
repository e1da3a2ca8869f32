package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// baselines are the names of sub-benchmarks that the others beside them are
// compared with.
var baselines = []string{"Unguarded", "accesstoken"}

// benchmark is one benchmark in several rounds.
type benchmark struct {
	name                 string
	nanos, bytes, allocs []float64
}

// group is the name without its last part.
func (b *benchmark) group() string { return b.name[:max(0, strings.LastIndexByte(b.name, '/'))] }

func (b *benchmark) baseline() bool {
	return slices.Contains(baselines, b.name[strings.LastIndexByte(b.name, '/')+1:])
}

// measureMicro runs the Go benchmarks of this folder.
func measureMicro(ctx context.Context, l *lab) (*report, error) {
	args := []string{
		"test", "-tags", tags, "-run", "^$", "-bench", ".", "-benchmem", "-cpu", "1", "-timeout", "15m",
		"-count", pick(l, "5", "2"), "-benchtime", pick(l, "200ms", "20ms"), "./internal/bench",
	}
	text, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(text))
	}
	all := parseBenchmarks(string(text))
	if len(all) == 0 {
		return nil, errors.New("there are no Go benchmarks in internal/bench/")
	}
	t := &table{head: []string{"benchmark", "ratio", "ns", "B", "allocations"}}
	for _, b := range all {
		ratio := ""
		i := slices.IndexFunc(all, func(other *benchmark) bool { return other.baseline() && other.group() == b.group() })
		if i >= 0 && all[i] != b {
			ratio = spreadOf(ratios(b.nanos, all[i].nanos)).with("%.2f") + " of " + strings.TrimPrefix(all[i].name, b.group()+"/")
		}
		t.add(b.name, ratio, spreadOf(b.nanos).with("%.0f"), fmt.Sprintf("%.0f", spreadOf(b.bytes).median),
			fmt.Sprintf("%.0f", spreadOf(b.allocs).median))
	}
	r := new(report)
	r.table(t)
	return r, nil
}

// parseBenchmarks reads what `go test -bench . -benchmem` writes, in order. A
// figure that a benchmark reports itself is left out.
func parseBenchmarks(text string) (all []*benchmark) {
	byName := make(map[string]*benchmark)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") || fields[3] != "ns/op" {
			continue
		}
		name := strings.TrimPrefix(fields[0], "Benchmark")
		b := byName[name]
		if b == nil {
			b = &benchmark{name: name}
			byName[name], all = b, append(all, b)
		}
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				break
			}
			switch fields[i+1] {
			case "ns/op":
				b.nanos = append(b.nanos, value)
			case "B/op":
				b.bytes = append(b.bytes, value)
			case "allocs/op":
				b.allocs = append(b.allocs, value)
			}
		}
	}
	return all
}
