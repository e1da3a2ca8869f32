package cmd_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
)

func TestKeyRotate(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, site)
	c.AddUser("alice", "correct horse")
	before := mustSignIn(t, c, "alice", "correct horse")
	old := kid(t, before.Access)

	keys := signingKeys(decode[[]adminapi.Key](t, c, "key", "rotate"))
	if len(keys) != 2 || keys[0].ID != old || keys[0].State != "signs" || keys[1].State != "waits" {
		t.Fatalf("keys after the rotation: %+v", keys)
	}
	if wait := time.Until(*keys[1].UsedFrom); wait < 11*time.Minute || wait > 12*time.Minute {
		t.Errorf("the new key signs in %s, want about 12 minutes", wait)
	}
	if got := published(t, c); !slices.Contains(got, old) || !slices.Contains(got, keys[1].ID) {
		t.Errorf("JWKS has %v, want the old key %s and the new one %s", got, old, keys[1].ID)
	}
	if got := kid(t, mustSignIn(t, c, "alice", "correct horse").Access); got != old {
		t.Errorf("a token is signed with %s, want %s until the new key is known", got, old)
	}

	now := c.Run("jwtauth", "key", "rotate", "--now")
	if now.Code != 0 || !strings.Contains(now.Stderr, "in use from now on") {
		t.Fatalf("rotate --now: exit code %d\n%s", now.Code, now.Stderr)
	}
	after := mustSignIn(t, c, "alice", "correct horse")
	if got := kid(t, after.Access); got == old || !slices.Contains(published(t, c), got) {
		t.Errorf("a token is signed with %s, want a new key that is published", got)
	}
	wantGet(t, c, "/private/", before.Access, http.StatusOK)
	wantGet(t, c, "/private/", after.Access, http.StatusOK)
	if got := refresh(t, c, before.Refresh); got != http.StatusOK {
		t.Errorf("refresh token from before the rotation: status %d, want 200", got)
	}
}

func TestKeysOfTheConfig(t *testing.T) {
	t.Parallel()
	c := testcaddy.New(t, `
{
	jwtauth {
		signing_key HS256 "a secret of more than thirty-two bytes"
	}
}
`+site)
	for _, run := range []string{"without Caddy", "with Caddy"} {
		t.Run(run, func(t *testing.T) {
			if run == "with Caddy" {
				c.Start()
			}
			wantRefused(t, c.Run("jwtauth", "key", "rotate"), "signing_key", "reload")
			keys := signingKeys(decode[[]adminapi.Key](t, c, "key", "list"))
			if len(keys) != 1 || keys[0].Algorithm != "HS256" {
				t.Errorf("keys: %+v", keys)
			}
			if list := c.MustRun("jwtauth", "key", "list"); strings.Contains(list, "thirty") {
				t.Errorf("the secret is shown:\n%s", list)
			}
		})
	}
}

func signingKeys(keys []adminapi.Key) []adminapi.Key {
	return slices.DeleteFunc(keys, func(key adminapi.Key) bool { return key.Use != "access tokens" })
}

// kid is the key that a token names.
func kid(t *testing.T, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ Kid string }
	if err := json.Unmarshal(text, &header); err != nil || header.Kid == "" {
		t.Fatalf("header %s: no kid (%v)", text, err)
	}
	return header.Kid
}

// published are the keys of the JWKS.
func published(t *testing.T, c *testcaddy.Caddy) (ids []string) {
	t.Helper()
	response, err := http.Get(c.URL("/.well-known/jwks.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var set struct{ Keys []struct{ Kid string } }
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		ids = append(ids, key.Kid)
	}
	return ids
}

func refresh(t *testing.T, c *testcaddy.Caddy, token string) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, c.URL("/refresh"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestKeyRotateRevoke(t *testing.T) {
	t.Parallel()
	c := testcaddy.Start(t, site)
	c.AddUser("alice", "correct horse")
	before := mustSignIn(t, c, "alice", "correct horse")
	revoked := decode[adminapi.RevokedKeys](t, c, "key", "rotate", "--revoke")
	keys := signingKeys(revoked.Keys)
	if revoked.Ended != 1 || revoked.Users != 1 || len(keys) != 1 || keys[0].ID == kid(t, before.Access) || keys[0].State != "signs" {
		t.Errorf("revoked: %+v", revoked)
	}
	wantGet(t, c, "/private/", before.Access, http.StatusUnauthorized)
	if got := refresh(t, c, before.Refresh); got != http.StatusUnauthorized {
		t.Errorf("refresh token from before: status %d, want 401", got)
	}
	wantGet(t, c, "/private/", mustSignIn(t, c, "alice", "correct horse").Access, http.StatusOK)
	// Where it cannot be done, it says what to do, and changes nothing.
	given := testcaddy.New(t, "{\n\tjwtauth {\n\t\tsigning_key HS256 \"a secret of more than thirty-two bytes\"\n\t}\n}\n"+site)
	wantRefused(t, given.Run("jwtauth", "key", "rotate", "--revoke"), "remove the `signing_key` lines", "reload")
	given.Start()
	wantRefused(t, given.Run("jwtauth", "key", "rotate", "--revoke"), "remove the `signing_key` lines", "reload")
}
