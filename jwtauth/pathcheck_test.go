package jwtauth

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func TestCheckPath(t *testing.T) {
	for path, want := range map[string]string{
		"":                   "matches no request",
		"/private//x":        "`//`",
		"//private":          "`//`",
		"/private/./x":       "`/./`",
		"/private/../x":      "`/../`",
		"/private/..":        "`/../`",
		"/private/.":         "`/./`",
		"/private?x=1":       "no query",
		"/private#x":         "no fragment",
		"/admin/* admin":     "write /admin/* admin",
		"/a/* /b/*":          "several paths",
		"/my folder/*":       "%20 for a space",
		"/private\u00a0":     "cannot be seen",
		"/\u200bprivate/*":   "cannot be seen",
		"/private/*\n":       "cannot be seen",
		"/%70rivate/*":       "write p",
		"/a%2eb":             "write .",
		"/100%":              "%25",
		"/100%zz":            "%25",
		"/[ab]/*":            "brackets",
		"/{a,b}/*":           "several paths",
		"/{args[0]}/*":       "{args[0]} stands for nothing",
		"/{args.0}/*":        "{args.0} stands for nothing",
		"private/*":          "begins with a slash",
		"/*/private/*":       "path_regexp ^/.*/private(/|$)`",
		"/docs/*.pdf":        `path_regexp ^/docs/.*\.pdf$`,
		"/private/**":        "write /private/*",
		"*/private/*/secret": "path_regexp /private/.*/secret$`",
	} {
		err := checkPath(path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", path, err, want)
		}
	}
	for _, path := range []string{
		"/", "*", "/*", "/private", "/private/", "/private/*", "/private*", "*.pdf", "*/private/*", "*secret*", "/Private/*",
		"/my%20folder/*", "/a%2Fb", "/%*", "/a.b/..c/*", "/.well-known/*", "{env.PREFIX}/private/*", "/{http.request.host}/*", "/größe/*", "/a/b/c",
	} {
		if err := checkPath(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestCheckSets(t *testing.T) {
	for set, want := range map[string]string{
		`{"path":[]}`:                      "path is empty",
		`{"host":[]}`:                      "host is empty",
		`{"method":[]}`:                    "method is empty",
		`{"remote_ip":{}}`:                 "remote_ip is empty",
		`{"client_ip":{"ranges":[]}}`:      "client_ip is empty",
		`{"not":[{}]}`:                     "not is empty",
		`{"path":["/a/*","/b//c"]}`:        "path /b//c: ",
		`{"path":["/a"],"host":[]}`:        "host is empty",
		`{}`:                               "",
		`{"not":[]}`:                       "",
		`{"not":[{"path":["/*/open/*"]}]}`: "", // guards more than it says, not less
		`{"remote_ip":{"ranges":["10.0.0.0/8"]}}`: "",
		`{"path":["/a/*"]}`:                       "",
	} {
		var m caddy.ModuleMap
		if err := json.Unmarshal([]byte(set), &m); err != nil {
			t.Fatal(err)
		}
		err := checkSets(caddyhttp.RawMatcherSets{m})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", set, err, want)
		}
	}
}

func TestCheckExpanded(t *testing.T) {
	t.Setenv("JWTAUTH_TEST_EMPTY", "")
	t.Setenv("JWTAUTH_TEST_FOLDER", "staff")
	for path, want := range map[string]string{
		"{env.JWTAUTH_TEST_EMPTY}":           "has now it matches no request",
		"/{env.JWTAUTH_TEST_EMPTY}/*":        "has now it matches no request",
		"{env.JWTAUTH_TEST_FOLDER}/*":        "has now it matches no request",
		"{env.JWTAUTH_TEST_EMPTY}/private/*": "",
		"/{env.JWTAUTH_TEST_FOLDER}/*":       "",
		"/{http.request.host}/*":             "",
	} {
		raw, _ := json.Marshal([]string{path})
		err := checkExpanded(caddyhttp.RawMatcherSets{{"path": raw}})
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "staff")) {
			t.Errorf("%s: %v, want %q and no value", path, err, want)
		}
	}
}
