package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName bounds names of users, clients, roles, scopes and claims, in bytes.
const MaxName = 128

// CheckRole says what is wrong with the name of a role. A role can stand in a
// comma-separated list and be told from a path or a matcher in a Caddyfile.
func CheckRole(role string) error {
	if err := CheckName(role); err != nil {
		return err
	}
	if strings.ContainsRune(role, ',') || strings.ContainsFunc(role, unicode.IsSpace) {
		return errors.New("must not contain a comma or a space; give several roles one by one")
	}
	if strings.ContainsAny(role[:1], "/@*") {
		return errors.New("must not begin with /, @ or *")
	}
	return nil
}

// CheckScope says what is wrong with a scope (RFC 6749 §3.3, scope-token).
func CheckScope(scope string) error {
	if err := CheckName(scope); err != nil {
		return err
	}
	for _, r := range scope {
		if r <= ' ' || r == '"' || r == '\\' || r > '~' {
			return errors.New(`must be printable ASCII without space, " and \`)
		}
	}
	return nil
}

// CheckName says what is wrong with a name: of a user, a client, a role, a scope or a
// claim.
func CheckName(name string) error {
	if name == "" {
		return errors.New("must not be empty")
	}
	return CheckText(name, MaxName)
}

// CheckText says what is wrong with a text that is at most limit bytes long.
func CheckText(text string, limit int) error {
	switch {
	case len(text) > limit:
		return fmt.Errorf("must not be longer than %d bytes", limit)
	case !utf8.ValidString(text):
		return errors.New("must be valid UTF-8")
	case strings.ContainsFunc(text, unicode.IsControl):
		return errors.New("must not contain control characters")
	}
	return nil
}
