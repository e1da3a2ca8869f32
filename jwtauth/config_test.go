package jwtauth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// configFolders keeps a test out of the real data folder. It returns a folder for
// the test's files, the one where Caddy's data goes, and Caddy's storage.
func configFolders(t *testing.T) (folder, data, storage string) {
	t.Helper()
	folder = t.TempDir()
	data = filepath.Join(folder, "data")
	storage = filepath.Join(folder, "storage")
	t.Setenv("XDG_DATA_HOME", data)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(folder, "config"))
	t.Setenv("CONFIG_FOLDER", folder)
	return folder, data, storage
}

// configOf makes a config of the JSON of the app jwtauth and of the routes of one
// server, which nothing connects to.
func configOf(t *testing.T, storage, app, routes string) *caddy.Config {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"admin":   map[string]any{"disabled": true, "config": map[string]any{"persist": false}},
		"logging": map[string]any{"logs": map[string]any{"default": map[string]any{"writer": map[string]any{"output": "discard"}}}},
		"storage": map[string]any{"module": "file_system", "root": storage},
		"apps": map[string]any{
			"jwtauth": json.RawMessage(app),
			"http": map[string]any{"servers": map[string]any{"srv0": map[string]any{
				"listen": []string{"127.0.0.1:0"},
				"routes": json.RawMessage(routes),
			}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := new(caddy.Config)
	if err := json.Unmarshal(text, cfg); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// inRealm is the app with the options of one realm, inRoute a route with one
// handler, inMatcher one with one matcher.
func inRealm(options string) string { return `{"realms": {"default": {` + options + `}}}` }
func inRoute(handler string) string { return `[{"handle": [{` + handler + `}]}]` }
func inMatcher(matcher string) string {
	return `[{"match": [{` + matcher + `}], "handle": [{"handler": "static_response"}]}]`
}

func weakRSA(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// What only loading can see: each error names what it is about, and shows no
// secret.
func TestConfigErrors(t *testing.T) {
	const (
		hash   = "$2a$10$a0NH7J4ZruhVFz.JFdv39.2ya8sf74YlCeLgGD04.sfm.uGeDN3eW"
		secret = "a-secret-of-more-than-32-bytes-for-tests-only"
		alice  = `"users": [{"username": "alice", "password_hash": "` + hash + `"}]`
	)
	for _, test := range []struct {
		name   string
		app    string // default: {}
		routes string // default: []
		want   []string
	}{
		// Keys.
		{name: "weak secret from the environment", app: inRealm(`"signing_keys": [{"algorithm": "HS256", "key": "{env.CONFIG_WEAK}"}]`),
			want: []string{"realm default", "signing_key HS256", "at least 32 bytes", "openssl rand"}},
		{name: "weak secret in another realm", app: `{"realms": {"staff": {"signing_keys": [{"algorithm": "HS256", "key": "{env.CONFIG_WEAK}"}]}}}`,
			want: []string{"realm staff", "signing_key HS256"}},
		{name: "weak RSA key from the environment", app: inRealm(`"signing_keys": [{"algorithm": "RS256", "key": "{env.CONFIG_RSA}"}]`),
			want: []string{"realm default", "signing_key RS256", "2048"}},
		{name: "variable that is not set", app: inRealm(`"signing_keys": [{"algorithm": "HS256", "key": "{env.CONFIG_UNSET}"}]`),
			want: []string{"realm default", "signing_key HS256", "{env.CONFIG_UNSET}"}},
		{name: "variable that is empty", app: inRealm(`"signing_keys": [{"algorithm": "HS256", "key": "{env.CONFIG_EMPTY}"}]`),
			want: []string{"realm default", "signing_key HS256", "{env.CONFIG_EMPTY}"}},
		{name: "key file that is missing", app: inRealm(`"signing_keys": [{"algorithm": "HS256", "key": "{file.nowhere.key}"}]`),
			want: []string{"realm default", "signing_key HS256", "nowhere.key"}},
		{name: "key that is empty", app: inRealm(`"signing_keys": [{"algorithm": "HS256", "key": ""}]`),
			want: []string{"realm default", "signing_key HS256"}},
		{name: "key and algorithm swapped", app: inRealm(`"signing_keys": [{"algorithm": "` + secret + `", "key": "HS256"}]`),
			want: []string{"realm default", "signing_key number 1", "the algorithm comes before the key"}},
		{name: "the same secret in two spellings", app: inRealm(`"signing_keys": [{"algorithm": "HS256", "key": "` + secret + `"}, {"algorithm": "HS256", "key": "{env.CONFIG_SECRET}"}]`),
			want: []string{"realm default", "signing_key HS256", "twice"}},
		{name: "key given and algorithm chosen", app: inRealm(`"signing_algorithm": "ES256", "signing_keys": [{"algorithm": "HS256", "key": "` + secret + `"}]`),
			want: []string{"realm default", "signing_algorithm", "signing_key"}},
		{name: "unknown algorithm", app: inRealm(`"signing_algorithm": "none"`),
			want: []string{"realm default", "signing_algorithm", "ES256"}},

		// Tokens.
		{name: "issuer from the environment", app: inRealm(`"issuer": "{env.CONFIG_WORD}"`),
			want: []string{"realm default", "issuer", "https://example.com"}},
		{name: "issuer that is not set", app: inRealm(`"issuer": "{env.CONFIG_UNSET}"`),
			want: []string{"realm default", "issuer", "{env.CONFIG_UNSET}"}},
		{name: "empty audience", app: inRealm(`"audience": [""]`), want: []string{"realm default", "audience"}},
		{name: "negative lifetime", app: inRealm(`"access_token_lifetime": "-15m"`),
			want: []string{"realm default", "access_token_lifetime", "-15m"}},
		{name: "lifetime of a lifetime", app: inRealm(`"refresh_token_lifetime": "40000d"`),
			want: []string{"realm default", "refresh_token_lifetime", "10 years"}},
		{name: "lifetime without a unit", app: inRealm(`"refresh_token_idle": 5`),
			want: []string{"realm default", "refresh_token_idle", "5ns"}},
		{name: "grace of an hour", app: inRealm(`"refresh_token_grace": "1h"`),
			want: []string{"realm default", "refresh_token_grace", "5m"}},

		// Users and clients.
		{name: "hash that is not set", app: inRealm(`"users": [{"username": "alice", "password_hash": "{env.CONFIG_UNSET}"}]`),
			want: []string{"realm default", "user alice", "{env.CONFIG_UNSET}"}},
		{name: "password instead of a hash", app: inRealm(`"users": [{"username": "alice", "password_hash": "{env.CONFIG_WEAK}"}]`),
			want: []string{"realm default", `user "alice"`, "password_hash", "hash-password"}},
		{name: "user without a hash", app: inRealm(`"users": [{"username": "alice"}]`),
			want: []string{"realm default", "user alice", "hash-password"}},
		{name: "two users of one name", app: inRealm(`"users": [{"username": "alice", "password_hash": "` + hash + `"}, {"username": "alice", "password_hash": "` + hash + `"}]`),
			want: []string{"realm default", `user "alice"`}},
		{name: "role with a comma", app: inRealm(`"users": [{"username": "alice", "password_hash": "` + hash + `", "roles": ["admin,user"]}]`),
			want: []string{"realm default", `user "alice"`, `role "admin,user"`, "comma"}},
		{name: "reserved claim", app: inRealm(`"users": [{"username": "alice", "password_hash": "` + hash + `", "claims": {"exp": 1}}]`),
			want: []string{"realm default", `user "alice"`, `"exp" is reserved`}},
		{name: "users file that is missing", app: inRealm(`"users_files": ["{env.CONFIG_FOLDER}/nobody.json"]`),
			want: []string{"realm default", "users file", "/nobody.json"}},
		{name: "users file that is a folder", app: inRealm(`"users_files": ["{env.CONFIG_FOLDER}"]`),
			want: []string{"realm default", "users file", "not a regular file"}},
		{name: "users file that is broken", app: inRealm(`"users_files": ["{env.CONFIG_FOLDER}/broken.json"]`),
			want: []string{"realm default", "users file", "/broken.json, line 2"}},
		{name: "users file that is not named", app: inRealm(`"users_files": ["{env.CONFIG_UNSET}"]`),
			want: []string{"realm default", "users_file", "{env.CONFIG_UNSET}"}},
		{name: "user of the config in a file", app: inRealm(alice + `, "users_files": ["{env.CONFIG_FOLDER}/alice.json"]`),
			want: []string{"realm default", `user "alice"`, "the configuration", "/alice.json"}},
		{name: "one user in two files", app: inRealm(`"users_files": ["{env.CONFIG_FOLDER}/alice.json", "{env.CONFIG_FOLDER}/alice-too.json"]`),
			want: []string{"realm default", `user "alice"`, "/alice.json", "/alice-too.json"}},
		{name: "client with the name of a user", app: inRealm(alice + `, "clients": [{"id": "alice"}]`),
			want: []string{"realm default", "client alice", "rename"}},
		{name: "client with the name of a user in a file", app: inRealm(`"users_files": ["{env.CONFIG_FOLDER}/alice.json"], "clients": [{"id": "alice"}]`),
			want: []string{"realm default", "client alice", "rename"}},
		{name: "two clients of one id", app: inRealm(`"clients": [{"id": "app"}, {"id": "app"}]`),
			want: []string{"realm default", "client app", "twice"}},
		{name: "client without an id", app: inRealm(`"clients": [{}]`), want: []string{"realm default", "client"}},
		{name: "reserved client", app: inRealm(`"clients": [{"id": "first-party"}]`), want: []string{"realm default", "reserved"}},
		{name: "unknown grant", app: inRealm(`"clients": [{"id": "app", "grants": ["implicit"]}]`),
			want: []string{"realm default", "client app", `"implicit"`}},
		{name: "secret instead of its hash", app: inRealm(`"clients": [{"id": "app", "secret_hash": "{env.CONFIG_WEAK}"}]`),
			want: []string{"realm default", "client app", "password hash"}},

		// The rest of a realm.
		{name: "unknown store", app: inRealm(`"store": {"module": "etcd"}`), want: []string{"realm default", "store", "jwtauth.stores.etcd"}},
		{name: "store without a module", app: inRealm(`"store": {}`), want: []string{"realm default", "store", "module"}},
		{name: "one store for two realms", app: `{"realms": {"one": {"store": {"module": "bolt", "path": "/same.db"}}, "two": {"store": {"module": "bolt", "path": "/./same.db"}}}}`,
			want: []string{"realm two", "store", "realm one"}},
		{name: "store path that is not set", app: inRealm(`"store": {"module": "bolt", "path": "{env.CONFIG_UNSET}/a.db"}`),
			want: []string{"realm default", "store", "{env.CONFIG_UNSET}"}},
		{name: "unknown hash scheme", app: inRealm(`"password_hash": {"scheme": "md5"}`),
			want: []string{"realm default", "password_hash", "argon2id"}},
		{name: "weak hash", app: inRealm(`"password_hash": {"scheme": "bcrypt", "cost": 4}`),
			want: []string{"realm default", "password_hash", "cost"}},
		{name: "negative slots", app: inRealm(`"password_hash": {"slots": -1}`),
			want: []string{"realm default", "password_hash", "slots"}},
		{name: "negative throttle", app: inRealm(`"throttle": {"account_free": -1}`),
			want: []string{"realm default", "throttle", "account_free"}},
		{name: "name of a realm", app: `{"realms": {"../staff": {}}}`, want: []string{`realm name "../staff"`, "lower-case"}},
		{name: "unknown option of a realm", app: inRealm(`"access_token_lifetim": "5m"`), want: []string{`"access_token_lifetim"`}},

		// Handlers, matchers and the provider.
		{name: "token server of an unknown realm", routes: inRoute(`"handler": "token_server", "realm": "staff"`),
			want: []string{"token_server", `unknown realm "staff"`, "[default]"}},
		{name: "guard of an unknown realm", routes: inRoute(`"handler": "jwt_auth", "realm": "staff"`),
			want: []string{"jwt_auth", `unknown realm "staff"`}},
		{name: "the strip handler of before", routes: inRoute(`"handler": "jwt_auth_strip", "realm": "staff", "headers": ["X-User"]`),
			want: []string{"jwt_auth_strip", "remove it", "move the matcher", `"handler": "jwt_auth", "match"`}},
		{name: "matcher of a guard that asks for a role", routes: inRoute(`"handler": "jwt_auth", "match": [{"path": ["/a"]}, {"jwt_role": ["admin"]}]`),
			want: []string{"jwt_auth", "the matcher of jwt_auth asks who is signed in"}},
		{name: "the same in not", routes: inRoute(`"handler": "jwt_auth", "match": [{"not": [{"jwt_claim": {"tenant": ["acme"]}}]}]`),
			want: []string{"jwt_auth", "the matcher of jwt_auth asks who is signed in"}},
		{name: "the same in an expression", routes: inRoute(`"handler": "jwt_auth", "match": [{"expression": "jwt_role ('admin')"}]`),
			want: []string{"jwt_auth", "the matcher of jwt_auth asks who is signed in"}},
		{name: "the same by a placeholder", routes: inRoute(`"handler": "jwt_auth", "match": [{"path": ["/home/{http.auth.user.id}/*"]}]`),
			want: []string{"jwt_auth", "the matcher of jwt_auth asks who is signed in"}},
		{name: "unknown matcher of a guard", routes: inRoute(`"handler": "jwt_auth", "match": [{"pathh": ["/a"]}]`),
			want: []string{"jwt_auth", "match:", "http.matchers.pathh"}},
		{name: "matcher of a guard in another form", routes: inRoute(`"handler": "jwt_auth", "match": [{"path": "/a"}]`),
			want: []string{"jwt_auth", "match: path:"}},
		{name: "broken matcher of a guard", routes: inRoute(`"handler": "jwt_auth", "match": [{"path_regexp": {"pattern": "("}}]`),
			want: []string{"jwt_auth", "match:", "path_regexp"}},
		{name: "unknown matcher of a token server", routes: inRoute(`"handler": "token_server", "match": [{"pathh": ["/a"]}]`),
			want: []string{"token_server", "match:", "http.matchers.pathh"}},
		{name: "paths of the guard", routes: inRoute(`"handler": "jwt_auth", "paths": "exact"`), want: []string{"jwt_auth", `paths "exact"`, "as_matched"}},
		{name: "provider of an unknown realm", routes: inRoute(`"handler": "authentication", "providers": {"jwtauth": {"realm": "staff"}}`),
			want: []string{"jwtauth", `unknown realm "staff"`}},
		{name: "base path", routes: inRoute(`"handler": "token_server", "base_path": "auth"`), want: []string{"token_server", `base_path "auth"`}},
		{name: "errors of the token server", routes: inRoute(`"handler": "token_server", "errors": "site"`), want: []string{"token_server", `errors "site"`}},
		{name: "no role", routes: inRoute(`"handler": "jwt_auth", "roles": {}`), want: []string{"jwt_auth", "roles"}},
		{name: "empty list of any roles", routes: inRoute(`"handler": "jwt_auth", "roles": {"any": []}`), want: []string{"jwt_auth", "roles"}},
		{name: "empty list beside another", routes: inRoute(`"handler": "jwt_auth", "roles": {"any": ["admin"], "all": []}`), want: []string{"jwt_auth", "roles all"}},
		{name: "empty role", routes: inRoute(`"handler": "jwt_auth", "roles": {"any": [""]}`), want: []string{"jwt_auth", "roles any"}},
		{name: "roles in one string", routes: inRoute(`"handler": "jwt_auth", "roles": {"any": ["admin,editor"]}`), want: []string{"jwt_auth", `"admin,editor"`, "comma"}},
		{name: "roles without a quantifier", routes: inRoute(`"handler": "jwt_auth", "roles": ["admin"]`), want: []string{"jwt_auth", "roles"}},
		{name: "empty list of scopes", routes: inRoute(`"handler": "jwt_auth", "scope": []`), want: []string{"jwt_auth", "scope"}},
		{name: "placeholder among scopes", routes: inRoute(`"handler": "jwt_auth", "scope": ["read", "{env.SCOPE}"]`), want: []string{"jwt_auth", "scope", "{env.SCOPE}", "placeholder"}},
		{name: "placeholder among claims", routes: inRoute(`"handler": "jwt_auth", "claims": [{"name": "tenant", "values": ["{http.request.host}"]}]`), want: []string{"jwt_auth", "claim tenant", "placeholder"}},
		{name: "placeholder as a role", routes: inRoute(`"handler": "jwt_auth", "roles": {"any": ["{env.ROLE}"]}`), want: []string{"jwt_auth", "roles", "{env.ROLE}", "placeholder"}},
		{name: "matcher with a placeholder", routes: inMatcher(`"jwt_claim": {"tenant": ["{env.TENANT}"]}`), want: []string{"jwt_claim", "tenant", "placeholder"}},
		{name: "empty path of a users file", app: inRealm(`"users_files": [""]`), want: []string{"realm default", "users_file", "path"}},
		{name: "empty list of claims", routes: inRoute(`"handler": "jwt_auth", "claims": []`), want: []string{"jwt_auth", "claims"}},
		{name: "claim without values", routes: inRoute(`"handler": "jwt_auth", "claims": [{"name": "tenant", "values": []}]`), want: []string{"jwt_auth", `"tenant"`}},
		{name: "claim without a name", routes: inRoute(`"handler": "jwt_auth", "claims": [{"values": ["acme"]}]`), want: []string{"jwt_auth", "claim"}},
		{name: "unknown source", routes: inRoute(`"handler": "jwt_auth", "sources": [{"from": "body"}]`), want: []string{"jwt_auth", `source "body"`}},
		{name: "query without a name", routes: inRoute(`"handler": "jwt_auth", "sources": [{"from": "query"}]`), want: []string{"jwt_auth", "source query"}},
		{name: "optional with a role", routes: inRoute(`"handler": "jwt_auth", "optional": true, "roles": {"any": ["admin"]}`), want: []string{"jwt_auth", "optional"}},
		{name: "errors of the guard", routes: inRoute(`"handler": "jwt_auth", "errors": "json"`), want: []string{"jwt_auth", `errors "json"`}},
		{name: "reserved header", routes: inRoute(`"handler": "jwt_auth", "set_headers": [{"name": "content_type", "value": "a"}]`), want: []string{"jwt_auth", "content_type"}},
		{name: "header without a value", routes: inRoute(`"handler": "jwt_auth", "set_headers": [{"name": "X-User"}]`), want: []string{"jwt_auth", "X-User"}},
		{name: "origin with a path", routes: inRoute(`"handler": "jwt_auth", "trusted_origins": ["https://example.com/a"]`), want: []string{"jwt_auth", "trusted_origins"}},
		{name: "origin that no browser sends", routes: inRoute(`"handler": "jwt_auth", "trusted_origins": ["https://example.com", "https://example.com:443"]`), want: []string{"jwt_auth", "trusted_origins", `"https://example.com:443"`, "write https://example.com"}},
		{name: "misspelled option of the guard", routes: inRoute(`"handler": "jwt_auth", "role": {"any": ["admin"]}`), want: []string{"jwt_auth", `"role"`}},
		{name: "matcher without roles", routes: inMatcher(`"jwt_role": []`), want: []string{"jwt_role"}},
		{name: "matcher with an empty role", routes: inMatcher(`"jwt_role": ["admin", ""]`), want: []string{"jwt_role", "empty"}},
		{name: "matcher without claims", routes: inMatcher(`"jwt_claim": {}`), want: []string{"jwt_claim"}},
		{name: "matcher without values", routes: inMatcher(`"jwt_claim": {"tenant": []}`), want: []string{"jwt_claim", `"tenant"`}},
		{name: "expression without roles", routes: inMatcher(`"expression": "jwt_role()"`), want: []string{"expression", "at least one argument"}},
		{name: "expression without values", routes: inMatcher(`"expression": "jwt_claim('tenant')"`), want: []string{"jwt_claim"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder, _, storage := configFolders(t)
			t.Setenv("CONFIG_WEAK", "your-secret-key")
			t.Setenv("CONFIG_WORD", "nonsense")
			t.Setenv("CONFIG_EMPTY", "")
			t.Setenv("CONFIG_SECRET", secret)
			t.Setenv("CONFIG_RSA", weakRSA(t))
			for name, text := range map[string]string{
				"broken.json":    "{\"users\":\n [",
				"alice.json":     `{"users": [{"username": "alice"}]}`,
				"alice-too.json": `{"users": [{"username": "alice"}]}`,
			} {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			app, routes := test.app, test.routes
			if app == "" {
				app = "{}"
			}
			if routes == "" {
				routes = "[]"
			}
			err := caddy.Validate(configOf(t, storage, app, routes))
			if err == nil {
				t.Fatal("the config was taken")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			for _, never := range []string{"your-secret-key", secret, "PRIVATE KEY-----\nMI", hash} {
				if strings.Contains(err.Error(), never) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}

// A realm that is null, or not written, is one with nothing but defaults.
func TestConfigDefaults(t *testing.T) {
	for name, app := range map[string]string{
		"nothing":       `{}`,
		"null realms":   `{"realms": null}`,
		"null realm":    `{"realms": {"default": null}}`,
		"null and more": `{"realms": {"staff": null}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, _, storage := configFolders(t)
			routes := `[{"handle": [{"handler": "token_server"}, {"handler": "jwt_auth", "realm": "default"}]}]`
			if strings.Contains(app, "staff") {
				routes = inRoute(`"handler": "jwt_auth", "realm": "staff"`)
			}
			if err := caddy.Validate(configOf(t, storage, app, routes)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// filesBelow lists the files and folders in a folder that may not exist.
func filesBelow(t *testing.T, folder string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if path != folder {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

const (
	usedRealms = `{"realms": {"staff": {"store": {"module": "bolt", "path": "{env.CONFIG_FOLDER}/elsewhere/staff.db"}}}}`
	usingThem  = `[{"handle": [{"handler": "token_server"}, {"handler": "jwt_auth"}, {"handler": "jwt_auth", "realm": "staff"}]}]`
)

// `caddy validate` provisions a config and does not start it: it opens no store,
// makes no key and no folder. Starting the same config does.
func TestConfigValidateMakesNothing(t *testing.T) {
	folder, data, storage := configFolders(t)
	if err := caddy.Validate(configOf(t, storage, usedRealms, usingThem)); err != nil {
		t.Fatal(err)
	}
	if found := filesBelow(t, folder); len(found) > 0 {
		t.Fatalf("caddy validate has made %v", found)
	}

	runConfig(t, configOf(t, storage, usedRealms, usingThem))
	for _, path := range []string{
		filepath.Join(data, "caddy", "jwtauth", "default.db"),
		filepath.Join(folder, "elsewhere", "staff.db"),
		filepath.Join(storage, "jwtauth", "default", "keys.json"),
		filepath.Join(storage, "jwtauth", "staff", "keys.json"),
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
	}
}

// A realm that no handler names and that is not written is not opened either.
func TestConfigUnusedRealmMakesNothing(t *testing.T) {
	folder, _, storage := configFolders(t)
	runConfig(t, configOf(t, storage, `{}`, inRoute(`"handler": "static_response"`)))
	for _, path := range filesBelow(t, folder) {
		if strings.Contains(path, "jwtauth") {
			t.Errorf("starting has made %s", path)
		}
	}
}

// runConfig starts a config and stops it at the end of the test.
func runConfig(t *testing.T, cfg *caddy.Config) {
	t.Helper()
	if err := caddy.Run(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// What only Start can see: each error names the realm and the file and says what
// to do, the file is left as it is, and nothing stays locked.
func TestConfigStartErrors(t *testing.T) {
	const app = `{"realms": {"default": {"store": {"module": "bolt", "path": "{env.CONFIG_FOLDER}/store.db"}, "clients": [{"id": "alice"}]}}}`
	garbage := strings.Repeat("this was never a store\n", 4000)
	write := func(t *testing.T, path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open := func(t *testing.T, path string) *bolt.Store {
		t.Helper()
		store, err := bolt.Open(path, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, store, keys string)
		want    []string
		after   func(t *testing.T, store, keys string)
	}{
		{
			name: "locked store",
			prepare: func(t *testing.T, store, _ string) {
				held := open(t, store)
				t.Cleanup(func() {
					if err := held.Close(); err != nil {
						t.Error(err)
					}
				})
			},
			want: []string{"realm default", "store", "/store.db", "has it open", "stop that one"},
		},
		{
			name:    "corrupt store",
			prepare: func(t *testing.T, store, _ string) { write(t, store, garbage) },
			want:    []string{"realm default", "store", "/store.db", "restore a backup", "left as it is"},
			after: func(t *testing.T, store, _ string) {
				if text, err := os.ReadFile(store); err != nil || string(text) != garbage {
					t.Errorf("the file was changed: %d bytes, %v", len(text), err)
				}
			},
		},
		{
			name: "store cut off",
			prepare: func(t *testing.T, store, _ string) {
				if err := open(t, store).Close(); err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(store, 3*4096); err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"realm default", "store", "/store.db", "restore a backup"},
		},
		{
			name: "store that is a folder",
			prepare: func(t *testing.T, store, _ string) {
				if err := os.Mkdir(store, 0o700); err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"realm default", "store", "/store.db", "another path"},
		},
		{
			name: "client with the name of a user in the store",
			prepare: func(t *testing.T, store, _ string) {
				s := open(t, store)
				if _, err := s.PutUser(context.Background(), user.Record{User: user.User{Username: "alice"}}, nil); err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"realm default", "client alice", "rename"},
			after: func(t *testing.T, store, _ string) {
				if err := open(t, store).Close(); err != nil { // it is not locked
					t.Fatal(err)
				}
			},
		},
		{
			name:    "damaged keys",
			prepare: func(t *testing.T, _, keys string) { write(t, keys, "{") },
			want:    []string{"realm default", "jwtauth/default/keys.json", "damaged", "backup"},
			after: func(t *testing.T, store, keys string) {
				if text, err := os.ReadFile(keys); err != nil || string(text) != "{" {
					t.Errorf("the keys were written over: %q, %v", text, err)
				}
			},
		},
		{
			name:    "keys without a version",
			prepare: func(t *testing.T, _, keys string) { write(t, keys, "{}") },
			want:    []string{"realm default", "jwtauth/default/keys.json", "damaged", "backup"},
		},
		{
			name:    "keys of a newer version",
			prepare: func(t *testing.T, _, keys string) { write(t, keys, `{"version": 99}`) },
			want:    []string{"realm default", "jwtauth/default/keys.json", "format 99"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder, _, storage := configFolders(t)
			store := filepath.Join(folder, "store.db")
			keys := filepath.Join(storage, "jwtauth", "default", "keys.json")
			test.prepare(t, store, keys)
			err := caddy.Run(configOf(t, storage, app, inRoute(`"handler": "jwt_auth"`)))
			if err == nil {
				t.Error(caddy.Stop())
				t.Fatal("the config was started")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if test.after != nil {
				test.after(t, store, keys)
			}
		})
	}
}

// A store below something that is no folder cannot be made.
func TestConfigStoreBelowAFile(t *testing.T) {
	folder, _, storage := configFolders(t)
	if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	app := inRealm(`"store": {"module": "bolt", "path": "{env.CONFIG_FOLDER}/file/store.db"}`)
	err := caddy.Run(configOf(t, storage, app, "[]"))
	if err == nil {
		t.Error(caddy.Stop())
		t.Fatal("the config was started")
	}
	for _, want := range []string{"realm default", "store", "/file/store.db"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
}
