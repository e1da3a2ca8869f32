package jwtauth_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// peer is where the requests of these tests come from, as a proxy that is trusted.
const peer = "127.0.0.1"

// TestClientAddress: which address the audit log, and so the throttle, takes a
// request to come from, by what the headers hold and how Caddy is configured.
func TestClientAddress(t *testing.T) {
	many := strings.Repeat("127.0.0.1, ", 10_000)
	const (
		lax    = "trusted_proxies static 127.0.0.1 10.0.0.0/8"
		strict = lax + "\ntrusted_proxies_strict"
		large  = lax + "\nmax_header_size 1MB"
		two    = lax + "\nclient_ip_headers X-One X-Forwarded-For"
	)
	type lines = []option
	xff := func(values ...string) (all lines) {
		for _, value := range values {
			all = append(all, header("X-Forwarded-For", value))
		}
		return all
	}
	for _, test := range []struct {
		name, servers string
		sent          lines
		want          string
	}{
		{"no header", lax, nil, peer},
		{"one client", lax, xff("192.0.2.1"), "192.0.2.1"},
		{"what the client invented stands to the left", lax, xff("192.0.2.9, 192.0.2.1"), "192.0.2.1"},
		{"through two trusted proxies", lax, xff("192.0.2.9, 192.0.2.1, 10.1.2.3"), "192.0.2.1"},
		{"a forged trusted proxy", lax, xff("192.0.2.9, 10.9.9.9, 192.0.2.1, 10.1.2.3"), "192.0.2.1"},
		{"several lines", lax, xff("192.0.2.9", "192.0.2.1", "10.1.2.3"), "192.0.2.1"},
		{"white space", lax, xff("192.0.2.9,\t192.0.2.1  ,10.1.2.3 "), "192.0.2.1"},
		{"empty entries", lax, xff(",192.0.2.9,,192.0.2.1,, ,10.1.2.3,", ""), "192.0.2.1"},
		{"empty", lax, xff("", ",,, ,"), peer},
		{"a port", lax, xff("192.0.2.9, 192.0.2.1:4711, 10.1.2.3:80"), "192.0.2.1"},
		{"IPv6", lax, xff("192.0.2.9, 2001:db8::1"), "2001:db8::1"},
		{"IPv6 in brackets", lax, xff("192.0.2.9, [2001:db8::1]"), "2001:db8::1"},
		{"IPv6 and a port", lax, xff("192.0.2.9, [2001:db8::1]:4711"), "2001:db8::1"},
		{"IPv6 with a zone", lax, xff("192.0.2.9, fe80::1%eth0"), "fe80::1"},
		{"IPv4 in IPv6", lax, xff("192.0.2.9, ::ffff:192.0.2.1, ::ffff:10.1.2.3"), "192.0.2.1"},
		// Only a trusted proxy can have written it: who was before that is not known.
		{"no address", lax, xff("192.0.2.9, unknown, 10.1.2.3"), "10.1.2.3"},
		{"no address next to the peer", lax, xff("192.0.2.9, _hidden"), peer},
		{"half a bracket", lax, xff("192.0.2.9, [2001:db8::1, 10.1.2.3"), "10.1.2.3"},
		// In the trusted network itself, each is told from the others.
		{"trusted proxies only", lax, xff("10.1.1.1, 10.1.2.3"), "10.1.1.1"},
		{"ten thousand entries", large, xff("192.0.2.9, " + many + "192.0.2.1"), "192.0.2.1"},
		{"ten thousand trusted ones", large, xff("192.0.2.9, " + many[:len(many)-2]), peer},
		{"another header does not count", lax, append(xff("192.0.2.1"), header("X-Real-Ip", "192.0.2.9"), header("Forwarded", "for=192.0.2.9")), "192.0.2.1"},
		{"the first header that has one", two, append(xff("192.0.2.9"), header("X-One", "192.0.2.8, 192.0.2.1")), "192.0.2.1"},
		{"the second header", two, append(xff("192.0.2.9, 192.0.2.1"), header("X-One", "10.1.1.1")), "192.0.2.1"},
		{"strict is Caddy's own answer", strict, xff("192.0.2.9, 192.0.2.1, 10.1.2.3"), "192.0.2.1"},
		{"strict, trusted proxies only", strict, xff("10.1.1.1, 10.1.2.3"), peer},
		{"a peer that is not trusted", "trusted_proxies static 10.0.0.0/8", xff("192.0.2.9, 192.0.2.1"), peer},
		{"no trusted proxies", "", xff("192.0.2.9, 192.0.2.1"), peer},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			servers := ""
			if test.servers != "" {
				servers = "servers {\n" + test.servers + "\n}\n"
			}
			s.load("{\n<GLOBAL>\n" + servers + "jwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site("token_server"))
			m := s.form("/token", rightSignIn, test.sent...).want(t, http.StatusOK).json(t)
			s.form("/token", wrongSignIn, test.sent...).want(t, http.StatusUnauthorized)
			s.form("/revoke", "token="+m["access_token"].(string), test.sent...).want(t, http.StatusOK)
			s.form("/login", rightSignIn, append(test.sent, html(), host("site.example"))...).want(t, http.StatusSeeOther)
			audited := s.audited("default")
			if len(audited) != 4 {
				t.Errorf("%d lines were audited: %v", len(audited), audited)
			}
			for _, line := range audited {
				if line["client_ip"] != test.want {
					t.Errorf("%v: client_ip is %v, want %s", line["name"], line["client_ip"], test.want)
				}
			}
		})
	}
}

// TestClientAddressThrottled: a client that invents addresses to the left of its
// own is throttled all the same, and does not throttle, or pass for, a victim.
func TestClientAddressThrottled(t *testing.T) {
	const attacker, victim = "198.51.100.66", "192.0.2.1"
	proxied := func(claimed string, real string) option { return from(claimed + ", " + real) }

	t.Run("30 failures from invented addresses", func(t *testing.T) {
		s := throttledServer(t, "store memory")
		statuses := make(map[int]int)
		for i := range 30 {
			a := s.form("/token", fmt.Sprintf("username=nobody%d&password=x", i), proxied(fmt.Sprintf("203.0.113.%d", i), attacker))
			statuses[a.StatusCode]++
		}
		if statuses[http.StatusUnauthorized] != 20 || statuses[http.StatusTooManyRequests] != 10 {
			t.Errorf("30 failures: %v, want 20 of 401 and 10 of 429", statuses)
		}
		s.form("/token", rightSignIn, from("203.0.113.1")).want(t, http.StatusOK)
		for _, line := range s.audited("default") {
			if line["name"] == "jwtauth_sign_in_failed" && line["client_ip"] != attacker {
				t.Errorf("an invented address in the audit log: %v", line)
			}
		}
	})
	t.Run("a victim's known address", func(t *testing.T) {
		s := throttledServer(t, "store memory\nthrottle {\naccount_free 3\n}")
		s.form("/token", rightSignIn, from(victim)).want(t, http.StatusOK)
		for range 3 {
			s.form("/token", wrongSignIn, proxied(victim, attacker)).want(t, http.StatusUnauthorized)
		}
		// The account has to wait where the failures came from, by any claim,
		// and is open to the victim.
		s.form("/token", rightSignIn, proxied(victim, attacker)).want(t, http.StatusUnauthorized)
		s.form("/token", rightSignIn, from(victim)).want(t, http.StatusOK)
	})
}

// TestClientAddressOnUnixSocket: the peer has no address, so that of the client is
// what the proxy says, where Caddy trusts it, and not known where not.
func TestClientAddressOnUnixSocket(t *testing.T) {
	for name, test := range map[string]struct {
		servers string
		want    any
	}{
		"trusted":     {"servers {\ntrusted_proxies_unix\n}\n", "192.0.2.1"},
		"not trusted": {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			socket := filepath.Join(s.dir, "caddy.sock")
			s.load("{\n<GLOBAL>\n" + test.servers + "jwtauth {\nstore memory\n<USERS>\n}\n}\nhttp:// {\nbind unix/" + socket + "\ntoken_server\n}\n")
			transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			}}
			r, err := http.NewRequest(http.MethodPost, "http://localhost/token", strings.NewReader(rightSignIn))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Forwarded-For", "192.0.2.9, 192.0.2.1")
			res, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			audited := s.audited("default")
			if res.StatusCode != http.StatusOK || len(audited) != 1 || audited[0]["client_ip"] != test.want {
				t.Errorf("status %d, audited %v, want client_ip %v", res.StatusCode, audited, test.want)
			}
		})
	}
}
