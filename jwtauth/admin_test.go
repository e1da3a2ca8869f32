package jwtauth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
)

const adminRealms = `
	store memory
	<USERS>
	client app ` + secretHash + `
}
jwtauth staff {
	store memory
`

func startAdmin(t *testing.T) *server {
	t.Helper()
	return startWith(t, adminRealms, "token_server\njwt_auth /in\nrespond {http.auth.user.roles}")
}

// TestAdminRefuses what it is not asked properly, and says why.
func TestAdminRefuses(t *testing.T) {
	s := startAdmin(t)
	const users, zoe = "/jwtauth/default/users", "/jwtauth/default/user?name=zoe"
	mustAdmin(t, "POST", users, `{"username":"zoe","password":"zoe-password","roles":["user"]}`)
	long := strings.Repeat("x", 200)
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"unknown realm", "GET", "/jwtauth/nowhere/users", "", 404, `unknown realm "nowhere": the realms are [default staff]`},
		{"realm of another shape", "GET", "/jwtauth/%2e%2e%2fdefault/users", "", 404, "unknown realm"},
		{"empty realm", "GET", "/jwtauth//users", "", 0, ""},
		{"no such path", "GET", "/jwtauth/default/nothing", "", 404, ""},
		{"users with a method of another", "PUT", users, "{}", 405, ""},
		{"user with a method of another", "POST", zoe, "{}", 405, ""},
		{"keys with a method of another", "DELETE", "/jwtauth/default/keys", "", 405, ""},
		{"rotate by get", "GET", "/jwtauth/default/keys/rotate", "", 405, ""},
		{"session by get", "GET", "/jwtauth/default/session?id=x", "", 405, ""},

		{"no JSON", "POST", users, "username=x", 400, "JSON"},
		{"cut off", "POST", users, `{"username":"x"`, 400, "JSON"},
		{"of another type", "POST", users, `["x"]`, 400, "JSON"},
		{"roles in one string", "POST", users, `{"username":"x","roles":"admin"}`, 400, "JSON"},
		{"unknown member", "POST", users, `{"username":"x","role":["admin"]}`, 400, "JSON"},
		{"more than one value", "POST", users, `{"username":"x"} {"username":"y"}`, 400, "JSON"},
		{"rubbish behind", "POST", users, `{"username":"x"}}`, 400, "JSON"},
		{"oversize", "POST", users, `{"username":"x","full_name":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "1048576 bytes"},
		{"oversize behind", "POST", users, `{"username":"x"}` + strings.Repeat(" ", 2<<20), 413, "1048576 bytes"},
		{"nested too deep", "POST", users, `{"username":"x","claims":` + strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20001), 400, ""},
		{"empty", "POST", users, "", 400, "username"},
		{"no name", "POST", users, `{"password":"zoe-password"}`, 400, "username"},
		{"empty name", "POST", users, `{"username":""}`, 400, "username"},
		{"name with a line break", "POST", users, `{"username":"a\nb"}`, 400, "username"},
		{"name with a NUL", "POST", users, `{"username":"a\u0000b"}`, 400, "username"},
		{"name with a space before", "POST", users, `{"username":" a"}`, 400, "username"},
		{"long name", "POST", users, `{"username":"` + long + `"}`, 400, "username"},
		{"bad role", "POST", users, `{"username":"x","roles":["a,b"]}`, 400, "role"},
		{"bad scope", "POST", users, `{"username":"x","scopes":["a b"]}`, 400, "scope"},
		{"bad e-mail address", "POST", users, `{"username":"x","email":"x"}`, 400, "email"},
		{"reserved claim", "POST", users, `{"username":"x","claims":{"EXP":1}}`, 400, "claims"},
		{"bad hash", "POST", users, `{"username":"x","password_hash":"canary"}`, 400, "password_hash"},
		{"password and hash", "POST", users, `{"username":"x","password":"a","password_hash":"` + secretHash + `"}`, 400, "not both"},
		{"long password", "POST", users, `{"username":"x","password":"` + strings.Repeat("x", 2000) + `"}`, 400, "1024"},
		{"name that is taken", "POST", users, `{"username":"zoe"}`, 409, "zoe"},
		{"name of the config", "POST", users, `{"username":"alice"}`, 409, "configuration or a users file"},
		{"name of a client", "POST", users, `{"username":"app"}`, 409, "client"},

		{"unknown user", "GET", "/jwtauth/default/user?name=nobody", "", 404, "user not found"},
		{"no user named", "GET", "/jwtauth/default/user", "", 404, "user not found"},
		{"user of a bad name", "GET", "/jwtauth/default/user?name=a%00b", "", 404, "user not found"},
		{"user named in the body alone", "PATCH", "/jwtauth/default/user", `{"username":"zoe","disabled":true}`, 400, "renamed"},
		{"user of another realm", "GET", "/jwtauth/staff/user?name=zoe", "", 404, "user not found"},
		{"bad role, now", "PATCH", "/jwtauth/default/user?name=zoe", `{"roles":["a,b"],"end_sessions":true}`, 400, "role"},
		{"too many roles, now", "PATCH", "/jwtauth/default/user?name=zoe", `{"roles":["` + strings.Repeat(`x","`, 5000) + `x"],"end_sessions":true}`, 400, "roles"},
		{"roles of a user of the config, now", "PATCH", "/jwtauth/default/user?name=alice", `{"roles":[],"end_sessions":true}`, 409, "configuration or a users file"},
		{"roles of no user, now", "PATCH", "/jwtauth/default/user?name=nobody", `{"roles":[],"end_sessions":true}`, 404, "user not found"},
		{"change of no user", "PATCH", "/jwtauth/default/user?name=nobody", "{}", 404, "user not found"},
		{"change of a user of the config", "PATCH", "/jwtauth/default/user?name=alice", `{"disabled":true}`, 409, "configuration or a users file"},
		{"removal of nobody", "DELETE", "/jwtauth/default/user?name=nobody", "", 404, "user not found"},
		{"removal of a user of the config", "DELETE", "/jwtauth/default/user?name=alice", "", 409, "configuration or a users file"},
		{"renaming", "PATCH", zoe, `{"username":"zack"}`, 400, "renamed"},
		{"change to a bad role", "PATCH", zoe, `{"roles":["*"]}`, 400, "role"},
		{"change to a long password", "PATCH", zoe, `{"password":"` + strings.Repeat("x", 2000) + `"}`, 400, "1024"},

		{"page of no size", "GET", users + "?limit=0", "", 400, "limit"},
		{"page too large", "GET", users + "?limit=1001", "", 400, "limit"},
		{"page of words", "GET", users + "?limit=ten", "", 400, "limit"},
		{"sessions page too large", "GET", "/jwtauth/default/sessions?limit=-1", "", 400, "limit"},
		{"sessions of nobody in particular", "DELETE", "/jwtauth/default/sessions", "", 400, ""},
		{"sessions of a bad name", "DELETE", "/jwtauth/default/sessions?user=a%00b", "", 400, ""},
		{"unknown session", "DELETE", "/jwtauth/default/session?id=x", "", 404, "session not found"},
		{"no session named", "DELETE", "/jwtauth/default/session", "", 404, "session not found"},
		{"inspect no JSON", "POST", "/jwtauth/default/inspect", "x", 400, "JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, text := admin(test.method, test.path, test.body)
			if status >= 500 || status < 300 || test.status != 0 && status != test.status {
				t.Fatalf("status %d, want %d: %s", status, test.status, text)
			}
			if test.says == "" {
				return
			}
			var m map[string]string
			if err := json.Unmarshal([]byte(text), &m); err != nil || !strings.Contains(m["error"], test.says) {
				t.Errorf("%s does not say %q", text, test.says)
			}
			for _, secret := range []string{"zoe-password", "canary", secretHash} {
				if strings.Contains(text, secret) {
					t.Errorf("the answer shows %q: %s", secret, text)
				}
			}
		})
	}
	s.form("/token", "username=zoe&password=zoe-password").want(t, http.StatusOK) // nothing was changed
	s.wantQuietLog()
}

// TestAdminNames: any name that a user can have can be asked for, and no user is made
// whose name leads elsewhere in a path.
func TestAdminNames(t *testing.T) {
	startAdmin(t)
	names := []string{
		"...", "a..b", "ü", "日本", "a%2Fb", "a?b=c&d", "a#b", "a+b", "';DROP", `"`, "{env.HOME}", "<b>",
		"first-party", "default", "#", "@x", "-rf",
	}
	for _, name := range []string{"a b", "'; DROP", "user\u200bname", "u\u0308"} {
		body, _ := json.Marshal(map[string]any{"username": name, "password_hash": secretHash})
		if status, text := admin("POST", "/jwtauth/default/users", string(body)); status != http.StatusBadRequest || !strings.Contains(text, "RFC 8265") {
			t.Errorf("%q: %d %s", name, status, text)
		}
	}
	for _, name := range []string{"a/b", "../../etc/passwd", ".", "..", `\`, `a\b`, "*", "a*"} {
		body, _ := json.Marshal(map[string]any{"username": name, "password_hash": secretHash})
		if status, text := admin("POST", "/jwtauth/default/users", string(body)); status != http.StatusBadRequest || !strings.Contains(text, "part of a path") {
			t.Errorf("%q: %d %s", name, status, text)
		}
	}
	for _, name := range names {
		body, _ := json.Marshal(map[string]any{"username": name, "password_hash": secretHash, "roles": []string{"r"}})
		mustAdmin(t, "POST", "/jwtauth/default/users", string(body))
		at := "/jwtauth/default/user?name=" + url.QueryEscape(name)
		var u adminapi.User
		text := mustAdmin(t, "GET", at, "")
		if err := json.Unmarshal([]byte(text), &u); err != nil || u.Username != name || u.Scheme != "argon2id" || !u.HasHash || u.Source != "store" {
			t.Errorf("%q: %s", name, text)
		}
		mustAdmin(t, "PATCH", at, `{"roles":["other"]}`)
	}
	// Page by page they all come, once, in order.
	var listed []string
	for after := ""; ; {
		var page []adminapi.User
		text := mustAdmin(t, "GET", "/jwtauth/default/users?limit=3&after="+url.QueryEscape(after), "")
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, "argon2id$") {
			t.Errorf("a hash: %s", text)
		}
		for _, u := range page {
			listed = append(listed, u.Username)
			after = u.Username
			if want := "other"; u.Source == "store" && !slices.Equal(u.Roles, []string{want}) {
				t.Errorf("%q has the roles %q", u.Username, u.Roles)
			}
		}
		if len(page) < 3 {
			break
		}
	}
	want := slices.Sorted(slices.Values(append(slices.Clone(names), "alice", "bob", "carol")))
	if !slices.Equal(listed, want) {
		t.Errorf("listed %q, want %q", listed, want)
	}
	for _, name := range names {
		mustAdmin(t, "DELETE", "/jwtauth/default/user?name="+url.QueryEscape(name), "")
	}
}

// TestAdminChangesAct at once, where they have to.
func TestAdminChangesAct(t *testing.T) {
	s := startAdmin(t)
	const at = "/jwtauth/default/user?name=zoe"
	signIn := func(password string) answer { return s.form("/token", "username=zoe&password="+password) }
	mustAdmin(t, "POST", "/jwtauth/default/users", `{"username":"zoe","password":"first","roles":["user"]}`)
	one, _ := signIn("first").want(t, http.StatusOK).issued()

	// Roles act at the next issue, or now.
	mustAdmin(t, "PATCH", at, `{"roles":["admin"]}`)
	s.get("/in", bearer(one.access)).wantBody(t, http.StatusOK, "user")
	two, _ := s.form("/refresh", "refresh_token="+one.refresh).want(t, http.StatusOK).issued()
	s.get("/in", bearer(two.access)).wantBody(t, http.StatusOK, "admin")
	mustAdmin(t, "PATCH", at, `{"roles":[],"end_sessions":true}`)
	s.wantDead([]issued{one, two})

	// A new password ends the sessions; the old one is none.
	three, _ := signIn("first").want(t, http.StatusOK).issued()
	mustAdmin(t, "PATCH", at, `{"password":"second"}`)
	s.wantDead([]issued{three})
	signIn("first").want(t, http.StatusUnauthorized)
	four, _ := signIn("second").want(t, http.StatusOK).issued()

	// What is not written stays; null is nothing written.
	mustAdmin(t, "PATCH", at, `{"full_name":"Zoe","roles":null,"disabled":null}`)
	mustAdmin(t, "PATCH", at, "")
	s.get("/in", bearer(four.access)).want(t, http.StatusOK)

	mustAdmin(t, "PATCH", at, `{"disabled":true}`)
	s.wantDead([]issued{four})
	signIn("second").want(t, http.StatusBadRequest)
	mustAdmin(t, "PATCH", at, `{"disabled":false}`)
	five, _ := signIn("second").want(t, http.StatusOK).issued()

	// One session of two.
	six, _ := signIn("second").want(t, http.StatusOK).issued()
	var sessions []adminapi.Session
	text := mustAdmin(t, "GET", "/jwtauth/default/sessions?user=zoe", "")
	if err := json.Unmarshal([]byte(text), &sessions); err != nil || len(sessions) != 2 {
		t.Fatalf("%d sessions: %s", len(sessions), text)
	}
	var token adminapi.Token
	inspect := func(value string) adminapi.Token {
		t.Helper()
		token = adminapi.Token{}
		if err := json.Unmarshal([]byte(mustAdmin(t, "POST", "/jwtauth/default/inspect", `{"token":"`+value+`"}`)), &token); err != nil {
			t.Fatal(err)
		}
		return token
	}
	if got := inspect(five.access); !got.Valid || got.Kind != "access_token" || got.Claims["sub"] != "zoe" {
		t.Errorf("%+v", got)
	}
	if got := inspect(five.refresh); !got.Valid || got.Kind != "refresh_token" || got.SID == "" {
		t.Errorf("%+v", got)
	}
	mustAdmin(t, "DELETE", "/jwtauth/default/session?id="+url.QueryEscape(token.SID), "")
	s.wantDead([]issued{five})
	s.get("/in", bearer(six.access)).want(t, http.StatusOK)
	for _, value := range []string{five.access, five.refresh, "rubbish"} {
		if got := inspect(value); got.Valid || got.Reason == "" {
			t.Errorf("%+v", got)
		}
	}

	// Removed: nothing works, and a new user of the name gets nothing of the old.
	mustAdmin(t, "DELETE", at, "")
	s.wantDead([]issued{six})
	signIn("second").want(t, http.StatusUnauthorized)
	mustAdmin(t, "POST", "/jwtauth/default/users", `{"username":"zoe","password":"third"}`)
	s.wantDead([]issued{one, two, three, four, five, six})
	signIn("third").want(t, http.StatusOK)
	s.wantQuietLog()
}

// TestAdminUnlocks: a new password opens a throttled account.
func TestAdminUnlocks(t *testing.T) {
	s := startWith(t, "store memory\nthrottle {\naccount_free 1\n}", "token_server")
	mustAdmin(t, "POST", "/jwtauth/default/users", `{"username":"zoe","password":"first"}`)
	s.form("/token", "username=zoe&password=wrong").want(t, http.StatusUnauthorized)
	s.form("/token", "username=zoe&password=first").want(t, http.StatusUnauthorized)
	mustAdmin(t, "PATCH", "/jwtauth/default/user?name=zoe", `{"password":"second"}`)
	s.form("/token", "username=zoe&password=second").want(t, http.StatusOK)
}

// TestAdminEndpoint speaks to it over the network, as the commands do.
func TestAdminEndpoint(t *testing.T) {
	s := newServer(t)
	port := testcaddy.FreePort(t)
	s.vars["<GLOBAL>"] = strings.Replace(s.vars["<GLOBAL>"], "admin off", fmt.Sprintf("admin 127.0.0.1:%d", port), 1)
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n}\n}\n" + s.site("token_server"))
	s.port.Store(int64(port)) // from here on requests go to the admin endpoint
	a := s.doBody("POST", "/jwtauth/default/users", `{"username":"zoe","password":"first"}`, header("Content-Type", "application/json"))
	a.want(t, http.StatusOK).wantHeader(t, "Cache-Control", "no-store").wantHeader(t, "Content-Type", "application/json")
	// curl's -d says that it is a form. It is read all the same.
	a = s.doBody("PATCH", "/jwtauth/default/user?name=zoe", `{"disabled":true}`, formType).want(t, http.StatusOK)
	if a.json(t)["disabled"] != true {
		t.Errorf("not disabled: %s", a.Body)
	}
	// The name in the URL counts, whatever the body is taken for.
	s.doBody("PATCH", "/jwtauth/default/user?name=nobody", `name=zoe`, formType).want(t, http.StatusBadRequest)
	s.get("/jwtauth/default/users", host("evil.example")).want(t, http.StatusForbidden)
	s.get("/jwtauth/default/users", header("Sec-Fetch-Mode", "no-cors"), header("Origin", "http://evil.example")).want(t, http.StatusBadRequest)
	for _, path := range []string{"/jwtauth/", "/jwtauth/default", "/jwtauth/default/", "/jwtauth/default/users/"} {
		if a := s.get(path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, a.StatusCode)
		}
	}
	// A config without the module has nothing to administer.
	s.load("{\n<GLOBAL>\n}\n" + s.site("respond hi"))
	s.port.Store(int64(port))
	testcaddy.Eventually(t, "an admin endpoint without the module", func() bool {
		a, err := s.try("GET", "/jwtauth/default/users", "") // the one before may cut it off
		return err == nil && a.StatusCode == http.StatusNotFound && strings.Contains(a.Body, "neither token_server nor jwt_auth")
	})
}
