package user

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/strictjson"
)

const (
	// MaxFile is the most bytes a users file may have.
	MaxFile = 64 << 20
	// maxFileErrors is how many wrong users of a file one error tells of.
	maxFileErrors = 10
)

// ReadFile reads a users file:
//
//	{
//	  "users": [
//	    {
//	      "username": "alice",
//	      "full_name": "Alice Liddell",
//	      "email": "alice@example.com",
//	      "disabled": false,
//	      "roles": ["admin"],
//	      "scopes": ["read", "write"],
//	      "claims": {"tenant": "acme"},
//	      "password_hash": "$argon2id$…"
//	    }
//	  ]
//	}
//
// Only username is required. Unknown and repeated members, members in another
// case, and users that [Check] refuses are errors, which name the file and the
// line and never show a hash.
func ReadFile(path string) ([]User, error) {
	text, _, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parseFile(path, text)
}

// readFile returns the content of a users file, and which file that is.
func readFile(path string) ([]byte, fs.FileInfo, error) {
	// Asked first, because to open a pipe means to wait for its other end.
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("users file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, info, fmt.Errorf("users file %s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("users file: %w", err)
	}
	defer f.Close()
	// Before reading: what is written while we read must look like a change.
	if info, err = f.Stat(); err != nil {
		return nil, nil, fmt.Errorf("users file: %w", err)
	}
	tooLarge := fmt.Errorf("users file %s is larger than %d MiB; keep that many users in the store", path, MaxFile>>20)
	if info.Size() > MaxFile {
		return nil, info, tooLarge
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("users file: %w", err)
	}
	if len(text) > MaxFile {
		return nil, nil, tooLarge
	}
	return text, info, nil
}

// fileUser is a user and the place where the one before it ended.
type fileUser struct {
	User
	offset int64
}

// UnmarshalJSONFrom reads the user with the options of dec.
func (u *fileUser) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	u.offset = dec.InputOffset()
	return json.UnmarshalDecode(dec, &u.User)
}

func parseFile(path string, text []byte) ([]User, error) {
	var content struct {
		Users *[]fileUser `json:"users"`
	}
	at := func(offset int64) string {
		before := text[:min(max(offset, 0), int64(len(text)))]
		return fmt.Sprintf("users file %s, line %d (byte %d)", path, 1+bytes.Count(before, []byte("\n")), len(before))
	}
	if err := strictjson.Unmarshal(text, &content); err != nil {
		var wrong *strictjson.Error
		errors.As(err, &wrong)
		return nil, fmt.Errorf("%s: %w", at(wrong.Offset), err)
	}
	if content.Users == nil {
		return nil, fmt.Errorf(`users file %s has no users; the least it may hold is {"users": []}`, path)
	}
	users := make([]User, 0, len(*content.Users))
	seen := make(map[string]bool, len(*content.Users))
	var errs []error
	for _, u := range *content.Users {
		start := u.offset
		for start < int64(len(text)) && bytes.IndexByte([]byte(" \t\r\n,[:"), text[start]) >= 0 {
			start++
		}
		if err := CheckNew(u.User); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", at(start), err))
		} else if seen[u.Username] {
			errs = append(errs, fmt.Errorf("%s: user %s is in the file twice", at(start), quote(u.Username)))
		}
		if len(errs) == maxFileErrors {
			break
		}
		seen[u.Username] = true
		users = append(users, u.User)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return users, nil
}
