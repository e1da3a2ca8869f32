package jwtauth_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/lint"
)

// findingsOf loads a site, or routes in JSON, and returns the rules that the log or the
// error names, sorted.
func findingsOf(t *testing.T, routes, site string) []string {
	t.Helper()
	s := newServer(t)
	var err error
	if strings.HasPrefix(site, `{"`) {
		err = s.tryRoutes(site)
	} else {
		err = s.tryLoad("{\n<GLOBAL>\njwtauth {\nstore memory\n}\n}\n" + routes + s.site(site))
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	var rules []string
	for _, m := range regexp.MustCompile(`"rule": ?"([a-z-]+)"`).FindAllStringSubmatch(s.log(), -1) {
		rules = append(rules, m[1])
	}
	for _, m := range regexp.MustCompile(` \(([a-z-]+)\): `).FindAllStringSubmatch(text, -1) {
		if slices.Contains(lint.Rules(), m[1]) {
			rules = append(rules, m[1])
		}
	}
	if text != "" && len(rules) == 0 {
		t.Fatalf("%s: %s", site, text)
	}
	slices.Sort(rules)
	rules = slices.Compact(rules)
	if len(rules) > 1 || !strings.Contains(site, "# pages") {
		// The sites of the other rules are short: most have no sign-in page.
		rules = slices.DeleteFunc(rules, func(rule string) bool { return rule == "no-sign-in" })
	}
	return rules
}

// TestRules: each rule finds what it is for, and nothing else.
func TestRules(t *testing.T) {
	type config struct{ routes, site string }
	seen := make(map[string]bool)
	for name, configs := range map[string][]config{
		"uninvoked": {
			{"&(auth) {\njwt_auth\n}\n&(outer) {\nheader X-Site a\nroute {\ninvoke auth\n}\n}\n", "invoke outer\nrespond secret"},
		},
		"unreached": {
			{"", "route {\nrespond secret\njwt_auth\n}"},
			{"", "route {\nfile_server\njwt_auth\n}"},
			{"", "route {\nreverse_proxy 127.0.0.1:9\ntoken_server\n}"},
			{"", "route {\nroute {\nfile_server\n}\njwt_auth /in/*\n}"},
			{"", "route {\nerror 404\njwt_auth\n}"},
			{"", "route {\nhandle {\nfile_server\n}\nhandle /x {\nrespond x\n}\njwt_auth\n}"},
			{"", `{"handle": [{"handler": "static_response"}]}, {"handle": [{"handler": "authentication", "providers": {"jwtauth": {}}}]}`},
			{"&(files) {\nfile_server\n}\n", "route {\ninvoke files\njwt_auth\n}"},
		},
		"after-the-answer": {
			{"", "reverse_proxy 127.0.0.1:9 {\nhandle_response {\njwt_auth\nrespond x\n}\n}\ntoken_server"},
		},
		"invoked-twice": {
			{"&(all) {\nhandle /a/* {\njwt_auth\nrespond a\n}\nhandle {\nrespond b\n}\n}\n", "invoke all\nhandle_errors {\ninvoke all\n}"},
		},
		"prefix-taken-off": {
			{"", "handle_path /api/* {\njwt_auth /api/admin/*\nrespond x\n}"},
			{"", "route {\nuri strip_prefix /api\njwt_auth /api/admin/*\nrespond x\n}"},
		},
		"error-goes-on": {
			{"", `{"handle": [{"handler": "subroute", "routes": [{"handle": [{"handler": "jwt_auth", "errors": "site"}]}],
				"errors": {"routes": [{"handle": [{"handler": "headers", "response": {"set": {"X-A": ["b"]}}}]}]}}, {"handler": "static_response", "body": "secret"}]}`},
		},
		"two-token-servers": {
			{"", "token_server\nroute {\ntoken_server\njwt_auth\nrespond x\n}"},
		},
		"no-sign-in": {
			{"", "jwt_auth\nrespond x # pages"},
			{"", "handle /in/* {\njwt_auth\nrespond x # pages\n}\nhandle {\ntoken_server\nrespond y\n}"},
			{"", "@api path /token /users/me\ntoken_server @api\njwt_auth /in/*\nrespond x # pages"},
		},
		"login-elsewhere": {
			{"", "@docs host docs.example.com\nhandle @docs {\njwt_auth {\nlogin https://example.com/login\n}\nrespond x\n}"},
		},
		"plain-http": {
			{"", "@docs host docs.example.com\nhandle @docs {\ntoken_server\njwt_auth\nrespond x\n}"},
		},
		"user-too-early": {
			{"", "@admin jwt_role admin\nredir @admin /panel\njwt_auth\nrespond x"},
			{"", "@other not jwt_claim tenant acme\nrewrite @other /other\njwt_auth\nrespond x"},
			{"", "@admin expression jwt_role('admin')\nredir @admin /panel\njwt_auth\nrespond x"},
			{"", "root /srv/{http.auth.user.id}\njwt_auth\nfile_server"},
			{"", "rewrite /users/{http.auth.user.id}/x\njwt_auth\nfile_server"},
			{"", "redir /start /users/{http.auth.user.id}\njwt_auth\nfile_server"},
			{"", "vars who {http.auth.user.id}\njwt_auth\nrespond {vars.who}"},
		},
		"route-matcher": {
			{"", `{"match": [{"path": ["/in/*"]}], "handle": [{"handler": "jwt_auth"}]}, {"handle": [{"handler": "static_response", "body": "x"}]}`},
		},
		"wider-first": {
			{"", "jwt_auth\njwt_auth /api/* {\nlogin off\n}\nrespond x"},
		},
		"uncovered-proxy": {
			{"", "handle /a/* {\njwt_auth\nrespond x\n}\nhandle {\nreverse_proxy 127.0.0.1:9\n}"},
		},
		"path-changes": {
			{"", "jwt_auth /private/*\nhandle_path /x/* {\nfile_server\n}"},
			{"", "jwt_auth /private/*\nroute {\nuri replace /a /b\nfile_server\n}"},
			{"", "jwt_auth /private/*\nroute {\nrewrite /open /private/x\nfile_server\n}"},
			{"", "jwt_auth /private/*\nhandle {\ntry_files {path} /Private/index.html\nfile_server\n}"},
			{"", "jwt_auth /private/*\nhandle {\ntry_files {path} {path}.html\nfile_server\n}"},
		},
		"raw-path": {
			{"", "@p expression `{path}.startsWith(\"/private\")`\njwt_auth @p\nrespond x"},
			{"", "@p vars_regexp {path} ^/private\njwt_auth @p\nrespond x"},
			{"", "@p vars {http.request.uri.path} /private\njwt_auth @p\nrespond x"},
		},
		"method-list": {
			{"", "@w method POST\njwt_auth @w\nrespond x"},
			{"", "@w {\npath /api/*\nmethod POST PUT DELETE\n}\njwt_auth @w\nrespond x"},
		},
		"climbs-out": {
			{"", "route {\njwt_auth\nrewrite * /users/{http.auth.user.id}{uri}\nfile_server\n}"},
		},
		"own-path-again": {
			{"", "jwt_auth /private/* {\nerrors site\n}\nrespond x\nhandle_errors {\nfile_server\n}"},
		},
		"identity-header": {
			{"", "jwt_auth {\nset_header X-User {http.auth.user.id}\n}\nrequest_header X-User {http.request.header.X-Other}\nrespond x"},
			{"", "jwt_auth {\nset_header X-User {http.auth.user.id}\n}\nreverse_proxy 127.0.0.1:9 {\nheader_up X-User {http.auth.user.id}\n}"},
		},
		"templates-local": {
			{"", "@far not remote_ip 127.0.0.1/8\njwt_auth @far\ntemplates\nfile_server"},
			{"", "@far not client_ip private_ranges\njwt_auth @far\ntemplates\nfile_server"},
		},
		"no-canonical-uris": {
			{"", "@pdf path *.pdf\njwt_auth @pdf\nfile_server {\ndisable_canonical_uris\n}"},
		},
	} {
		seen[name] = true
		for _, c := range configs {
			if got := findingsOf(t, c.routes, c.site); !slices.Equal(got, []string{name}) {
				t.Errorf("%s%s\nfinds %v, want %s", c.routes, c.site, got, name)
			}
		}
	}
	for _, name := range lint.Rules() {
		if !seen[name] {
			t.Errorf("rule %s has no test", name)
		}
	}
}

// TestNoFinding: forms that hold have no finding.
func TestNoFinding(t *testing.T) {
	for _, site := range []string{
		"token_server\njwt_auth /private/*\njwt_auth /admin/* admin\nfile_server",
		"token_server\njwt_auth\nreverse_proxy 127.0.0.1:9",
		"try_files {path} /index.html\ntoken_server\njwt_auth /private/*\nfile_server",
		"jwt_auth\nhandle_path /x/* {\nfile_server\n}",
		"handle_path /api/* {\njwt_auth /admin/*\nrespond x\n}",
		"route {\nroute {\nroute {\nroute {\nroute {\nroute {\njwt_auth\nrespond x\n}\n}\n}\n}\n}\n}",
		"@open path /open/*\nhandle @open {\nfile_server\n}\nhandle {\njwt_auth\nfile_server\n}",
		"route {\nrespond /open x\njwt_auth\nrespond y\n}",
		"jwt_auth {\nerrors site\n}\nrespond x\nhandle_errors {\nrewrite * /error.html\nfile_server\n}",
		"jwt_auth /private/* {\nerrors site\n}\nrespond x\nhandle_errors {\nrespond \"no\"\n}",
		"@w not method GET HEAD OPTIONS\njwt_auth @w\nrespond x",
		"jwt_auth\nfile_server {\nroot /srv/users/{http.auth.user.id}\n}",
		"route {\njwt_auth\nroot /srv/users/{http.auth.user.id}\nfile_server\n}",
		"token_server /a/* {\nbase_path /a\n}\ntoken_server {\nbase_path /b\n}\njwt_auth\nrespond x",
		"jwt_auth {\nset_header X-User {http.auth.user.id}\n}\nrequest_header X-Other a\nreverse_proxy 127.0.0.1:9",
		"handle_errors {\nrespond x\n}\njwt_auth\nrespond y",
		"respond /health ok\njwt_auth\nrespond x",
		"jwt_auth\nrewrite /a /b\nrespond x",
		"token_server\nroute {\nforward_auth 127.0.0.1:9 {\nuri /auth\n}\njwt_auth admin\nrespond x\n}",
		"token_server\nforward_auth 127.0.0.1:9 {\nuri /auth\n}\nhandle /admin/* {\njwt_auth admin\nrespond x\n}",
		"handle_path /* {\njwt_auth /admin/*\nrespond x\n}",
		"intercept {\n@files header X-Accel-Redirect *\nhandle_response @files {\njwt_auth\nrewrite * {http.intercept.header.X-Accel-Redirect}\nfile_server\n}\n}\nrespond y",
		"@far not remote_ip 127.0.0.1/8\njwt_auth @far\nfile_server",
		"@far not remote_ip 192.0.2.0/24\njwt_auth @far\ntemplates\nfile_server",
		"jwt_auth /api/*\nhandle {\ntry_files {path} {path}/index.html /index.html\nfile_server\n}",
		"jwt_auth /private/*\nroute {\nrewrite /a /b\nrespond x\n}",
		"token_server\nhandle /in/* {\njwt_auth\nrespond x # pages\n}",
		"jwt_auth {\nlogin off\n}\nrespond x # pages",
		"token_server {\npages off\n}\njwt_auth\nrespond x # pages",
		"jwt_auth {\nlogin /auth/login\n}\nrespond x # pages",
		"jwt_auth {\noptional\n}\nrespond x # pages",
		"jwt_auth {\nerrors site\n}\nrespond x # pages\nhandle_errors {\nrespond no\n}",
		"@site path /login /token /in/*\ntoken_server @site\njwt_auth /in/*\nrespond x # pages",
		"@inside remote_ip 127.0.0.1\ntoken_server @inside\njwt_auth\nrespond x # pages",
		"@docs host docs.localhost\nhandle @docs {\ntoken_server\njwt_auth\nrespond x\n}",
		"@docs host docs.example.com\nhandle @docs {\njwt_auth {\nlogin https://docs.example.com/login\n}\nrespond x\n}",
		"@docs host docs.example.com\nhandle @docs {\ntoken_server {\npages off\n}\njwt_auth {\nlogin off\n}\nrespond x\n}",
		`{"handle": [{"handler": "subroute", "routes": [{"handle": [{"handler": "jwt_auth", "errors": "site"}]}],
			"errors": {"routes": [{"handle": [{"handler": "static_response", "body": "no"}]}]}}, {"handler": "static_response", "body": "x"}]}`,
		`{"match": [], "handle": [{"handler": "jwt_auth", "match": [{}]}, {"handler": "static_response", "body": "x"}]}`,
	} {
		if got := findingsOf(t, "", site); len(got) > 0 {
			t.Errorf("%s\nfinds %s", site, strings.Join(got, ", "))
		}
	}
}
