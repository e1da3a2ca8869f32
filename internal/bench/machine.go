package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine tells what was measured on, and with. It names no host and no path.
func machine(ctx context.Context) string {
	t := &table{head: []string{"", ""}}
	t.add("date", time.Now().UTC().Format(time.DateOnly))
	t.add("CPU", fmt.Sprintf("%s, %d cores", fieldOf("/proc/cpuinfo", "model name"), runtime.NumCPU()))
	if kB, err := strconv.ParseFloat(strings.TrimSuffix(fieldOf("/proc/meminfo", "MemTotal"), " kB"), 64); err == nil {
		t.add("memory", fmt.Sprintf("%.0f GB", kB*1024/1e9))
	}
	t.add("kernel", runtime.GOOS+" "+output(ctx, "uname", "-r")+" "+runtime.GOARCH)
	t.add("Go", strings.TrimPrefix(runtime.Version(), "go"))
	t.add("Caddy", strings.TrimPrefix(output(ctx, "go", "list", "-m", "-f", "{{.Version}}", "github.com/caddyserver/caddy/v2"), "v"))
	t.add("wrk", wrkVersion(ctx))
	return strings.TrimSuffix(t.String(), "\n")
}

// fieldOf returns the value behind the first "name :" of a file, "?" without one.
func fieldOf(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "?"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "?"
}

func output(ctx context.Context, name string, args ...string) string {
	text, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(text))
}

func wrkVersion(ctx context.Context) string {
	// wrk prints its version as it prints an error, with exit code 1.
	text, _ := exec.CommandContext(ctx, "wrk", "--version").CombinedOutput()
	if words := strings.Fields(string(text)); len(words) > 1 && words[0] == "wrk" {
		return words[1]
	}
	return "not installed"
}
