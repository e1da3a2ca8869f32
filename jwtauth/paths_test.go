package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"
)

var siteFiles = map[string]string{
	"index.html":                "home",
	"private/x":                 "guarded",
	"private/index.html":        "guarded",
	"private/deep/index.html":   "guarded",
	"private-x":                 "open",
	"public/x":                  "open",
	"privateer/index.html":      "open",
	"token":                     "a file of the site",
	"error.html":                "the error page",
	"private/.well-known/x":     "guarded",
	"public/..x/private":        "open",
	"public/%2e%2e/private":     "open",
	"users/me":                  "a file of the site",
	".well-known/jwks.json":     "a file of the site",
	"auth/token":                "a file of the site",
	"private/sub dir/x":         "guarded",
	"private/trailing./x":       "guarded",
	"PRIVATE-LOUD/x":            "open",
	"private/üöä/x":             "guarded",
	"private/index.html.backup": "guarded",
}

// TestPathRulesOfGuardedFiles: whatever a path is spelled like, file_server serves
// nothing guarded that the matcher did not see.
func TestPathRulesOfGuardedFiles(t *testing.T) {
	s := newServer(t)
	s.files(siteFiles)
	config := func(extra string) string {
		return "{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(`
		root <ROOT>
		token_server
		jwt_auth /private/*
		`+extra+`
		file_server browse`)
	}
	for name, extra := range map[string]string{
		"plain":         "",
		"handle_errors": "handle_errors {\nfile_server\n}",
		"try_files":     "try_files {path} /index.html",
	} {
		t.Run(name, func(t *testing.T) {
			s.load(config(extra))
			alice := s.signIn("alice")
			for _, path := range []string{
				"/private/x", "/private/", "/private/index.html", "/PRIVATE/x", "/Private/", "/%70rivate/x", "/%50RIVATE/x", "/private%2fx",
				"/private%2Fx", "//private/x", "///private//x", "/./private/x", "/public/../private/x", "/public/..%2fprivate/x",
				"/public/%2e%2e/private/x", "/public/%2e%2e%2fprivate%2fx", "/private/../private/x", "/private/./x", "/private//x",
				"/private/deep/", "/private/deep/index.html", "/private/deep/../x", "/private/x/", "/private/x?a=b", "/private/%78",
				"/private/.well-known/x", "/private/sub%20dir/x", "/private/%C3%BC%C3%B6%C3%A4/x", "/private%5cx", "/private/..%2fprivate/x",
				"/private/x%00", "/private/\\x", "/privat%65/x", "/public/x/../../private/x", "/private;x/../private/x", "/../private/x",
			} {
				a, err := s.raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				if strings.Contains(a.Body, "guarded") {
					t.Errorf("%s: %d, and the guarded file", path, a.StatusCode)
				}
				if a.StatusCode >= 500 {
					t.Errorf("%s: status %d", path, a.StatusCode)
				}
			}
			s.get("/private/x").wantNothingPresented(t)
			s.get("/private/x", bearer(alice.Access)).wantBody(t, http.StatusOK, "guarded")
			if name == "try_files" { // rewrites what is no file before the guard looks
				s.get("/private/").wantBody(t, http.StatusOK, "home")
				s.get("/private/missing").wantBody(t, http.StatusOK, "home")
			} else {
				s.get("/private/").wantNothingPresented(t)
				s.get("/private/missing").wantNothingPresented(t)
				s.get("/private/", bearer(alice.Access)).wantBody(t, http.StatusOK, "guarded")
			}
			s.get("/private-x").wantBody(t, http.StatusOK, "open")
			s.get("/public/x").wantBody(t, http.StatusOK, "open")
			if name != "try_files" {
				s.get("/private").wantNothingPresented(t)
				s.get("/private", bearer(alice.Access)).want(t, http.StatusPermanentRedirect)
			}
			s.get("/", header("Accept", "application/json")).want(t, http.StatusOK)
		})
	}
}

// TestErrorRoutesAndGuardedFiles: with `errors site` the site's error routes get
// the original path back, so they have to rewrite before they serve files.
func TestErrorRoutesAndGuardedFiles(t *testing.T) {
	s := newServer(t)
	s.files(siteFiles)
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(`
		root <ROOT>
		jwt_auth /private/* {
			errors site
		}
		file_server
		handle_errors {
			rewrite * /error.html
			header X-Why "{http.auth.jwt_auth.error}"
			file_server
		}
	`))
	for _, path := range []string{"/private/x", "/private/", "/PRIVATE/x", "//private/x", "/private/missing"} {
		s.get(path).wantBody(t, http.StatusUnauthorized, "the error page").wantHeader(t, "WWW-Authenticate", `Bearer realm="default"`).wantHeader(t, "X-Why", "401: not signed in")
	}
	s.get("/missing").wantBody(t, http.StatusNotFound, "the error page").wantHeader(t, "X-Why", "")
	s.get("/private/x", bearer(s.signIn("alice").Access)).wantBody(t, http.StatusOK, "guarded")
}

// TestTokenServerPaths: its paths are its own, whatever the site does with paths.
func TestTokenServerPaths(t *testing.T) {
	s := newServer(t)
	s.files(siteFiles)
	const signIn = "username=alice&password=secret"
	load := func(directives string) {
		s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site("root <ROOT>\n"+directives+"\nfile_server"))
	}

	load("token_server\ntry_files {path} /index.html")
	s.form("/token", signIn).want(t, http.StatusOK)
	s.get("/.well-known/jwks.json").want(t, http.StatusOK)
	s.get("/users/me").wantNothingPresented(t)
	s.get("/users/mine").wantBody(t, http.StatusOK, "home")
	s.get("/auth/login").wantBody(t, http.StatusOK, "home")
	for path, allow := range map[string]string{
		"/token": "POST", "/refresh": "POST", "/revoke": "POST", "/users/me": "GET, HEAD", "/.well-known/jwks.json": "GET, HEAD",
	} {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "POST", "TRACE", "get"} {
			if strings.Contains(allow, method) {
				continue
			}
			a := s.do(method, path).want(t, http.StatusMethodNotAllowed).wantHeader(t, "Allow", allow)
			if strings.Contains(a.Body, "a file of the site") {
				t.Errorf("%s %s: the site answered", method, path)
			}
		}
	}
	// Only these spellings: the rest is the site's.
	for _, path := range []string{"/token/", "/TOKEN", "//token", "/token/x", "/x/token", "/refresh/", "/users/me/", "/users//me"} {
		if a := s.get(path); a.StatusCode != http.StatusOK && a.StatusCode != http.StatusPermanentRedirect && a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, a.StatusCode)
		}
		if a := s.form(path, signIn); strings.Contains(a.Body, "access_token") {
			t.Errorf("%s: issues tokens", path)
		}
	}

	load("token_server\njwt_auth")
	access, _ := s.form("/token", signIn).want(t, http.StatusOK).json(t)["access_token"].(string)
	s.get("/.well-known/jwks.json").want(t, http.StatusOK)
	s.get("/").wantNothingPresented(t)
	s.get("/", bearer(access)).wantBody(t, http.StatusOK, "home")
	s.get("/users/me", bearer(access)).want(t, http.StatusOK)

	load("token_server {\nbase_path /auth\n}\njwt_auth")
	s.form("/auth/token", signIn).want(t, http.StatusOK)
	s.get("/auth/users/me").wantNothingPresented(t)
	s.get("/auth/.well-known/jwks.json").want(t, http.StatusOK)
	s.form("/token", signIn).wantNothingPresented(t)
	s.form("/auth", signIn).wantNothingPresented(t)
	s.form("/auth/", signIn).wantNothingPresented(t)
	s.form("/authtoken", signIn).wantNothingPresented(t)
	s.form("/auth/auth/token", signIn).wantNothingPresented(t)

	// With a matcher it serves what it matches and nothing else.
	load("token_server /token")
	s.form("/token", signIn).want(t, http.StatusOK)
	s.get("/users/me").wantBody(t, http.StatusOK, "a file of the site")

	// Two token servers, of two realms, each at its place.
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\njwtauth staff {\nstore memory\n}\n}\n" + s.site(`
		root <ROOT>
		token_server
		token_server {
			realm staff
			base_path /staff
		}
		file_server
	`))
	s.form("/token", signIn).want(t, http.StatusOK)
	s.form("/staff/token", signIn).want(t, http.StatusUnauthorized)
	s.wantQuietLog()
}
