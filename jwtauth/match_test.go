package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"
)

// send sends a request line and a Host as they are written.
func (s *server) send(t *testing.T, method, host, target string, headers ...string) answer {
	t.Helper()
	a, err := s.raw(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(append(headers, "Connection: close\r\n\r\n"), "\r\n"))
	if err != nil {
		t.Fatalf("%s %s %s: %v", method, host, target, err)
	}
	return a
}

// governed are targets that guards with such matchers are for, and open ones that they
// are not for. Some of each name a method or host, as in "post /x" or "a.example. /x".
var governed = []struct {
	matcher        string
	governed, open []string
}{
	{
		matcher: "path /private/*",
		governed: []string{
			"/private/x", "/private/", "/PRIVATE/x", "/%70rivate/x", "/private%2fx", "//private//x", "/x/../private/y",
			"/index.php/private/x", "/a/Index.PHP/private", "/private;v=1/x", "/private/x;v=1", "/;a/private/x", "/private;/../x", "/private%3bx",
			"/private%5cx", "/%5cprivate%5cx", "/%2570rivate/x", "/%252570rivate/x", "/private%252fx", "/private%255cx",
			"/private./x", "/private%20/x", "/private.%20./x", "/private", "/PRIVATE", "/private;", "/private%2e/x",
			"/private/../public", "/private/..%2f..%2fpublic", "/private/./../x", "/public/..;/private/x", "/x//../private/y", "/index.php%2fprivate%2fx",
			"/public/..%255cprivate/x", "/%2e%2e;/private", "/public;/../private", "/x.php;a/private/y",
		},
		open: []string{
			"/", "/public", "/private-x", "/privateer/x", "/x/private", "/index.php", "/index.phpx/private/x", "/public;private/x", "/public/x;/private",
			"/public%20private", "/public/private./x", "/%2570ublic", "/x.php/public/private", "/a/../public", "/public%5cprivate", "*", "/private-x;a",
		},
	},
	{
		matcher:  "path /report",
		governed: []string{"/report", "/report/", "/REPORT/", "/report;a", "/report.", "/report%20", "/report/.", "/index.php/report/", "/report;a/"},
		open:     []string{"/reports", "/report/x", "/report/x;a", "/", "/x.php/report/x"},
	},
	{
		matcher:  "path /admin.php",
		governed: []string{"/admin.php", "/admin.php/x", "/ADMIN.PHP/x/y", "/admin.php;a/x", "/admin.php./x", "/admin%252ephp"},
		open:     []string{"/index.php/x", "/admin.phpx", "/x/admin.php/y"},
	},
	{
		matcher:  "path *.sql",
		governed: []string{"/a.sql", "/a.SQL", "/a.sql;v=1", "/a.sql.", "/a.sql%20", "/a.sql/.", "/a%252esql"},
		open:     []string{"/a.sqlx", "/a.sql/b", "/a.sql/../b", "/a.txt;.sql/x"},
	},
	{
		matcher:  "path_regexp ^/private/",
		governed: []string{"/private/x", "/PRIVATE/x", "/Private/x", "/index.php/Private/x", "/PRIVATE;a/x", "/%2550RIVATE/x", "/private%5CX"},
		open:     []string{"/private", "/public/private/x", "/PUBLIC/x"},
	},
	{
		matcher:  "path_regexp ^/(Secret|Hidden)/",
		governed: []string{"/Secret/x", "/secret/x", "/HIDDEN/x", "/hidden;a/x"},
		open:     []string{"/secrets/x", "/x/hidden/", "/x"},
	},
	{
		matcher:  "not path /public/* /",
		governed: []string{"/x", "/public", "/public/../x", "/public/..;/x", "/public/%252e%252e/x", "/public;/x/../..//x", "/public/..%5cx", "/x.php/public/y"},
		open:     []string{"/public/x", "/public/y.z", "/", "/PUBLIC/x"},
	},
	{
		matcher:  "not path_regexp ^/Public/",
		governed: []string{"/public/x", "/x", "/Public/../x", "/Public/..;/x"},
		open:     []string{"/Public/x", "/Public/X;a"},
	},
	{
		matcher:  "expression `path('/private/*') || {path}.startsWith('/raw/')`",
		governed: []string{"/private/x", "/index.php/private/x", "/private;a/x", "/raw/x", "/%2572aw/x", "/raw;a/x", "/x.php/raw/x"},
		open:     []string{"/public", "/RAW/x", "/private", "/public;a"},
	},
	{
		matcher:  "expression path_regexp('^/private/')",
		governed: []string{"/private/x", "/PRIVATE/x", "/x.php/PRIVATE/y"},
		open:     []string{"/PUBLIC/x", "/public"},
	},
	{
		// A reading that cannot be judged.
		matcher:  "expression `{path}.endsWith(';') ? false : int({path}.substring(1)) > 100`",
		governed: []string{"/101", "/101;", "/abc;"},
		open:     []string{"/9", "/9;"},
	},
	{
		matcher:  "host admin.example.com",
		governed: []string{"admin.example.com /x", "admin.example.com. /x", "ADMIN.example.com.:80 /x", "admin.example.com:80 /"},
		open:     []string{"example.com /x", "example.com. /x", "admin.example.com.evil /x", "admin.example.com.evil. /x"},
	},
	{
		matcher:  "method POST",
		governed: []string{"POST /x", "post /x", "Post /x"},
		open:     []string{"GET /x", "get /x", "PUT /x", "GET /x;a", "GET /" + strings.Repeat("/a.php", 300) + "/x"},
	},
	{
		matcher:  "not method GET HEAD",
		governed: []string{"POST /x", "get /x", "post /x"},
		open:     []string{"GET /x", "HEAD /x"},
	},
	{
		// Other matchers see the request as it is, in each of its readings.
		matcher:  "{\npath /private/*\nheader X-In *\nnot query a=b\n}",
		governed: []string{"/private/x X-In: 1", "/x.php/private/x X-In: 1", "/private;a/x?b=a X-In: 1", "GET /private/x;a X-In: 1"},
		open:     []string{"/private/x", "/x.php/private/x", "/private;a/x?a=b X-In: 1", "/public X-In: 1", "/public; X-In: 1"},
	},
	{
		matcher:  "header X-In *",
		governed: []string{"/x X-In: 1", "/x;a X-In: 1"},
		open:     []string{"/x;a", "/%2570", "/" + strings.Repeat("/a.php", 300) + "/x"},
	},
	{
		matcher:  "path /api/{vars.version}/*",
		governed: []string{"/api/v1/x", "/api/v1", "/x.php/api/v1/x", "/api/v1;a/x"},
		open:     []string{"/api/v2/x", "/api/v2;a/x", "/api//x", "/api/"},
	},
}

// split reads an entry of governed.
func split(t *testing.T, entry string) (method, host, target string, headers []string) {
	t.Helper()
	method, host = "GET", "a.example"
	entry, header, found := strings.Cut(entry, " X-")
	if found {
		headers = append(headers, "X-"+header)
	}
	first, rest, found := strings.Cut(entry, " ")
	switch {
	case !found:
		return method, host, entry, headers
	case strings.Contains(first, "."):
		return method, first, rest, headers
	}
	return first, host, rest, headers
}

// TestReadings: a guard governs what an upstream could take for a request that matches,
// and nothing else.
func TestReadings(t *testing.T) {
	for _, row := range governed {
		s := start(t, "vars version v1\n@it "+row.matcher+"\njwt_auth @it\nrespond {http.request.orig_uri}")
		alice := s.signIn("alice")
		for _, entry := range row.governed {
			method, host, target, headers := split(t, entry)
			if a := s.send(t, method, host, target, headers...); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s: %s: %d, want 401", row.matcher, entry, a.StatusCode)
			}
			// The handlers after it see the request as it came.
			a := s.send(t, method, host, target, append(headers, "Authorization: Bearer "+alice.Access)...)
			if a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Body, target) {
				t.Errorf("%s: %s: signed in: %d %s", row.matcher, entry, a.StatusCode, a.Body)
			}
		}
		for _, entry := range row.open {
			method, host, target, headers := split(t, entry)
			if a := s.send(t, method, host, target, headers...); a.StatusCode != http.StatusOK || method != "HEAD" && a.Body != target {
				t.Errorf("%s: %s: %d %s, want 200", row.matcher, entry, a.StatusCode, a.Body)
			}
		}
		s.stop()
	}
}

// TestTooManyReadings: what cannot be judged is governed.
func TestTooManyReadings(t *testing.T) {
	s := start(t, "jwt_auth /private/*\nrespond open")
	s.get("/" + strings.Repeat("/a.php", 300) + "/x").wantNothingPresented(t)
	s.get("/" + strings.Repeat("a", 12<<10) + ";/.").wantNothingPresented(t)
	s.get("/"+strings.Repeat("a", 12<<10)).wantBody(t, http.StatusOK, "open")
}

// TestPathsAsMatched: with that option it is Caddy's matchers that say what is governed.
func TestPathsAsMatched(t *testing.T) {
	s := start(t, `
		@it {
			path /private/* /report /
			not method POST
			not host b.example
		}
		jwt_auth @it {
			paths as_matched
		}
		respond open`)
	for _, entry := range []string{"/private/x", "/PRIVATE/x", "/x/../private/y", "//private/x", "/report", "/", "http://a.example"} {
		method, host, target, _ := split(t, entry)
		if a := s.send(t, method, host, target); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d, want 401", entry, a.StatusCode)
		}
	}
	for _, entry := range []string{
		"/private", "/report/", "/index.php/private/x", "/private;a/x", "/private%5cx", "/%2570rivate/x", "/private./x", "/private/../public",
		"POST /private/x", "b.example /private/x", "/" + strings.Repeat("/a.php", 300) + "/x",
	} {
		method, host, target, _ := split(t, entry)
		if a := s.send(t, method, host, target); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, want 200", entry, a.StatusCode)
		}
	}
}

// TestReadingsLeaveNoTrace: what a matcher notes while a reading is tried is of that
// reading alone.
func TestReadingsLeaveNoTrace(t *testing.T) {
	s := start(t, `
		route {
			@seen path_regexp x ^(/.*)$
			vars @seen seen {re.x.1}
			@private path_regexp x ^/(private|open)/(.*)$
			jwt_auth @private
			respond "{re.x.1} {re.x.2} {vars.seen} {path} {method} {hostport}"
		}`)
	alice := s.signIn("alice")
	for target, want := range map[string]string{
		"/a.php/private/x": "/a.php/private/x {http.regexp.x.2} /a.php/private/x /a.php/private/x GET a.example.",
		"/PRIVATE/x":       "/PRIVATE/x {http.regexp.x.2} /PRIVATE/x /PRIVATE/x GET a.example.",
		"/private/x":       "private x /private/x /private/x GET a.example.",
	} {
		a := s.send(t, "GET", "a.example.", target, "Authorization: Bearer "+alice.Access)
		if a.StatusCode != http.StatusOK || a.Body != want {
			t.Errorf("%s: %d %q, want %q", target, a.StatusCode, a.Body, want)
		}
		if a := s.send(t, "GET", "a.example.", target); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d, want 401", target, a.StatusCode)
		}
	}
}

// TestMatcherErrors: a matcher that cannot say whether it matches ends the request.
func TestMatcherErrors(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	for _, directive := range []string{"jwt_auth @bad {\nset_header X-User {http.auth.user.id}\n}", "token_server @bad"} {
		s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(`
			@bad expression int({query.n}) > 1
			jwt_auth /before {
				set_header X-User {http.auth.user.id}
			}
			route {
				`+directive+`
				respond "reached"
			}
			handle_errors {
				rewrite * /error-{err.status_code}
				reverse_proxy <UPSTREAM>
			}`))
		s.get("/x?n=0").wantBody(t, http.StatusOK, "reached")
		s.get("/x?n=many", header("X-User", "forged"), cookie("jwtauth=some; a=b"))
		r := u.take()
		if r == nil || !strings.HasPrefix(r.URL.Path, "/error-") {
			t.Fatalf("%s: the error routes were not asked: %v", directive, r)
		}
		if strings.HasPrefix(directive, "jwt_auth") && len(identityOf(r)) > 0 || r.Header.Get("Cookie") != "a=b" {
			t.Errorf("%s: the error routes got %v", directive, r.Header)
		}
		s.get("/before?n=many", bearer(s.signIn("alice").Access))
		if r := u.take(); r == nil || len(identityOf(r)) > 0 {
			t.Errorf("%s: the error routes got the identity that a guard had set: %v", directive, r)
		}
	}
}

// TestGuardInJSON: in JSON the short form is the safe one. A guard behind the matcher of
// its route guards and cleans there only, and a warning says so.
func TestGuardInJSON(t *testing.T) {
	const (
		token   = `{"handle": [{"handler": "token_server"}]},`
		options = `"set_headers": [{"name": "X-User", "value": "{http.auth.user.id}"}]`
		proxy   = `{"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "<UPSTREAM>"}]}]}`
		warning = "stands in a route with a matcher"
	)
	for name, test := range map[string]struct {
		guard  string
		warned bool
		open   map[string][]string // the identity that reaches an unguarded path
	}{
		"its own matcher":   {`{"handle": [{"handler": "jwt_auth", "match": [{"path": ["/in/*"]}], ` + options + `}]},`, false, nobody()},
		"that of its route": {`{"match": [{"path": ["/in/*"]}], "handle": [{"handler": "jwt_auth", ` + options + `}]},`, true, map[string][]string{"x-user": {"forged"}}},
		"everything":        {`{"match": [{"not": []}], "handle": [{"handler": "jwt_auth", "match": [{"path": ["/in/*"]}], ` + options + `}]},`, false, nobody()},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			u := s.newUpstream()
			s.vars["<UPSTREAM>"] = strings.TrimPrefix(s.vars["<UPSTREAM>"], "http://")
			if err := s.tryRoutes(token + test.guard + proxy); err != nil {
				t.Fatal(err)
			}
			alice := s.signIn("alice")
			for _, path := range []string{"/in/x", "/x.php/in/y", "/in;a/x"} {
				if test.warned && path != "/in/x" {
					continue // Caddy's own route matches Caddy's reading
				}
				s.get(path, header("X-User", "forged")).wantNothingPresented(t)
				s.get(path, header("X-User", "forged"), header("X_User", "forged"), bearer(alice.Access)).want(t, http.StatusOK)
				u.wantIdentity(t, map[string][]string{"x-user": {"alice"}})
			}
			s.get("/out", header("X-User", "forged"), cookie("jwtauth=some; a=b")).want(t, http.StatusOK)
			r := u.take()
			if r == nil || r.Header.Get("Cookie") != "a=b" {
				t.Fatalf("the upstream got %v", r)
			}
			if got, want := len(identityOf(r)), len(test.open); got != want {
				t.Errorf("the upstream was told %v, want %v", identityOf(r), test.open)
			}
			if got := strings.Contains(s.log(), warning); got != test.warned {
				t.Errorf("warned: %v, want %v", got, test.warned)
			}
		})
	}
}

// TestWiderGuardFirst: Caddy keeps the order of guards in the file, so a wide one in
// front of a narrow one answers for it.
func TestWiderGuardFirst(t *testing.T) {
	for site, warnings := range map[string]int{
		"jwt_auth\njwt_auth /admin/* {\nrealm staff\n}":                                     1,
		"jwt_auth /admin/* {\nrealm staff\n}\njwt_auth":                                     0,
		"jwt_auth\njwt_auth /admin/* admin":                                                 0,
		"jwt_auth\njwt_auth /admin/* {\nerrors site\n}":                                     1,
		"jwt_auth\njwt_auth /api/* {\nlogin off\n}":                                         1,
		"jwt_auth /a/* {\nlogin redirect\n}\njwt_auth /a/b/*":                               0,
		"jwt_auth /a/*\njwt_auth /a/b/* {\nlogin off\n}":                                    1,
		"jwt_auth /a/*\njwt_auth /a {\nlogin off\n}":                                        1,
		"jwt_auth /a/*\njwt_auth /ab/* {\nlogin off\n}":                                     0,
		"jwt_auth /a*\njwt_auth /ab/* {\nlogin off\n}":                                      1,
		"@a path /a/* /b/*\njwt_auth @a\n@b path /b/c /a/d\njwt_auth @b {\nlogin off\n}":    1,
		"@a path /a/* /b/*\njwt_auth @a\n@b path /b/c /c/d\njwt_auth @b {\nlogin off\n}":    0,
		"@a method POST\njwt_auth @a\njwt_auth /a/* {\nlogin off\n}":                        0,
		"jwt_auth {\noptional\n}\njwt_auth /a/* {\nlogin off\n}":                            0,
		"jwt_auth\njwt_auth /a/* {\noptional\nlogin off\n}":                                 0,
		"jwt_auth\nhandle /a/* {\njwt_auth {\nlogin off\n}\n}":                              1,
		"handle /b/* {\njwt_auth\n}\nhandle /a/* {\njwt_auth {\nlogin off\n}\n}":            0,
		"handle /b/* {\njwt_auth\n}\njwt_auth /b/* {\nlogin off\n}":                         0,
		"route /b/* {\njwt_auth\n}\nroute {\njwt_auth /b/* {\nlogin off\n}\n}":              0,
		"route {\njwt_auth\n}\nroute {\njwt_auth /b/* {\nlogin off\n}\n}":                   1,
		"jwt_auth\nrespond a\nhandle_errors {\njwt_auth /b/* {\nlogin off\n}\nrespond b\n}": 0,
		"jwt_auth\nrespond a\nhandle_errors {\njwt_auth\njwt_auth /b/* {\nlogin off\n}\n}":  1,
		"route {\ninvoke auth\njwt_auth /b/* {\nlogin off\n}\n}":                            1,
	} {
		s := newServer(t)
		s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n}\njwtauth staff {\nstore memory\n}\n}\n&(auth) {\njwt_auth\n}\n" + s.site(site) + "http://a.example:<PORT> {\ninvoke auth\n}\n")
		if n := strings.Count(s.log(), "stands before it: write the narrower guard first"); n != warnings {
			t.Errorf("%s: %d warnings, want %d", site, n, warnings)
		}
		if strings.Contains(s.log(), "stands in a route with a matcher") {
			t.Errorf("%s: a warning of a route with a matcher", site)
		}
		s.stop()
	}
}

// TestTokenServerCleansAll: a token server with a matcher cleans what it does not answer.
func TestTokenServerCleansAll(t *testing.T) {
	for _, directive := range []string{"token_server /token", "token_server {\nbase_path /auth\n}", "@never host other.example\ntoken_server @never"} {
		s := newServer(t)
		u := s.newUpstream()
		s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n}\n}\n" + s.site(directive+"\nreverse_proxy <UPSTREAM>"))
		for _, path := range []string{"/x", "/login", "/token/x"} {
			s.get(path, cookie("jwtauth=some; a=b"), header("X-HTTP-Method-Override", "DELETE"), header("Upgrade", "h2c"), header("Connection", "Upgrade")).
				want(t, http.StatusOK)
			r := u.take()
			if r == nil || r.Header.Get("Cookie") != "a=b" || r.Header.Get("X-Http-Method-Override") != "" || r.Header.Get("Upgrade") != "" {
				t.Errorf("%s: %s: the upstream got %v", directive, path, r)
			}
		}
		s.stop()
	}
}
