//go:build unix

package user_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// To open a pipe would wait for its other end, and the start with it.
func TestReadFileDoesNotWaitForAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := user.ReadFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error with the path", err)
	}
}
