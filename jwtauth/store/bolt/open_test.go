package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
)

func TestOpenMakesFilesForTheOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "realm.db")
	open(t, path)
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
}

func TestOpenOfALockedFile(t *testing.T) {
	path := newPath(t)
	open(t, path)
	begin := time.Now()
	_, err := Open(path, Options{Timeout: 200 * time.Millisecond})
	wantOpenError(t, err, ErrLocked, path, "another Caddy or command")
	if waited := time.Since(begin); waited < 100*time.Millisecond {
		t.Errorf("gave up after %v", waited)
	}
}

// TestOpenRefusesWhatItDidNotWrite makes sure of three things at once: a clear
// error, no panic, and not a byte changed.
func TestOpenRefusesWhatItDidNotWrite(t *testing.T) {
	good := func(t *testing.T, path string) {
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			if _, err := s.EndSessions(t.Context(), strings.Repeat("x", 500), ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	overwrite := func(at int64, b []byte) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			good(t, path)
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(b, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	cut := func(size int64) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			good(t, path)
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	text := func(b []byte) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	edit := func(change func(*bbolt.Tx) error) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			good(t, path)
			editFile(t, path, change)
		}
	}
	setFormat := func(v string) func(*bbolt.Tx) error {
		return func(btx *bbolt.Tx) error {
			return btx.Bucket([]byte(bucketFormat)).Put(formatKey, []byte(v))
		}
	}
	for name, c := range map[string]struct {
		prepare func(*testing.T, string)
		want    error
		says    string
	}{
		"a short text":        {text([]byte("hello")), ErrForeign, "restore a backup"},
		"a page of text":      {text(bytes.Repeat([]byte("x"), 4096)), ErrForeign, "restore a backup"},
		"a long text":         {text(bytes.Repeat([]byte("hello "), 10_000)), ErrForeign, "restore a backup"},
		"zeros":               {text(make([]byte, 1<<16)), ErrForeign, "restore a backup"},
		"both heads damaged":  {overwrite(0, make([]byte, 8192)), ErrForeign, "restore a backup"},
		"body damaged":        {overwrite(8192, bytes.Repeat([]byte{0xa5}, 24<<10)), ErrForeign, "restore a backup"},
		"cut off at the head": {cut(smallest), ErrForeign, "move it away"},
		"cut off early":       {cut(4096), ErrForeign, "move it away"},
		"another program's": {func(t *testing.T, path string) {
			editFile(t, path, func(btx *bbolt.Tx) error {
				_, err := btx.CreateBucket([]byte("theirs"))
				return err
			})
		}, ErrForeign, "another program's"},
		"a newer version":  {edit(setFormat(fmt.Sprintf(`{"version":%d,"id":"AAAAAAAAAAA","more":1}`, formatVersion+1))), ErrVersion, "update this program"},
		"a damaged format": {edit(setFormat(`{"version":`)), ErrForeign, "restore a backup"},
		"a nameless store": {edit(setFormat(`{"version":1,"id":"short"}`)), ErrForeign, "restore a backup"},
		"a missing bucket": {edit(func(btx *bbolt.Tx) error {
			return btx.DeleteBucket([]byte(bucketEpochs))
		}), ErrForeign, "epochs"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			c.prepare(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time shows that the first gave the lock back
				_, err = Open(path, Options{Timeout: time.Millisecond})
				wantOpenError(t, err, c.want, path, c.says)
			}
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

// A file of format 1 has an epoch in place of a ledger. It opens, keeps what it
// has, and is from then on one that a former version refuses.
func TestOpenOfAFormerFormat(t *testing.T) {
	path := newPath(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	id := s.ID()
	if _, err := s.CreateSession(t.Context(), session.Session{ID: "one", User: "alice"}, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	editFile(t, path, func(btx *bbolt.Tx) error {
		if err := btx.Bucket([]byte(bucketEpochs)).Put([]byte("alice"), []byte{0, 0, 0, 0, 0, 0, 0, 7}); err != nil {
			return err
		}
		return btx.Bucket([]byte(bucketFormat)).Put(formatKey, []byte(`{"version":1,"id":"`+id+`"}`))
	})
	for range 2 {
		if s, err = Open(path, Options{}); err != nil {
			t.Fatal(err)
		}
		if epoch, err := s.Epoch(t.Context(), "alice"); epoch != 7 || err != nil || s.ID() != id {
			t.Errorf("epoch %d, %v, store %s; want 7 of %s", epoch, err, s.ID(), id)
		}
		if _, err := s.Session(t.Context(), "one"); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	editFile(t, path, func(btx *bbolt.Tx) error {
		if got := string(btx.Bucket([]byte(bucketFormat)).Get(formatKey)); !strings.Contains(got, fmt.Sprintf(`"version":%d`, formatVersion)) {
			t.Errorf("the format is %s", got)
		}
		return nil
	})
}

func TestOpenWhereNoFileCanBe(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir, Options{})
	wantOpenError(t, err, nil, dir, "another path")

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(file, "realm.db")
	_, err = Open(below, Options{})
	wantOpenError(t, err, nil, below)
}

// A file of no bytes is what a copy leaves that has failed: not a new store, in which all
// sessions and revocations would be gone without a word.
func TestOpenOfAnEmptyFile(t *testing.T) {
	path := newPath(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, Options{})
	wantOpenError(t, err, ErrForeign, path, "it is empty", "put a backup in its place, or remove it")
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("the file was changed: %v, %v", info, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if s := open(t, path); len(s.ID()) != store.IDLength {
		t.Errorf("id %q", s.ID())
	}
}

func wantOpenError(t *testing.T, err, want error, says ...string) {
	t.Helper()
	if err == nil || (want != nil && !errors.Is(err, want)) {
		t.Fatalf("got error %v, want %v", err, want)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the error does not say %q: %v", s, err)
		}
	}
}

// editFile changes a file as another program would.
func editFile(t *testing.T, path string, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(change); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
