package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

type (
	writer  = http.ResponseWriter
	request = *http.Request
)

// refuse returns the answer of a guard's refusal.
func refuse(t testing.TB, page func(w writer, r request), headers ...string) answer {
	t.Helper()
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { page(w, r) }), "GET", "/private/", "", headers...)
}

func TestSignInURL(t *testing.T) {
	for _, tc := range []struct{ page, here, want string }{
		{"/login", "/x", "/login?return_to=%2Fx"},
		{"/login", "/x?a=b&c=d#e", "/login?return_to=%2Fx%3Fa%3Db%26c%3Dd%23e"},
		{"/login", "", "/login"},
		{"/login", "/x?" + strings.Repeat("&", 2000), "/login?cut=1&return_to=%2Fx"}, // 6,000 bytes in a URL
		{"/login", "/x?q=" + strings.Repeat("a", 4000), "/login?return_to=%2Fx%3Fq%3D" + strings.Repeat("a", 4000)},
		{"/login", "/x?q=" + strings.Repeat("a", 5000), "/login?cut=1&return_to=%2Fx"},
		{"/login", "/" + strings.Repeat("a", 5000), "/login?cut=1"},
		{"/sign-in?brand=acme", "/" + strings.Repeat("a", 5000), "/sign-in?brand=acme&cut=1"},
		{"/app/auth/login", "/app/x", "/app/auth/login?return_to=%2Fapp%2Fx"},
		{"/sign-in?brand=acme", "/x", "/sign-in?brand=acme&return_to=%2Fx"},
		{"https://id.example.com/login", "https://docs.example.com/x", "https://id.example.com/login?return_to=https%3A%2F%2Fdocs.example.com%2Fx"},
	} {
		if got := (pages.Refusals{SignInPage: tc.page}).SignInURL(tc.here); got != tc.want {
			t.Errorf("from %q to %q: %q, want %q", tc.here, tc.page, got, tc.want)
		}
	}
}

// A user without a role is told which role is needed, with a link to sign in as
// another user. There is no redirect to the sign-in page: it would not help.
func TestForbidden(t *testing.T) {
	alice := &policy.Principal{Username: "alice", FullName: "Alice Liddell", Roles: []string{"user"}}
	for _, tc := range []struct {
		name string
		who  *policy.Principal
		rule policy.Rule
		want []string
		not  []string
	}{
		{"one role", alice, policy.Rule{AnyRoles: []string{"admin"}}, []string{"needs the role admin.", "signed in as Alice Liddell."}, []string{"a right", "one of"}},
		{"one of several", alice, policy.Rule{AnyRoles: []string{"admin", "editor"}}, []string{"one of these roles: admin, editor."}, []string{"a right"}},
		{"all of several", alice, policy.Rule{AllRoles: []string{"admin", "editor"}}, []string{"all of these roles: admin, editor."}, []string{"a right"}},
		{"both", alice, policy.Rule{AnyRoles: []string{"user"}, AllRoles: []string{"admin"}}, []string{"the role user.", "the role admin."}, nil},
		{"scope", alice, policy.Rule{AnyRoles: []string{"user"}, Scopes: []string{"c4n4ry"}}, []string{"a right that your account does not have"}, []string{"role", "c4n4ry"}},
		{"claim", alice, policy.Rule{Claims: []policy.Claim{{Name: "c4n4ry", Values: []string{"c4n4ry"}}}}, []string{"a right"}, []string{"role", "c4n4ry"}},
		{"no full name", &policy.Principal{Username: "alice"}, policy.Rule{AnyRoles: []string{"admin"}}, []string{"signed in as alice."}, nil},
		{"markup", &policy.Principal{Username: "<b>x"}, policy.Rule{AnyRoles: []string{"<b>admin"}}, []string{"<b>admin", "<b>x"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := pages.Refusals{Server: &pages.Server{Theme: load(t, pages.ThemeOptions{})}, SignInPage: "/login"}
			a := refuse(t, func(w writer, r request) { f.Forbidden(w, r, tc.who, tc.rule, "/private/?a=b") })
			a.want(t, 403).wantHeaders(t, nil).wantText(t, append(tc.want, "No access", `href="/login?return_to=%2Fprivate%2F%3Fa%3Db"`)...).wantNoText(t, tc.not...)
			if strings.Contains(a.body, "<b>") {
				t.Errorf("not escaped:\n%s", a.body)
			}
		})
	}
}

// A guard shows these pages instead of a redirect.
func TestRefusalPages(t *testing.T) {
	f := pages.Refusals{Server: &pages.Server{Theme: load(t, pages.ThemeOptions{})}, SignInPage: "/auth/login"}
	for _, tc := range []struct {
		name   string
		page   func(w writer, r request)
		status int
		text   string
		signIn bool
	}{
		{"form without a sign-in", f.NotSent, 401, "Your form was not sent", true},
		{"not open", f.Unavailable, 503, "Please try again", false},
		{"form of another site", f.OtherSite, 403, "Nothing was done", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := refuse(t, func(w writer, r request) {
				// The guard has set the challenge, and it stays.
				w.Header().Set("WWW-Authenticate", "Bearer x")
				tc.page(w, r)
			}).want(t, tc.status).wantHeaders(t, map[string]string{"Www-Authenticate": "Bearer x"}).wantText(t, tc.text)
			if got := strings.Contains(a.body, `href="/auth/login"`); got != tc.signIn {
				t.Errorf("offers to sign in: %v\n%s", got, a.body)
			}
			// The style is next to the sign-in page, which no guard refuses.
			a.wantText(t, `href="/auth/login/style.css?v=`)
		})
	}
	de := refuse(t, f.Unavailable, "Accept-Language: de")
	if de.Header.Get("Content-Language") != "de" {
		t.Errorf("headers %v", de.Header)
	}
}

// If the sign-in page is on another host, the style is there too: the policy allows
// it from that host, and nothing from any other.
func TestRefusalOfASignInElsewhere(t *testing.T) {
	f := pages.Refusals{Server: &pages.Server{Theme: load(t, pages.ThemeOptions{})}, SignInPage: "https://id.example.com/auth/login"}
	a := refuse(t, f.NotSent).want(t, 401)
	a.wantText(t, `href="https://id.example.com/auth/login/style.css?v=`, `href="https://id.example.com/auth/login"`)
	const want = "default-src 'none'; style-src 'self' https://id.example.com; img-src 'self' https://id.example.com; " +
		"base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	if got := a.Header.Get("Content-Security-Policy"); got != want {
		t.Errorf("policy %q", got)
	}
}

// Guards redirect with this function.
func TestRedirect(t *testing.T) {
	for to, want := range map[string]string{
		"/login?return_to=%2Fx": "/login?return_to=%2Fx",
		"/ä\r\nX: y":            "/%C3%A4%0D%0AX:%20y",
		`/x?"<>\`:               "/x?%22%3C%3E%5C",
	} {
		a := refuse(t, func(w writer, _ request) {
			// The site has set other values for its answers.
			w.Header().Set("Cache-Control", "public, max-age=60")
			w.Header().Set("Expires", "Wed, 21 Oct 2037 07:28:00 GMT")
			pages.Redirect(w, to)
		}).wantRedirect(t, want)
		if a.Header.Get("Expires") != "" || a.Header.Get("Referrer-Policy") != "same-origin" || a.body != "" {
			t.Errorf("%v %q", a.Header, a.body)
		}
	}
}
