// Package examples_test runs every example with the real binary.
package examples_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

func TestMain(m *testing.M) { testcaddy.MainRace(m) }

// example is a server with a copy of an example, which is as the example stands
// but for its ports: those may be taken on this machine.
type example struct {
	*testcaddy.Caddy
	text  string            // of the config
	ports map[string]string // of the copy, by those of the example
}

var examplePort = regexp.MustCompile(`\b80(0[0-9]|80)\b`)

// load copies an example and does not start it.
func load(t *testing.T, path string) *example {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	e := &example{text: string(text), ports: map[string]string{}}
	e.Caddy = testcaddy.New(t, e.text)
	for _, port := range examplePort.FindAllString(e.text, -1) {
		if e.ports[port] == "" {
			e.ports[port] = strconv.Itoa(testcaddy.FreePort(t))
		}
	}
	if len(e.ports) == 0 {
		t.Fatalf("%s has no port of the examples", path)
	}
	root, err := testcaddy.Root()
	if err != nil {
		t.Fatal(err)
	}
	e.text = strings.ReplaceAll(e.here(e.text), "root examples/", "root "+root+"/examples/")
	e.SetConfig(e.text)
	return e
}

// here is a text of the example with the ports of the copy.
func (e *example) here(text string) string {
	return examplePort.ReplaceAllStringFunc(text, func(port string) string {
		if given, ok := e.ports[port]; ok {
			return given
		}
		return port
	})
}

// The examples are valid as they stand, without any preparation, and formatted
// as `caddy fmt` does it.
func TestExamplesAsTheyStand(t *testing.T) {
	t.Parallel()
	tested := 0
	for _, pattern := range []string{"*/Caddyfile", "*/*.json"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			tested++
			c := testcaddy.New(t, path)
			c.MustRun("validate", "--config", c.Config)
			if _, err := os.Stat(filepath.Join(c.Data, "jwtauth")); err == nil {
				t.Errorf("%s: to validate it has made something", path)
			}
			if filepath.Base(path) == "Caddyfile" {
				c.MustRun("fmt", c.Config, "--diff")
			}
		}
	}
	if tested != 5 {
		t.Errorf("%d examples, want 5", tested)
	}
}
