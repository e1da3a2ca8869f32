package pages_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// asBrowser are the headers with which a browser posts a form.
const asBrowser = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"

var secret = fields("username", "alice", "password", "secret")

func nameAndPassword(name, pw string) string { return fields("username", name, "password", pw) }

func TestSignIn(t *testing.T) {
	s := newSite(t)
	a := s.post(t, "/login", fields("username", "alice", "password", "secret", "return_to", "/x?a=b"), asBrowser, "User-Agent: "+firefox)
	a.wantRedirect(t, "/login?check=1&return_to=%2Fx%3Fa%3Db")
	sessions := s.live(t, "alice")
	if len(sessions) != 1 || sessions[0].IP != home.String() || sessions[0].UserAgent != firefox || sessions[0].Client != "" {
		t.Fatalf("sessions %+v", sessions)
	}
	if s.jar.kept != 0 {
		t.Errorf("the cookie is kept for %s by a browser that was not asked to", s.jar.kept)
	}
	// The browser requests the page once more, with the cookie, and is redirected.
	s.get(t, "/login?check=1&return_to=%2Fx%3Fa%3Db", a.presented(t)).wantRedirect(t, "/x?a=b")
	s.get(t, "/account", a.presented(t)).want(t, 200)
}

// A space after the name, which phones add, is removed.
func TestSignInTrimsTheName(t *testing.T) {
	newSite(t).post(t, "/login", fields("username", " alice ", "password", "secret")).wantRedirect(t, "/")
}

// Spaces at the ends of a password are part of it.
func TestSignInTrimsNoPassword(t *testing.T) {
	newSite(t).post(t, "/login", fields("username", "alice", "password", "secret ")).want(t, 401)
}

func TestKeepMeSignedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.post(t, "/login", secret+"&keep=1").wantRedirect(t, "/")
		if want := s.Lifetimes.Refresh; s.jar.kept != want {
			t.Errorf("kept for %s, want the %s that the session lives", s.jar.kept, want)
		}
		s.post(t, "/login", secret+"&keep=").wantRedirect(t, "/")
		if s.jar.kept != 0 {
			t.Errorf("kept for %s, not asked to", s.jar.kept)
		}
	})
}

// A sign-in never uses a session that an attacker planted, or that another user had
// in this browser before.
func TestEverySignInIsANewSession(t *testing.T) {
	s := newSite(t)
	first := s.post(t, "/login", secret)
	before := s.live(t, "alice")[0].ID
	second := s.post(t, "/login", secret, first.presented(t))
	after := s.live(t, "alice")
	if len(after) != 1 || after[0].ID == before || second.presented(t) == first.presented(t) {
		t.Errorf("before %s, after %+v", before, after)
	}
	// As another user: the previous session, of the first user, ends too.
	s.post(t, "/login", fields("username", "carol", "password", "password"), second.presented(t)).want(t, 303)
	if len(s.live(t, "alice")) != 0 || len(s.live(t, "carol")) != 1 {
		t.Errorf("alice has %d sessions, carol %d", len(s.live(t, "alice")), len(s.live(t, "carol")))
	}
	// Sessions of other browsers stay, and a failed sign-in ends none.
	sid, cookie := s.begin(t, "alice", firefox)
	s.post(t, "/login", secret).want(t, 303)
	s.post(t, "/login", nameAndPassword("alice", "wrong"), cookie).want(t, 401)
	if !s.alive(t, sid) {
		t.Error("a session of another browser ended")
	}
}

// If the previous session cannot be ended, the sign-in still succeeds.
func TestPreviousSessionThatCannotBeEnded(t *testing.T) {
	s := newSite(t)
	_, cookie := s.begin(t, "alice", firefox)
	full := errors.New("disk full")
	s.Sessions = faultySessions{Sessions: s.sessions, revoke: full}
	s.post(t, "/login", secret, cookie).wantRedirect(t, "/").presented(t)
	if len(s.reports) != 1 || !errors.Is(s.reports[0], full) {
		t.Errorf("reported %v", s.reports)
	}
	s.reports = nil
}

// A program is redirected to its target, a browser to the page that checks whether
// the cookie was kept.
func TestWhereASignInGoesOn(t *testing.T) {
	for _, tc := range []struct {
		name, returnTo string
		headers        []string
		want           string
	}{
		{"program", "/x", nil, "/x"},
		{"program, nowhere in particular", "", nil, "/"},
		{"program, any type", "/x", []string{"Accept: */*"}, "/x"},
		{"script of a page", "/x", []string{"Sec-Fetch-Mode: cors", asBrowser}, "/x"},
		{"script of an old browser", "/x", []string{"X-Requested-With: XMLHttpRequest", asBrowser}, "/x"},
		{"no HTML", "/x", []string{"Accept: application/json, text/html;q=0"}, "/x"},
		{"browser", "/x", []string{"Sec-Fetch-Mode: navigate"}, "/login?check=1&return_to=%2Fx"},
		{"old browser", "/x", []string{asBrowser}, "/login?check=1&return_to=%2Fx"},
		{"browser, capitals", "/x", []string{"Accept: Text/HTML ; q=0.9"}, "/login?check=1&return_to=%2Fx"},
		{"browser, nowhere in particular", "", []string{asBrowser}, "/login?check=1"},
		{"browser, to another site", "https://evil.example", []string{asBrowser}, "/login?check=1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body := fields("username", "alice", "password", "secret", "return_to", tc.returnTo)
			newSite(t).post(t, "/login", body, tc.headers...).wantRedirect(t, tc.want)
		})
	}
}

// return_to is read from the form only, not from the URL that the form is posted to.
func TestSignInReadsTheBodyAlone(t *testing.T) {
	s := newSite(t)
	s.post(t, "/login?username=alice&password=secret&return_to=/y", "").want(t, 400)
	s.post(t, "/login?return_to=/y", secret).wantRedirect(t, "/")
}

// A browser without cookies, or with an invalid one, gets a message and is not
// redirected in a loop.
func TestCookieCheckDoesNotLoop(t *testing.T) {
	s := newSite(t)
	s.get(t, "/login?check=1&return_to=/x").want(t, 400).wantText(t, "did not keep the cookie", `href="/login?return_to=%2Fx"`)
	other := s.get(t, "/login?check=1&return_to=/x", "Cookie: jwtauth=x").want(t, 400).wantText(t, "sent another cookie", `href="/login?return_to=%2Fx"`)
	if other.cookies() != cleared {
		t.Errorf("the cookie stays: %q", other.cookies())
	}
	// The form itself does not redirect, with or without a sign-in.
	_, cookie := s.begin(t, "alice", firefox)
	a := s.get(t, "/login?return_to=/x", cookie).want(t, 200)
	a.wantText(t, "You are signed in as Alice Liddell.", `href="/x"`).tag(t, `type="password"`)
	if a.cookies() != "" {
		t.Errorf("a cookie that is good was touched: %s", a.cookies())
	}
}

// An unknown name, a wrong password and an account that has to wait get the same
// answer. The names are equally long.
func TestRefusalsAreTheSame(t *testing.T) {
	s := newSite(t)
	s.add(t, user.User{Username: "clara", PasswordHash: secretHash})
	s.add(t, user.User{Username: "bobby", PasswordHash: secretHash, Disabled: true})
	s.add(t, user.User{Username: "nopwd"})
	for i := range 5 {
		s.address = netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
		s.post(t, "/login", nameAndPassword("clara", "wrong")).want(t, 401)
	}
	s.address = home
	ask := func(name, pw string) answer {
		a := s.post(t, "/login", nameAndPassword(name, pw)).want(t, 401).wantText(t, "User name or password is wrong.")
		a.body = strings.ReplaceAll(a.body, `"`+name+`"`, `"NAME"`)
		return a
	}
	wrong := ask("alice", "wrong")
	for what, a := range map[string]answer{
		"unknown":                    ask("zelda", "secret"),
		"throttled, right password":  ask("clara", "secret"),
		"throttled, wrong password":  ask("clara", "wrong"),
		"disabled, wrong password":   ask("bobby", "wrong"),
		"without a password":         ask("nopwd", "secret"),
		"overlong password":          ask("alice", strings.Repeat("x", 2000)),
		"name that no user can have": ask("a\nb c", "secret"),
		"name in other capitals":     ask("ALICE", "secret"),
		"sessions ended by a change": raced(t, s),
	} {
		sameAnswer(t, what, wrong, a)
	}
}

// raced returns the answer to a right password if the user's sessions end while it is
// compared, for example by a new password.
func raced(t *testing.T, s *site) answer {
	t.Helper()
	s.SignIn = racingSignIn{s.service, s.sessions}
	defer func() { s.SignIn = s.service }()
	a := s.post(t, "/login", secret).want(t, 401)
	if len(s.live(t, "alice")) != 0 || a.cookies() != "" {
		t.Errorf("signed in by what is no longer so: %s", a.cookies())
	}
	a.body = strings.ReplaceAll(a.body, `"alice"`, `"NAME"`)
	return a
}

// racingSignIn ends the user's sessions right after the comparison.
type racingSignIn struct {
	*signin.Service
	sessions *session.Manager
}

func (r racingSignIn) SignIn(ctx context.Context, a signin.Attempt) (signin.Result, error) {
	res, err := r.Service.SignIn(ctx, a)
	if err == nil {
		_, err = r.sessions.EndAll(ctx, a.Username, "")
	}
	return res, err
}

func TestDisabledUser(t *testing.T) {
	s := newSite(t)
	a := s.post(t, "/login", fields("username", "bob", "password", "password")).want(t, 400).wantText(t, "This account is disabled.")
	if a.cookies() != "" || len(s.live(t, "bob")) != 0 {
		t.Error("signed in")
	}
}

// The form is shown again with what was entered, except the password, and tells what
// to correct, also to screen readers.
func TestFormAgain(t *testing.T) {
	s := newSite(t)
	a := s.post(t, "/login", fields("username", "alice", "password", "wrong", "keep", "1", "return_to", "/x"))
	a.want(t, 401).wantText(t, "<title>Error: Sign in</title>", "There is a problem")
	a.tag(t, `role="alert"`, "autofocus")
	a.tag(t, `name="username"`, `value="alice"`)
	a.tag(t, `name="keep"`, "checked")
	a.tag(t, `name="return_to"`, `value="/x"`)
	if got := a.tag(t, `name="password"`); strings.Contains(got, "value") {
		t.Errorf("the password came back: %s", got)
	}
	if strings.Count(a.body, "autofocus") != 1 {
		t.Errorf("more than one thing wants the focus:\n%s", a.body)
	}
	a = s.post(t, "/login", fields("username", "alice", "password", "wrong"))
	if strings.Contains(a.tag(t, `name="keep"`), "checked") {
		t.Error("keep is ticked")
	}
	// The form shows no problem at first.
	a = s.get(t, "/login").want(t, 200).wantText(t, "<title>Sign in</title>").wantNoText(t, "Error:", "problem", `role="alert"`)
	a.tag(t, `name="username"`, "autofocus")
}

func TestMissingFields(t *testing.T) {
	s := newSite(t)
	const name, pw = "Enter your user name.", "Enter your password."
	for _, tc := range []struct {
		body         string
		name, secret bool
	}{
		{"", true, true},
		{"username=&password=", true, true},
		{"password=secret", true, false},
		{"username=alice", false, true},
		{"username=%20&password=secret", true, false},
	} {
		a := s.post(t, "/login", tc.body).want(t, 400)
		for text, want := range map[string]bool{name: tc.name, pw: tc.secret} {
			if strings.Contains(a.body, text) != want {
				t.Errorf("%q: says %q: %v", tc.body, text, !want)
			}
		}
		if tc.name {
			a.tag(t, `id="username"`, `aria-invalid="true"`, `aria-describedby="username-error"`)
			a.tag(t, `href="#username"`)
			a.tag(t, `id="username-error"`)
		}
		if tc.secret {
			a.tag(t, `id="password"`, `aria-invalid="true"`, `aria-describedby="password-error"`)
			a.tag(t, `href="#password"`)
			a.tag(t, `id="password-error"`)
		}
	}
}

// Password managers, phones and screen readers can recognise each field.
func TestFieldsAreLabelled(t *testing.T) {
	a := newSite(t).get(t, "/login")
	for field, attributes := range map[string][]string{
		"username": {`name="username"`, `type="text"`, `autocomplete="username"`, `autocapitalize="none"`, `spellcheck="false"`, "required"},
		"password": {`name="password"`, `type="password"`, `autocomplete="current-password"`, "required"},
		"keep":     {`name="keep"`, `type="checkbox"`, `value="1"`},
	} {
		a.tag(t, append(attributes, `id="`+field+`"`)...)
		a.tag(t, `for="`+field+`"`)
	}
	a.tag(t, `method="post"`) // without an action, which keeps the fragment
}

// A body that is no form of this page is refused, and signs no one in.
func TestBodiesThatAreNoForm(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		headers    []string
		status     int
	}{
		{"too large", secret + "&x=" + strings.Repeat("x", 17<<10), nil, 413},
		{"a field twice", secret + "&password=x", nil, 400},
		{"broken encoding", "username=%zz&password=x", nil, 400},
		{"no type", secret, []string{"Content-Type: "}, 400},
		{"plain text, which any site can post", secret, []string{"Content-Type: text/plain"}, 400},
		{"file upload", "--x\r\nContent-Disposition: form-data; name=username\r\n\r\nalice\r\n", []string{"Content-Type: multipart/form-data; boundary=x"}, 400},
		{"JSON", `{"username":"alice","password":"secret"}`, []string{"Content-Type: application/json"}, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			a := s.post(t, "/login", tc.body, tc.headers...).want(t, tc.status).wantText(t, "The form could not be read.", `href="/login"`)
			if a.cookies() != "" || len(s.live(t, "alice")) != 0 {
				t.Error("signed in")
			}
		})
	}
}

// originOf are the headers in which browsers name the origin of a form, and whether
// it may be posted from there.
var originOf = []struct {
	name    string
	headers []string
	ok      bool
}{
	{"another site", []string{"Sec-Fetch-Site: cross-site"}, false},
	{"another host of the domain", []string{"Sec-Fetch-Site: same-site", "Origin: https://example.com"}, false},
	{"another site, old browser", []string{"Origin: https://evil.example"}, false},
	{"another port", []string{"Origin: https://example.com:8443"}, false},
	{"nobody says", []string{"Origin: null"}, false},
	{"same page", []string{"Sec-Fetch-Site: same-origin", "Origin: https://example.com"}, true},
	{"typed, or a bookmark", []string{"Sec-Fetch-Site: none"}, true},
	{"same page, old browser", []string{"Origin: https://example.com"}, true},
	{"same page, behind a proxy that does TLS", []string{"Origin: http://example.com"}, true},
	{"program", nil, true},
}

// Another site cannot sign its visitor in to an account of the attacker.
func TestSignInFromAnotherSite(t *testing.T) {
	for _, tc := range originOf {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			a := s.post(t, "/login", secret, tc.headers...)
			if tc.ok {
				a.wantRedirect(t, "/").presented(t)
				return
			}
			a.want(t, 403).wantText(t, "Nothing was done")
			if a.cookies() != "" || len(s.live(t, "alice")) != 0 {
				t.Error("signed in")
			}
			// It did not count as an attempt: no address has to wait.
			for range 25 {
				s.post(t, "/login", nameAndPassword("alice", "wrong"), tc.headers...).want(t, 403)
			}
			s.post(t, "/login", secret).want(t, 303)
		})
	}
}

// An address with too many failures is told how long to wait, in a header and a text.
func TestAddressThatHasToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		failures := 0
		fail := func() answer {
			failures++
			return s.post(t, "/login", nameAndPassword("nobody"+strconv.Itoa(failures), "x"))
		}
		for range 20 {
			fail().want(t, 401)
		}
		a := s.post(t, "/login", secret+"&keep=1").want(t, 429).wantText(t, "Try again in 1 min.")
		if a.Header.Get("Retry-After") != "30" {
			t.Errorf("Retry-After: %s", a.Header.Get("Retry-After"))
		}
		a.tag(t, `name="username"`, `value="alice"`)
		a.tag(t, `name="keep"`, "checked")
		// The waits grow: 1, 2, 4 and now 8 minutes, of which one second is over.
		for range 4 {
			time.Sleep(4 * time.Minute)
			fail().want(t, 401)
		}
		time.Sleep(time.Second)
		a = s.post(t, "/login", secret).want(t, 429).wantText(t, "Try again in 8 min.")
		if a.Header.Get("Retry-After") != "479" {
			t.Errorf("Retry-After: %s", a.Header.Get("Retry-After"))
		}
	})
}

func TestNoSlotIsFree(t *testing.T) {
	s := newSite(t)
	fillSlots(t, s)
	a := s.post(t, "/login", secret+"&keep=1").want(t, 503).wantText(t, "Try again in a few seconds.")
	if a.Header.Get("Retry-After") != "2" || a.cookies() != "" {
		t.Errorf("headers %v", a.Header)
	}
	a.tag(t, `name="username"`, `value="alice"`)
	a.tag(t, `name="keep"`, "checked")
}

// faultySessions are sessions that fail in chosen methods.
type faultySessions struct {
	pages.Sessions
	create, cookie, list, revoke, endAll error
}

func (f faultySessions) Create(ctx context.Context, lt session.Lifetimes, n session.NewSession) (session.Issued, error) {
	if f.create != nil {
		return session.Issued{}, f.create
	}
	return f.Sessions.Create(ctx, lt, n)
}

func (f faultySessions) Cookie(one session.Session) (string, error) {
	if f.cookie != nil {
		return "", f.cookie
	}
	return f.Sessions.Cookie(one)
}

func (f faultySessions) List(ctx context.Context, username string) ([]session.Session, error) {
	if f.list != nil {
		return nil, f.list
	}
	return f.Sessions.List(ctx, username)
}

func (f faultySessions) EndSession(ctx context.Context, sid string) error {
	if f.revoke != nil {
		return f.revoke
	}
	return f.Sessions.EndSession(ctx, sid)
}

func (f faultySessions) EndAll(ctx context.Context, username, except string) (int, error) {
	if f.endAll != nil {
		return 0, f.endAll
	}
	return f.Sessions.EndAll(ctx, username, except)
}

// An error after the password was found right signs no one in, and the page does not
// tell what it was.
func TestSessionThatCannotBeMade(t *testing.T) {
	broken := errors.New("c4n4ry")
	for name, faulty := range map[string]faultySessions{"store": {create: broken}, "cookie": {cookie: broken}} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			faulty.Sessions = s.sessions
			s.Sessions = faulty
			a := s.post(t, "/login", secret).want(t, 500).wantText(t, "Something went wrong").wantNoText(t, "c4n4ry")
			if a.cookies() != "" {
				t.Errorf("a cookie was set: %s", a.cookies())
			}
			if len(s.reports) != 1 || !errors.Is(s.reports[0], broken) {
				t.Errorf("reported %v", s.reports)
			}
			s.reports = nil
		})
	}
}

// The page asks before it signs out: opening it, by a link of any site, signs no one
// out.
func TestSignOut(t *testing.T) {
	s := newSite(t)
	sid, cookie := s.begin(t, "alice", firefox)
	s.get(t, "/logout", cookie).want(t, 200).wantText(t, "Do you want to sign out?", "Alice Liddell").tag(t, `method="post"`, `action="/logout"`)
	if !s.alive(t, sid) {
		t.Fatal("a link signed the user out")
	}
	other, _ := s.begin(t, "alice", firefox)
	a := s.post(t, "/logout", "", cookie).wantRedirect(t, "/logout")
	if s.alive(t, sid) || !s.alive(t, other) {
		t.Error("the session goes on, or another one does not")
	}
	if a.cookies() != cleared || a.Header.Get("Clear-Site-Data") != `"cache"` {
		t.Errorf("headers %v", a.Header)
	}
	s.get(t, "/logout").want(t, 200).wantText(t, "You are signed out", `href="/login"`)
}

// Signing out needs no form, no content type and no session. It redirects to
// return_to on this site.
func TestSignOutGoesOn(t *testing.T) {
	for _, tc := range []struct {
		name, body, want string
		headers          []string
	}{
		{"to a page", "return_to=/bye", "/bye", nil},
		{"to another site", "return_to=https://evil.example", "/logout", nil},
		{"to the sign-in page", "return_to=/login", "/logout", nil},
		{"without a type", "", "/logout", []string{"Content-Type: "}},
		{"by a program, with a type of its own", "", "/logout", []string{"Content-Type: application/json"}},
		{"with a dead cookie", "", "/logout", []string{"Cookie: jwtauth=x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newSite(t).post(t, "/logout", tc.body, tc.headers...).wantRedirect(t, tc.want)
			if a.cookies() != cleared {
				t.Errorf("cookies %q", a.cookies())
			}
		})
	}
}

// Another site or a broken form signs no one out. If a session cannot be ended, the
// browser keeps its cookie, so that the user can try again.
func TestSignOutThatFails(t *testing.T) {
	s := newSite(t)
	sid, cookie := s.begin(t, "alice", firefox)
	for _, tc := range originOf {
		if !tc.ok {
			s.post(t, "/logout", "", append(tc.headers, cookie)...).want(t, 403)
		}
	}
	s.post(t, "/logout", "a=1&a=2", cookie).want(t, 400)
	if !s.alive(t, sid) {
		t.Error("signed out")
	}
	broken := errors.New("c4n4ry")
	s.Sessions = faultySessions{Sessions: s.sessions, revoke: broken}
	a := s.post(t, "/logout", "", cookie).want(t, 500).wantNoText(t, "c4n4ry")
	if a.cookies() != "" || len(s.reports) != 1 || !errors.Is(s.reports[0], broken) {
		t.Errorf("cookies %q, reported %v", a.cookies(), s.reports)
	}
	s.reports = nil
}

// TestDeviceCookieGoesWithTheAttempt: an attempt has the id of the browser, and the
// browser gets that id in a cookie after a right password.
func TestDeviceCookieGoesWithTheAttempt(t *testing.T) {
	s := newSite(t)
	jar := s.Cookies.(*jar)
	asked := &deviceSpy{service: s.SignIn}
	s.SignIn = asked
	_, held := s.begin(t, "alice", firefox)
	for _, tc := range []struct {
		name, path, body, cookie string
		status                   int
		via, device, set         string
	}{
		{"first", "/login", "username=alice&password=secret", "", 303, signin.ViaForm, "new", "new"},
		{"again", "/login", "username=alice&password=secret", "device=mine", 303, signin.ViaForm, "mine", "mine"},
		{"wrong", "/login", "username=alice&password=wrong", "device=mine", 401, signin.ViaForm, "mine", ""},
		{"account, wrong", "/account/password", newPassword("wrong", "long enough", "long enough"), held[len("Cookie: "):] + "; device=mine", 401, signin.ViaAccount, "mine", ""},
		{"account", "/account/password", newPassword("secret", "long enough", "long enough"), held[len("Cookie: "):] + "; device=mine", 303, signin.ViaAccount, "mine", "mine"},
	} {
		jar.device = ""
		s.post(t, tc.path, tc.body, "Cookie: "+tc.cookie).want(t, tc.status)
		if asked.last.Via != tc.via || asked.last.Device != tc.device || jar.device != tc.set {
			t.Errorf("%s: asked %+v, set %q", tc.name, asked.last, jar.device)
		}
	}
}

// TestDeviceCookieThatCannotBeMade fails no sign-in.
func TestDeviceCookieThatCannotBeMade(t *testing.T) {
	s := newSite(t)
	jar := s.Cookies.(*jar)
	jar.deviceErr = errors.New("no key")
	var reported error
	s.Report = func(_ *http.Request, err error) { reported = err }
	s.post(t, "/login", "username=alice&password=secret").want(t, 303)
	if len(s.live(t, "alice")) != 1 || !errors.Is(reported, jar.deviceErr) {
		t.Errorf("reported %v", reported)
	}
}

// deviceSpy records the last attempt.
type deviceSpy struct {
	service pages.SignIn
	last    signin.Attempt
}

func (d *deviceSpy) SignIn(ctx context.Context, a signin.Attempt) (signin.Result, error) {
	d.last = a
	return d.service.SignIn(ctx, a)
}

func (d *deviceSpy) Hash(ctx context.Context, username string, address netip.Addr, password string) (string, error) {
	return d.service.Hash(ctx, username, address, password)
}
