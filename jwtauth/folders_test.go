package jwtauth_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFolderForEachUser: the recipe of the documentation gives each user the files of the
// own folder and no other, whatever the path.
func TestFolderForEachUser(t *testing.T) {
	s := newServer(t)
	root := t.TempDir()
	for _, file := range []string{"alice/x", "bob/x", "x", "alice.bak/x"} {
		path := filepath.Join(root, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("of "+file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site("token_server\njwt_auth\nfile_server {\nroot "+root+"/{http.auth.user.id}\n}"))
	alice, bob := bearer(s.signIn("alice").Access), bearer(s.signIn("bob").Access)
	s.get("/x", alice).wantBody(t, http.StatusOK, "of alice/x")
	s.get("/x", bob).wantBody(t, http.StatusOK, "of bob/x")
	s.get("/x").wantNothingPresented(t)
	for _, path := range []string{
		"/../bob/x", "/%2e%2e/bob/x", "/..%2fbob/x", "/%2e%2e%2fbob%2fx", "/..%5cbob%5cx", "/.%2e/bob/x", "/a/../../bob/x", "//../bob/x", "/bob/x",
		"/../x", "/../alice.bak/x", "/..;/bob/x", "/%252e%252e/bob/x", "/{http.auth.user.id}/../../bob/x", "/..%c0%afbob/x", "/..//bob/x", "/./../bob/x",
	} {
		a := s.get(path, alice)
		if text := string(a.Body); strings.Contains(text, "bob") && strings.HasPrefix(text, "of ") || strings.HasPrefix(text, "of ") && text != "of alice/x" {
			t.Errorf("%s: %d %s", path, a.StatusCode, text)
		}
	}
}
