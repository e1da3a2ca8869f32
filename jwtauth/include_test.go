package jwtauth_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestInclude: a page of templates includes guarded pages with the session of the browser
// that it is for, and with nothing that a client could send.
func TestInclude(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	root := t.TempDir()
	for name, text := range map[string]string{
		"index.html": `[{{httpInclude "/in/who"}}]`, "open.html": `[{{httpInclude "/open"}}]`, "in/page.html": `<{{httpInclude "/in/who"}}>`,
		"twice.html": `[{{httpInclude "/in/page.html"}}{{httpInclude "/admin/x"}}]`, "up.html": `[{{httpInclude "/up/x"}}]`,
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site("root "+root+`
		token_server
		jwt_auth /in/*
		jwt_auth /admin/* admin
		templates
		respond /in/who "{http.auth.user.id}"
		respond /admin/x "for admins"
		respond /open "open"
		reverse_proxy /up/* <UPSTREAM>
		file_server`))
	browser := func(name, password string) option {
		return s.form("/login", "username="+name+"&password="+password, host(localhost)).sessionCookie(t)
	}
	alice, bob := browser("alice", "secret"), browser("bob", "password")
	s.get("/index.html", alice).wantBody(t, http.StatusOK, "[alice]")
	s.get("/index.html", bob).wantBody(t, http.StatusOK, "[bob]")
	s.get("/index.html", bearer(s.signIn("bob").Access)).wantBody(t, http.StatusOK, "[bob]")
	// What is included makes the page one for its user.
	for _, as := range []option{alice, bearer(s.signIn("bob").Access)} {
		a := s.get("/index.html", as).wantHeader(t, "Cache-Control", "private, no-cache")
		if !slices.Contains(a.Header["Vary"], "Authorization, Cookie") {
			t.Errorf("%s: Vary %q", a.Body, a.Header["Vary"])
		}
		if policy := a.Header.Get("Cross-Origin-Resource-Policy"); (policy == "same-origin") != strings.Contains(a.Body, "alice") {
			t.Errorf("%s: Cross-Origin-Resource-Policy %q", a.Body, policy)
		}
	}
	s.get("/open.html", alice).wantBody(t, http.StatusOK, "[open]").wantHeader(t, "Cache-Control", "").wantHeader(t, "Vary", "Accept-Encoding")
	s.get("/open.html").wantBody(t, http.StatusOK, "[open]")
	s.get("/twice.html", alice).wantBody(t, http.StatusOK, "[<alice>for admins]")
	for name, options := range map[string][]option{
		"no one": nil, "a name like ours": {header("Jwtauth-Include-"+strings.Repeat("A", 26), "")}, "the prefix alone": {header("Jwtauth-Include-", "")},
		"a name and a value": {header("Jwtauth-Include-x", "jwtauth=x"), cookie("jwtauth=x")},
	} {
		if a := s.get("/index.html", options...); a.StatusCode != http.StatusInternalServerError {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.Body)
		}
	}
	if a := s.get("/twice.html", bob); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("bob is no admin: %d %s", a.StatusCode, a.Body)
	}
	// The upstream sees neither the cookie nor the name.
	for _, path := range []string{"/up.html", "/up/y"} {
		s.get(path, alice).want(t, http.StatusOK)
		r := u.take()
		if r == nil || r.Header["Cookie"] != nil {
			t.Errorf("%s: the upstream got %v", path, r)
		}
		for name := range r.Header {
			if strings.HasPrefix(name, "Jwtauth") {
				t.Errorf("%s: the upstream got %s", path, name)
			}
		}
	}
}
