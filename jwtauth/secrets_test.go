package jwtauth_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

const canaryKey = "canary-signing-key-0123456789abcdef0123456789"

// TestSecretsStayWhereTheyAre: through every endpoint, going well or badly, with
// Caddy logging all it can.
func TestSecretsStayWhereTheyAre(t *testing.T) {
	t.Setenv("JWTAUTH_TEST_KEY", canaryKey)
	t.Setenv("JWTAUTH_TEST_HASH", secretHash)
	t.Setenv("JWTAUTH_TEST_CLIENT", passwordHash)
	s := newServer(t)
	s.newUpstream()
	admin := testcaddy.FreePort(t)
	s.vars["<GLOBAL>"] = strings.Replace(s.vars["<GLOBAL>"], "admin off", fmt.Sprintf("admin 127.0.0.1:%d", admin), 1)
	s.vars["<EVENTS>"] = eventsOption()
	events := recordEvents()
	s.load(`{
		<GLOBAL>
		<EVENTS>
		jwtauth {
			signing_key HS256 {env.JWTAUTH_TEST_KEY}
			store bolt <DIR>/secrets.db
			refresh_token_grace 0
			user alice {env.JWTAUTH_TEST_HASH} admin
			client app {env.JWTAUTH_TEST_CLIENT}
		}
	}
	` + s.site(`
		log {
			output file <DIR>/access.log
		}
		token_server
		jwt_auth /in {
			set_header X-User {http.auth.user.id}
		}
		jwt_auth /site {
			errors site
		}
		handle_errors {
			respond "{http.error} {http.auth.jwt_auth.error}"
		}
		reverse_proxy <UPSTREAM>
	`))
	call := func(method, path, body string) string {
		t.Helper()
		var text []byte
		// Each config brings an admin endpoint of its own, on the same port. What
		// connects to the one before as it closes is cut off.
		testcaddy.Eventually(t, "the admin endpoint", func() bool {
			r, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", admin, path), strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			res, err := testcaddy.Client.Do(r)
			if err != nil {
				return false
			}
			defer res.Body.Close()
			text, err = io.ReadAll(res.Body)
			return err == nil
		})
		return string(text)
	}

	secrets := map[string]string{ // name → value
		"a password": "canary-password", "another password": "canary-password-2", "a wrong password": "canary-wrong-password",
		"a client's secret": "canary-client-secret", "the key": canaryKey,
		"a user's hash": secretHash, "a client's hash": passwordHash,
		"the hash's key": "+v0rf6ETYAIpqJIjJyARZ3W3zqJlkf",
	}
	var bodies strings.Builder // of errors
	failing := func(a answer) {
		t.Helper()
		if a.StatusCode < 400 {
			t.Errorf("%s %s: status %d", a.method(), a.url(), a.StatusCode)
		}
		bodies.WriteString(a.Body)
		for name, values := range a.Header {
			bodies.WriteString(name + strings.Join(values, " "))
		}
	}
	add := func(name, value string) {
		t.Helper()
		if len(value) < 8 {
			t.Fatalf("%s is %q", name, value)
		}
		secrets[name] = value
	}

	adminAnswers := call("POST", "/jwtauth/default/users", `{"username":"dave","password":"canary-password","roles":["user"]}`)
	adminAnswers += call("POST", "/jwtauth/default/users", `{"username":"eve","password_hash":"`+secretHash+`"}`)
	bodies.WriteString(call("POST", "/jwtauth/default/users", `{"username":"dave","password":"canary-password"}`))
	bodies.WriteString(call("POST", "/jwtauth/default/users", `{"username":"x","password":"canary-password`))
	bodies.WriteString(call("POST", "/jwtauth/default/users", `{"username":"x","passwort":"canary-password"}`))
	bodies.WriteString(call("POST", "/jwtauth/default/users", `{"username":"x","password_hash":"canary-password"}`))
	bodies.WriteString(call("POST", "/jwtauth/default/users", `{"username":"x","password":"`+strings.Repeat("canary-password", 100)+`"}`))
	adminAnswers += call("PATCH", "/jwtauth/default/user?name=dave", `{"password":"canary-password-2"}`)
	adminAnswers += call("GET", "/jwtauth/default/users", "") + call("GET", "/jwtauth/default/user?name=dave", "") +
		call("GET", "/jwtauth/default/user?name=alice", "") + call("GET", "/jwtauth/default/keys", "")

	// Sign-ins.
	m := s.form("/token", "username=dave&password=canary-password-2").want(t, http.StatusOK).json(t)
	access, _ := m["access_token"].(string)
	refresh, _ := m["refresh_token"].(string)
	add("an access token", access)
	add("a refresh token", refresh)
	failing(s.form("/token", "username=dave&password=canary-wrong-password"))
	failing(s.form("/token", "username=canary-wrong-password&password=canary-password"))
	failing(s.form("/token", "username=dave&password=canary-password-2&password=canary-password-2"))
	failing(s.form("/token", "username=dave&password=canary-password%zz"))
	failing(s.form("/token", "grant_type=canary-password&password=canary-password"))
	failing(s.form("/token", "username=dave&password=canary-password-2&scope=canary-password"))
	failing(s.form("/token", "username=dave&password=canary-password-2&client_id=app&client_secret=canary-client-secret"))
	failing(s.form("/token", "username=dave&password=canary-password-2", func(r *http.Request) { r.SetBasicAuth("app", "canary-client-secret") }))
	failing(s.doBody("POST", "/token", `{"username":"dave","password":"canary-password-2"}`, header("Content-Type", "application/json")))
	failing(s.form("/token", "username=dave&password="+strings.Repeat("canary-password", 2000)))

	// Guarded requests.
	session := s.signIn("alice")
	add("a session cookie", session.CookieValue)
	add("its access token", session.Access)
	add("its refresh token", session.Refresh)
	s.get("/in", bearer(access)).want(t, http.StatusOK)
	s.get("/in", cookie("jwtauth="+session.CookieValue)).want(t, http.StatusOK)
	s.get("/users/me", cookie("jwtauth="+session.CookieValue)).want(t, http.StatusOK)
	s.get("/site", bearer(access)).want(t, http.StatusOK)
	for _, path := range []string{"/in", "/site", "/users/me"} {
		failing(s.get(path, bearer(access+"x")))
		failing(s.get(path, bearer(refresh)))
		failing(s.get(path, bearer(access), bearer(access)))
		failing(s.get(path, header("Authorization", "Bearer "+access+" "+access)))
		failing(s.get(path, cookie("jwtauth="+session.CookieValue+"x")))
		failing(s.get(path, cookie("jwtauth="+session.Access)))
	}

	// The pages.
	adminAnswers += call("POST", "/jwtauth/default/users", `{"username":"frank","password":"canary-password"}`)
	in := s.form("/login", "username=frank&password=canary-password&return_to=/in", html()).want(t, http.StatusSeeOther)
	add("the cookie of the form", in.Cookies()[0].Value)
	add("the device cookie", in.Cookies()[1].Value)
	held := cookie("jwtauth=" + in.Cookies()[0].Value)
	for _, path := range []string{"/in", "/login?check=1", "/login", "/logout", "/account"} {
		s.get(path, html(), held)
		s.get(path, html(), cookie("jwtauth="+in.Cookies()[0].Value+"x"))
	}
	failing(s.form("/login", "username=frank&password=canary-wrong-password"))
	failing(s.form("/login", "username=nobody&password=canary-wrong-password"))
	failing(s.form("/login", "password=canary-password"))
	failing(s.form("/login", "username=frank&password=canary-password&password=canary-password"))
	failing(s.form("/login", "username=frank&password=canary-password%zz"))
	failing(s.form("/login", "username=frank&password="+strings.Repeat("canary-password", 2000)))
	failing(s.form("/login", "username=frank&password=canary-password", fetch("navigate", "document", "cross-site")))
	failing(s.doBody("POST", "/login", `{"password":"canary-password"}`, header("Content-Type", "application/json")))
	for _, body := range []string{
		"current_password=canary-wrong-password&new_password=canary-password-2&repeat_password=canary-password-2",
		"current_password=canary-password&new_password=canary-password-2&repeat_password=canary-wrong-password",
		"current_password=canary-password&new_password=canary-password&repeat_password=canary-password",
		"current_password=canary-password&new_password=" + strings.Repeat("canary-password", 100) + "&repeat_password=" + strings.Repeat("canary-password", 100),
		"current_password=canary-password&new_password=canary-password%00&repeat_password=canary-password%zz",
	} {
		failing(s.form("/account/password", body, held))
		failing(s.form("/account/password", body))
	}
	changed := s.form("/account/password", "current_password=canary-password&new_password=canary-password-2&repeat_password=canary-password-2", held).
		want(t, http.StatusSeeOther).wantHeader(t, "Location", "/account?done=password")
	add("the cookie after the change", changed.Cookies()[0].Value)
	held = cookie("jwtauth=" + changed.Cookies()[0].Value)
	s.form("/account/sessions/revoke", "session=canary-password", held).want(t, http.StatusSeeOther)
	s.form("/logout", "", held).want(t, http.StatusSeeOther)

	// Refreshes, theft and revocation.
	m = s.form("/refresh", "refresh_token="+refresh).want(t, http.StatusOK).json(t)
	second, _ := m["refresh_token"].(string)
	add("the next refresh token", second)
	next, _ := m["access_token"].(string)
	add("the next access token", next)
	failing(s.form("/token", "grant_type=refresh_token&refresh_token="+refresh)) // theft
	failing(s.form("/refresh", "refresh_token="+second))
	failing(s.form("/refresh", "refresh_token="+second, bearer(second)))
	failing(s.do("POST", "/refresh", bearer(access)))
	failing(s.get("/in", bearer(next)))
	s.form("/revoke", "token="+session.Refresh).want(t, http.StatusOK)
	s.do("POST", "/revoke", bearer(access)).want(t, http.StatusOK)
	failing(s.get("/in", bearer(session.Access)))
	failing(s.get("/in", cookie("jwtauth="+session.CookieValue)))
	bodies.WriteString(call("POST", "/jwtauth/default/inspect", `{"token":"`+access+`"}`))
	bodies.WriteString(call("POST", "/jwtauth/default/inspect", `{"token":"`+second+`"}`))
	bodies.WriteString(call("POST", "/jwtauth/default/inspect", `{"token":"`+access+`x"}`))
	adminAnswers += call("GET", "/jwtauth/default/sessions", "")
	bodies.WriteString(call("POST", "/jwtauth/default/keys/rotate", `{"now":true}`))
	gathered := call("GET", "/metrics", "")
	told := fmt.Sprint(events())

	// Configs that do not load.
	for _, bad := range []string{
		`signing_key RS256 {env.JWTAUTH_TEST_KEY}`,
		`user alice {env.JWTAUTH_TEST_KEY}`,
		`client app {env.JWTAUTH_TEST_KEY}`,
		"signing_key HS256 {env.JWTAUTH_TEST_KEY}\nsigning_key HS384 {env.JWTAUTH_TEST_KEY}",
		`signing_key HS512 {env.JWTAUTH_TEST_KEY}`,
	} {
		err := s.tryLoad("{\n<GLOBAL>\njwtauth {\n" + bad + "\n}\n}\n" + s.site("token_server"))
		if err == nil {
			t.Errorf("loaded: %s", bad)
			continue
		}
		bodies.WriteString(err.Error())
	}
	config := call("GET", "/config/", "")
	s.stop()

	if !strings.Contains(gathered, `caddy_jwtauth_events_total{event="refresh_theft",realm="default"}`) || !strings.Contains(told, "jwtauth_refresh_theft") {
		t.Errorf("metrics or events are not those of the realm: %s\n%s", gathered, told)
	}
	if !strings.Contains(config, "{env.JWTAUTH_TEST_KEY}") {
		t.Errorf("the config does not show the placeholder: %s", config)
	}
	for name, text := range map[string]string{
		"the log": s.log(), "the access log": s.read("access.log"), "the config": config, "errors": bodies.String(), "answers of the admin API": adminAnswers,
		"the metrics": gathered, "the events": told,
	} {
		if len(text) < 200 {
			t.Errorf("%s: nothing there: %q", name, text)
		}
		for what, secret := range secrets {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s: %s in …%s…", name, what, text[max(0, i-200):min(len(text), i+len(secret)+20)])
			}
		}
	}
	// The store holds no token either, and the file is the owner's alone.
	store := s.read("secrets.db")
	for _, what := range []string{"an access token", "a refresh token", "the next refresh token", "a session cookie", "the cookie of the form", "a password", "another password"} {
		if strings.Contains(store, secrets[what]) {
			t.Errorf("the store holds %s", what)
		}
	}
	info, err := os.Stat(filepath.Join(s.dir, "secrets.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the store's file: %v %v", info.Mode(), err)
	}
}

// read returns a file below the server's folder.
func (s *server) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}
