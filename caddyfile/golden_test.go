package caddyfile

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// update rewrites what the golden files expect with what they get. Read the difference
// before you commit it.
var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// separator stands between a Caddyfile and the JSON, or the error, it becomes.
const separator = "\n----------\n"

// golden is one shape, in a file of testdata, or one error, in a section of a file of
// testdata/errors. A refusal cannot become a config by -update.
type golden struct {
	name, caddyfile, expected string
	isError                   bool
}

// section begins an error in a file of testdata/errors, which is a txtar archive.
var section = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

func goldens(t testing.TB) (all []golden) {
	t.Helper()
	add := func(name, text string, isError bool) {
		source, expected, found := strings.Cut(text, separator)
		if !found {
			t.Fatalf("%s has no line of ten dashes", name)
		}
		all = append(all, golden{name, source + "\n", strings.TrimSpace(expected), isError})
	}
	for _, path := range glob(t, "*.caddyfiletest") {
		add(strings.TrimSuffix(filepath.Base(path), ".caddyfiletest"), read(t, path), false)
	}
	for _, path := range glob(t, "errors/*.txtar") {
		text, directive := read(t, path), strings.TrimSuffix(filepath.Base(path), ".txtar")
		found := section.FindAllStringSubmatchIndex(text, -1)
		for i, at := range found {
			end := len(text)
			if i+1 < len(found) {
				end = found[i+1][0]
			}
			add(directive+"/"+text[at[2]:at[3]], text[at[1]:end], true)
		}
	}
	return all
}

// keep writes a golden with what it has become.
func (g golden) keep(t *testing.T, got string) {
	t.Helper()
	text := strings.TrimSuffix(g.caddyfile, "\n") + separator + got + "\n"
	if !g.isError {
		write(t, filepath.Join("testdata", g.name+".caddyfiletest"), text)
		return
	}
	directive, name, _ := strings.Cut(g.name, "/")
	path := filepath.Join("testdata", "errors", directive+".txtar")
	archive, head := read(t, path), "-- "+name+" --\n"
	before, rest, _ := strings.Cut(archive, head)
	after := ""
	if next := section.FindStringIndex(rest); next != nil {
		after = rest[next[0]:]
	}
	write(t, path, before+head+text+after)
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", filepath.FromSlash(pattern)))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files %s: %v", pattern, err)
	}
	return paths
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// testEnvironment sets what the placeholders of the golden files name, and keeps
// the tests out of the real data folder.
func testEnvironment(t testing.TB) {
	t.Helper()
	folder := t.TempDir()
	for name, value := range map[string]string{
		"XDG_DATA_HOME":   filepath.Join(folder, "data"),
		"XDG_CONFIG_HOME": filepath.Join(folder, "config"),
		"TEST_FOLDER":     folder,
		"TEST_ISSUER":     "https://example.com",
		"TEST_DOMAIN":     "example.com",
		"TEST_SECRET":     strings.Repeat("0123456789abcdef", 4),
		"TEST_HASH":       "$2a$10$a0NH7J4ZruhVFz.JFdv39.2ya8sf74YlCeLgGD04.sfm.uGeDN3eW",
	} {
		t.Setenv(name, value)
	}
}

// adapt returns the config of a Caddyfile as indented JSON.
func adapt(source string) (string, error) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(source), nil)
	if err != nil {
		return "", err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, config, "", "\t"); err != nil {
		return "", err
	}
	return indented.String(), nil
}

// load provisions and validates a config as `caddy validate` does, with a storage
// and a log of its own.
func load(config, storage string) error {
	var cfg caddy.Config
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		return err
	}
	cfg.Admin = &caddy.AdminConfig{Disabled: true}
	cfg.StorageRaw = caddyconfig.JSONModuleObject(map[string]string{"root": storage}, "module", "file_system", nil)
	cfg.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{WriterRaw: json.RawMessage(`{"output": "discard"}`)}},
	}}
	return caddy.Validate(&cfg)
}

func TestGolden(t *testing.T) {
	testEnvironment(t)
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			got, err := adapt(g.caddyfile)
			if g.isError != (err != nil) {
				t.Fatalf("config %s, error %v", got, err)
			}
			if err != nil {
				got = err.Error()
			}
			if *update {
				g.keep(t, got)
				return
			}
			switch {
			case g.expected == "":
				t.Fatal("the file expects nothing")
			case err != nil && !strings.Contains(got, g.expected):
				t.Fatalf("error:\n%s\nexpected:\n%s", got, g.expected)
			case err != nil && !strings.Contains(got, "Caddyfile:"):
				t.Fatalf("the error names no file and line: %s", got)
			case err == nil && got != g.expected:
				t.Fatalf("config:\n%s\nexpected:\n%s", got, g.expected)
			}
		})
	}
}

// Caddy accepts every config of the golden files, and accepting it makes nothing: `caddy validate` leaves no file behind.
func TestGoldenLoads(t *testing.T) {
	testEnvironment(t)
	for _, g := range goldens(t) {
		if g.isError {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			config, err := adapt(g.caddyfile)
			if err != nil {
				t.Fatal(err)
			}
			storage := t.TempDir()
			if err := load(config, storage); err != nil {
				t.Fatal(err)
			}
			for _, folder := range []string{storage, os.Getenv("TEST_FOLDER")} {
				if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
					t.Fatalf("left in %s: %v, %v", folder, left, err)
				}
			}
		})
	}
}
