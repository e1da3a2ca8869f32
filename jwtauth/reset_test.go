package jwtauth

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/keyring"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
)

// keysRecord is a part of what the storage keeps of the keys.
type keysRecord struct {
	RealmID string     `json:"realm_id"`
	Signing []struct{} `json:"signing"`
	Refresh []struct {
		ID string `json:"id"`
	} `json:"refresh"`
}

func readKeys(t *testing.T, dir string) (kept keysRecord) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "jwtauth", DefaultRealm, "keys.json"))
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

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
			dir := t.TempDir()
			if _, err := keyring.Open(t.Context(), keyring.Options{
				Storage: &certmagic.FileStorage{Path: dir}, Realm: DefaultRealm, Algorithm: "ES256",
				Configured: test.given, Lifetimes: session.DefaultLifetimes(), Logger: zap.NewNop(),
			}); err != nil {
				t.Fatal(err)
			}
			before := readKeys(t, dir)
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
				name: DefaultRealm, store: &BoltStore{Path: path}, storage: storage, SigningKeys: make([]SigningKey, len(test.given)),
			}}}
			done, err := app.ResetStore(t.Context(), DefaultRealm)
			if err != nil {
				t.Fatal(err)
			}
			if done.NewKeys != (test.says == "") || !strings.Contains(done.KeysKept, test.says) || done.Path != path {
				t.Errorf("%+v", done)
			}
			after := readKeys(t, dir)
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
