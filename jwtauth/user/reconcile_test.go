package user_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

var farAway = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// reconcile is what a server does with its users at the start and at a reload.
func reconcile(t *testing.T, store *memory.Store, users ...user.User) string {
	t.Helper()
	ended, err := newDirectory(t, store, users...).Reconcile(t.Context(), store, store)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(ended, " ")
}

func TestReconcile(t *testing.T) {
	alice, bob := user.User{Username: "alice", PasswordHash: hash(0)}, user.User{Username: "bob", PasswordHash: hash(1)}
	with := func(u user.User, change func(*user.User)) user.User { change(&u); return u }
	disabled := with(alice, func(u *user.User) { u.Disabled = true })
	rehashed := with(alice, func(u *user.User) { u.PasswordHash = hash(2) })
	for name, c := range map[string]struct {
		before, after []user.User
		ended         string
	}{
		"first start":             {nil, []user.User{alice, bob}, ""},
		"the same":                {[]user.User{alice, bob}, []user.User{bob, alice}, ""},
		"added":                   {[]user.User{alice}, []user.User{alice, bob}, ""},
		"removed":                 {[]user.User{alice, bob}, []user.User{bob}, "alice"},
		"all removed":             {[]user.User{alice, bob}, nil, "alice bob"},
		"disabled":                {[]user.User{alice, bob}, []user.User{disabled, bob}, "alice"},
		"enabled":                 {[]user.User{disabled, bob}, []user.User{alice, bob}, ""},
		"still disabled":          {[]user.User{disabled}, []user.User{disabled}, ""},
		"another hash":            {[]user.User{alice, bob}, []user.User{rehashed, bob}, "alice"},
		"enabled, another hash":   {[]user.User{disabled}, []user.User{rehashed}, "alice"},
		"hash removed":            {[]user.User{alice}, []user.User{with(alice, func(u *user.User) { u.PasswordHash = "" })}, "alice"},
		"roles taken away":        {[]user.User{with(alice, func(u *user.User) { u.Roles = []string{"admin"} })}, []user.User{alice}, ""},
		"name with odd character": {[]user.User{{Username: `"ф`}}, []user.User{{Username: `"ф`}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			store := newStore(t)
			reconcile(t, store, c.before...)
			sessions := map[string]string{"alice": signIn(t, store, "alice", "a"), "bob": signIn(t, store, "bob", "b")}
			if ended := reconcile(t, store, c.after...); ended != c.ended {
				t.Errorf("ended %q, want %q", ended, c.ended)
			}
			for name, sid := range sessions {
				if alive(t, store, sid) == strings.Contains(c.ended, name) {
					t.Errorf("session of %s alive: %t", name, !strings.Contains(c.ended, name))
				}
			}
			if ended := reconcile(t, store, c.after...); ended != "" {
				t.Errorf("the second time it ended %q", ended)
			}
		})
	}
}

func TestReconcileUserThatMoves(t *testing.T) {
	store := newStore(t)
	reconcile(t, store, user.User{Username: "alice"})
	sid := signIn(t, store, "alice", "s1")
	d, err := user.NewDirectory(nil, []*user.File{user.NewFile(tempFile(t, oneUser))}, store)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Load(); err != nil {
		t.Fatal(err)
	}
	if ended, err := d.Reconcile(t.Context(), store, store); err != nil || len(ended) != 0 || !alive(t, store, sid) {
		t.Errorf("from configuration to file: ended %v, %v", ended, err)
	}
	// From the file into the store it is another record, with another password.
	d = newDirectory(t, store)
	if _, err := d.Create(t.Context(), user.User{Username: "alice"}); err != nil {
		t.Fatal(err)
	}
	if ended, err := d.Reconcile(t.Context(), store, store); err != nil || len(ended) != 1 || alive(t, store, sid) {
		t.Errorf("from file to store: ended %v, %v", ended, err)
	}
}

// A sign-in that saw the user before the file changed is refused after it.
func TestReconcileAgainstSignIn(t *testing.T) {
	store := newStore(t)
	reconcile(t, store, user.User{Username: "alice"})
	epoch, err := store.Epoch(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	reconcile(t, store)
	if _, err := store.CreateSession(t.Context(), session.Session{ID: "late", User: "alice", Epoch: epoch}, 100); !errors.Is(err, session.ErrEpoch) {
		t.Errorf("got %v, want ErrEpoch", err)
	}
}

// faulty fails, or is overtaken, at chosen calls.
type faulty struct {
	*memory.Store
	endErr, setErr error
	overtake       func()
}

func (f *faulty) EndSessions(ctx context.Context, name, except string) (int, error) {
	if f.endErr != nil {
		return 0, f.endErr
	}
	return f.Store.EndSessions(ctx, name, except)
}

func (f *faulty) SetMeta(ctx context.Context, key string, old, value []byte) error {
	if f.setErr != nil {
		return f.setErr
	}
	if f.overtake != nil {
		f.overtake()
		f.overtake = nil
	}
	return f.Store.SetMeta(ctx, key, old, value)
}

func TestReconcileIsDoneAgainAfterAFault(t *testing.T) {
	fault := errors.New("disk full")
	for name, f := range map[string]faulty{"ending fails": {endErr: fault}, "recording fails": {setErr: fault}} {
		t.Run(name, func(t *testing.T) {
			store := newStore(t)
			f.Store = store
			reconcile(t, store, user.User{Username: "alice"})
			sid := signIn(t, store, "alice", "s1")
			if _, err := newDirectory(t, store).Reconcile(t.Context(), &f, &f); !errors.Is(err, fault) {
				t.Fatalf("got %v, want the fault", err)
			}
			if ended := reconcile(t, store); ended != "alice" || alive(t, store, sid) {
				t.Errorf("after the fault it ended %q", ended)
			}
		})
	}
}

func TestReconcileOvertaken(t *testing.T) {
	store := newStore(t)
	alice, bob := user.User{Username: "alice"}, user.User{Username: "bob"}
	reconcile(t, store, alice)
	// Another node records bob between our reading and our writing. Here bob is
	// unknown, so his sessions end.
	f := &faulty{Store: store, overtake: func() { reconcile(t, store, alice, bob) }}
	sid := signIn(t, store, "bob", "s1")
	ended, err := newDirectory(t, store).Reconcile(t.Context(), f, f)
	if err != nil || strings.Join(ended, " ") != "alice bob" || alive(t, store, sid) {
		t.Errorf("ended %v, %v", ended, err)
	}
	if ended := reconcile(t, store); ended != "" {
		t.Errorf("the record was not brought up to date: ended %q", ended)
	}
}

func TestReconcileCorruptRecord(t *testing.T) {
	store := newStore(t)
	if err := store.SetMeta(t.Context(), "read_only_users", nil, []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := newDirectory(t, store).Reconcile(t.Context(), store, store); err == nil || !strings.Contains(err.Error(), "read_only_users") {
		t.Errorf("got %v, want an error that names the record", err)
	}
}

func TestFingerprintsHoldNoHash(t *testing.T) {
	store := newStore(t)
	reconcile(t, store, user.User{Username: "alice", PasswordHash: hash(0)})
	text, err := store.Meta(t.Context(), "read_only_users")
	if err != nil || !strings.Contains(string(text), "alice") || strings.Contains(string(text), "argon2id") {
		t.Errorf("recorded %s, %v", text, err)
	}
}
