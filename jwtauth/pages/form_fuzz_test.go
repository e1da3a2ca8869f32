package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzSignInForm posts any form to the pages that take one, as alice, who is
// signed in. No answer is a 500; a cookie is set only for the right password; no
// session ends that the form does not end; a password changes only with the
// current one; and the page shows what was entered as text. %s is the id of
// alice's session and %o that of another user's.
func FuzzSignInForm(f *testing.F) {
	paths := []string{"/login", "/logout", "/account/password", "/account/sessions/revoke", "/account/sessions/revoke-others"}
	for _, body := range []string{
		"", fields("username", "alice", "password", "secret"), fields("username", " alice ", "password", "secret", "keep", "on", "return_to", "/x?y"),
		fields("username", "alice", "password", "wrong", "return_to", "https://evil.example/"), fields("username", "bob", "password", "password"),
		fields("username", "carol", "password", "password", "return_to", "//evil.example"), fields("username", `"><script>alert(1)</script>`, "password", "x"),
		fields("username", "alice", "password", ""), fields("password", "secret"), "username=alice&username=bob&password=secret", "username=%zz", "username=%ff%fe&password=%00",
		fields("username", "alice", "password", strings.Repeat("x", 1025)), fields("username", strings.Repeat("a", 3000), "password", "x"),
		fields("return_to", "/login"), fields("return_to", "javascript:alert(1)"), fields("return_to", "/%5cevil.example"), fields("return_to", "/x\r\nSet-Cookie: a=b"),
		"session=%s", "session=%o", "session=%s&session=%o", "session=", fields("session", "../x"),
		fields("current_password", "secret", "new_password", "a longer password", "repeat_password", "a longer password"), fields("current_password", "wrong", "new_password", "a longer password", "repeat_password", "a longer password"),
		fields("current_password", "secret", "new_password", "a longer password", "repeat_password", "another password"), fields("current_password", "secret", "new_password", "short", "repeat_password", "short"),
		fields("current_password", "secret", "new_password", "nul\x00 in the password", "repeat_password", "nul\x00 in the password"), strings.Repeat("a=1&", 5000), "a=1;b=2", "&&&=&",
	} {
		for path := range paths {
			f.Add(uint8(path), body)
		}
	}
	passwords := map[string]string{"alice": "secret", "carol": "password"}
	f.Fuzz(func(t *testing.T, path uint8, body string) {
		s := newSite(t) // a report fails the test
		sid, presented := s.begin(t, "alice", firefox)
		other, _ := s.begin(t, "carol", firefox)
		body = strings.NewReplacer("%s", url.QueryEscape(sid), "%o", url.QueryEscape(other)).Replace(body)
		to := paths[int(path)%len(paths)]
		a := s.post(t, to, body, presented)
		if a.StatusCode >= 500 {
			t.Fatalf("%s %q: %d %s", to, body, a.StatusCode, a.body)
		}
		form, err := url.ParseQuery(strings.ReplaceAll(body, ";", "%3B"))
		one := func(name string) string {
			if values := form[name]; len(values) == 1 {
				return values[0]
			}
			return ""
		}
		user := strings.TrimSpace(one("username"))
		knows := to == "/login" && passwords[user] != "" && one("password") == passwords[user]
		changes := to == "/account/password" && one("current_password") == "secret" && a.Header.Get("Location") == "/account?done=password"
		for _, c := range a.Cookies() {
			if c.Value != "" && !knows && !changes {
				t.Errorf("%s %q: a cookie was set: %v", to, body, c)
			}
		}
		if !s.alive(t, other) {
			t.Errorf("%s %q ended the session of another user", to, body)
		}
		if changes && (s.alive(t, sid) || len(s.live(t, "alice")) != 1) {
			t.Errorf("%q left a session from before", body)
		}
		ends := knows || changes || to == "/logout" || to == "/account/sessions/revoke" && one("session") == sid
		if !ends && !s.alive(t, sid) {
			t.Errorf("%s %q ended the session", to, body)
		}
		if to == "/account/password" && one("current_password") != "secret" && !s.signsIn(t, "alice", "secret") {
			t.Errorf("%q changed the password", body)
		}
		if location := a.Header.Get("Location"); location != "" {
			u, err := url.Parse(location)
			if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.ContainsAny(location, "\\\r\n\t") {
				t.Errorf("%s %q leads to %q", to, body, location)
			}
		} else if a.StatusCode == http.StatusSeeOther {
			t.Errorf("%s %q leads nowhere", to, body)
		}
		// The page for another name has as much markup, so what was entered is text.
		if err == nil && to == "/login" && user != "" && a.StatusCode != http.StatusSeeOther {
			form.Set("username", "nobody")
			again := s.post(t, to, form.Encode(), presented)
			for _, c := range []string{"<", ">", `"`, "'"} {
				if a.StatusCode == again.StatusCode && strings.Count(a.body, c) != strings.Count(again.body, c) {
					t.Errorf("%q is markup of the page:\n%s", user, a.body)
				}
			}
		}
	})
}
