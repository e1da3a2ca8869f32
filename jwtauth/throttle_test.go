package jwtauth_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

const (
	rightSignIn = "username=alice&password=secret"
	wrongSignIn = "username=alice&password=wrong"
)

// from is a client's address as a proxy tells it.
func from(address string) option { return header("X-Forwarded-For", address) }

// throttledServer trusts the test as a proxy, so that requests have addresses.
func throttledServer(t *testing.T, realm string) *server {
	t.Helper()
	s := newServer(t)
	s.load(throttledConfig(realm, "trusted_proxies static 127.0.0.1"))
	return s
}

func throttledConfig(realm, servers string) string {
	return "{\n<GLOBAL>\nservers {\n" + servers + "\n}\njwtauth {\n" + realm + "\n<USERS>\n" +
		"client app " + secretHash + " {\ngrant password refresh_token\nscope read\n}\nclient spa\n}\n}\n" +
		"http://:<PORT> {\nbind 127.0.0.1\ntoken_server\n}\n"
}

// TestThrottledAccountAnswersLikeAWrongPassword, byte for byte, also to the right
// one, and like a name that nobody has.
func TestThrottledAccountAnswersLikeAWrongPassword(t *testing.T) {
	s := throttledServer(t, "store memory\nthrottle {\naccount_free 3\n}")
	first := s.form("/token", wrongSignIn, from("192.0.2.1")).want(t, http.StatusUnauthorized)
	if m := first.json(t); m["error"] != "invalid_grant" || m["detail"] != "Incorrect username or password" {
		t.Errorf("a wrong password: %v", m)
	}
	first.wantHeader(t, "WWW-Authenticate", "Bearer")
	s.form("/token", rightSignIn, from("192.0.2.1")).want(t, http.StatusOK) // forgets the failure
	for i := range 3 {
		sameAnswer(t, "wrong password", first, s.form("/token", wrongSignIn, from("192.0.2."+strconv.Itoa(10+i))))
	}
	sameAnswer(t, "throttled, right password", first, s.form("/token", rightSignIn, from("192.0.2.20")))
	sameAnswer(t, "throttled, wrong password", first, s.form("/token", wrongSignIn, from("192.0.2.21")))
	for _, body := range []string{
		"username=nobody&password=secret",
		"username=alice%00&password=secret",
		"username=" + strings.Repeat("a", 5000) + "&password=x",
		"username=%20alice&password=secret",
		"username=ALICE&password=secret",
		"username=bob&password=" + strings.Repeat("x", 2000), // overlong
		"username=bob&password=a%00b",
		"username=carol&password=wrong", // disabled
		"username=%C3%28&password=x",
	} {
		sameAnswer(t, body, first, s.form("/token", body, from("192.0.2.22")))
	}
	// An address that signed in before has a counter of its own: no stranger
	// locks alice out.
	s.form("/token", rightSignIn, from("192.0.2.1")).want(t, http.StatusOK)
	// Others are not held up.
	s.form("/token", "username=bob&password=password", from("192.0.2.23")).want(t, http.StatusOK)
	if m := s.form("/token", "username=carol&password=password", from("192.0.2.23")).want(t, http.StatusBadRequest).json(t); m["detail"] != "Inactive user" {
		t.Errorf("a disabled user: %v", m)
	}
	s.wantQuietLog()
}

// TestThrottledAddress: 429, with Retry-After, and only that address.
func TestThrottledAddress(t *testing.T) {
	s := throttledServer(t, "store memory\nthrottle {\naddress_free 3\n}")
	// Each name is tried once, so that no account is throttled.
	fail := func(n int, address string) answer {
		return s.form("/token", fmt.Sprintf("username=nobody%d&password=x", n), from(address))
	}
	for _, test := range []struct{ name, address, same, other string }{
		{"IPv4", "192.0.2.1", "192.0.2.1", "192.0.2.2"},
		{"IPv6 counts the /64", "2001:db8:1:1::1", "2001:db8:1:1:ffff::9", "2001:db8:1:2::1"},
		{"IPv4 in IPv6", "::ffff:198.51.100.1", "198.51.100.1", "198.51.100.2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i := range 3 {
				fail(i, test.address).want(t, http.StatusUnauthorized)
			}
			for _, body := range []string{wrongSignIn, rightSignIn, "username=nobody&password=x"} {
				a := s.form("/token", body, from(test.same)).want(t, http.StatusTooManyRequests)
				seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
				if err != nil || seconds < 1 || seconds > 30 {
					t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
				}
				a.wantHeader(t, "Cache-Control", "no-store").wantHeader(t, "Content-Type", "application/json").wantHeader(t, "WWW-Authenticate", "")
				if m := a.json(t); m["error"] == nil || m["detail"] == nil {
					t.Errorf("%v", m)
				}
			}
			s.form("/token", rightSignIn, from(test.other)).want(t, http.StatusOK)
		})
	}
	s.wantQuietLog()
}

// TestPrefixesOverTheWire: a /56 has four times the failures of a /64, and no
// more by walking through it.
func TestPrefixesOverTheWire(t *testing.T) {
	s := throttledServer(t, "store memory\nthrottle {\naddress_free 3\n}")
	for i := range 12 {
		s.form("/token", fmt.Sprintf("username=nobody%d&password=x", i), from(fmt.Sprintf("2001:db8:1:%x::1", i/3))).want(t, http.StatusUnauthorized)
	}
	for _, address := range []string{"2001:db8:1:4::1", "2001:db8:1:ff:1::1"} {
		s.form("/token", rightSignIn, from(address)).want(t, http.StatusTooManyRequests)
	}
	s.form("/token", rightSignIn, from("2001:db8:1:100::1")).want(t, http.StatusOK)
	s.wantQuietLog()
}

// TestForgedAddresses: what a client says of its address counts for nothing,
// unless a trusted proxy says it.
func TestForgedAddresses(t *testing.T) {
	s := newServer(t)
	s.load(throttledConfig("store memory\nthrottle {\naddress_free 3\n}", "trusted_proxies static 203.0.113.0/24"))
	for i := range 4 {
		a := s.form("/token", fmt.Sprintf("username=nobody%d&password=x", i), from(fmt.Sprintf("192.0.2.%d", i)),
			header("Forwarded", fmt.Sprintf("for=192.0.2.%d", i)), header("X-Real-Ip", fmt.Sprintf("192.0.2.%d", i)),
			header("True-Client-Ip", "192.0.2.9"), header("Cf-Connecting-Ip", "192.0.2.9"))
		if want := map[bool]int{true: 401, false: 429}[i < 3]; a.StatusCode != want {
			t.Errorf("attempt %d: status %d, want %d", i, a.StatusCode, want)
		}
	}
}

// TestThrottleOutlivesReloadAndRestart.
func TestThrottleOutlivesReloadAndRestart(t *testing.T) {
	s := newServer(t)
	config := throttledConfig("store bolt <DIR>/throttle.db\nthrottle {\naccount_free 2\naddress_free 8\n}", "trusted_proxies static 127.0.0.1")
	s.load(config)
	s.form("/token", rightSignIn, from("192.0.2.200")).want(t, http.StatusOK) // a known address from here on
	for range 2 {
		s.form("/token", wrongSignIn, from("192.0.2.1")).want(t, http.StatusUnauthorized)
	}
	for i := range 6 {
		s.form("/token", fmt.Sprintf("username=nobody%d&password=x", i), from("192.0.2.1")).want(t, http.StatusUnauthorized)
	}
	held := func(when string) {
		t.Helper()
		// A known address is not locked out, and opens the account to nobody else.
		if a := s.form("/token", rightSignIn, from("192.0.2.200")); a.StatusCode != http.StatusOK {
			t.Errorf("%s a known address is locked out: %d", when, a.StatusCode)
		}
		if a := s.form("/token", rightSignIn, from("192.0.2.2")); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s the account is open: %d", when, a.StatusCode)
		}
		if a := s.form("/token", "username=bob&password=password", from("192.0.2.1")); a.StatusCode != http.StatusTooManyRequests {
			t.Errorf("%s the address is open: %d", when, a.StatusCode)
		}
	}
	held("at once")
	s.load(config)
	held("after a reload")
	s.stop()
	s.load(config)
	held("after a restart")
}

// TestClientSecretsAreThrottled: another way in has the same limits.
func TestClientSecretsAreThrottled(t *testing.T) {
	s := throttledServer(t, "store memory\nthrottle {\naccount_free 3\naddress_free 10\n}")
	auth := func(id, secret string) option {
		return func(r *http.Request) { r.SetBasicAuth(id, secret) }
	}
	good := s.form("/token", rightSignIn, auth("app", "secret"), from("192.0.2.1")).want(t, http.StatusOK)
	if good.json(t)["scope"] != "read" {
		t.Errorf("%s", good.Body)
	}
	first := s.form("/token", rightSignIn, auth("app", "wrong"), from("192.0.2.2")).want(t, http.StatusUnauthorized)
	if m := first.json(t); m["error"] != "invalid_client" {
		t.Errorf("%v", m)
	}
	if got := first.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Basic ") {
		t.Errorf("WWW-Authenticate is %q", got)
	}
	for range 2 {
		sameAnswer(t, "wrong secret", first, s.form("/refresh", "refresh_token=x", auth("app", "wrong"), from("192.0.2.2")))
	}
	sameAnswer(t, "throttled client, right secret", first, s.form("/token", rightSignIn, auth("app", "secret"), from("192.0.2.3")))
	sameAnswer(t, "unknown client", first, s.form("/token", rightSignIn, auth("nobody", "secret"), from("192.0.2.4")))
	sameAnswer(t, "secret for a public client", first, s.form("/token", rightSignIn, auth("spa", "secret"), from("192.0.2.4")))
	// A client's failures are not those of a user of that name, nor the other way round.
	s.form("/token", rightSignIn, from("192.0.2.5")).want(t, http.StatusOK)
	// A known address of the client is not locked out.
	s.form("/token", rightSignIn, auth("app", "secret"), from("192.0.2.1")).want(t, http.StatusOK)
	// They count for the address, too.
	for range 10 {
		s.form("/revoke", "token=x", auth("nobody", "x"), from("192.0.2.6"))
	}
	s.form("/revoke", "token=x", auth("app", "secret"), from("192.0.2.6")).want(t, http.StatusTooManyRequests)
	s.form("/token", rightSignIn, from("192.0.2.6")).want(t, http.StatusTooManyRequests)
	// Swagger UI's empty credentials are nobody's.
	s.form("/token", rightSignIn, header("Authorization", "Basic Og=="), from("192.0.2.7")).want(t, http.StatusOK)
}

// TestFullSlots: 503 with Retry-After, at once, while the rest goes on; and no
// failure is counted for it.
func TestFullSlots(t *testing.T) {
	s := throttledServer(t, "store memory\nthrottle {\naccount_free 1\naddress_free 1000\n}\npassword_hash {\nslots 1\nqueue 1\n}")
	alice := s.signIn("alice")
	release, err := jwtauth.HoldSlot(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	var waiting sync.WaitGroup
	queued := make(chan answer, 1)
	waiting.Go(func() {
		a, err := s.try("POST", "/token", rightSignIn, header("Content-Type", "application/x-www-form-urlencoded"), from("192.0.2.1"))
		if err != nil {
			t.Error(err)
		}
		queued <- a
	})
	testcaddy.Eventually(t, "the queue is full", func() bool { return jwtauth.WaitingForSlots("default") == 1 })
	refused := s.form("/token", "username=bob&password=password", from("192.0.2.2")).want(t, http.StatusServiceUnavailable)
	if seconds, err := strconv.Atoi(refused.Header.Get("Retry-After")); err != nil || seconds < 1 {
		t.Errorf("Retry-After is %q", refused.Header.Get("Retry-After"))
	}
	refused.wantHeader(t, "Cache-Control", "no-store").wantHeader(t, "Content-Type", "application/json")
	for _, body := range []string{rightSignIn, wrongSignIn, "username=nobody&password=x"} {
		s.form("/token", body, from("192.0.2.3")).want(t, http.StatusServiceUnavailable)
	}
	s.form("/token", rightSignIn, func(r *http.Request) { r.SetBasicAuth("app", "secret") }, from("192.0.2.3")).want(t, http.StatusServiceUnavailable)
	// Nothing else needs a slot.
	s.get("/users/me", bearer(alice.Access)).want(t, http.StatusOK)
	s.form("/refresh", "refresh_token="+alice.Refresh).want(t, http.StatusOK)
	release()
	if a := <-queued; a.StatusCode != http.StatusOK {
		t.Errorf("who waited in line got %d %s", a.StatusCode, a.Body)
	}
	waiting.Wait()
	// account_free is 1: had a 503 counted, these would be throttled.
	s.form("/token", "username=bob&password=password", from("192.0.2.4")).want(t, http.StatusOK)
	s.form("/token", rightSignIn, from("192.0.2.4")).want(t, http.StatusOK)
	s.wantQuietLog()
}
