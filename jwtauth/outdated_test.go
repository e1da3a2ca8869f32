package jwtauth

import (
	"fmt"
	"runtime/debug"
	"slices"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/outdated"
)

// TestOutdatedIsOneWarning, with what to take; none where there is nothing to say.
func TestOutdatedIsOneWarning(t *testing.T) {
	core, logged := observer.New(zap.DebugLevel)
	info := &debug.BuildInfo{Deps: []*debug.Module{{Path: outdated.XNet, Version: "v0.59.0"}}}
	tellOutdated(zap.New(core), outdated.Check("go1.27.1", info))
	if logged.Len() != 1 || logged.All()[0].Level != zap.WarnLevel {
		t.Fatalf("logged %v", logged.All())
	}
	fields := logged.All()[0].ContextMap()
	if got := fmt.Sprint(fields["built_with"], fields["take_at_least"]); got != "[go1.27.1 golang.org/x/net v0.59.0] [go1.27.2 golang.org/x/net v0.60.0]" {
		t.Errorf("logged %s", got)
	}
	advisories := fields["advisories"].([]any)
	texts := make([]string, len(advisories))
	for i, advisory := range advisories {
		texts[i] = advisory.(string)
	}
	if slices.Sort(texts); len(slices.Compact(slices.Clone(texts))) != len(texts) || !slices.Contains(texts, "CVE-2026-97032") {
		t.Errorf("advisories %v", texts)
	}
	tellOutdated(zap.New(core), outdated.Check("go1.27.2", nil))
	if logged.Len() != 1 {
		t.Errorf("logged %v", logged.All())
	}
}

// TestOutdatedIsToldOnce in the life of a process, however often it is configured.
func TestOutdatedIsToldOnce(t *testing.T) {
	core, logged := observer.New(zap.DebugLevel)
	for range 3 {
		warnOutdated(zap.New(core))
	}
	before := logged.Len()
	outdatedTold.Do(func() { t.Error("it would be told again") })
	if before > 1 {
		t.Errorf("told %d times", before)
	}
}
