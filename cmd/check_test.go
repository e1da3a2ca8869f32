package cmd_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/lint"
)

var update = flag.Bool("update", false, "write what `check` and `explain` tell of the examples into testdata")

// TestCheckExamples: what is told of each example is in testdata, to be read; and none
// has a finding. Nothing is left behind.
func TestCheckExamples(t *testing.T) {
	root, err := testcaddy.Root()
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob(filepath.Join(root, "examples", "*", "[Cc]addy*"))
	if err != nil || len(examples) < 5 {
		t.Fatal(examples, err)
	}
	for _, example := range examples {
		folder := filepath.Dir(example)
		name := filepath.Base(folder)
		t.Run(name, func(t *testing.T) {
			c := testcaddy.New(t, site, testcaddy.Options{Env: []string{"DOMAIN=example.com"}})
			got := c.MustRun("jwtauth", "check", "--config", example, "--strict")
			wantGolden(t, filepath.Join("testdata", "check", name+".txt"), got)
			if _, err := os.Stat(c.Data); err == nil {
				t.Error("the data folder was made")
			}
		})
	}
}

// wantGolden compares a text with that of a file, or writes the file.
func wantGolden(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("it tells\n%s\nwant\n%s", got, want)
	}
}

// TestCheck: the exit code says whether a config can be used.
func TestCheck(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery-staple"
	for name, test := range map[string]struct {
		site   string
		args   []string
		code   int
		stdout []string
		stderr string
	}{
		"nothing wrong": {"jwt_auth\nrespond x", nil, 0, []string{"jwt_auth", "every signed-in user; others get 401 or 403"}, ""},
		"a warning": {"@w method POST\njwt_auth @w\nrespond x", nil, 0,
			[]string{"warning: 127.0.0.1: jwt_auth (with a matcher) (method-list)", "not method GET HEAD OPTIONS", "everyone outside jwt_auth (with a matcher)"}, ""},
		"a warning, strict": {"@w method POST\ntoken_server\njwt_auth @w\nrespond x", []string{"--strict"}, 2, []string{"(method-list)"}, "1 warning, and --strict takes none"},
		"an error": {"route {\nrespond x\njwt_auth\n}", nil, 1,
			[]string{"error: 127.0.0.1: handle > jwt_auth (unreached)", "Write it before respond"}, "1 error: Caddy would not start"},
		"rules": {"jwt_auth /a/* editor admin {\nroles all staff\nscope read\nclaim tenant acme globex\nlogin off\n}\nrespond x", nil, 0,
			[]string{"role editor or admin, and role staff, and scope read, and claim tenant acme or globex; others get 401 or 403"}, ""},
		"no secret":      {"jwt_auth\nreverse_proxy 127.0.0.1:9 {\nheader_up X-Key " + secret + "\n}\nrespond " + secret, nil, 0, []string{"reverse_proxy"}, ""},
		"does not adapt": {"jwt_auth /a//b", nil, 1, nil, "with `//` it matches only requests that have two slashes there"},
		"cannot load":    {"@p path /{env.NOT_SET}/x\njwt_auth @p\nrespond x", nil, 1, nil, "path /{env.NOT_SET}/x: with the value that its placeholder has now"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testcaddy.New(t, "http://127.0.0.1:{$PORT} {\n"+test.site+"\n}\n")
			got := c.Run(append([]string{"jwtauth", "check"}, test.args...)...)
			if got.Code != test.code || !strings.Contains(got.Stderr, test.stderr) {
				t.Errorf("exit code %d, want %d; standard error %q, want %q", got.Code, test.code, got.Stderr, test.stderr)
			}
			for _, text := range test.stdout {
				if !strings.Contains(got.Stdout, text) {
					t.Errorf("standard output lacks %q:\n%s", text, got.Stdout)
				}
			}
			if strings.Contains(got.Stdout+got.Stderr, secret) {
				t.Errorf("it shows a secret:\n%s%s", got.Stdout, got.Stderr)
			}
			if _, err := os.Stat(c.Data); err == nil {
				t.Error("the data folder was made")
			}
		})
	}
}

func TestCheckJSON(t *testing.T) {
	t.Parallel()
	c := testcaddy.New(t, site)
	var got struct {
		Sites    []lint.Site
		Findings []lint.Finding
	}
	if err := json.Unmarshal([]byte(c.MustRun("jwtauth", "check", "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Sites) != 1 || len(got.Sites[0].Lines) != 4 || len(got.Findings) != 0 {
		t.Errorf("%+v", got)
	}
	line := got.Sites[0].Lines[2]
	if line.Kind != "guard" || line.Where != "jwt_auth /admin/*" || line.Who != "role admin" || line.SignIn != "/login" || line.Realm != "default" {
		t.Errorf("%+v", line)
	}
}

// TestCheckForms: forms that hold have no finding, however they are written.
func TestCheckForms(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"wildcard hosts": "*.example.com, example.com {\n\ttoken_server\n\tjwt_auth /in/*\n\t@docs host docs.example.com\n\thandle @docs {\n\t\tjwt_auth admin\n\t\trespond docs\n\t}\n\trespond x\n}\n",
		"a unix socket":  "http://app.example.com {\n\tbind unix/app.sock\n\ttoken_server\n\tjwt_auth\n\trespond x\n}\n",
		"h2c":            "{\n\tservers {\n\t\tprotocols h1 h2c\n\t}\n}\nhttp://localhost:{$PORT} {\n\ttoken_server\n\tjwt_auth\n\treverse_proxy h2c://127.0.0.1:9\n}\n",
		"a heredoc":      "http://localhost:{$PORT} {\n\ttoken_server\n\tjwt_auth /in/* admin\n\trespond <<TEXT\n\t\tjwt_auth /other {$NOT_SET}\n\t\tTEXT 200\n}\n",
		"CRLF":           strings.ReplaceAll("http://localhost:{$PORT} {\n\ttoken_server\n\tjwt_auth /in/* {\n\t\troles any admin\n\t}\n\trespond x\n}\n", "\n", "\r\n"),
		"snippets":       "(login) {\n\ttoken_server\n\tjwt_auth {args[0]} {args[1]}\n}\nhttp://localhost:{$PORT} {\n\timport login /in/* admin\n\trespond x\n}\n",
		"behind a proxy": "{\n\tservers {\n\t\ttrusted_proxies static 203.0.113.7\n\t}\n}\nhttp://app.example.com:{$PORT} {\n\ttoken_server\n\tjwt_auth\n\trespond x\n}\n",
		"error pages":    "http://localhost:{$PORT} {\n\ttoken_server\n\tjwt_auth /in/*\n\ttry_files {path} /index.html\n\tfile_server\n\thandle_errors {\n\t\trewrite * /{err.status_code}.html\n\t\tfile_server\n\t}\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testcaddy.New(t, config)
			if got := c.Run("jwtauth", "check", "--strict"); got.Code != 0 {
				t.Errorf("exit code %d\n%s%s", got.Code, got.Stdout, got.Stderr)
			}
		})
	}
}

// TestCheckPatched: a change by Caddy's admin API is judged as a config is.
func TestCheckPatched(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, "http://localhost:{$PORT} {\n\ttoken_server\n\tjwt_auth /in/*\n\trespond x\n}\n")
	const site = "/config/apps/http/servers/srv0/routes/0/handle/0/routes/0/handle"
	patch := func(handlers string) (status int, text string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPatch, "http://"+c.Admin+site, strings.NewReader(handlers))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := testcaddy.Do(http.DefaultClient, r)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Body
	}
	if status, text := patch(`[{"handler": "static_response"}, {"handler": "jwt_auth"}]`); status < 400 || !strings.Contains(text, "(unreached)") {
		t.Errorf("a guard that nothing reaches: %d %s", status, text)
	}
	if status, text := patch(`[{"handler": "token_server"}, {"handler": "jwt_auth", "match": [{"path": ["/in/*"]}], "roles": {"any": ["admin"]}}, {"handler": "static_response"}]`); status != http.StatusOK {
		t.Errorf("a role more: %d %s", status, text)
	}
	if got := c.MustRun("jwtauth", "check", "--address", c.Admin, "--strict"); !strings.Contains(got, "jwt_auth /in/*  role admin") {
		t.Error(got)
	}
}
