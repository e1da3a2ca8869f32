package outdated_test

import (
	"go/version"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/outdated"
)

func TestOutdatedGo(t *testing.T) {
	for goVersion, take := range map[string]string{
		"go1.26.8":               "go1.26.9",
		"go1.26.8 X:nodwarf5":    "go1.26.9",
		"go1.26.8-vendor":        "go1.26.9",
		"go1.26.0":               "go1.26.9",
		"go1.26":                 "go1.26.9",
		"go1.26rc1":              "go1.26.9",
		"go1.25.14":              "go1.26.9",
		"go1.9.7":                "go1.26.9",
		"go1.27rc1":              "go1.27.2",
		"go1.27.1":               "go1.27.2",
		"go1.26.9":               "",
		"go1.26.10":              "",
		"go1.26.11 X:nodwarf5":   "",
		"go1.27.2":               "",
		"go1.27.10":              "",
		"go1.28rc1":              "",
		"go1.28.0":               "",
		"go2.0":                  "",
		"devel go1.27-4ab3c5d":   "",
		"devel +4ab3c5d Mon Jan": "",
		"":                       "",
	} {
		findings := outdated.Check(goVersion, nil)
		switch {
		case take == "" && findings != nil:
			t.Errorf("%q: %v", goVersion, findings)
		case take != "" && (len(findings) != 1 || findings[0].Take != take || len(findings[0].Advisories) == 0 || !strings.HasPrefix(goVersion, findings[0].With)):
			t.Errorf("%q: %v, want to take %s", goVersion, findings, take)
		}
	}
}

func TestOutdatedXNet(t *testing.T) {
	linked := func(module debug.Module) *debug.BuildInfo {
		return &debug.BuildInfo{Deps: []*debug.Module{{Path: "golang.org/x/text", Version: "v0.1.0"}, &module}}
	}
	for version, outdatedIs := range map[string]bool{
		"v0.59.0": true, "v0.9.0": true, "v0.0.0-20210405180319-a5a99cb37ef4": true, "v0.60.0-0.20261001000000-a5a99cb37ef4": true,
		"v0.60.0": false, "v0.60.1-0.20261001000000-a5a99cb37ef4": false, "v0.62.0": false, "v0.100.0": false, "v1.0.0": false,
		"(devel)": false, "": false, "v0.60": false, "v0.x.0": false,
	} {
		for _, module := range []debug.Module{
			{Path: outdated.XNet, Version: version},
			{Path: outdated.XNet, Version: "v0.1.0", Replace: &debug.Module{Path: "example.com/net", Version: version}},
		} {
			findings := outdated.Check("go1.28.0", linked(module))
			if (len(findings) == 1) != outdatedIs || outdatedIs && (findings[0].With != outdated.XNet+" "+version || len(findings[0].Advisories) == 0) {
				t.Errorf("%q: %v", version, findings)
			}
		}
	}
	if findings := outdated.Check("go1.26.8", linked(debug.Module{Path: outdated.XNet, Version: "v0.59.0"})); len(findings) != 2 {
		t.Errorf("both: %v", findings)
	}
}

// TestOutdatedHTTP2: the holes of HTTP/2 are told of what serves it.
func TestOutdatedHTTP2(t *testing.T) {
	const crash = "CVE-2026-97032"
	for goVersion, tells := range map[string]bool{"go1.26.8": false, "go1.27.1": true} {
		if findings := outdated.Check(goVersion, nil); len(findings) != 1 || slices.Contains(findings[0].Advisories, crash) != tells {
			t.Errorf("%s: %v", goVersion, findings)
		}
	}
}

// TestOutdatedTable: it is in order, what this module is built with is not in it,
// and the documentation names what to take.
func TestOutdatedTable(t *testing.T) {
	if !slices.IsSortedFunc(outdated.Releases, version.Compare) {
		t.Errorf("not in order: %v", outdated.Releases)
	}
	for _, release := range outdated.Releases {
		if !version.IsValid(release) || version.Lang(release) == release {
			t.Errorf("%q is no release of Go", release)
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	mod := read("go.mod")
	toolchain := regexp.MustCompile(`(?m)^toolchain (\S+)$`).FindStringSubmatch(mod)
	net := regexp.MustCompile(`(?m)^\tgolang.org/x/net (\S+)`).FindStringSubmatch(mod)
	if toolchain == nil || net == nil {
		t.Fatal("go.mod names no toolchain, or no golang.org/x/net")
	}
	info := &debug.BuildInfo{Deps: []*debug.Module{{Path: outdated.XNet, Version: net[1]}}}
	if findings := outdated.Check(toolchain[1], info); findings != nil {
		t.Errorf("go.mod takes what has holes: %v", findings)
	}
	operations := read("cmd/OPERATIONS.md")
	for _, name := range append(outdated.Releases, outdated.XNetRelease) {
		if name = strings.TrimPrefix(name, "go"); !strings.Contains(operations, name) {
			t.Errorf("cmd/OPERATIONS.md does not name %s", name)
		}
	}
}
