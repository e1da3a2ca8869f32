package examples_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// The lines of the tutorial.
const (
	signInAlice  = `curl -X POST http://127.0.0.1:8000/token -d "username=alice&password=secret"`
	wrongSignIn  = `curl -X POST http://127.0.0.1:8000/token -d "username=alice&password=wrong"`
	unknownUser  = `curl -X POST http://127.0.0.1:8000/token -d "username=nobody&password=secret"`
	signInBob    = `curl -X POST http://127.0.0.1:8000/token -d "username=bob&password=password"`
	usersMe      = `curl -H "Authorization: Bearer <access_token>" http://127.0.0.1:8000/users/me`
	usersMeBare  = `curl http://127.0.0.1:8000/users/me`
	adminPage    = `curl -H "Authorization: Bearer <access_token>" http://127.0.0.1:8000/admin`
	refreshLine  = `curl -X POST -H "Authorization: Bearer <refresh_token>" http://127.0.0.1:8000/refresh`
	refreshGrant = `curl -X POST http://127.0.0.1:8000/token -d "grant_type=refresh_token&refresh_token=<refresh_token>"`
	revokeLine   = `curl -X POST -H "Authorization: Bearer <access_token>" http://127.0.0.1:8000/revoke`
)

// quickstarts are the two forms of the quickstart. others turns its users: alice
// is then disabled, and bob is not.
var quickstarts = map[string]struct {
	path   string
	others func(string) string
}{
	"Caddyfile": {"quickstart/Caddyfile", func(text string) string {
		text = strings.Replace(text, "\n\t\t\tdisabled", "", 1)
		return strings.Replace(text, "email alice@example.com", "email alice@example.com\n\t\t\tdisabled", 1)
	}},
	"JSON": {"json/caddy.json", func(text string) string {
		text = regexp.MustCompile(`,\s*"disabled": true`).ReplaceAllString(text, "")
		return strings.Replace(text, `"email": "alice@example.com"`, `"email": "alice@example.com", "disabled": true`, 1)
	}},
}

// visitor runs the tutorial's lines against an example.
type visitor struct {
	*testing.T
	example *example
	curl    curl
}

// pair are the tokens of an answer.
type pair struct{ access, refresh string }

// run runs a line with the tokens in it.
func (v *visitor) run(line string, with pair) answer {
	v.Helper()
	line = strings.NewReplacer("<access_token>", with.access, "<refresh_token>", with.refresh).Replace(line)
	return v.curl(v.T, shellWords(v.T, v.example.here(line)))
}

// tokens asserts that an answer has tokens.
func (v *visitor) tokens(a answer) pair {
	v.Helper()
	got := pair{a.json("access_token"), a.json("refresh_token")}
	if a.status != 200 || got.access == "" || got.refresh == "" {
		v.Fatalf("no tokens: %v", a)
	}
	return got
}

// want asserts status, members of the body and the challenge of an answer.
func (v *visitor) want(what string, a answer, status int, challenge string, members map[string]string) {
	v.Helper()
	if a.status != status {
		v.Errorf("%s: %v, want status %d", what, a, status)
	}
	got := a.header.Get("WWW-Authenticate")
	if challenge == "" && got != "" || !strings.HasPrefix(got, "Bearer") && challenge != "" || !strings.Contains(got, challenge) {
		v.Errorf("%s: WWW-Authenticate is %q, want %q", what, got, challenge)
	}
	for name, value := range members {
		if a.json(name) != value {
			v.Errorf("%s: %s is %q, want %q", what, name, a.json(name), value)
		}
	}
}

func (v *visitor) badToken(what string, a answer) {
	v.Helper()
	v.want(what, a, 401, `error="invalid_token"`, map[string]string{"detail": "Could not validate credentials", "error": "invalid_token"})
}

// The tutorial, word for word: with the curl of this machine and without, from
// the Caddyfile and from JSON.
func TestTutorial(t *testing.T) {
	t.Parallel()
	for form, quickstart := range quickstarts {
		for tool, curl := range curls() {
			t.Run(form+" by "+tool, func(t *testing.T) {
				t.Parallel()
				e := load(t, quickstart.path)
				e.Start()
				v := &visitor{t, e, curl}
				v.signsIn()
				v.isAdmin()
				v.refreshes()
				v.revokes()
				v.isDisabled(quickstart.others)
			})
		}
	}
}

func (v *visitor) signsIn() {
	a := v.run(signInAlice, pair{})
	live := v.tokens(a)
	v.want("a sign-in", a, 200, "", map[string]string{"token_type": "bearer"})
	if !strings.Contains(a.body, `"expires_in":1800`) {
		v.Errorf("a token of 30 minutes: %s", a.body)
	}

	refused := map[string]string{"detail": "Incorrect username or password", "error": "invalid_grant"}
	wrong, unknown := v.run(wrongSignIn, pair{}), v.run(unknownUser, pair{})
	v.want("a wrong password", wrong, 401, "Bearer", refused)
	v.want("an unknown user", unknown, 401, "Bearer", refused)
	if wrong.header.Get("WWW-Authenticate") != "Bearer" {
		v.Errorf("the challenge is %q", wrong.header.Get("WWW-Authenticate"))
	}
	wrong.header.Del("Date")
	unknown.header.Del("Date")
	if wrong.body != unknown.body || !maps.EqualFunc(wrong.header, unknown.header, func(a, b []string) bool { return reflect.DeepEqual(a, b) }) {
		v.Errorf("a wrong password and an unknown user are told apart:\n%v %v\n%v %v", wrong, wrong.header, unknown, unknown.header)
	}
	disabled := v.run(signInBob, pair{})
	v.want("a disabled user", disabled, 400, "", map[string]string{"detail": "Inactive user", "error": "invalid_grant"})
	for what, a := range map[string]answer{"a sign-in": a, "a wrong password": wrong, "a disabled user": disabled} {
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" || a.header.Get("Content-Type") != "application/json" {
			v.Errorf("%s: the headers are %v", what, a.header)
		}
	}

	me := v.run(usersMe, live)
	var got, want any
	_ = json.Unmarshal([]byte(me.body), &got)
	_ = json.Unmarshal([]byte(`{"sub":"alice","username":"alice","email":"alice@example.com","full_name":"Alice Example","disabled":false,"roles":["admin"]}`), &want)
	if me.status != 200 || !reflect.DeepEqual(got, want) {
		v.Errorf("/users/me: %v", me)
	}
	bare := v.run(usersMeBare, pair{})
	v.want("no token", bare, 401, "Bearer", map[string]string{"detail": "Not authenticated", "error": ""})
	if strings.Contains(bare.header.Get("WWW-Authenticate"), "error") || strings.Contains(bare.body, `"error"`) {
		v.Errorf("no token: the answer has an error: %v %v", bare, bare.header)
	}
	v.badToken("garbage", v.run(usersMe, pair{access: "garbage"}))
	v.badToken("a refresh token", v.run(usersMe, pair{access: live.refresh}))
	if forged := v.run(usersMe, pair{access: v.forge(live.access, nil)}); forged.status != 200 {
		v.Errorf("a token signed by this test: %v; what follows proves nothing", forged)
	}
	v.badToken("an expired token", v.run(usersMe, pair{access: v.forge(live.access, func(claims map[string]any) {
		claims["iat"], claims["exp"] = time.Now().Add(-2*time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	})}))
}

// forge signs a changed token with the secret of the example.
func (v *visitor) forge(token string, change func(map[string]any)) string {
	v.Helper()
	secret := regexp.MustCompile(`only-for-trying-[a-z-]*`).FindString(v.example.text)
	header, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		v.Fatal(err)
	}
	claims := map[string]any{}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&claims); err != nil {
		v.Fatal(err)
	}
	if change != nil {
		change(claims)
	}
	if text, err = json.Marshal(claims); err != nil {
		v.Fatal(err)
	}
	signed := header + "." + base64.RawURLEncoding.EncodeToString(text)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (v *visitor) isAdmin() {
	page := v.run(adminPage, v.tokens(v.run(signInAlice, pair{})))
	if page.status != 200 || page.body != `{"msg":"Admin data"}` || page.header.Get("Content-Type") != "application/json" {
		v.Errorf("/admin: %v %v", page, page.header)
	}
	v.badToken("/admin with garbage", v.run(adminPage, pair{access: "garbage"}))
}

func (v *visitor) refreshes() {
	first := [2]pair{v.tokens(v.run(signInAlice, pair{})), v.tokens(v.run(signInAlice, pair{}))}
	var next [2]pair
	lines := [2]string{refreshLine, refreshGrant}
	for i, line := range lines {
		next[i] = v.tokens(v.run(line, first[i]))
		if next[i].access == first[i].access || next[i].refresh == first[i].refresh {
			v.Error("a refresh gave a token again")
		}
		if a := v.run(adminPage, next[i]); a.status != 200 {
			v.Errorf("the new access token: %v", a)
		}
	}
	// Within the grace the old one gets the current one.
	var old [2]answer
	testcaddy.Eventually(v.T, "the end of the grace", func() bool {
		for i, line := range lines {
			if old[i].status == 0 || old[i].status == 200 {
				old[i] = v.run(line, first[i])
			}
		}
		return old[0].status != 200 && old[1].status != 200
	})
	v.want("the old refresh token at /refresh", old[0], 401, "Bearer", map[string]string{"error": "invalid_grant"})
	v.want("the old refresh token at /token", old[1], 400, "", map[string]string{"error": "invalid_grant"})
	for i := range lines {
		v.want("the new refresh token after that", v.run(refreshLine, next[i]), 401, "Bearer", map[string]string{"error": "invalid_grant"})
		v.badToken("an access token of the session that is over", v.run(usersMe, next[i]))
		v.badToken("an access token of the session that is over, at /admin", v.run(adminPage, first[i]))
	}
}

func (v *visitor) revokes() {
	live, other := v.tokens(v.run(signInAlice, pair{})), v.tokens(v.run(signInAlice, pair{}))
	a := v.run(revokeLine, live)
	v.want("/revoke", a, 200, "", map[string]string{"msg": "Token revoked"})
	v.badToken("a revoked token", v.run(usersMe, live))
	v.badToken("a revoked token at /admin", v.run(adminPage, live))
	if a := v.run(usersMe, other); a.status != 200 {
		v.Errorf("another session's token: %v", a)
	}
}

func (v *visitor) isDisabled(others func(string) string) {
	alice := v.tokens(v.run(signInAlice, pair{}))
	v.example.Reload(others(v.example.text))
	v.want("a user disabled since", v.run(usersMe, alice), 400, "", map[string]string{"detail": "Inactive user"})
	v.badToken("a user disabled since, at /admin", v.run(adminPage, alice))
	v.want("a disabled user's sign-in", v.run(signInAlice, pair{}), 400, "", map[string]string{"detail": "Inactive user", "error": "invalid_grant"})

	bob := v.tokens(v.run(signInBob, pair{}))
	if a := v.run(usersMe, bob); a.status != 200 || a.json("username") != "bob" {
		v.Errorf("bob, enabled: %v", a)
	}
	v.want("/admin without the role", v.run(adminPage, bob), 403, `error="insufficient_scope"`,
		map[string]string{"detail": "Forbidden", "error": "insufficient_scope"})
}

// The lines that the quickstart itself tells people to try work.
func TestQuickstartLines(t *testing.T) {
	t.Parallel()
	for tool, curl := range curls() {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			e := load(t, quickstarts["Caddyfile"].path)
			e.Start()
			v := &visitor{t, e, curl}
			live, lines := pair{}, 0
			for line := range strings.Lines(e.text) {
				line, found := strings.CutPrefix(strings.TrimSpace(line), "#\tcurl ")
				if !found {
					continue
				}
				lines++
				a := v.run("curl "+line, live)
				if a.status != 200 {
					t.Errorf("%s: %v", line, a)
				}
				if a.json("access_token") != "" {
					live = v.tokens(a)
				}
			}
			if lines != 5 {
				t.Errorf("%d lines, want 5", lines)
			}
		})
	}
}

// The JSON example is the quickstart, and nothing else.
func TestJSONIsTheQuickstart(t *testing.T) {
	t.Parallel()
	e := load(t, quickstarts["Caddyfile"].path)
	var adapted, written any
	if err := json.Unmarshal([]byte(e.MustRun("adapt", "--config", e.Config)), &adapted); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(quickstarts["JSON"].path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(e.here(string(text))), &written); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(adapted, written) {
		t.Error("json/caddy.json is not what quickstart/Caddyfile adapts to: write it anew, as json/README.md says")
	}
}

// The tutorial's own secret is refused, with a command that makes a good one.
func TestQuickstartSecret(t *testing.T) {
	t.Parallel()
	e := load(t, quickstarts["Caddyfile"].path)
	command := regexp.MustCompile(`openssl rand -base64 [0-9]+`).FindString(e.text)
	if command == "" {
		t.Fatal("the quickstart does not say how to make a secret")
	}
	e.SetConfig(regexp.MustCompile(`\{\$JWT_SECRET:[^}]*\}`).ReplaceAllString(e.text, "your-secret-key"))
	err := e.TryStart()
	if err == nil || !strings.Contains(err.Error(), "signing_key") || !strings.Contains(err.Error(), "openssl rand") {
		t.Errorf("the error is %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "your-secret-key") {
		t.Errorf("the error shows the secret: %v", err)
	}
}
