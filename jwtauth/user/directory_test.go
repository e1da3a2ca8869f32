package user_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// deaf is a store that must not be asked, or cannot answer.
type deaf struct {
	user.Store
	err error
}

func (d deaf) User(context.Context, string) (user.Record, error) { return user.Record{}, d.err }

func TestLookup(t *testing.T) {
	store := newStore(t)
	path := tempFile(t, `{"users": [{"username": "fay", "roles": ["reader"]}]}`)
	static := []user.User{{Username: "carl", Roles: []string{"admin"}, Claims: map[string]any{"tenant": "acme"}}}
	d, err := user.NewDirectory(static, []*user.File{user.NewFile(path)}, store)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Load(); err != nil {
		t.Fatal(err)
	}
	created, err := d.Create(t.Context(), user.User{Username: "sue", PasswordHash: hash(1)})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]user.Source{"carl": user.SourceConfig, "fay": user.SourceFile, "sue": user.SourceStore} {
		e, err := d.Lookup(t.Context(), name)
		if err != nil || e.Source != want || e.Username != name || (e.Path == path) != (want == user.SourceFile) {
			t.Errorf("%s: got %+v, %v; want a user of %s", name, e, err, want)
		}
	}
	if e, _ := d.Lookup(t.Context(), "sue"); e.Version == 0 || e.Version != created.Version || e.PasswordHash != hash(1) {
		t.Errorf("got %+v", e)
	}
	// What a caller does to its answer is its own affair.
	e, _ := d.Lookup(t.Context(), "carl")
	e.Roles[0], e.Claims["tenant"] = "root", "evil"
	if e, _ := d.Lookup(t.Context(), "carl"); e.Roles[0] != "admin" || e.Claims["tenant"] != "acme" {
		t.Errorf("a look-up changed the user for the next one: %+v", e)
	}
	for _, name := range []string{"", "nobody", "Carl", "carl ", "carl\x00", "\xff"} {
		if _, err := d.Lookup(t.Context(), name); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("%q: got %v, want ErrNotFound", name, err)
		}
	}
}

func TestLookupFailsClosed(t *testing.T) {
	down := errors.New("store is down")
	d := newDirectory(t, deaf{err: down}, user.User{Username: "carl"})
	for _, name := range []string{"carl", "nobody"} {
		if _, err := d.Lookup(t.Context(), name); !errors.Is(err, down) {
			t.Errorf("%s: got %v, want the store's error", name, err)
		}
	}
	// Not worth asking the store for.
	if _, err := d.Lookup(t.Context(), strings.Repeat("x", policy.MaxName+1)); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestNameInTwoSources(t *testing.T) {
	store := newStore(t)
	alice := []user.User{{Username: "alice"}}
	if _, err := user.NewDirectory(append(alice, alice...), nil, store); err == nil || !strings.Contains(err.Error(), `"alice" is in the configuration and in the configuration`) {
		t.Errorf("twice in the configuration: %v", err)
	}
	a, b := tempFile(t, oneUser), tempFile(t, twoUsers)
	d, err := user.NewDirectory(alice, []*user.File{user.NewFile(a)}, store)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Load(); err == nil || !strings.Contains(err.Error(), `"alice" is in the configuration and in users file `+a) {
		t.Errorf("configuration and file: %v", err)
	}
	d, err = user.NewDirectory(nil, []*user.File{user.NewFile(a), user.NewFile(b)}, store)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Load(); err == nil || !strings.Contains(err.Error(), a) || !strings.Contains(err.Error(), b) {
		t.Errorf("two files: %v", err)
	}
	if _, err := user.NewDirectory([]user.User{{Username: "alice", Roles: []string{"a b"}}}, nil, store); err == nil || !strings.Contains(err.Error(), `"alice"`) {
		t.Errorf("a bad user of the configuration: %v", err)
	}
}

// A user moves to another file; the two are written in the wrong order.
func TestUserMovesBetweenFiles(t *testing.T) {
	store := newStore(t)
	a, b := tempFile(t, twoUsers), tempFile(t, `{"users": []}`)
	fa, fb := user.NewFile(a), user.NewFile(b)
	d, err := user.NewDirectory(nil, []*user.File{fa, fb}, store)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Load(); err != nil {
		t.Fatal(err)
	}
	wa, wb := &watched{File: fa, t: t}, &watched{File: fb, t: t}
	write(t, b, oneUser)
	// The file itself gives no reason to be read again.
	if err := os.Chtimes(b, farAway, farAway); err != nil {
		t.Fatal(err)
	}
	wb.expect(4, "alice")
	if !strings.Contains(wb.said[0], "one source only") {
		t.Fatal(wb.said)
	}
	write(t, a, `{"users": [{"username": "bob"}]}`)
	wa.expect(1, "bob")
	wb.expect(2, "alice")
	if e, err := d.Lookup(t.Context(), "alice"); err != nil || e.Path != b {
		t.Errorf("got %+v, %v; want alice of %s", e, err, b)
	}
}

func TestAmbiguousUser(t *testing.T) {
	store := newStore(t)
	if _, err := newDirectory(t, store).Create(t.Context(), user.User{Username: "alice"}); err != nil {
		t.Fatal(err)
	}
	d := newDirectory(t, store, user.User{Username: "alice"})
	if _, err := d.Lookup(t.Context(), "alice"); !errors.Is(err, user.ErrAmbiguous) {
		t.Errorf("Lookup: got %v, want ErrAmbiguous", err)
	}
	if err := d.Update(t.Context(), "alice", func(u *user.User) error { u.Disabled = true; return nil }); !errors.Is(err, user.ErrAmbiguous) {
		t.Errorf("SetDisabled: got %v, want ErrAmbiguous", err)
	}
	list, err := d.List(t.Context(), "", 10)
	if err != nil || len(list) != 1 || !list[0].Ambiguous || list[0].Source != user.SourceConfig {
		t.Errorf("List: got %+v, %v", list, err)
	}
	if err := d.Remove(t.Context(), "alice"); err != nil {
		t.Fatalf("there is no way out: %v", err)
	}
	if e, err := d.Lookup(t.Context(), "alice"); err != nil || e.Source != user.SourceConfig {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestListMerges(t *testing.T) {
	store := newStore(t)
	var static []user.User
	var want []string
	for i := range 30 {
		name := fmt.Sprintf("user%02d", i)
		want = append(want, name)
		if i%3 == 0 || i > 25 {
			static = append(static, user.User{Username: name})
			continue
		}
		if _, err := newDirectory(t, store).Create(t.Context(), user.User{Username: name}); err != nil {
			t.Fatal(err)
		}
	}
	// One name in both, at every place of a page.
	if _, err := newDirectory(t, store).Create(t.Context(), user.User{Username: "user15"}); err != nil {
		t.Fatal(err)
	}
	d := newDirectory(t, store, static...)
	for limit := range 32 {
		var got []string
		for after := ""; ; {
			page, err := d.List(t.Context(), after, limit)
			if err != nil || len(page) > max(limit, 1) {
				t.Fatalf("%d entries for a limit of %d, %v", len(page), limit, err)
			}
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				got = append(got, e.Username)
			}
			after = got[len(got)-1]
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("pages of %d: got %v", limit, got)
		}
	}
	if got := usernames(d.ReadOnly()); !strings.HasPrefix(got, "user00 user03") || len(d.ReadOnly()) != len(static) {
		t.Errorf("read-only users: %s", got)
	}
}
