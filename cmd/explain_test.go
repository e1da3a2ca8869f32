package cmd_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/explain"
)

// TestExplainExamples: what is told of requests to the examples is in testdata, to be
// read.
func TestExplainExamples(t *testing.T) {
	root, err := testcaddy.Root()
	if err != nil {
		t.Fatal(err)
	}
	for name, questions := range map[string][]string{
		"quickstart":  {"GET http://127.0.0.1:8000/admin", "GET http://127.0.0.1:8000/users/me", "GET http://127.0.0.1:8000/ --nobody"},
		"json":        {"GET http://127.0.0.1:8000/admin --user alice", "GET http://127.0.0.1:8000/admin --user bob"},
		"api":         {"POST http://127.0.0.1:8001/api/admin/hello", "GET http://127.0.0.1:8001/"},
		"static-site": {"GET http://localhost:8080/", "GET http://localhost:8080/members/", "GET http://localhost:8080/admin/ --role admin", "GET http://localhost:8080/admin/ --user bob", "GET http://localhost:8080/nowhere"},
		"multi-site":  {"GET http://docs.example.localhost:8080/", "GET http://app.example.localhost:8080/login"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			configs, err := filepath.Glob(filepath.Join(root, "examples", name, "[Cc]addy*"))
			if err != nil || len(configs) != 1 {
				t.Fatal(configs, err)
			}
			c := testcaddy.New(t, site, testcaddy.Options{Env: []string{"DOMAIN=example.com"}})
			c.Dir = root // the examples are run from there
			var got strings.Builder
			for i, question := range questions {
				if i > 0 {
					got.WriteString("\n\n")
				}
				got.WriteString("$ caddy jwtauth explain " + question + "\n")
				got.WriteString(c.MustRun(append([]string{"jwtauth", "explain", "--config", configs[0]}, strings.Fields(question)...)...))
			}
			wantGolden(t, filepath.Join("testdata", "explain", name+".txt"), got.String())
			if _, err := os.Stat(c.Data); err == nil {
				t.Error("the data folder was made")
			}
		})
	}
}

// TestExplain: each kind of question, and what becomes of a bad one.
func TestExplain(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery-staple"
	var asked atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(upstream.Close)
	proxied := "reverse_proxy " + strings.TrimPrefix(upstream.URL, "http://") + " {\nheader_up X-Key " + secret + "\nhealth_uri /\nhealth_interval 10ms\n}"
	for name, test := range map[string]struct {
		site   string
		args   string
		stdout []string
		stderr string
	}{
		"all":             {"jwt_auth /a/* admin\nrespond x", "GET /a/b", []string{"role admin:\n  answered by respond with 200", "every other signed-in user:\n  refused by jwt_auth /a/* with 403: it asks for role admin", "everyone else:\n  refused by jwt_auth /a/* with 401: not signed in"}, ""},
		"open to all":     {"jwt_auth /a/*\nrespond x", "GET /b", []string{"everyone:\n  answered by respond with 200"}, ""},
		"no one":          {"jwt_auth /a/*\nabort /a/*", "GET /a/b", []string{"every signed-in user:\n  answered by abort"}, ""},
		"signed in":       {"jwt_auth\nrespond x", "GET /b", []string{"every signed-in user:\n  answered by respond with 200", "everyone else:\n  refused by jwt_auth with 401"}, ""},
		"two roles":       {"jwt_auth {\nroles all a b\n}\nrespond x", "GET /", []string{"role a and b:", "every other signed-in user:\n  refused"}, ""},
		"one of two":      {"jwt_auth * a b\nrespond x", "GET /", []string{"role a, or b:"}, ""},
		"two guards":      {"jwt_auth * a\njwt_auth /x b c\nrespond x", "GET /x", []string{"role a and b, or a and c:\n  answered by respond", "role a:\n  refused by jwt_auth /x with 403: it asks for role b or c"}, ""},
		"a scope":         {"jwt_auth {\nscope read\nclaim tenant acme\n}\nrespond x", "GET /", []string{"every signed-in user:\n  answered by respond with 200\n  if there is scope read, and claim tenant acme"}, ""},
		"by the role":     {"route {\njwt_auth\n@admin jwt_role admin\nrespond @admin secret\n@editor expression jwt_role('editor')\nredir @editor /elsewhere\nrespond x 410\n}", "GET /", []string{"role admin:\n  answered by handle > respond (with a matcher) with 200", "role editor:\n  answered by handle > redir (with a matcher) with 302, which leads to /elsewhere", "every other signed-in user:\n  answered by handle > respond with 410"}, ""},
		"a rewrite":       {"jwt_auth /a/*\nroute {\nrewrite /old/* /a{uri}\njwt_auth /a/*\nrespond x\n}", "GET /old/x?key=" + secret, []string{"/old/x becomes /a/old/x", "everyone else:\n  refused by handle > jwt_auth /a/*"}, ""},
		"errors site":     {"jwt_auth {\nerrors site\n}\nrespond x\nhandle_errors 401 {\nrespond sorry\n}", "GET / --nobody", []string{"a visitor who is not signed in:\n  refused by jwt_auth with 401: not signed in; handle_errors > handle (with a matcher) > respond makes the answer"}, ""},
		"an upstream":     {"jwt_auth /a/*\n" + proxied, "GET /a/x", []string{"every signed-in user:\n  answered by reverse_proxy\n"}, ""},
		"forward_auth":    {"jwt_auth\nforward_auth " + upstream.URL + " {\nuri /\n}\nrespond x", "GET /x", []string{"asks its upstream first", "if there is 200 as the answer of the upstream of "}, ""},
		"basic_auth":      {"jwt_auth /a/*\nbasic_auth {\nx $2a$04$nLMBjai3fEACv9iGcs.lYOngXHG4TpNFyp4rPbdIw/EcvbSXcGIXG\n}\nrespond x", "GET /b", []string{"asks for a credential of its own", "every signed-in user:\n  answered by respond with 200\n  if there is the credential that basic_auth asks for", "everyone else:\n  refused by basic_auth"}, ""},
		"a role":          {"jwt_auth * a\nrespond x", "GET / --role b --role c", []string{"role b and c:\n  refused by jwt_auth with 403: it asks for role a"}, ""},
		"two questions":   {"jwt_auth\nrespond x", "GET / --role b --nobody", nil, "it can be asked for a user, for roles, or for one who is not signed in"},
		"an unknown user": {"jwt_auth\nrespond x", "GET / --user zoe", nil, `have a user "zoe"`},
		"another host":    {"jwt_auth\nrespond x", "GET http://example.org/", nil, "no site of this config serves it: it has http://127.0.0.1:"},
		"no URL":          {"jwt_auth\nrespond x", "GET example.org", nil, "this is no URL of a site: write https://example.com/path"},
		"no method":       {"jwt_auth\nrespond x", "G@T /", nil, `"G@T" is no method`},
		"does not adapt":  {"jwt_auth /a//b", "GET /", nil, "with `//` it matches only requests that have two slashes there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testcaddy.New(t, "http://127.0.0.1:{$PORT} {\n"+test.site+"\n}\n")
			args := strings.Fields(test.args)
			if strings.HasPrefix(args[1], "/") {
				args[1] = c.URL(args[1])
			}
			got := c.Run(append([]string{"jwtauth", "explain"}, args...)...)
			if (got.Code != 0) != (test.stderr != "") || !strings.Contains(got.Stderr, test.stderr) {
				t.Errorf("exit code %d; standard error %q, want %q", got.Code, got.Stderr, test.stderr)
			}
			for _, text := range test.stdout {
				if !strings.Contains(got.Stdout, text) {
					t.Errorf("standard output lacks %q:\n%s", text, got.Stdout)
				}
			}
			if rest := strings.ReplaceAll(got.Stdout+got.Stderr, test.args, ""); strings.Contains(rest, secret) && !strings.Contains(test.args, secret) {
				t.Errorf("it shows a secret:\n%s", rest)
			}
			if _, err := os.Stat(c.Data); err == nil {
				t.Error("the data folder was made")
			}
		})
	}
	t.Cleanup(func() {
		if n := asked.Load(); n > 0 {
			t.Errorf("the upstream was asked %d times", n)
		}
	})
}

// TestExplainServers: the server is that of the URL's port, scheme and host.
func TestExplainServers(t *testing.T) {
	t.Parallel()
	c := testcaddy.New(t, `
example.com, *.example.org {
	jwt_auth /a/*
	respond secret
}
http://socket.test {
	bind unix/sock
	respond hello 203
}
http://192.0.2.1:8080 {
	bind 127.0.0.2
	respond address 204
}
`)
	const others = "no site of this config serves it: it has http://192.0.2.1:8080, https://*.example.org, https://example.com, socket.test"
	for question, want := range map[string]string{
		"GET https://example.com/a/x":                   "everyone else:\n  refused by jwt_auth /a/* with 401",
		"GET https://EXAMPLE.com/b":                     "everyone:\n  answered by respond with 200",
		"GET http://example.com/a/x":                    "automatic https (with a matcher) with 308, which leads to https://example.com/a/x",
		"GET https://www.example.org/a/x":               "every signed-in user:\n  answered by respond with 200",
		"GET https://example.org/":                      others,
		"GET https://a.b.example.org/":                  others,
		"GET https://example.com:8443/":                 others,
		"GET http://example.com:443/":                   "port 443 speaks https",
		"GET http://socket.test/":                       "answered by respond with 203",
		"GET https://socket.test:444/":                  "answered by respond with 203", // a proxy may have brought it
		"GET http://192.0.2.1:8080/":                    others,                         // it listens elsewhere
		"OPTIONS https://example.com/a/x":               "everyone else:\n  refused by jwt_auth /a/*",
		"GET https://user:typed-password@example.com/a": "is no URL of a site",
		"GET https://exa\u200bmple.com/a":               "is no URL of a site",
	} {
		got := c.Run(append([]string{"jwtauth", "explain"}, strings.Fields(question)...)...)
		if !strings.Contains(got.Stdout+got.Stderr, want) || strings.Contains(got.Stdout+got.Stderr, "typed-password") {
			t.Errorf("%s: %s%s", question, got.Stdout, got.Stderr)
		}
	}
	if _, err := os.Stat(c.Data); err == nil {
		t.Error("the data folder was made")
	}
}

// TestExplainRunning: the Caddy that runs is asked about its own config, and knows the
// users of its store.
func TestExplainRunning(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, site)
	c.AddUser("dave", "a-password-of-dave", "--role", "admin")
	c.SetConfig("http://127.0.0.1:{$PORT} {\nrespond other\n}") // on disk, and not yet loaded
	got := c.MustRun("jwtauth", "explain", "GET", c.URL("/admin/x"), "--user", "dave", "--address", c.Admin)
	if !strings.Contains(got, "dave (role admin):\n  answered by respond with 200") {
		t.Error(got)
	}
	if got := c.MustRun("jwtauth", "check", "--address", c.Admin); !strings.Contains(got, "jwt_auth /admin/*    role admin") {
		t.Error(got)
	}
	if got := c.Run("jwtauth", "explain", "GET", c.URL("/"), "--user", "zoe", "--address", c.Admin); !strings.Contains(got.Stderr, `realm default has no user "zoe"`) {
		t.Error(got.Stderr)
	}
	if got := c.Run("jwtauth", "check", "--address", "127.0.0.1:1"); got.Code != 1 || !strings.Contains(got.Stderr, "no server answers at 127.0.0.1:1") {
		t.Error(got.Stderr)
	}
	c.MustRun("jwtauth", "user", "disable", "dave", "--address", c.Admin)
	got = c.MustRun("jwtauth", "explain", "GET", c.URL("/admin/x"), "--user", "dave", "--address", c.Admin, "--json")
	var answer explain.Answer
	if err := json.Unmarshal([]byte(got), &answer); err != nil || len(answer.Cases) != 1 || answer.Cases[0].RefusedBy != "jwt_auth /admin/*" || answer.Cases[0].Status != 401 {
		t.Error(got, err)
	}
}
