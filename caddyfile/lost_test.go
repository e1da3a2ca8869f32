package caddyfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// TestLost: what Caddy replaces by nothing does not make a guard ask for less.
func TestLost(t *testing.T) {
	testEnvironment(t)
	t.Setenv("TEST_ROLE", "admin")
	t.Setenv("TEST_EMPTY", "")
	t.Setenv("TEST_ROLES", "editor admin")
	for name, test := range map[string]struct{ source, lost string }{
		"unset variable":           {":8080 {\n\tjwt_auth /admin/* {$TEST_UNSET}\n}\n", "{$TEST_UNSET}"},
		"empty variable":           {":8080 {\n\tjwt_auth /admin/* {$TEST_EMPTY}\n}\n", "{$TEST_EMPTY}"},
		"empty default":            {":8080 {\n\tjwt_auth /admin/* {$TEST_UNSET:}\n}\n", "{$TEST_UNSET:}"},
		"one of two":               {":8080 {\n\tjwt_auth /admin/* {$TEST_ROLE} {$TEST_UNSET}\n}\n", "{$TEST_UNSET}"},
		"a line":                   {":8080 {\n\tjwt_auth /admin/* {\n\t\t{$TEST_UNSET}\n\t}\n}\n", "{$TEST_UNSET}"},
		"a line next to others":    {":8080 {\n\tjwt_auth /admin/* {\n\t\troles any admin\n\t\t{$TEST_UNSET}\n\t}\n}\n", "{$TEST_UNSET}"},
		"no arguments":             {"(guard) {\n\tjwt_auth /admin/* {args[:]}\n}\n:8080 {\n\timport guard\n}\n", "{args[:]}"},
		"too few arguments":        {"(guard) {\n\tjwt_auth {args[0]} {args[1:]}\n}\n:8080 {\n\timport guard /admin/*\n}\n", "{args[1:]}"},
		"no block":                 {"(guard) {\n\tjwt_auth /admin/* {\n\t\t{block}\n\t}\n}\n:8080 {\n\timport guard\n}\n", "{block}"},
		"no named block":           {"(guard) {\n\tjwt_auth /admin/* {\n\t\t{blocks.rules}\n\t}\n}\n:8080 {\n\timport guard\n}\n", "{blocks.rules}"},
		"within handle":            {":8080 {\n\thandle /x/* {\n\t\tjwt_auth {$TEST_UNSET}\n\t}\n}\n", "{$TEST_UNSET}"},
		"one of two guards":        {":8080 {\n\tjwt_auth /a/* admin\n\tjwt_auth /b/* {$TEST_UNSET}\n}\n", "{$TEST_UNSET}"},
		"CRLF":                     {":8080 {\r\n\tjwt_auth /admin/* {$TEST_UNSET}\r\n}\r\n", "{$TEST_UNSET}"},
		"a variable with a value":  {":8080 {\n\tjwt_auth /admin/* {$TEST_ROLE}\n}\n", ""},
		"several roles in it":      {":8080 {\n\tjwt_auth /admin/* {$TEST_ROLES}\n}\n", ""},
		"a default":                {":8080 {\n\tjwt_auth /admin/* {$TEST_UNSET:admin}\n}\n", ""},
		"arguments":                {"(guard) {\n\tjwt_auth /admin/* {args[:]}\n}\n:8080 {\n\timport guard editor admin\n}\n", ""},
		"a block":                  {"(guard) {\n\tjwt_auth /admin/* {\n\t\t{block}\n\t}\n}\n:8080 {\n\timport guard {\n\t\troles any admin\n\t}\n}\n", ""},
		"no block next to roles":   {"(guard) {\n\tjwt_auth /admin/* admin {\n\t\t{block}\n\t}\n}\n:8080 {\n\timport guard\n}\n", ""},
		"on purpose":               {":8080 {\n\tjwt_auth /admin/* {$TEST_UNSET} {\n\t\troles *\n\t}\n}\n", ""},
		"on purpose, by a default": {":8080 {\n\tjwt_auth /admin/* {\n\t\troles {$TEST_UNSET:*}\n\t}\n}\n", ""},
		"no roles at all":          {":8080 {\n\tjwt_auth /admin/*\n\trespond x{$TEST_UNSET}\n}\n", ""},
		"in a comment":             {":8080 {\n\tjwt_auth /admin/* # {$TEST_UNSET}\n}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "Caddyfile")
			if err := os.WriteFile(path, []byte(test.source), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(test.source), map[string]any{"filename": path})
			if test.lost == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.lost+" stands for nothing") || !strings.Contains(err.Error(), path+":") {
				t.Errorf("error %v, want one about %s", err, test.lost)
			}
		})
	}
	// A config that is in no file, though it says so.
	if _, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":8080 {\n\tjwt_auth /admin/*\n}\n"), map[string]any{"filename": filepath.Join(t.TempDir(), "Caddyfile")}); err != nil {
		t.Error(err)
	}
}
