//lint:file-ignore SA1019 Only the client of x/net sends the header :protocol.

package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// TestUpgradeExtendedConnect: WebSockets that begin with an extended CONNECT
// (RFC 8441, RFC 9220) open for those who pass the guard, and no other CONNECT
// carries anything to the upstream.
func TestUpgradeExtendedConnect(t *testing.T) {
	upstream := echoWebSocket(t)
	c := testcaddy.Start(t, `
{
	skip_install_trust
	servers {
		protocols h1 h2 h3
	}
}
https://localhost:{$PORT} {
	tls internal
	token_server
	jwt_auth
	jwt_auth /admin/* admin
	reverse_proxy `+upstream+`
}
`, testcaddy.Options{Env: []string{"GODEBUG=http2xconnect=1"}})
	c.AddUser("alice", "alice's password")
	insecure := &tls.Config{InsecureSkipVerify: true}

	h2 := &http2.Transport{TLSClientConfig: insecure}
	defer h2.CloseIdleConnections()
	h3 := &http3.Transport{TLSClientConfig: insecure}
	defer h3.Close()

	site := fmt.Sprintf("https://localhost:%d", c.Port)
	answer, err := (&http.Client{Transport: h2, Timeout: testcaddy.Patience}).PostForm(site+"/token",
		url.Values{"username": {"alice"}, "password": {"alice's password"}})
	if err != nil {
		t.Fatal(err)
	}
	var signedIn tokens
	err = json.NewDecoder(answer.Body).Decode(&signedIn)
	_ = answer.Body.Close()
	if err != nil || signedIn.Access == "" {
		t.Fatalf("no token: %d, %v", answer.StatusCode, err)
	}
	token := signedIn.Access
	for name, transport := range map[string]http.RoundTripper{"HTTP/2": h2, "HTTP/3": h3} {
		open := func(path, protocol, token string, send io.Reader) (*http.Response, error) {
			ctx, cancel := context.WithTimeout(context.Background(), testcaddy.Patience)
			t.Cleanup(cancel)
			r, err := http.NewRequestWithContext(ctx, http.MethodConnect, site+path, io.NopCloser(send))
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = -1
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			if name == "HTTP/3" {
				r.Proto = protocol
			} else {
				r.Header[":protocol"] = []string{protocol}
			}
			return transport.RoundTrip(r)
		}
		for _, test := range []struct {
			path, protocol, token string
			status                int
		}{
			{"/chat", "websocket", "", http.StatusUnauthorized},
			{"/chat", "websocket", token, http.StatusOK},
			{"/admin/chat", "websocket", token, http.StatusForbidden},
		} {
			hear, say := io.Pipe()
			res, err := open(test.path, test.protocol, test.token, hear)
			if err != nil {
				t.Errorf("%s %s: %v", name, test.path, err)
				continue
			}
			if res.StatusCode != test.status {
				t.Errorf("%s %s to %s: status %d, want %d", name, test.path, test.protocol, res.StatusCode, test.status)
			} else if res.StatusCode == http.StatusOK {
				go func() { _, _ = io.WriteString(say, "hello") }()
				echo := make([]byte, 5)
				if _, err := io.ReadFull(res.Body, echo); err != nil || string(echo) != "hello" {
					t.Errorf("%s %s: %q, %v", name, test.path, echo, err)
				}
			}
			_ = say.Close()
			_ = res.Body.Close()
		}
		// Anything else is a request without content: the upstream sees one, and no
		// second one within.
		for _, protocol := range []string{"WebSocket", "connect-udp", "h2c"} {
			res, err := open("/chat", protocol, token, strings.NewReader("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"))
			if err != nil {
				continue // not every server takes every protocol
			}
			_ = res.Body.Close()
		}
	}
}

// echoWebSocket is an upstream that opens WebSockets and sends back what it gets.
// It takes what follows a CONNECT request for further requests.
func echoWebSocket(t *testing.T) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go echo(t, conn)
		}
	}()
	return ln.Addr().String()
}

func echo(t *testing.T, conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(testcaddy.Patience))
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if r.URL.Path == "/smuggled" {
			t.Error("the upstream saw the request within")
		}
		if r.Header.Get("Upgrade") == "websocket" {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_, _ = io.Copy(conn, in)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}
}
