package caddyfile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// TestWarnsOfExactPaths: a path after jwt_auth that is one path is told when the config is
// adapted, with what to write; in a named matcher it is on purpose.
func TestWarnsOfExactPaths(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	base, err := caddy.ProvisionContext(&caddy.Config{Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		"default": {BaseLog: caddy.BaseLog{WriterRaw: json.RawMessage(`{"output": "file", "filename": "` + file + `"}`)}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // so that the file is not written to any more
		if _, err := caddy.ProvisionContext(&caddy.Config{Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{
			"default": {BaseLog: caddy.BaseLog{WriterRaw: json.RawMessage(`{"output": "discard"}`)}},
		}}}); err != nil {
			t.Error(err)
		}
	})
	_ = base
	adapter := caddyconfig.GetAdapter("caddyfile")
	for line, want := range map[string]string{
		"jwt_auth /private admin":               "jwt_auth /private guards that path alone, and nothing below it, such as /private/x: write /private/*",
		"jwt_auth /private/":                    "write /private/*",
		"jwt_auth / admin":                      "such as /x: write /*",
		"jwt_auth /private/* admin":             "",
		"jwt_auth /private* admin":              "",
		"jwt_auth /report.pdf":                  "",
		"jwt_auth admin":                        "",
		"jwt_auth":                              "",
		"@p path /private\n\tjwt_auth @p admin": "",
		"jwt_auth {args[0]} admin":              "",
	} {
		if err := os.Truncate(file, 0); err != nil {
			t.Fatal(err)
		}
		config := "(s) {\n\t" + line + "\n}\n:8080 {\n\timport s /in/*\n}\n"
		if _, _, err := adapter.Adapt([]byte(config), map[string]any{"filename": "Caddyfile"}); err != nil {
			t.Fatal(line, err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(text); (got != "") != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%s: logged %q, want %q", line, got, want)
		}
	}
}
