package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReach: a database that is there, and every way of not being there, none of
// which may hold up a build.
func TestReach(t *testing.T) {
	hangs := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/good/index/db.json":
			_, _ = w.Write([]byte(`{"modified":"2026-10-08T00:00:00Z"}`))
		case "/hangs/index/db.json":
			<-hangs
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	defer close(hangs)
	gone := httptest.NewServer(nil)
	gone.Close()
	if err := reach(t.Context(), server.URL+"/good", 10*time.Second); err != nil {
		t.Error(err)
	}
	began := time.Now()
	for _, db := range []string{server.URL + "/other", server.URL + "/hangs", gone.URL, "https://nowhere.invalid", "no address", ""} {
		if err := reach(t.Context(), db, 100*time.Millisecond); err == nil {
			t.Errorf("%s is reached", db)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestVuln: without a database it says so in one line and succeeds; what govulncheck
// finds is a failure.
func TestVuln(t *testing.T) {
	folder := t.TempDir()
	binary := filepath.Join(folder, "vuln")
	if text, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	// Stands for go, with the exit code that it is given.
	fake := "#!/bin/sh\necho \"ran $*\"\nexit $CODE\n"
	if err := os.WriteFile(filepath.Join(folder, "go"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer server.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, test := range []struct {
		name, db, code string
		fails          bool
		want           string
	}{
		{"no database", gone.URL, "3", false, "vuln: known vulnerabilities were not looked for, since " + gone.URL},
		{"nothing found", server.URL, "0", false, "ran run " + tool + " -db " + server.URL + " ./..."},
		{"something found", server.URL, "3", true, "exit status 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			command := exec.Command(binary, "-db", test.db, "./...")
			command.Env = append(os.Environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"), "CODE="+test.code)
			text, err := command.CombinedOutput()
			if (err != nil) != test.fails || !strings.Contains(string(text), test.want) {
				t.Errorf("%v\n%s", err, text)
			}
			if !test.fails && strings.Count(string(text), "\n") != 1 {
				t.Errorf("more than one line:\n%s", text)
			}
		})
	}
}
