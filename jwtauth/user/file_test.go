package user_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
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

// FuzzUsersFile: whatever a users file holds, it is an error that names the file
// and shows no hash, or users of whom each is what Check asks for. A reader that
// is less strict sees the same users, and they can be written and read again.
func FuzzUsersFile(f *testing.F) {
	for _, seed := range []string{
		oneUser, twoUsers, `{"users": []}`, `{}`, `null`, `[]`, ``, `{"users": null}`, `{"users": [null]}`, oneUser + oneUser, oneUser[:30],
		`{"users": [{"username": "a", "password_hash": "` + hash(0) + `"}]}`,
		`{"users": [{"username": "a", "password_hash": "` + hash(0) + `", "rolls": []}]}`,
		`{"users": [{"username": "a", "password_hash": ["` + hash(0) + `"]}]}`,
		`{"users": [{"username": "a", "password_hash": "` + hash(0) + `x"}]}`,
		`{"users": [{"username": "a", "password_hash": "$argon2id$v=19$m=4194304,t=1024,p=255$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"}]}`,
		`{"users": [{"username": "a", "claims": {"x": {"y": [1, 1.5, true, null, "z"]}}, "scopes": ["r"], "email": "a@b", "full_name": "A B", "disabled": true}]}`,
		`{"users": [{"username": "a", "claims": {"exp": 1}}]}`, `{"users": [{"username": "a", "claims": {"EXP": 1}}]}`, `{"users": [{"username": "a", "claims": {"id": 1e400}}]}`,
		`{"users": [{"username": "a", "claims": {"x": 1, "x": 2}}]}`, `{"users": [{"username": "a", "claims": {"x": ` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}]}`,
		`{"users": [{"username": "a", "Disabled": true}]}`, `{"users": [{"username": "a", "disabled": true, "disabled": false}]}`,
		`{"users": [{"username": "a"}, {"username": "\u0061"}]}`, `{"users": [{"username": "a", "roles": ["x,y"]}]}`, `{"users": [{"username": "a", "roles": "admin"}]}`,
		"{\"users\": [{\"username\": \"a\xff\"}]}", `{"users": [{"username": "a\u0000"}]}`, `{"users": [{"username": "\ud800"}]}`, `{"users": [{"username": " a"}]}`,
	} {
		f.Add([]byte(seed))
	}
	const path = "/somewhere/users.json"
	canary := strings.Split(hash(0), "$")[5]
	f.Fuzz(func(t *testing.T, text []byte) {
		users, err := user.ParseFile(path, text)
		if err != nil {
			// The error may name what is out of place, so it is asked of hashes in theirs.
			inPlace := bytes.Count(text, []byte(canary)) == 1 && bytes.Contains(text, []byte(`"password_hash": "`+hash(0)))
			if users != nil || !strings.Contains(err.Error(), path) || inPlace && strings.Contains(err.Error(), canary) {
				t.Errorf("%v beside %v", users, err)
			}
			return
		}
		seen := make(map[string]bool)
		for _, u := range users {
			if err := user.Check(u); err != nil || seen[u.Username] {
				t.Errorf("%+v: %v, there before: %v", u, err, seen[u.Username])
			}
			seen[u.Username] = true
			if u.PasswordHash != "" {
				if _, err := password.Parse(u.PasswordHash); err != nil {
					t.Error(err)
				}
			}
		}
		var lenient struct{ Users []user.User }
		if err := json.Unmarshal(text, &lenient); err != nil {
			t.Fatalf("%q was accepted, and is no JSON: %v", text, err)
		}
		if len(users) != len(lenient.Users) || len(users) > 0 && !reflect.DeepEqual(users, lenient.Users) {
			t.Errorf("read as %+v here and as %+v elsewhere", users, lenient.Users)
		}
		written, err := json.Marshal(map[string]any{"users": users})
		if err != nil {
			t.Fatal(err)
		}
		again, err := user.ParseFile(path, written)
		if err != nil {
			t.Fatalf("%s, which was written for %q, is refused: %v", written, text, err)
		}
		rewritten, err := json.Marshal(map[string]any{"users": again})
		if err != nil || !bytes.Equal(written, rewritten) {
			t.Errorf("%s became %s: %v", written, rewritten, err)
		}
	})
}
