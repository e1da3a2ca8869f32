package user_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// hash returns a well-formed password hash, another one for each n.
func hash(n byte) string {
	bytes := func(length int) string {
		return base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat(string(rune('a'+n)), length)))
	}
	return fmt.Sprintf("$argon2id$v=19$m=19456,t=2,p=1$%s$%s", bytes(16), bytes(32))
}

func newStore(t testing.TB) *memory.Store {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() { s.Close() })
	return s
}

func newDirectory(t testing.TB, store user.Store, static ...user.User) *user.Directory {
	t.Helper()
	d, err := user.NewDirectory(static, nil, store)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func tempFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.json")
	write(t, path, text)
	return path
}

// signIn begins a session of a user and returns its id.
func signIn(t testing.TB, s session.Store, username, sid string) string {
	t.Helper()
	epoch, err := s.Epoch(context.Background(), username)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateSession(context.Background(), session.Session{ID: sid, User: username, Epoch: epoch}, 100); err != nil {
		t.Fatal(err)
	}
	return sid
}

// alive reports whether a session goes on.
func alive(t testing.TB, s session.Store, sid string) bool {
	t.Helper()
	_, err := s.Session(context.Background(), sid)
	return err == nil
}

func names[T any](list []T, name func(T) string) string {
	var all []string
	for _, e := range list {
		all = append(all, name(e))
	}
	return strings.Join(all, " ")
}

func usernames(users []user.User) string {
	return names(users, func(u user.User) string { return u.Username })
}
