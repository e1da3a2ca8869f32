package jwtauth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// TestAdminStrictJSON: at every endpoint that takes a body, JSON that two programs
// could read in two ways is an error and changes nothing.
func TestAdminStrictJSON(t *testing.T) {
	s := start(t, "token_server")
	ask := func(method, path, body string) (int, string) {
		return jwtauth.AskAdmin(method, "/jwtauth/default"+path, body)
	}
	if status, text := ask("POST", "/users", `{"username":"dave","password":"a-password-of-dave","roles":["user"]}`); status != http.StatusOK {
		t.Fatalf("adding dave: %d %s", status, text)
	}
	token := s.signIn("alice").Access
	_, keys := ask("GET", "/keys", "")
	_, users := ask("GET", "/users", "")

	for _, endpoint := range []struct {
		method, path string
		// good is an object that is taken, member one of its members.
		good, member string
	}{
		{"POST", "/users", `{"username":"erin","password":"a-password-of-erin"}`, `"username":"erin"`},
		{"PATCH", "/user?name=dave", `{"disabled":false,"roles":["user"]}`, `"roles":["user"]`},
		{"POST", "/keys/rotate", `{"now":false}`, `"now":false`},
		{"POST", "/inspect", `{"token":"` + token + `"}`, `"token":"` + token + `"`},
	} {
		name, value, _ := strings.Cut(endpoint.member, ":")
		within := func(more string) string { return strings.TrimSuffix(endpoint.good, "}") + "," + more + "}" }
		for what, body := range map[string]string{
			"a member twice":              within(endpoint.member),
			"a member twice, escaped":     within(`"\u` + fmt.Sprintf("%04x", name[1]) + name[2:] + ":" + value),
			"a member in upper case":      strings.Replace(endpoint.good, name, strings.ToUpper(name), 1),
			"a member with a capital":     strings.Replace(endpoint.good, name, strings.ToUpper(name[:2])+name[2:], 1),
			"a member in both cases":      within(strings.ToUpper(name) + ":" + value),
			"an unknown member":           within(`"passwort":"canary"`),
			"an empty name":               within(`"":1`),
			"invalid UTF-8 in a name":     within("\"\xff\":1"),
			"invalid UTF-8 in a value":    strings.Replace(endpoint.good, value, "\"\xff\"", 1),
			"half a surrogate":            strings.Replace(endpoint.good, value, `"\ud800"`, 1),
			"two values":                  endpoint.good + endpoint.good,
			"something after it":          endpoint.good + "x",
			"a comma after it":            endpoint.good + ",",
			"half of it":                  endpoint.good[:len(endpoint.good)-1],
			"a comma too many":            strings.TrimSuffix(endpoint.good, "}") + ",}",
			"a comment":                   endpoint.good + "// canary",
			"a byte order mark":           "\ufeff" + endpoint.good,
			"single quotes":               strings.ReplaceAll(endpoint.good, `"`, "'"),
			"the wrong type":              strings.Replace(endpoint.good, value, `{"canary":1}`, 1),
			"a list":                      "[" + endpoint.good + "]",
			"null":                        "null",
			"a string":                    `"canary"`,
			"a number":                    "1",
			"deep nesting":                strings.Repeat("[", 20_000),
			"the wrong type, deeply":      strings.Replace(endpoint.good, value, strings.Repeat("[", 20_000), 1),
			"a member twice in a claim":   within(`"claims":{"a":1,"a":2}`),
			"two members of the same end": within(`"x` + name[1:] + ":" + value),
		} {
			status, text := ask(endpoint.method, endpoint.path, body)
			if status != http.StatusBadRequest || !strings.HasPrefix(text, `{"error":"`) || strings.Contains(text, "canary") {
				t.Errorf("%s %s, %s: %d %s", endpoint.method, endpoint.path, what, status, text)
			}
		}
	}
	if _, now := ask("GET", "/keys", ""); now != keys {
		t.Errorf("the keys have changed: %s", now)
	}
	if _, now := ask("GET", "/users", ""); now != users {
		t.Errorf("the users have changed: %s", now)
	}
	// What is wrong is said.
	for body, want := range map[string]string{
		`{"username":"x","username":"y"}`: `member "username" is there twice`,
		`{"Username":"x"}`:                `unknown member "Username"`,
		`{"username":1}`:                  `"/username" has a value of the wrong type`,
		`{"username":"x"`:                 `the JSON ends too early`,
		`{"username":"x"}}`:               `not valid JSON`,
	} {
		if status, text := ask("POST", "/users", body); status != http.StatusBadRequest || !strings.Contains(strings.ReplaceAll(text, `\"`, `"`), want) {
			t.Errorf("%s: %d %s, want %s", body, status, text, want)
		}
	}
	// And what is right is taken, also no body at all.
	for _, good := range [][3]string{
		{"POST", "/keys/rotate", ""}, {"POST", "/keys/rotate", " \n"}, {"POST", "/keys/rotate", "{}"}, {"PATCH", "/user?name=dave", ` { "claims" : {"n": [1, null, {"a": "ä"}]} } `},
		{"POST", "/inspect", `{"token":"` + token + `"}`},
	} {
		if status, text := ask(good[0], good[1], good[2]); status != http.StatusOK {
			t.Errorf("%v: %d %s", good, status, text)
		}
	}
}
