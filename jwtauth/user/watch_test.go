package user_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// watched is a loaded file and what its Watch has said since.
type watched struct {
	*user.File
	t    *testing.T
	said []string
}

func watch(t *testing.T, path string) *watched {
	t.Helper()
	w := &watched{File: user.NewFile(path), t: t}
	if err := w.Load(); err != nil {
		t.Fatal(err)
	}
	return w
}

// expect looks at the file n times and compares what was said: an error by a
// part of it, users by their names.
func (w *watched) expect(n int, want ...string) {
	w.t.Helper()
	w.said = nil
	for range n {
		user.Poll(w.File, func(users []user.User, err error) {
			if err != nil {
				w.said = append(w.said, err.Error())
			} else {
				w.said = append(w.said, usernames(users))
			}
		})
	}
	if len(w.said) != len(want) {
		w.t.Fatalf("said %q, want %q", w.said, want)
	}
	for i := range want {
		if !strings.Contains(w.said[i], want[i]) {
			w.t.Fatalf("said %q, want %q", w.said, want)
		}
	}
}

func (w *watched) inForce(want string) {
	w.t.Helper()
	if got := usernames(w.Users()); got != want {
		w.t.Fatalf("in force: %q, want %q", got, want)
	}
}

func TestFileChanges(t *testing.T) {
	path := tempFile(t, oneUser)
	w := watch(t, path)
	w.expect(2)
	write(t, path, twoUsers)
	w.expect(3, "alice bob")
	// Written again with the same content: nothing has changed.
	write(t, path, twoUsers)
	w.expect(2)
}

func TestFileReplacedByRename(t *testing.T) {
	path := tempFile(t, oneUser)
	w := watch(t, path)
	write(t, path+".new", twoUsers)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	w.expect(2, "alice bob")
}

// Size and time are the same, as where a tool keeps the time or the clock of
// the file system is coarse.
func TestFileThatLooksTheSame(t *testing.T) {
	old := time.Now().Add(-time.Hour)
	path := tempFile(t, `{"users": [{"username": "alice"}]}`)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	w := watch(t, path)
	write(t, path+".new", `{"users": [{"username": "carol"}]}`)
	if err := os.Chtimes(path+".new", old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	w.expect(1, "carol")

	now := time.Now()
	for _, name := range []string{"alice", "carol", "david"} {
		write(t, path, `{"users": [{"username": "`+name+`"}]}`)
		if err := os.Chtimes(path, now, now); err != nil {
			t.Fatal(err)
		}
		w.expect(1, name)
	}
}

// Kubernetes swaps a link to a folder, beside a link that never changes.
func TestFileBehindLinks(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"v1": oneUser, "v2": twoUsers} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "users.json"), text)
	}
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("v1", "..data")
	link("..data/users.json", "users.json")
	w := watch(t, filepath.Join(dir, "users.json"))
	link("v2", "..data_tmp")
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	w.expect(2, "alice bob")
}

func TestBrokenFileKeepsTheLastGoodOne(t *testing.T) {
	path := tempFile(t, oneUser)
	w := watch(t, path)
	write(t, path, `{"users": [{"username": "alice", "roles": ["a,b"]}]}`)
	w.expect(5, `role "a,b"`)
	write(t, path, `{"users": [{"username": "alice", "roles": ["c,d"]}]}`)
	w.expect(5, `role "c,d"`)
	w.inForce("alice")
	write(t, path, oneUser)
	w.expect(3, "alice")
	write(t, path, twoUsers)
	w.expect(3, "alice bob")
}

func TestFileHalfWrittenIsNoNews(t *testing.T) {
	path := tempFile(t, oneUser)
	w := watch(t, path)
	write(t, path, twoUsers[:20])
	w.expect(1)
	w.inForce("alice")
	write(t, path, twoUsers)
	w.expect(2, "alice bob")
}

func TestFileRemoved(t *testing.T) {
	path := tempFile(t, oneUser)
	w := watch(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.expect(4, "no such file")
	w.inForce("alice")
	write(t, path, twoUsers)
	w.expect(2, "alice bob")
}

func TestFileLoadFails(t *testing.T) {
	path := tempFile(t, "{")
	f := user.NewFile(path)
	if err := f.Load(); err == nil || f.Users() != nil {
		t.Fatalf("got %v and %v, want an error and no users", err, f.Users())
	}
	write(t, path, oneUser)
	if err := f.Load(); err != nil || usernames(f.Users()) != "alice" {
		t.Fatalf("got %v and %v", err, f.Users())
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	path := tempFile(t, oneUser)
	synctest.Test(t, func(t *testing.T) {
		f := user.NewFile(path)
		if err := f.Load(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		changed := make(chan string)
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.Watch(ctx, 0, func(users []user.User, err error) { changed <- usernames(users) })
		}()
		synctest.Wait()
		write(t, path, twoUsers)
		start := time.Now()
		if got := <-changed; got != "alice bob" || time.Since(start) != user.DefaultInterval {
			t.Errorf("said %q after %s", got, time.Since(start))
		}
		cancel()
		<-done
	})
}
