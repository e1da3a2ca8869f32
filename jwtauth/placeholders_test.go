package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestPlaceholders: the same for a token and for a session cookie.
func TestPlaceholders(t *testing.T) {
	s := newServer(t)
	s.files(map[string]string{"users.json": `{"users": [{"username": "erin", "password_hash": "` + secretHash + `",
		"roles": ["a", "b"], "scopes": ["x", "y"], "full_name": "Erin Ä", "email": "erin@example.com",
		"claims": {"tenant": "acme", "level": 3, "vip": true, "groups": ["p", "q"], "deep": {"a": 1}, "with.dot": "dotted"}}]}`})
	wants := map[string]string{
		"id": "erin", "roles": "a,b", "scope": "x y", "session": "<SID>", "full_name": "Erin Ä", "email": "erin@example.com",
		"claims.tenant": "acme", "claims.level": "3", "claims.vip": "true", "claims.groups": `["p","q"]`,
		"claims.deep": `{"a":1}`, "claims.with.dot": "dotted", "claims.missing": "", "claims.": "",
		"claims.sub": "erin", "claims.sid": "<SID>", "claims.roles": `["a","b"]`, "claims.scope": "x y", "claims.client_id": "first-party",
	}
	var responses strings.Builder
	for placeholder := range wants {
		responses.WriteString("respond /" + placeholder + " \"<{http.auth.user." + placeholder + "}>\"\n")
	}
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\nusers_file <ROOT>/users.json\n<USERS>\n}\n}\n" + s.site("jwt_auth\n"+responses.String()))
	erin := s.signIn("erin", "x", "y")
	bob := s.signIn("bob")
	for placeholder, want := range wants {
		want = strings.ReplaceAll(want, "<SID>", erin.SID)
		for name, presented := range map[string]option{
			"token": bearer(erin.Access), "cookie": cookie("jwtauth=" + erin.CookieValue),
		} {
			if got := s.get("/"+placeholder, presented).want(t, http.StatusOK).Body; got != "<"+want+">" {
				t.Errorf("%s by %s: %q, want %q", placeholder, name, got, want)
			}
		}
		switch placeholder {
		case "scope", "email", "full_name", "claims.tenant":
			if got := s.get("/"+placeholder, bearer(bob.Access)).Body; got != "<>" {
				t.Errorf("%s of somebody without: %q", placeholder, got)
			}
		}
	}
}

// TestPlaceholdersFollowTheUser: what a token does not carry is looked up, in
// the users that are in force.
func TestPlaceholdersFollowTheUser(t *testing.T) {
	s := start(t, `
		jwt_auth
		respond "{http.auth.user.full_name} {http.auth.user.email}"
	`)
	alice := s.signIn("alice")
	s.get("/", bearer(alice.Access)).wantBody(t, http.StatusOK, "Alice Example alice@example.com")
	s.vars["<USERS>"] = strings.Replace(commonUsers, "Alice Example", "Alice Married", 1)
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(`
		jwt_auth
		respond "{http.auth.user.full_name}"
	`))
	s.get("/", bearer(alice.Access)).wantBody(t, http.StatusOK, "Alice Married")
}

// TestStateIsNotInPlaceholders: what the module keeps with a request holds the
// cookies that it took out.
func TestStateIsNotInPlaceholders(t *testing.T) {
	s := start(t, `
		jwt_auth
		respond "<{http.vars.jwtauth.request}> <{http.request.cookie.jwtauth}> <{http.request.header.Cookie}>"
	`)
	alice := s.signIn("alice")
	s.get("/", cookie("jwtauth="+alice.CookieValue)).wantBody(t, http.StatusOK, "<> <> <>")
}
