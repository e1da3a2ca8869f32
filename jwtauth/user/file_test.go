package user_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

const (
	oneUser  = `{"users": [{"username": "alice", "roles": ["admin"]}]}`
	twoUsers = `{"users": [{"username": "alice"}, {"username": "bob"}]}`
)

func TestReadFile(t *testing.T) {
	users, err := user.ReadFile(tempFile(t, `{
  "users": [
    {
      "username": "alice",
      "full_name": "Alice Liddell",
      "email": "alice@example.com",
      "disabled": true,
      "roles": ["admin", "editor"],
      "scopes": ["read"],
      "claims": {"tenant": "acme", "level": 3},
      "password_hash": "`+hash(0)+`"
    },
    {"username": "bob"}
  ]
}
`))
	if err != nil || len(users) != 2 {
		t.Fatalf("got %v, %v", users, err)
	}
	a := users[0]
	if a.Username != "alice" || a.FullName != "Alice Liddell" || a.Email != "alice@example.com" || !a.Disabled || len(a.Roles) != 2 ||
		a.Roles[1] != "editor" || a.Scopes[0] != "read" || a.Claims["tenant"] != "acme" || a.Claims["level"] != 3.0 || a.PasswordHash != hash(0) {
		t.Errorf("got %+v", a)
	}
	if users, err := user.ReadFile(tempFile(t, `{"users": []}`)); err != nil || len(users) != 0 {
		t.Errorf("an empty list: %v, %v", users, err)
	}
}

func TestReadFileRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty file":            {"", "line 1"},
		"cut off":               {oneUser[:30], "ends too early"},
		"no users":              {`{}`, `{"users": []}`},
		"null":                  {`null`, `{"users": []}`},
		"null list":             {`{"users": null}`, `{"users": []}`},
		"a list":                {`[]`, "wrong type"},
		"unknown member":        {"{\"users\": [\n{\"username\": \"a\",\n\"rolls\": []}]}", `line 3 (byte 30): unknown member "rolls"`},
		"unknown at the top":    {`{"users": [], "clients": []}`, `"clients"`},
		"member in other case":  {`{"users": [{"username": "a", "Disabled": true}]}`, `"Disabled"`},
		"member twice":          {`{"users": [{"username": "a", "disabled": true, "disabled": false}]}`, `"disabled" is there twice`},
		"claim twice":           {`{"users": [{"username": "a", "claims": {"x": 1, "x": 2}}]}`, `"x" is there twice`},
		"wrong type":            {`{"users": [{"username": "a", "disabled": "secret"}]}`, `"/users/0/disabled"`},
		"roles as a string":     {`{"users": [{"username": "a", "roles": "admin"}]}`, `"/users/0/roles"`},
		"null user":             {`{"users": [null]}`, "must not be empty"},
		"bad UTF-8":             {"{\"users\": [{\"username\": \"a\xff\"}]}", "not valid JSON"},
		"trailing data":         {oneUser + oneUser, "not valid JSON"},
		"user twice":            {"{\"users\": [{\"username\": \"a\"},\n{\"username\": \"b\"},\n\n {\"username\": \"a\"}]}", `line 4 (byte 51): user "a" is in the file twice`},
		"bad role":              {"{\"users\": [\n{\"username\": \"a\"},\n{\"username\": \"b\", \"roles\": [\"x,y\"]}]}", `line 3 (byte 31): user "b": role "x,y"`},
		"hash of unknown form":  {`{"users": [{"username": "a", "password_hash": "secret"}]}`, "password_hash"},
		"number that loses":     {`{"users": [{"username": "a", "claims": {"id": 9007199254740993}}]}`, "as a string"},
		"number that overflows": {`{"users": [{"username": "a", "claims": {"id": 1e400}}]}`, "line 1"},
	} {
		path := tempFile(t, c.text)
		_, err := user.ReadFile(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error with the path and %s", name, err, c.want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v shows a value", name, err)
		}
	}
}

func TestReadFileNeedsAFile(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	write(t, large, "")
	if err := os.Truncate(large, user.MaxFile+1); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{"missing": filepath.Join(dir, "missing"), "folder": dir, "too large": large}
	for name, path := range paths {
		if _, err := user.ReadFile(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error with the path", name, err)
		}
	}
}
