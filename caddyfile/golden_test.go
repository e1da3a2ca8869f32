package caddyfile

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// update rewrites what the golden files expect with what they get. Look at the
// difference before you believe it.
var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// separator stands between a Caddyfile and the JSON, or the error, it becomes.
const separator = "\n----------\n"

// golden is one file of testdata: one shape, or one error.
type golden struct {
	path, caddyfile, expected string
}

func (g golden) name() string { return strings.TrimSuffix(filepath.Base(g.path), ".caddyfiletest") }

// isError reports a file that shows an error: its name says so, so that -update
// cannot turn a refusal into a config.
func (g golden) isError() bool { return strings.Contains(g.name(), "_error_") }

func goldens(t testing.TB) []golden {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "*.caddyfiletest"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	var all []golden
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		source, expected, found := strings.Cut(string(text), separator)
		if !found {
			t.Fatalf("%s has no line of ten dashes", path)
		}
		all = append(all, golden{path: path, caddyfile: source + "\n", expected: strings.TrimSpace(expected)})
	}
	return all
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
		t.Run(g.name(), func(t *testing.T) {
			got, err := adapt(g.caddyfile)
			if g.isError() != (err != nil) {
				t.Fatalf("config %s, error %v", got, err)
			}
			if err != nil {
				got = err.Error()
			}
			if *update {
				text := strings.TrimSuffix(g.caddyfile, "\n") + separator + got + "\n"
				if err := os.WriteFile(g.path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
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

// Every config of the golden files is one that Caddy takes, and taking it makes
// nothing: `caddy validate` leaves no file behind.
func TestGoldenLoads(t *testing.T) {
	testEnvironment(t)
	for _, g := range goldens(t) {
		if g.isError() {
			continue
		}
		t.Run(g.name(), func(t *testing.T) {
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
