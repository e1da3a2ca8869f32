package jwtauth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestCookieSplitterForgeries: a sibling subdomain sets what it likes for the whole
// domain, with a session of its own in it. It signs no one in, and a visitor with
// a cookie of this host keeps that session.
func TestCookieSplitterForgeries(t *testing.T) {
	s := start(t, `
		token_server
		jwt_auth /in
		jwt_auth /optional {
			optional
		}
		respond "{http.auth.user.id}"
	`)
	victim, attacker := "__Host-jwtauth="+s.signIn("alice").CookieValue, s.signIn("bob").CookieValue
	for name, forged := range map[string]string{
		"U+2000":              "\u2000__Host-jwtauth=",
		"no-break space":      "\u00a0__Host-jwtauth=",
		"byte order mark":     "\ufeff__Host-jwtauth=",
		"Latin-1 space":       "\xa0__Host-jwtauth=",
		"space after":         "__Host-jwtauth\u2003=",
		"next line":           "\u0085__Host-jwtauth=",
		"capitals":            "__HOST-JWTAUTH=",
		"quotes":              `"__Host-jwtauth"=`,
		"percent":             "%5F%5FHost-jwtauth=",
		"dots":                "..Host-jwtauth=",
		"long s":              "__Ho\u017ft-jwtauth=",
		"two prefixes":        "__Secure-__Host-jwtauth=",
		"another prefix":      "__Secure-jwtauth=",
		"no prefix":           "jwtauth=",
		"no name":             "=__Host-jwtauth=",
		"the realm spelled":   "__Host-jwtauth_default=",
		"exact, but not ours": "__Host-jwtauth=x",
	} {
		forged += attacker
		t.Run(name, func(t *testing.T) {
			there := host("app.example.com")
			s.get("/in", there, header("Cookie", forged)).want(t, http.StatusUnauthorized)
			s.get("/optional", there, header("Cookie", forged)).wantBody(t, http.StatusOK, "")
			s.get("/users/me", there, header("Cookie", forged)).want(t, http.StatusUnauthorized)
			for _, lines := range [][]string{
				{forged + "; " + victim}, {victim + "; " + forged}, {forged, victim}, {strings.Repeat(forged+"; ", 50) + victim},
			} {
				var send []option
				for _, line := range lines {
					send = append(send, header("Cookie", line))
				}
				send = append(send, there)
				s.get("/in", send...).wantBody(t, http.StatusOK, "alice")
				s.get("/optional", send...).wantBody(t, http.StatusOK, "alice")
				if m := s.get("/users/me", send...).want(t, http.StatusOK).json(t); m["username"] != "alice" {
					t.Errorf("%v", m)
				}
				s.get("/account", append(send, navigate())...).wantPage(t, http.StatusOK, "alice")
			}
		})
	}
}

// TestCookieSplitterClearsWhatWasPlanted: where cookies of two users come under one
// name, a person who is sent to sign in loses both, whatever path or domain they
// have, so that the next sign-in holds.
func TestCookieSplitterClearsWhatWasPlanted(t *testing.T) {
	s := startWith(t, "store memory\n<USERS>\ncookie_domain app.example.com", `
		token_server
		jwt_auth /in/*
		respond "{http.auth.user.id}"
	`)
	send := cookie("__Secure-jwtauth="+s.signIn("bob").CookieValue, "__Secure-jwtauth="+s.signIn("alice").CookieValue)
	a := s.get("/in/deep/x?y=1", navigate(), host("docs.app.example.com"), send).want(t, http.StatusSeeOther)
	lines := strings.Join(a.Header.Values("Set-Cookie"), "\n")
	for _, path := range []string{"/", "/in", "/in/", "/in/deep", "/in/deep/", "/in/deep/x"} {
		for _, domain := range []string{"", "; Domain=docs.app.example.com", "; Domain=app.example.com", "; Domain=example.com"} {
			if want := "__Secure-jwtauth=; Path=" + path + domain + "; Max-Age=0; HttpOnly; Secure; SameSite=Lax"; !strings.Contains(lines, want) {
				t.Errorf("%s is not among\n%s", want, lines)
			}
		}
	}
	if n := len(a.Header.Values("Set-Cookie")); n > 60 {
		t.Errorf("%d cookies are set", n)
	}
	deep := s.get("/in/"+strings.Repeat("x/", 500), navigate(), host(strings.Repeat("a.", 20)+"app.example.com"), send).want(t, http.StatusSeeOther)
	if n := len(deep.Header.Values("Set-Cookie")); n > 60 {
		t.Errorf("%d cookies are set", n)
	}
	one := s.get("/in/x", navigate(), host("docs.app.example.com"), cookie("__Secure-jwtauth=dead")).want(t, http.StatusSeeOther)
	if n := len(one.Header.Values("Set-Cookie")); n != 2 {
		t.Errorf("%d cookies are set for one that is dead", n)
	}
}

// TestCookieSplitterClearsOnAnAddress: 127.0.0.1 has no domain above it whose
// cookies could come here.
func TestCookieSplitterClearsOnAnAddress(t *testing.T) {
	s := start(t, `
		token_server
		jwt_auth /in/*
		respond "{http.auth.user.id}"
	`)
	send := cookie("jwtauth="+s.signIn("bob").CookieValue, "jwtauth="+s.signIn("alice").CookieValue)
	lines := s.get("/in/x", navigate(), send).want(t, http.StatusSeeOther).Header.Values("Set-Cookie")
	for i, line := range lines {
		if strings.Contains(line, "Domain=") || i > 1 && slices.Contains(lines[1:i], line) {
			t.Errorf("%s is set among %q", line, lines)
		}
	}
	if !slices.Contains(lines, "jwtauth=; Path=/in/; Max-Age=0; HttpOnly; SameSite=Lax") {
		t.Errorf("%q", lines)
	}
}
