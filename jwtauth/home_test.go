package jwtauth

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
)

// Keys are replaced where the storage is the copy's, and where it need not be, it
// is said that they were left.
func TestResetStoreAndTheKeys(t *testing.T) {
	secret, err := accesstoken.ParseKey("HS256", "a secret that is long enough to be one")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		shared bool
		given  []*accesstoken.Key
		says   string
	}{
		{"a folder", false, nil, ""},
		{"a folder, and a key of the config", false, []*accesstoken.Key{secret}, "signing_key"},
		{"a storage that may be shared", true, nil, "storage of its own"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, clock := t.TempDir(), newTestClock()
			mustKeys(t, dir, clock, "ES256", test.given...)
			before := readRecord(t, dir)
			path := filepath.Join(dir, "realm.db")
			kept, err := bolt.Open(path, bolt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			id := kept.ID()
			if err := kept.Close(); err != nil {
				t.Fatal(err)
			}
			var storage certmagic.Storage = &certmagic.FileStorage{Path: dir}
			if test.shared {
				storage = struct{ certmagic.Storage }{storage}
			}
			app := &App{Realms: map[string]*Realm{DefaultRealm: {
				name: DefaultRealm, store: &BoltStore{Path: path}, storage: storage, parsed: parsed{keys: test.given},
			}}}
			done, err := app.ResetStore(t.Context(), DefaultRealm)
			if err != nil {
				t.Fatal(err)
			}
			if done.NewKeys != (test.says == "") || !strings.Contains(done.KeysKept, test.says) || done.Path != path {
				t.Errorf("%+v", done)
			}
			after := readRecord(t, dir)
			if replaced := after.RealmID != before.RealmID && after.Refresh[0].ID != before.Refresh[0].ID && len(after.Signing) == 0; replaced == test.shared {
				t.Errorf("the keys were replaced: %t", replaced)
			}
			if kept, err = bolt.Open(path, bolt.Options{}); err != nil {
				t.Fatal(err)
			}
			if kept.ID() == id {
				t.Error("the id of the store is the same")
			}
			if err := kept.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The hint comes once for each place, and never for a store that is new or not in
// a file.
func TestHintAtCopy(t *testing.T) {
	core, logged := observer.New(zap.WarnLevel)
	kept := memory.New()
	hints := func(module StoreModule) int {
		t.Helper()
		o := &opened{name: DefaultRealm, logger: zap.New(core), state: &state{store: kept}}
		o.hintAtCopy(t.Context(), module)
		return len(logged.TakeAll())
	}
	here, there := &BoltStore{Path: "/srv/one.db"}, &BoltStore{Path: "/srv/two.db"}
	for i, step := range []struct {
		module StoreModule
		want   int
	}{{here, 0}, {here, 0}, {new(MemoryStore), 0}, {there, 1}, {there, 0}, {here, 1}} {
		if got := hints(step.module); got != step.want {
			t.Errorf("step %d: %d hints, want %d", i, got, step.want)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := json.Marshal(home{Host: host + "-of-production", Path: here.path(DefaultRealm)})
	if err != nil {
		t.Fatal(err)
	}
	old, err := kept.Meta(t.Context(), metaHome)
	if err == nil {
		err = kept.SetMeta(t.Context(), metaHome, old, elsewhere)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := hints(here); got != 1 {
		t.Errorf("from another host: %d hints, want 1", got)
	}
}
