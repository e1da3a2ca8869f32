package bolt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// crashEnv names the store file that this binary, run again, writes to until
// it is killed.
const crashEnv = "JWTAUTH_TEST_CRASH_FILE"

const crashWriters = 8

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled rotates, revokes and takes, and says on standard output what
// was acknowledged, each in one write.
func writeUntilKilled(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	failed := make(chan error)
	for w := range crashWriters {
		go func() {
			sid := fmt.Sprint("session", w)
			_, err := s.CreateSession(ctx, aSession("alice", sid), 100)
			for i := 0; err == nil || i == 0; i++ { // the session is there from the second round on
				var counter uint64
				err = s.UpdateSession(ctx, sid, func(one session.Session, _ uint64) (session.Change, error) {
					one.Counter++
					counter = one.Counter
					return session.Change{Session: &one}, nil
				})
				if err != nil {
					break
				}
				fmt.Printf("rotated %s %d\n", sid, counter)
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				if err = s.Deny(ctx, revocation.Entry{Kind: revocation.Token, ID: id, Until: now}); err != nil {
					break
				}
				fmt.Printf("revoked %s %d\n", id, 0)
				if err = s.PutOnce(ctx, id, []byte("v"), now.Add(time.Hour)); err != nil {
					break
				}
				if _, err = s.TakeOnce(ctx, id, now); err != nil {
					break
				}
				fmt.Printf("took %s %d\n", id, 0)
			}
			failed <- err
		}()
	}
	return <-failed
}

// TestKilledWriterLosesNothing kills a writer in the middle of its work, again
// and again on one file, and looks for everything it had acknowledged.
func TestKilledWriterLosesNothing(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := newPath(t)
	rotated := make(map[string]uint64)
	var revoked, taken []string
	for round := range 20 {
		child := exec.Command(self)
		child.Env = append(os.Environ(), crashEnv+"="+path)
		var complaint strings.Builder
		child.Stderr = &complaint
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		var kill sync.Once
		lines := 0
		for r := bufio.NewReader(out); ; lines++ {
			line, err := r.ReadString('\n')
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				break // a line without its end was not acknowledged
			}
			if lines >= 20+6*round {
				kill.Do(func() { _ = child.Process.Kill() })
			}
			fields := strings.Fields(line)
			if len(fields) != 3 {
				t.Fatalf("the writer says %q", line)
			}
			switch fields[0] {
			case "rotated":
				n, err := strconv.ParseUint(fields[2], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				rotated[fields[1]] = max(rotated[fields[1]], n)
			case "revoked":
				revoked = append(revoked, fields[1])
			case "took":
				taken = append(taken, fields[1])
			}
		}
		_ = child.Wait()
		if complaint.Len() > 0 || lines < 20 {
			t.Fatalf("round %d: the writer ended by itself after %d lines: %s", round, lines, &complaint)
		}
		verifyAcknowledged(t, path, rotated, revoked, taken)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	if len(rotated) != crashWriters || len(revoked) < 100 || len(taken) < 100 {
		t.Errorf("too little was written to tell: %d sessions, %d revocations, %d values", len(rotated), len(revoked), len(taken))
	}
}

func verifyAcknowledged(t *testing.T, path string, rotated map[string]uint64, revoked, taken []string) {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	for sid, n := range rotated {
		one, err := s.Session(ctx, sid)
		// One more may have been written that nobody was told of.
		if err != nil || one.Counter < n || one.Counter > n+1 {
			t.Errorf("session %s has counter %d, %v; %d was acknowledged", sid, one.Counter, err, n)
		}
	}
	log, _, err := s.Since(ctx, 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	denied := make(map[string]bool)
	for _, e := range log {
		denied[e.ID] = true
	}
	for _, id := range revoked {
		if !denied[id] {
			t.Errorf("revocation %s was acknowledged and is lost", id)
		}
	}
	for _, id := range taken {
		if _, err := s.TakeOnce(ctx, id, now); !errors.Is(err, oauth2.ErrCodeTaken) {
			t.Errorf("value %s was taken and can be taken again: %v", id, err)
		}
	}
	if err := s.read(ctx, func(t *tx) error {
		for err := range t.Check() {
			return err
		}
		return nil
	}); err != nil {
		t.Errorf("the file is inconsistent: %v", err)
	}
}
