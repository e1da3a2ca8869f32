package user_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// people is a store with alice in it, carl in the configuration beside it.
func people(t *testing.T) (*user.Directory, *memory.Store) {
	t.Helper()
	store := newStore(t)
	d := newDirectory(t, store, user.User{Username: "carl"})
	if _, err := d.Create(t.Context(), user.User{Username: "alice", Roles: []string{"admin"}, PasswordHash: hash(0)}); err != nil {
		t.Fatal(err)
	}
	return d, store
}

func TestCreateUser(t *testing.T) {
	d, _ := people(t)
	e, err := d.Lookup(t.Context(), "alice")
	if err != nil || e.CreatedAt.IsZero() || !e.CreatedAt.Equal(e.UpdatedAt) || !e.CreatedAt.Equal(e.PasswordChangedAt) {
		t.Errorf("got %+v, %v", e, err)
	}
	if _, err := d.Create(t.Context(), user.User{Username: "alice"}); !errors.Is(err, user.ErrConflict) {
		t.Errorf("again: got %v, want ErrConflict", err)
	}
	if _, err := d.Create(t.Context(), user.User{Username: "carl"}); !errors.Is(err, user.ErrReadOnly) {
		t.Errorf("a name of the configuration: got %v, want ErrReadOnly", err)
	}
	if _, err := d.Create(t.Context(), user.User{Username: "bob", Roles: []string{"a,b"}}); err == nil {
		t.Error("a user with a bad role was created")
	}
}

func TestChanges(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		change func(d *user.Directory, username string) error
		ends   bool
		check  func(u user.Entry) bool
	}{
		"password": {func(d *user.Directory, u string) error {
			return d.Update(ctx, u, func(u *user.User) error { u.PasswordHash = hash(1); return nil })
		}, true,
			func(u user.Entry) bool { return u.PasswordHash == hash(1) && !u.PasswordChangedAt.Equal(u.CreatedAt) }},
		"roles": {func(d *user.Directory, u string) error { return d.SetRoles(ctx, u, []string{"reader"}, false) }, false,
			func(u user.Entry) bool { return len(u.Roles) == 1 && u.Roles[0] == "reader" }},
		"roles now": {func(d *user.Directory, u string) error { return d.SetRoles(ctx, u, nil, true) }, true,
			func(u user.Entry) bool { return len(u.Roles) == 0 }},
		"disable": {func(d *user.Directory, u string) error {
			return d.Update(ctx, u, func(u *user.User) error { u.Disabled = true; return nil })
		}, true,
			func(u user.Entry) bool { return u.Disabled }},
		"enable": {func(d *user.Directory, u string) error {
			return d.Update(ctx, u, func(u *user.User) error { u.Disabled = false; return nil })
		}, false,
			func(u user.Entry) bool { return !u.Disabled }},
		"update": {func(d *user.Directory, u string) error {
			return d.Update(ctx, u, func(u *user.User) error { u.FullName = "Alice Liddell"; return nil })
		}, false, func(u user.Entry) bool {
			return u.FullName == "Alice Liddell" && u.PasswordChangedAt.Equal(u.CreatedAt)
		}},
		"update that disables": {func(d *user.Directory, u string) error {
			return d.Update(ctx, u, func(u *user.User) error { u.Disabled = true; return nil })
		}, true, func(u user.Entry) bool { return u.Disabled }},
		"update of the hash": {func(d *user.Directory, u string) error {
			return d.Update(ctx, u, func(u *user.User) error { u.PasswordHash = ""; return nil })
		}, true, func(u user.Entry) bool { return u.PasswordHash == "" }},
		"remove": {func(d *user.Directory, u string) error { return d.Remove(ctx, u) }, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d, store := people(t)
			before, err := store.Epoch(ctx, "alice")
			if err != nil {
				t.Fatal(err)
			}
			sid := signIn(t, store, "alice", "s1")
			for who, want := range map[string]error{"carl": user.ErrReadOnly, "nobody": user.ErrNotFound, "bad\x00name": user.ErrNotFound} {
				if err := c.change(d, who); !errors.Is(err, want) {
					t.Errorf("%q: got %v, want %v", who, err, want)
				}
			}
			if err := c.change(d, "alice"); err != nil {
				t.Fatal(err)
			}
			if alive(t, store, sid) == c.ends {
				t.Errorf("session alive: %t", !c.ends)
			}
			// A sign-in that read the epoch before must not get through.
			_, err = store.CreateSession(ctx, session.Session{ID: "late", User: "alice", Epoch: before}, 100)
			if errors.Is(err, session.ErrEpoch) != c.ends {
				t.Errorf("a racing sign-in: %v", err)
			}
			e, err := d.Lookup(ctx, "alice")
			if c.check == nil {
				if !errors.Is(err, user.ErrNotFound) {
					t.Errorf("got %v, want ErrNotFound", err)
				}
			} else if err != nil || !c.check(e) {
				t.Errorf("got %+v, %v", e, err)
			}
		})
	}
}

// TestPasswordChangeBeginsOneSession in the step that ends all others, and nothing
// where the user's sessions were ended meanwhile.
func TestPasswordChangeBeginsOneSession(t *testing.T) {
	d, store := people(t)
	ctx := t.Context()
	here, there := signIn(t, store, "alice", "here"), signIn(t, store, "alice", "there")
	begin := func(name string, epoch uint64) session.Session {
		one, err := store.Session(ctx, there)
		if err != nil {
			t.Fatal(err)
		}
		one.ID, one.Epoch = store.ID()+name, epoch
		return one
	}
	late := begin("late", 1)
	if err := d.ChangePassword(ctx, "alice", hash(0), hash(1), late); !errors.Is(err, user.ErrConflict) {
		t.Errorf("sessions that were ended meanwhile: %v", err)
	}
	wrong := begin("wrong", 0)
	if err := d.ChangePassword(ctx, "alice", hash(1), hash(2), wrong); !errors.Is(err, user.ErrConflict) {
		t.Errorf("another password: %v", err)
	}
	if !alive(t, store, here) || !alive(t, store, there) || alive(t, store, late.ID) || alive(t, store, wrong.ID) {
		t.Error("a change that was refused has changed sessions")
	}
	begun := begin("begun", 0)
	if err := d.ChangePassword(ctx, "alice", hash(0), hash(1), begun); err != nil {
		t.Fatal(err)
	}
	if alive(t, store, here) || alive(t, store, there) || !alive(t, store, begun.ID) {
		t.Error("a former session goes on, or the new one does not begin")
	}
	if e, err := d.Lookup(ctx, "alice"); err != nil || e.PasswordHash != hash(1) {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestChangeRefuses(t *testing.T) {
	d, store := people(t)
	sid := signIn(t, store, "alice", "s1")
	no := errors.New("no")
	for name, err := range map[string]error{
		"own error":    d.Update(t.Context(), "alice", func(*user.User) error { return no }),
		"bad role":     d.SetRoles(t.Context(), "alice", []string{"a,b"}, true),
		"another name": d.Update(t.Context(), "alice", func(u *user.User) error { u.Username = "bob"; return nil }),
		"bad hash":     d.Update(t.Context(), "alice", func(u *user.User) error { u.PasswordHash = "secret"; return nil }),
	} {
		if err == nil {
			t.Errorf("%s passes", name)
		}
	}
	if e, err := d.Lookup(t.Context(), "alice"); err != nil || e.Version != 1 || e.Roles[0] != "admin" {
		t.Errorf("a refused change left %+v, %v", e, err)
	}
	if !alive(t, store, sid) {
		t.Error("a refused change ended the session")
	}
}

func TestConcurrentChangesAllCount(t *testing.T) {
	d, _ := people(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := d.Update(context.Background(), "alice", func(u *user.User) error {
				u.Roles = append(u.Roles, fmt.Sprint("role", i))
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if e, err := d.Lookup(t.Context(), "alice"); err != nil || len(e.Roles) != 9 {
		t.Errorf("got %v, %v; want the first role and eight more", e.Roles, err)
	}
}

// contended is a store in which somebody else is always a little faster.
type contended struct{ user.Store }

func (contended) PutUser(context.Context, user.Record, *user.Ending) (uint64, error) {
	return 0, user.ErrConflict
}

func (contended) RemoveUser(context.Context, string, uint64) error { return user.ErrConflict }

func TestEndlessConflictEnds(t *testing.T) {
	_, store := people(t)
	d := newDirectory(t, contended{store})
	if err := d.Update(t.Context(), "alice", func(u *user.User) error { u.Disabled = true; return nil }); !errors.Is(err, user.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
	if err := d.Remove(t.Context(), "alice"); !errors.Is(err, user.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
	if done, err := d.UpgradeHash(t.Context(), "alice", 1, hash(0), hash(1)); done || err != nil {
		t.Errorf("got %t, %v; want a quiet no", done, err)
	}
}

func TestUpgradeHash(t *testing.T) {
	d, store := people(t)
	ctx := t.Context()
	sid := signIn(t, store, "alice", "s1")
	old, err := d.Lookup(ctx, "alice")
	if err != nil {
		t.Fatal(err)
	}
	if done, err := d.UpgradeHash(ctx, "alice", old.Version, hash(0), hash(1)); err != nil || !done {
		t.Fatalf("got %t, %v", done, err)
	}
	now, err := d.Lookup(ctx, "alice")
	if err != nil || now.PasswordHash != hash(1) || !now.PasswordChangedAt.Equal(old.PasswordChangedAt) {
		t.Errorf("got %+v, %v", now, err)
	}
	if !alive(t, store, sid) {
		t.Error("the upgrade of a hash signed the user out")
	}
	// The second of two racing sign-ins, or one that a password change overtook.
	if err := d.Update(ctx, "alice", func(u *user.User) error { u.PasswordHash = hash(2); return nil }); err != nil {
		t.Fatal(err)
	}
	current, err := d.Lookup(ctx, "alice")
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() (bool, error){
		"old version": func() (bool, error) { return d.UpgradeHash(ctx, "alice", old.Version, hash(0), hash(3)) },
		"changed otherwise": func() (bool, error) {
			return d.UpgradeHash(ctx, "alice", current.Version-1, hash(2), hash(3))
		},
		"old hash":     func() (bool, error) { return d.UpgradeHash(ctx, "alice", current.Version, hash(0), hash(3)) },
		"read-only":    func() (bool, error) { return d.UpgradeHash(ctx, "carl", 0, "", hash(3)) },
		"unknown user": func() (bool, error) { return d.UpgradeHash(ctx, "nobody", 1, hash(0), hash(3)) },
	} {
		if done, err := try(); done || err != nil {
			t.Errorf("%s: got %t, %v; want a quiet no", name, done, err)
		}
	}
	if e, err := d.Lookup(ctx, "alice"); err != nil || e.PasswordHash != hash(2) {
		t.Errorf("the new password was undone: %+v, %v", e, err)
	}
	if _, err := d.UpgradeHash(ctx, "alice", current.Version, hash(2), "plain text"); err == nil {
		t.Error("something that is no hash was stored")
	}
}

// A user removed and created again is another person: nothing of the first one
// comes back.
func TestRemovedUserStaysOut(t *testing.T) {
	d, store := people(t)
	before, err := store.Epoch(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.CreateSession(t.Context(), session.Session{ID: "s1", User: "alice", Epoch: before, DenyUntil: farAway}, 100); err != nil {
		t.Fatal(err)
	}
	if err := d.Remove(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Create(t.Context(), user.User{Username: "alice"}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.CreateSession(t.Context(), session.Session{ID: "late", User: "alice", Epoch: before}, 100); !errors.Is(err, session.ErrEpoch) {
		t.Errorf("a sign-in of the first alice: got %v, want ErrEpoch", err)
	}
	entries, _, err := store.Since(t.Context(), 0, 10)
	if err != nil || len(entries) != 1 || entries[0].Kind != revocation.Session || entries[0].ID != "s1" {
		t.Errorf("denied: %+v, %v", entries, err)
	}
}

// TestNamesFromBefore: a user whose name would be refused now can still be found, changed
// and removed, and is not made again.
func TestNamesFromBefore(t *testing.T) {
	for _, name := range []string{"a/b", "..", ".", `a\b`, "*"} {
		store := newStore(t)
		if _, err := store.PutUser(t.Context(), user.Record{User: user.User{Username: name}}, nil); err != nil {
			t.Fatal(err)
		}
		d, err := user.NewDirectory(nil, nil, store)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Update(t.Context(), name, func(u *user.User) error { u.Disabled = true; return nil }); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if entry, err := d.Lookup(t.Context(), name); err != nil || !entry.Disabled {
			t.Errorf("%q: %v, %v", name, entry, err)
		}
		if err := d.Remove(t.Context(), name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := d.Create(t.Context(), user.User{Username: name}); err == nil {
			t.Errorf("%q was made again", name)
		}
	}
}
