package pages_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

const safariOnMac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15"

// newPassword is the form by which alice changes her password.
func newPassword(current, chosen, repeated string) string {
	return fields("username", "alice", "current_password", current, "new_password", chosen, "repeat_password", repeated)
}

func TestAccount(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	other, _ := s.begin(t, "alice", safariOnMac)
	program, _ := s.begin(t, "alice", "")
	s.begin(t, "carol", firefox)
	a := s.get(t, "/account", cookie).want(t, 200)
	a.wantText(t, "<dd>alice</dd>", "<dd>Alice Liddell</dd>", "<dd>alice@example.com</dd>", "<dd>admin, editor</dd>",
		"Firefox, Linux <strong>This browser</strong>", "Safari, macOS</p>", "Unknown browser</p>", "198.51.100.7")
	if strings.Count(a.body, "This browser") != 1 || strings.Count(a.body, "<li>") != 3 {
		t.Errorf("want three sessions, one of them this one:\n%s", a.body)
	}
	for _, sid := range []string{other, program} {
		a.tag(t, `name="session"`, `value="`+sid+`"`)
	}
	if strings.Contains(a.body, secretHash) {
		t.Error("the page has the password's hash")
	}
}

// With one session the page has no button to sign out elsewhere, also after a form
// that failed.
func TestAccountOfOneSession(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "carol", firefox)
	s.get(t, "/account", cookie).want(t, 200).wantNoText(t, "Sign out everywhere else", `name="session"`)
}

// The page tells what was done, and shows no text from its address.
func TestAccountSaysWhatWasDone(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	for what, text := range map[string]string{
		"password": "Your password is changed.", "session": "That session is signed out.", "others": "You are signed out everywhere else.",
	} {
		s.get(t, "/account?done="+what, cookie).wantText(t, text).tag(t, `role="status"`)
	}
	s.get(t, "/account?done=done_password", cookie).want(t, 200).wantNoText(t, `role="status"`)
}

func TestAccountFieldsAreLabelled(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	a := s.get(t, "/account", cookie)
	for field, complete := range map[string]string{
		"current_password": "current-password", "new_password": "new-password", "repeat_password": "new-password",
	} {
		a.tag(t, `id="`+field+`"`, `name="`+field+`"`, `type="password"`, `autocomplete="`+complete+`"`, "required")
		a.tag(t, `for="`+field+`"`)
	}
	a.tag(t, `id="new_password"`, `minlength="8"`, `aria-describedby="new-hint"`)
	// Password managers find the account that the new password is for.
	a.tag(t, `autocomplete="username"`, `value="alice"`)
	// Password managers find this page.
	a.tag(t, `id="password"`)
}

// Without a sign-in the account page redirects to the sign-in page, which comes back.
// A form is answered with a message that nothing was done: a user has to know that
// a new password was not set.
func TestAccountWithoutASignIn(t *testing.T) {
	s := newSite(t)
	sid, _ := s.begin(t, "alice", firefox)
	for _, request := range []string{"GET /account", "POST /account/password", "POST /account/sessions/revoke", "POST /account/sessions/revoke-others"} {
		method, path, _ := strings.Cut(request, " ")
		body := newPassword("secret", "long enough", "long enough") + "&session=" + sid
		want := func(a answer) answer {
			if method == "POST" {
				return a.want(t, 401).wantText(t, "Your form was not sent", `href="/login?return_to=%2Faccount"`)
			}
			return a.wantRedirect(t, "/login?return_to=%2Faccount")
		}
		if a := want(s.do(t, method, path, body)); a.cookies() != "" {
			t.Errorf("%s: cookies %q", request, a.cookies())
		}
		if a := want(s.do(t, method, path, body, "Cookie: jwtauth=x")); a.cookies() != cleared {
			t.Errorf("%s: an invalid cookie stays: %q", request, a.cookies())
		}
	}
	if !s.alive(t, sid) || !s.signsIn(t, "alice", "secret") {
		t.Error("something was done without a sign-in")
	}
}

func TestWellKnownChangePassword(t *testing.T) {
	s := newSite(t)
	for _, base := range []string{"", "/auth"} {
		s.BasePath = base
		s.get(t, "/.well-known/change-password").wantRedirect(t, base+"/account#password")
	}
}

func TestEndSession(t *testing.T) {
	s := newSite(t)
	own, cookie := s.begin(t, "alice", firefox)
	other, _ := s.begin(t, "alice", safariOnMac)
	third, _ := s.begin(t, "alice", safariOnMac)
	foreign, _ := s.begin(t, "carol", firefox)
	const path = "/account/sessions/revoke"
	s.post(t, path, fields("session", other), cookie).wantRedirect(t, "/account?done=session")
	if s.alive(t, other) || !s.alive(t, own) || !s.alive(t, third) {
		t.Error("not that session, or not that session alone")
	}
	// A session of another user is answered as one that does not exist.
	for _, sid := range []string{foreign, other, "", "*", own + "x"} {
		s.post(t, path, fields("session", sid), cookie).wantRedirect(t, "/account?done=session")
	}
	if !s.alive(t, foreign) {
		t.Error("a session of another user ended")
	}
	if !s.alive(t, own) || !s.alive(t, third) {
		t.Error("another session ended")
	}
	// The session of this browser, which the page ends by signing out.
	a := s.post(t, path, fields("session", own), cookie).wantRedirect(t, "/logout")
	if a.cookies() != cleared || s.alive(t, own) {
		t.Errorf("still signed in: %q", a.cookies())
	}
	if !s.alive(t, third) {
		t.Error("another session ended")
	}
}

func TestEndOtherSessions(t *testing.T) {
	s := newSite(t)
	own, cookie := s.begin(t, "alice", firefox)
	s.begin(t, "alice", safariOnMac)
	s.begin(t, "alice", "curl/8")
	foreign, _ := s.begin(t, "carol", firefox)
	s.post(t, "/account/sessions/revoke-others", "", cookie).wantRedirect(t, "/account?done=others")
	if left := s.live(t, "alice"); len(left) != 1 || left[0].ID != own || !s.alive(t, foreign) {
		t.Errorf("left are %+v", left)
	}
	s.get(t, "/account", cookie).want(t, 200)
}

// TestPasswordChangeReplacesTheSession: a new password ends all sessions, this one
// too, since its cookie may have been copied. The browser gets a new session with
// the same scopes, which is kept as long.
func TestPasswordChangeReplacesTheSession(t *testing.T) {
	for _, keep := range []string{"", "1"} {
		s := newSite(t)
		jar := s.Cookies.(*jar)
		s.post(t, "/login", "username=alice&password=secret&keep="+keep, "User-Agent: "+firefox).want(t, 303)
		was, kept := s.live(t, "alice")[0], jar.kept
		value, err := s.sessions.Cookie(was)
		if err != nil {
			t.Fatal(err)
		}
		s.begin(t, "alice", safariOnMac)
		jar.kept = -1
		a := s.post(t, "/account/password", newPassword("secret", "long enough", "long enough"), "Cookie: jwtauth="+value).wantRedirect(t, "/account?done=password")
		left := s.live(t, "alice")
		if len(left) != 1 || left[0].ID == was.ID || s.alive(t, was.ID) {
			t.Fatalf("left are %+v", left)
		}
		now, cookies := left[0], a.Cookies()
		if len(cookies) != 1 || cookies[0].Value == value || jar.kept != kept || (kept == 0) != (keep == "") {
			t.Errorf("the browser gets %v for %s, before it was %s", cookies, jar.kept, kept)
		}
		if !slices.Equal(now.Scopes, was.Scopes) || now.Client != "" || now.Kept != was.Kept || now.Epoch == was.Epoch || now.ExpiresAt.Before(was.ExpiresAt) {
			t.Errorf("%+v takes the place of %+v", now, was)
		}
		if sid, err := s.sessions.ParseCookie(cookies[0].Value); err != nil || sid != now.ID {
			t.Errorf("the cookie names %s, %v", sid, err)
		}
		s.get(t, "/account", "Cookie: jwtauth="+value).want(t, 303)
		s.get(t, "/account", "Cookie: jwtauth="+cookies[0].Value).want(t, 200)
	}
}

// TestPasswordChangeOfASignedOutUser: sessions that end while the password is
// compared stay ended.
func TestPasswordChangeOfASignedOutUser(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	s.Users = overtaken{s.Users, func() {
		if _, err := s.sessions.EndAll(t.Context(), "alice", ""); err != nil {
			t.Fatal(err)
		}
	}}
	a := s.post(t, "/account/password", newPassword("secret", "long enough", "long enough"), cookie).want(t, 401)
	if left := s.live(t, "alice"); len(left) > 0 || len(a.Cookies()) > 0 || !s.signsIn(t, "alice", "secret") {
		t.Errorf("left are %+v, set %v", left, a.Cookies())
	}
}

// After a change only the new password signs in.
func TestChangePassword(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	s.begin(t, "alice", safariOnMac)
	foreign, _ := s.begin(t, "carol", firefox)
	s.post(t, "/account/password", newPassword("secret", "änd söme wörds ", "änd söme wörds "), cookie).wantRedirect(t, "/account?done=password")
	if !s.alive(t, foreign) {
		t.Error("another user was signed out")
	}
	if s.signsIn(t, "alice", "secret") || !s.signsIn(t, "alice", "änd söme wörds ") {
		t.Error("the old password counts, or the new one does not")
	}
}

// The session decides whose password is changed, not the form.
func TestChangePasswordIsOfTheSession(t *testing.T) {
	s := newSite(t)
	s.add(t, user.User{Username: "dave", PasswordHash: secretHash})
	_, cookie := s.begin(t, "dave", firefox)
	s.post(t, "/account/password", newPassword("secret", "long enough", "long enough"), cookie).wantRedirect(t, "/account?done=password")
	if !s.signsIn(t, "alice", "secret") || !s.signsIn(t, "dave", "long enough") {
		t.Error("the password of another user was changed")
	}
}

func TestPasswordsThatAreRefused(t *testing.T) {
	const long = "long enough"
	bcrypt, err := password.NewHasher(password.Bcrypt, password.Params{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, body, text string
		// field is the field with the problem.
		field  string
		status int
	}{
		{"no current", newPassword("", long, long), "Enter your current password.", "current_password", 400},
		{"no new", newPassword("secret", "", ""), "Enter a new password.", "new_password", 400},
		{"new of spaces", newPassword("secret", "          ", "          "), "Enter a new password.", "new_password", 400},
		{"short", newPassword("secret", "1234567", "1234567"), "too short: it needs at least 8", "new_password", 400},
		{"short, in more bytes", newPassword("secret", "äöüäöüä", "äöüäöüä"), "too short: it needs at least 8", "new_password", 400},
		{"same", newPassword("secretsecret", "secretsecret", "secretsecret"), "The new password is the one you have now.", "new_password", 400},
		{"differs", newPassword("secret", long, "long enouhg"), "The two new passwords are not the same.", "repeat_password", 400},
		{"not repeated", newPassword("secret", long, ""), "The two new passwords are not the same.", "repeat_password", 400},
		{"wrong current", newPassword("wrong", long, long), "The current password is wrong.", "current_password", 401},
		{"longer than bcrypt takes", newPassword("secret", strings.Repeat("x", 73), strings.Repeat("x", 73)), "The new password is too long.", "new_password", 400},
		{"with NUL, for bcrypt", newPassword("secret", "long\x00enough", "long\x00enough"), "a character that cannot be used", "new_password", 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			s.service.Hasher = refusingHasher{bcrypt}
			own, cookie := s.begin(t, "alice", firefox)
			other, _ := s.begin(t, "alice", safariOnMac)
			a := s.post(t, "/account/password", tc.body, cookie).want(t, tc.status).wantText(t, tc.text, "<title>Error: Your account</title>")
			a.tag(t, `role="alert"`, "autofocus")
			a.tag(t, `href="#`+tc.field+`"`)
			field := a.tag(t, `id="`+tc.field+`"`, `aria-invalid="true"`)
			_, described, _ := strings.Cut(field, `aria-describedby="`)
			described, _, _ = strings.Cut(described, `"`)
			described, _, _ = strings.Cut(described, " ")
			a.tag(t, `id="`+described+`"`, `class="error"`)
			if !s.signsIn(t, "alice", "secret") || !s.alive(t, own) || !s.alive(t, other) {
				t.Error("something was changed")
			}
		})
	}
}

// refusingHasher refuses the passwords that bcrypt refuses, and makes no hash.
type refusingHasher struct{ *password.Hasher }

func (h refusingHasher) Hash(pw string) (string, error) {
	if len(pw) <= 72 && !strings.Contains(pw, "\x00") {
		return cheapHasher{}.Hash(pw)
	}
	return h.Hasher.Hash(pw)
}

func (refusingHasher) NeedsUpgrade(*password.Hash) bool { return false }

// Two mistakes are two messages.
func TestEveryMistakeIsNamed(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	s.post(t, "/account/password", newPassword("", "short", "short"), cookie).want(t, 400).
		wantText(t, "Enter your current password.", "The new password is too short")
}

// The page cannot change a password of the configuration: it tells so and has no
// form.
func TestPasswordOfTheConfiguration(t *testing.T) {
	s := newSite(t)
	own, cookie := s.begin(t, "carol", firefox)
	other, _ := s.begin(t, "carol", safariOnMac)
	a := s.get(t, "/account", cookie).want(t, 200).wantText(t, "kept in the configuration")
	if strings.Contains(a.body, "new_password") {
		t.Error("there is a form that cannot work")
	}
	s.post(t, "/account/password", newPassword("password", "long enough", "long enough"), cookie).want(t, 400).wantText(t, "kept in the configuration")
	if !s.signsIn(t, "carol", "password") || !s.alive(t, own) || !s.alive(t, other) {
		t.Error("something was changed")
	}
}

// Someone at an unlocked browser cannot try out passwords: the account page counts
// failures as every other way in does, and a throttled account gets the answer for
// a wrong password even with the right one.
func TestCurrentPasswordIsThrottled(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	wrong := newPassword("wrong", "long enough", "long enough")
	for range 5 {
		s.post(t, "/account/password", wrong, cookie).want(t, 401)
	}
	a := s.post(t, "/account/password", newPassword("secret", "long enough", "long enough"), cookie).want(t, 401)
	sameAnswer(t, "throttled", a, s.post(t, "/account/password", wrong, cookie))
	if entry, err := s.users.Lookup(t.Context(), "alice"); err != nil || entry.PasswordHash != secretHash {
		t.Errorf("changed, or %v", err)
	}
}

// An address that has to wait is told so, and so is a request without a free slot.
func TestChangePasswordThatHasToWait(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	for i := range 20 {
		s.post(t, "/login", nameAndPassword("nobody"+string(rune('a'+i)), "x")).want(t, 401)
	}
	right := newPassword("secret", "long enough", "long enough")
	if a := s.post(t, "/account/password", right, cookie).want(t, 429).wantText(t, "Too many failed sign-ins"); a.Header.Get("Retry-After") == "" {
		t.Errorf("headers %v", a.Header)
	}
	s.address = netip.MustParseAddr("198.51.100.9")
	fillSlots(t, s)
	if a := s.post(t, "/account/password", right, cookie).want(t, 503).wantText(t, "Try again in a few seconds."); a.Header.Get("Retry-After") != "2" {
		t.Errorf("headers %v", a.Header)
	}
}

// The hashing of the new password may find no free slot.
func TestNoSlotForTheNewPassword(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	s.SignIn = busyHash{s.service, s}
	s.post(t, "/account/password", newPassword("secret", "long enough", "long enough"), cookie).want(t, 503).wantText(t, "Try again in a few seconds.")
	if !s.signsIn(t, "alice", "secret") {
		t.Error("changed")
	}
}

// busyHash takes all slots between the comparison and the new hash.
type busyHash struct {
	*signin.Service
	s *site
}

func (b busyHash) Hash(ctx context.Context, username string, address netip.Addr, pw string) (string, error) {
	b.s.service.Slots = fullSlots{}
	defer func() { b.s.service.Slots = b.s.slots }()
	return b.Service.Hash(ctx, username, address, pw)
}

type fullSlots struct{}

func (fullSlots) Full(password.Caller) bool { return true }
func (fullSlots) Acquire(context.Context, password.Caller) (func(), error) {
	return nil, password.ErrBusy
}

// A page of another site cannot change anything for a user who is signed in here.
func TestAccountFormsFromAnotherSite(t *testing.T) {
	for _, tc := range originOf {
		if tc.ok {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			own, cookie := s.begin(t, "alice", firefox)
			other, _ := s.begin(t, "alice", safariOnMac)
			body := newPassword("secret", "long enough", "long enough") + "&session=" + other
			for _, path := range []string{"/account/password", "/account/sessions/revoke", "/account/sessions/revoke-others"} {
				s.post(t, path, body, append([]string{cookie}, tc.headers...)...).want(t, 403).wantText(t, "Nothing was done")
			}
			if !s.alive(t, own) || !s.alive(t, other) || !s.signsIn(t, "alice", "secret") {
				t.Error("something was done")
			}
		})
	}
}

// Bodies that are no form change nothing.
func TestAccountBodiesThatAreNoForm(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	for _, path := range []string{"/account/password", "/account/sessions/revoke"} {
		s.post(t, path, `{}`, "Content-Type: application/json", cookie).want(t, 400)
		s.post(t, path, "a=1&a=2", cookie).want(t, 400)
		s.post(t, path, "a="+strings.Repeat("x", 17<<10), cookie).want(t, 413)
	}
}

// If the store fails, the page does not tell why, and the error is reported.
func TestAccountFailures(t *testing.T) {
	broken := errors.New("c4n4ry")
	change := newPassword("secret", "long enough", "long enough")
	for _, tc := range []struct {
		name, request, body string
		harm                func(s *site)
	}{
		{"list", "GET /account", "", func(s *site) { s.Sessions = faultySessions{Sessions: s.sessions, list: broken} }},
		{"user", "GET /account", "", func(s *site) { s.Users = faultyUsers{s.Users, broken, nil} }},
		{"list, to revoke", "POST /account/sessions/revoke", "session=x", func(s *site) { s.Sessions = faultySessions{Sessions: s.sessions, list: broken} }},
		{"revoke", "POST /account/sessions/revoke", "session=OTHER", func(s *site) { s.Sessions = faultySessions{Sessions: s.sessions, revoke: broken} }},
		{"revoke one's own", "POST /account/sessions/revoke", "session=OWN", func(s *site) { s.Sessions = faultySessions{Sessions: s.sessions, revoke: broken} }},
		{"revoke others", "POST /account/sessions/revoke-others", "", func(s *site) { s.Sessions = faultySessions{Sessions: s.sessions, endAll: broken} }},
		{"set", "POST /account/password", change, func(s *site) { s.Users = faultyUsers{s.Users, nil, broken} }},
		{"hash", "POST /account/password", change, func(s *site) { s.service.Hasher = brokenHasher{broken} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			own, cookie := s.begin(t, "alice", firefox)
			other, _ := s.begin(t, "alice", safariOnMac)
			tc.harm(s)
			method, path, _ := strings.Cut(tc.request, " ")
			a := s.do(t, method, path, strings.NewReplacer("OWN", own, "OTHER", other).Replace(tc.body), cookie)
			a.want(t, 500).wantText(t, "Something went wrong").wantNoText(t, "c4n4ry")
			if a.cookies() != "" {
				t.Errorf("cookies %q", a.cookies())
			}
			if len(s.reports) != 1 || !errors.Is(s.reports[0], broken) {
				t.Errorf("reported %v", s.reports)
			}
			s.reports = nil
			if !s.alive(t, own) || !s.alive(t, other) || !s.signsIn(t, "alice", "secret") {
				t.Error("something was done")
			}
		})
	}
}

// Opening the address of a form shows the account page.
func TestAddressOfAForm(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/account/password", "/account/sessions/revoke", "/account/sessions/revoke-others"} {
		s.get(t, path).wantRedirect(t, "/account")
	}
}

// Of many sessions the page shows some only, so that it stays small.
func TestManySessions(t *testing.T) {
	s := newSite(t)
	_, oldest := s.begin(t, "alice", firefox)
	for range 60 {
		s.begin(t, "alice", firefox)
	}
	_, cookie := s.begin(t, "alice", firefox)
	a := s.get(t, "/account", cookie).want(t, 200).wantText(t, "42 more", `href="/account?all#sessions"`)
	if shown := strings.Count(a.body, `name="session"`); shown != 19 && shown != 20 || len(a.body) > 14_000 {
		t.Errorf("%d sessions in %d bytes", shown, len(a.body))
	}
	// The session of this browser is the first, however long ago it was used.
	a = s.get(t, "/account", oldest).want(t, 200)
	if own, other := strings.Index(a.body, "This browser"), strings.Index(a.body, `name="session"`); own < 0 || own > other {
		t.Errorf("this browser is at %d, after another at %d", own, other)
	}
	a = s.get(t, "/account?all", cookie).want(t, 200)
	if shown := strings.Count(a.body, `name="session"`); shown != 61 {
		t.Errorf("%d sessions, want all", shown)
	}
}

// A user who entered the old password does not undo a new one that was set meanwhile.
func TestPasswordThatWasChangedMeanwhile(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	users := s.Users
	s.Users = overtaken{users, func() {
		entry, err := users.Lookup(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		hash, err := s.SignIn.Hash(t.Context(), "alice", home, "the owner's choice")
		if err != nil {
			t.Fatal(err)
		}
		owner, err := s.sessions.Draft(s.Lifetimes, session.NewSession{User: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		if err := users.ChangePassword(t.Context(), "alice", entry.PasswordHash, hash, owner.Session); err != nil {
			t.Fatal(err)
		}
	}}
	s.post(t, "/account/password", newPassword("secret", "the thief's choice", "the thief's choice"), cookie).
		want(t, 401).wantText(t, "The current password is wrong.")
	if s.signsIn(t, "alice", "the thief's choice") || !s.signsIn(t, "alice", "the owner's choice") {
		t.Error("the later password is not the one that was set first")
	}
}

// overtaken are users with another request that changes the user just before.
type overtaken struct {
	pages.Users
	before func()
}

func (o overtaken) ChangePassword(ctx context.Context, username, from, to string, begin session.Session) error {
	o.before()
	return o.Users.ChangePassword(ctx, username, from, to, begin)
}

type faultyUsers struct {
	pages.Users
	lookup, set error
}

func (f faultyUsers) Lookup(ctx context.Context, username string) (user.Entry, error) {
	if f.lookup != nil {
		return user.Entry{}, f.lookup
	}
	return f.Users.Lookup(ctx, username)
}

func (f faultyUsers) ChangePassword(ctx context.Context, username, from, to string, begin session.Session) error {
	if f.set != nil {
		return f.set
	}
	return f.Users.ChangePassword(ctx, username, from, to, begin)
}

type brokenHasher struct{ err error }

func (h brokenHasher) Hash(string) (string, error)    { return "", h.err }
func (brokenHasher) NeedsUpgrade(*password.Hash) bool { return false }

// The times of a session, of its sign-in and last use, are in UTC.
func TestTimesAreUTC(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	zone := time.FixedZone("X", 5*60*60)
	at := time.Date(2030, 1, 2, 1, 30, 0, 0, zone)
	s.Sessions = oneSession{s.Sessions, session.Session{ID: "x", CreatedAt: at, LastUsedAt: at.Add(time.Hour)}}
	s.get(t, "/account", cookie).wantText(t, `datetime="2030-01-01T20:30:00Z"`, "2030-01-01 20:30 UTC", "2030-01-01 21:30 UTC")
}

type oneSession struct {
	pages.Sessions
	one session.Session
}

func (o oneSession) List(context.Context, string) ([]session.Session, error) {
	return []session.Session{o.one}, nil
}
