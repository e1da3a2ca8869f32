package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"
)

// deviceCookie is the one that an answer sets, nil where it sets none.
func (a answer) deviceCookie() *http.Cookie {
	for _, c := range a.Cookies() {
		if strings.Contains(c.Name, "jwtauth-device") {
			return c
		}
	}
	return nil
}

// TestDeviceCookieIsSet after a sign-in by the form, as strictly as the session
// cookie, with one id as long as the browser keeps it.
func TestDeviceCookieIsSet(t *testing.T) {
	s := newServer(t)
	s.newUpstream()
	s.load(strings.Replace(realmsConfig, "token_server", "token_server\n\thandle_path /s/* {\n\ttoken_server {\n\trealm staff\n\t}\n\t}", 1))
	const attributes = "; Path=/; Max-Age=34560000; HttpOnly"
	for _, tc := range []struct{ path, host, name, rest string }{
		{"/login", localhost, "jwtauth-device", attributes + "; SameSite=Lax"},
		{"/login", "www.example.com", "__Host-jwtauth-device", attributes + "; Secure; SameSite=Lax"},
		{"/s/login", localhost, "jwtauth-device-staff", attributes + "; SameSite=Lax"},
		{"/s/login", "www.example.com", "__Host-jwtauth-device-staff", attributes + "; Secure; SameSite=Lax"},
	} {
		in := func(body string, options ...option) answer {
			return s.form(tc.path, "username=alice&password="+body, append(options, host(tc.host))...)
		}
		a := in("secret").want(t, http.StatusSeeOther).wantHeader(t, "Cache-Control", "no-store")
		first := a.deviceCookie()
		if first == nil || first.Name != tc.name || first.Raw != first.Name+"="+first.Value+tc.rest || len(a.Cookies()) != 2 {
			t.Fatalf("%s at %s: %q, want %s and %s", tc.path, tc.host, a.Header["Set-Cookie"], tc.name, tc.rest)
		}
		if again := in("secret", cookie(tc.name+"="+first.Value)).deviceCookie(); again == nil || again.Value != first.Value {
			t.Errorf("the browser became another: %v", again)
		}
		for what, value := range map[string]string{
			"none": "", "cut off": first.Value[:len(first.Value)-1], "a session's": a.Cookies()[0].Value, "a session's under its prefix": "jd1_" + a.Cookies()[0].Value[4:],
		} {
			if other := in("secret", cookie(tc.name+"="+value)).deviceCookie(); other == nil || other.Value == first.Value || other.Value == value {
				t.Errorf("%s: %v", what, other)
			}
		}
		// A good one of the exact name counts next to what was planted.
		if again := in("secret", cookie(tc.name+"=x", "\u2000"+tc.name+"=y", tc.name+"="+first.Value)).deviceCookie(); again == nil || again.Value != first.Value {
			t.Errorf("next to others: %v", again)
		}
		if other := in("secret", cookie("\u2000"+tc.name+"="+first.Value, strings.ToUpper(tc.name)+"="+first.Value, tc.name+"2="+first.Value)).deviceCookie(); other == nil || other.Value == first.Value {
			t.Errorf("what only looks like it: %v", other)
		}
		if c := in("wrong", cookie(tc.name+"="+first.Value)).want(t, http.StatusUnauthorized).deviceCookie(); c != nil {
			t.Errorf("a failure sets %v", c)
		}
		out := s.form(strings.Replace(tc.path, "login", "logout", 1), "", cookie(tc.name+"="+first.Value, strings.Replace(tc.name, "-device-", "_", 1)+"=x"), host(tc.host))
		if c := out.want(t, http.StatusSeeOther).deviceCookie(); c != nil {
			t.Errorf("a sign-out sets %v", c)
		}
	}
	s.form("/token", "username=alice&password=secret").want(t, http.StatusOK).wantHeader(t, "Set-Cookie", "")
}

// TestDeviceCookieOpensNothing, wherever a credential is taken, and no upstream sees
// it.
func TestDeviceCookieOpensNothing(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	s.load(strings.Replace(realmsConfig, "handle_errors", "jwt_auth /query/* {\n\tsource query token\n\t}\n\thandle_errors", 1))
	device := s.form("/login", "username=alice&password=secret", host(localhost)).deviceCookie().Value
	for _, name := range []string{"jwtauth", "__Host-jwtauth", "__Secure-jwtauth", "jwtauth-device", "__Host-jwtauth-device", "jwtauth_device"} {
		for _, value := range []string{device, "js1_" + device[4:]} {
			held := cookie(name + "=" + value)
			for _, path := range []string{"/users/x", "/staff/x", "/users/me"} {
				s.get(path, held, host(localhost)).want(t, http.StatusUnauthorized)
			}
			s.get("/account", held, host(localhost)).want(t, http.StatusSeeOther)
			s.get("/optional/x", held, host(localhost), header("X-Test", "1")).want(t, http.StatusOK)
			if r := u.take(); r == nil || len(r.Header["Cookie"]) > 0 {
				t.Errorf("the upstream sees %v", r.Header["Cookie"])
			}
			s.form("/revoke", "", held, host(localhost)).want(t, http.StatusUnauthorized)
			s.form("/refresh", "", held, host(localhost)).want(t, http.StatusUnauthorized)
		}
	}
	for _, value := range []string{device, "jr1_" + device[4:], "js1_" + device[4:]} {
		s.get("/users/x", bearer(value)).wantInvalidToken(t)
		s.get("/query/x?token="+value).want(t, http.StatusUnauthorized)
		s.get("/users/me", bearer(value)).wantInvalidToken(t)
		s.do("POST", "/refresh", bearer(value)).want(t, http.StatusUnauthorized)
		s.form("/refresh", "refresh_token="+value).want(t, http.StatusUnauthorized)
		s.form("/token", "grant_type=refresh_token&refresh_token="+value).want(t, http.StatusBadRequest)
		s.form("/revoke", "token="+value).want(t, http.StatusOK) // which is no token, and ends nothing
	}
	u.take()
	for _, line := range []string{
		"jwtauth-device=VALUE", "__Host-jwtauth-device=VALUE", "__Secure-jwtauth-device=VALUE", "jwtauth-device-staff=VALUE; JWTAUTH-DEVICE=VALUE; \u2000jwtauth-device=VALUE", "%6awtauth-device=VALUE; jwtauth-device.x=VALUE",
	} {
		s.get("/open", cookie("a=1", strings.ReplaceAll(line, "VALUE", device), "jwtauth-devices=2"))
		if got := u.take().Header["Cookie"]; len(got) != 1 || got[0] != "a=1; jwtauth-devices=2" {
			t.Errorf("%s: the upstream got %q", line, got)
		}
	}
	s.wantQuietLog()
}
