// Package inprocess runs Caddy within the process of a test, for tests that look inside
// or run many configs. Tests of the real binary use package testcaddy, which does not
// link Caddy.
package inprocess

import (
	"path/filepath"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-jwtauth/caddy-jwtauth/caddyfile"
)

// Home gives the test a home folder of its own, in which Caddy keeps its data, and stops
// Caddy at the end of the test. It returns a temporary folder; the home is below it.
func Home(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME"} {
		t.Setenv(name, filepath.Join(dir, "home"))
	}
	t.Cleanup(func() { Stop(t) })
	return dir
}

// Adapt returns the JSON config that a Caddyfile stands for.
func Adapt(caddyfile string) ([]byte, error) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	return config, err
}

// Load runs a JSON config, in place of the one before.
func Load(config []byte) error { return caddy.Load(config, true) }

// Stop ends Caddy. It may be called again.
func Stop(t testing.TB) {
	t.Helper()
	if err := caddy.Stop(); err != nil {
		t.Errorf("stopping Caddy: %v", err)
	}
}
