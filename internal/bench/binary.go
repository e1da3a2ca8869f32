package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const (
	modulePackage = "github.com/caddy-jwtauth/caddy-jwtauth/cmd/caddy"
	stockPackage  = "github.com/caddyserver/caddy/v2/cmd/caddy"
)

// binaryLimit is the most that the module may add to Caddy, in bytes.
const binaryLimit = 2_000_000

// measureBinary compares the binary with stock Caddy's, of the same version and
// built in the same way.
func measureBinary(ctx context.Context, l *lab) (*report, error) {
	ours, err := l.caddy(ctx)
	if err != nil {
		return nil, err
	}
	stock := filepath.Join(l.dir, "stock")
	if err := goBuild(ctx, stock, stockPackage); err != nil {
		return nil, err
	}
	var sizes [2]int64
	for i, path := range []string{ours, stock} {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		sizes[i] = info.Size()
	}
	more := sizes[0] - sizes[1]
	t := &table{head: []string{"binary", "bytes", "reach"}}
	t.add("stock Caddy, stripped", thousands(sizes[1]), "")
	t.add("with this module", thousands(sizes[0]), "")
	t.add("difference", thousands(more), reach(more <= binaryLimit, "≤ "+thousands(int64(binaryLimit))))
	r := new(report)
	r.table(t)
	weights, err := l.weights(ctx)
	if err != nil {
		return nil, err
	}
	t = &table{head: []string{"what of it", "bytes"}}
	rest := more
	for _, group := range weightGroups {
		t.add(group.name, thousands(weights[group.name]))
		rest -= weights[group.name]
	}
	t.add("tables for stack traces, the types and the collector, of all of it", thousands(rest))
	r.table(t)
	return r, nil
}

// weightGroups are what symbols belong to, by the beginning of their names; the first
// that fits counts.
var weightGroups = []struct {
	name    string
	pattern *regexp.Regexp
}{
	{"this module: the Caddy modules", regexp.MustCompile(`caddy-jwtauth/jwtauth\.`)},
	{"this module: the commands and their help", regexp.MustCompile(`caddy-jwtauth/cmd\.`)},
	{"this module: the Caddyfile directives", regexp.MustCompile(`caddy-jwtauth/caddyfile\.`)},
	{"this module: the stores", regexp.MustCompile(`caddy-jwtauth/jwtauth/store`)},
	{"this module: the pages", regexp.MustCompile(`caddy-jwtauth/jwtauth/pages\.`)},
	{"this module: the other packages", regexp.MustCompile(`caddy-jwtauth/`)},
	{"strict JSON, go-json-experiment/json", regexp.MustCompile(`go-json-experiment/`)},
	{"JWT signing methods, golang-jwt/jwt", regexp.MustCompile(`golang-jwt/`)},
	{"the standard library's generic functions, compiled for our types", regexp.MustCompile(`^(slices|maps|cmp|iter|sync|sync/atomic)\.`)},
	{"interfaces and texts", regexp.MustCompile(`^(go|type):`)},
	{"everything else that only this module uses", regexp.MustCompile(``)},
}

// weights are the sizes of the symbols that the module adds, by group.
func (l *lab) weights(ctx context.Context) (map[string]int64, error) {
	weights := make(map[string]int64)
	for i, pkg := range []string{modulePackage, stockPackage} {
		path := filepath.Join(l.dir, fmt.Sprint("symbols", i))
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", tags, "-o", path, pkg)
		if text, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build %s: %w\n%s", pkg, err, text)
		}
		symbols, err := exec.CommandContext(ctx, "go", "tool", "nm", "-size", path).Output()
		if err != nil {
			return nil, fmt.Errorf("go tool nm: %w", err)
		}
		for line := range strings.Lines(string(symbols)) {
			fields := strings.Fields(line) // address, size, kind, name
			if len(fields) < 4 || fields[2] == "B" || fields[2] == "b" {
				continue // memory that the file has not
			}
			size, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				continue // one without an address
			}
			name := groupOf(strings.Join(fields[3:], " "))
			if pkg == modulePackage {
				weights[name] += size
			} else {
				weights[name] -= size
			}
		}
	}
	return weights, nil
}

func groupOf(symbol string) string {
	for _, group := range weightGroups {
		if group.pattern.MatchString(symbol) {
			return group.name
		}
	}
	return ""
}
