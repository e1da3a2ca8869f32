package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func aSession(username, id string) session.Session {
	return session.Session{
		ID: id, User: username, Counter: 1, CreatedAt: now,
		ExpiresAt: now.Add(24 * time.Hour), IdleExpiresAt: now.Add(time.Hour), DenyUntil: now.Add(time.Hour),
	}
}

func rotate(s session.Session, _ uint64) (session.Change, error) {
	s.Counter++
	return session.Change{Session: &s}, nil
}

func TestClosedStoreAnswersWithAnError(t *testing.T) {
	s, err := Open(newPath(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	watch := s.Watch(t.Context())
	var calls sync.WaitGroup
	for i := range 50 {
		calls.Go(func() {
			for {
				_, err := s.EndSessions(context.Background(), fmt.Sprint(i), "")
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Epoch(context.Background(), fmt.Sprint(i)); err != nil && !errors.Is(err, store.ErrClosed) {
					t.Error(err)
				}
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	calls.Wait()
	if _, open := <-watch; open {
		t.Error("a watch outlives its store")
	}
	if _, open := <-s.Watch(t.Context()); open {
		t.Error("a closed store can be watched")
	}
	if err := s.Close(); !errors.Is(err, store.ErrClosed) {
		t.Errorf("closed again: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	path := newPath(t)
	s, err := Open(path, Options{maxSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := s.CreateSession(ctx, aSession("alice", "first"), 100); err != nil {
		t.Fatal(err)
	}
	big := aSession("alice", "")
	big.Scopes = []string{strings.Repeat("x", 50_000)}
	stored := 0
	for ; err == nil; stored++ {
		if stored > 100 {
			t.Fatal("the disk does not fill up")
		}
		big.ID = fmt.Sprint("big", stored)
		_, err = s.CreateSession(ctx, big, 1000)
	}
	if !errors.Is(err, bolterrors.ErrMaxSizeReached) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	// What was acknowledged can be read, what was refused is not there.
	if _, err := s.Session(ctx, "first"); err != nil {
		t.Error(err)
	}
	if _, err := s.Session(ctx, big.ID); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	// And when there is room again it goes on.
	s = open(t, path)
	if all, err := s.Sessions(ctx, "alice", "", 1000); err != nil || len(all) != stored {
		t.Errorf("%d sessions, %v; want %d", len(all), err, stored)
	}
	if _, err := s.CreateSession(ctx, big, 1000); err != nil {
		t.Error(err)
	}
}

// TestFileCutOffWhileOpen would end the process if a fault in the memory map
// were not caught.
func TestFileCutOffWhileOpen(t *testing.T) {
	path := newPath(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateSession(t.Context(), aSession("alice", "one"), 100); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Session(t.Context(), "one"); !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	for range 2 {
		if _, err := s.EndSessions(t.Context(), "alice", ""); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("got %v", err)
		}
	}
	if err := s.Close(); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	// The file can be put right and opened again without ending the process.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

// TestCorruptRecords damages one record of each kind: reading it is an error,
// never "there is none", and what depends on it is refused.
// onlyError is for a test that does not ask which sessions have ended.
func onlyError(_ []session.Session, err error) error { return err }

func TestCorruptRecords(t *testing.T) {
	path := newPath(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for _, err := range []error{
		onlyError(s.CreateSession(ctx, aSession("alice", "one"), 100)),
		s.Deny(ctx, revocation.Entry{Kind: revocation.Token, ID: "jti", Until: now.Add(time.Hour)}),
		s.PutOnce(ctx, "code", []byte("v"), now.Add(time.Hour)),
		s.UpdateAttempts(ctx, now, []string{"key"}, func(c []throttle.Counter) error {
			c[0] = throttle.Counter{Failures: 9, Expires: now.Add(time.Hour)}
			return nil
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.PutUser(ctx, user.Record{User: user.User{Username: "alice"}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	editFile(t, path, func(btx *bbolt.Tx) error {
		for bucket, key := range map[string]string{
			bucketUsers: "alice", bucketEpochs: "alice", bucketSessions: "one", bucketAttempts: "key", bucketOnce: "code",
			bucketRevocations: string(binary.BigEndian.AppendUint64(nil, 1)),
		} {
			if err := btx.Bucket([]byte(bucket)).Put([]byte(key), []byte(`{"id":"one","us`)); err != nil {
				return err
			}
		}
		return nil
	})

	s = open(t, path)
	nothing := func(c []throttle.Counter) error { return nil }
	for name, call := range map[string]func() error{
		"User":  func() error { _, err := s.User(ctx, "alice"); return err },
		"Users": func() error { _, err := s.Users(ctx, "", 10); return err },
		"PutUser": func() error {
			_, err := s.PutUser(ctx, user.Record{User: user.User{Username: "alice"}}, nil)
			return err
		},
		"Epoch":         func() error { _, err := s.Epoch(ctx, "alice"); return err },
		"CreateSession": func() error { return onlyError(s.CreateSession(ctx, aSession("alice", "two"), 100)) },
		"Session":       func() error { _, err := s.Session(ctx, "one"); return err },
		"Sessions":      func() error { _, err := s.Sessions(ctx, "", "", 10); return err },
		"of alice":      func() error { _, err := s.Sessions(ctx, "alice", "", 10); return err },
		"UpdateSession": func() error { return s.UpdateSession(ctx, "one", rotate) },
		"EndSessions":   func() error { _, err := s.EndSessions(ctx, "alice", ""); return err },
		"Since":         func() error { _, _, err := s.Since(ctx, 0, 10); return err },
		"Attempts":      func() error { return s.UpdateAttempts(ctx, now, []string{"key"}, nothing) },
		"TakeOnce":      func() error { _, err := s.TakeOnce(ctx, "code", now); return err },
		"Collect":       func() error { _, err := s.Collect(ctx, now.AddDate(1, 0, 0), 10); return err },
	} {
		if err := call(); !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestNameAndRecordMustAgree: a record that lies under a foreign key is not
// taken for what it says.
func TestNameAndRecordMustAgree(t *testing.T) {
	path := newPath(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateSession(t.Context(), aSession("alice", "one"), 100); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	editFile(t, path, func(btx *bbolt.Tx) error {
		b := btx.Bucket([]byte(bucketSessions))
		return b.Put([]byte("two"), bytes.Clone(b.Get([]byte("one"))))
	})
	if _, err := open(t, path).Session(t.Context(), "two"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}
