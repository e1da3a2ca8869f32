package jwtauth_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// tunnelServer is an upstream that does what Go's servers do not: it switches to
// whatever protocol a request asks for, as Hypercorn does for h2c, and takes what
// follows a CONNECT request for further requests.
type tunnelServer struct {
	mu    sync.Mutex
	seen  []*http.Request
	conns []net.Conn
}

// newTunnelServer starts one; <TUNNEL> in Caddyfiles of s is its address.
func (s *server) newTunnelServer() *tunnelServer {
	s.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	u := new(tunnelServer)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			u.mu.Lock()
			u.conns = append(u.conns, conn)
			u.mu.Unlock()
			running.Go(func() { u.serve(conn) })
		}
	})
	s.t.Cleanup(func() {
		_ = ln.Close()
		u.mu.Lock()
		for _, conn := range u.conns {
			_ = conn.Close() // Caddy keeps some for the next request
		}
		u.mu.Unlock()
		running.Wait()
	})
	s.vars["<TUNNEL>"] = ln.Addr().String()
	return u
}

func (u *tunnelServer) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		u.note(r)
		protocol := r.Header.Get("Upgrade")
		switch {
		case protocol == "":
			_, _ = io.Copy(io.Discard, r.Body)
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nupstream")
		case strings.EqualFold(protocol, "h2c"):
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
			u.serveHTTP2(buffered{conn, in})
			return
		default:
			fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", protocol)
			_, _ = io.Copy(conn, in) // an echo
			return
		}
	}
}

// serveHTTP2 answers requests in the tunnel.
func (u *tunnelServer) serveHTTP2(conn net.Conn) {
	tunnel := make(oneConn, 1)
	tunnel <- conn
	server := &http.Server{
		Protocols: onlyHTTP2(),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			u.note(r)
			fmt.Fprint(w, "tunnel")
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(tunnel)
			}
		},
	}
	_ = server.Serve(tunnel)
}

// onlyHTTP2 is HTTP/2 without TLS.
func onlyHTTP2() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}

// oneConn is a listener that ends with its connection.
type oneConn chan net.Conn

func (l oneConn) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (oneConn) Close() error   { return nil }
func (oneConn) Addr() net.Addr { return new(net.TCPAddr) }

func (u *tunnelServer) note(r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen = append(u.seen, r)
}

// take returns the requests that came since the last take.
func (u *tunnelServer) take() []*http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := u.seen
	u.seen = nil
	return seen
}

// buffered is a connection of which something was read ahead.
type buffered struct {
	net.Conn
	in *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.in.Read(p) }

// connect sends the head of a request and returns its answer and the connection.
func (s *server) connect(head string) (*http.Response, buffered) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n"); err != nil {
		s.t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		s.t.Fatalf("%q: %v", head, err)
	}
	return res, buffered{conn, in}
}

// upgradeSites are the places that a request for /open passes on its way to the
// upstream, and /private/x does not.
var upgradeSites = map[string]string{
	"unguarded path": `
		token_server
		jwt_auth /private/* admin
		reverse_proxy <TUNNEL>`,
	"unguarded path, no token server": `
		jwt_auth /private/* admin
		reverse_proxy <TUNNEL>`,
	"unguarded path, no guard": `
		token_server
		reverse_proxy <TUNNEL>`,
	"guarded with a lesser role": `
		jwt_auth
		jwt_auth /private/* admin
		reverse_proxy <TUNNEL>`,
	"optional": `
		jwt_auth {
			optional
		}
		jwt_auth /private/* admin
		reverse_proxy <TUNNEL>`,
	"optional with a header": `
		jwt_auth {
			optional
			set_header X-User {http.auth.user.id}
		}
		reverse_proxy <TUNNEL>`,
	"error route": `
		jwt_auth nobody {
			errors site
		}
		respond "never"
		handle_errors {
			reverse_proxy <TUNNEL>
		}`,
	"handle": `
		handle /private/* {
			jwt_auth admin
			reverse_proxy <TUNNEL>
		}
		handle {
			token_server
			reverse_proxy <TUNNEL>
		}`,
	"route": `
		route {
			jwt_auth /private/* admin
			reverse_proxy <TUNNEL>
		}`,
}

// upgradeHeaders are ways to ask for a protocol that carries requests.
var upgradeHeaders = map[string]string{
	"h2c":                     "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__",
	"h2c without settings":    "Connection: Upgrade\nUpgrade: h2c",
	"another case":            "connection: UPGRADE, http2-settings\nupgrade: H2C\nhttp2-settings: AAMAAABkAAQAAP__",
	"two values":              "Connection: Upgrade\nUpgrade: h2c, websocket",
	"two values, the other":   "Connection: Upgrade\nUpgrade: websocket, h2c",
	"two lines":               "Connection: Upgrade\nUpgrade: h2c\nUpgrade: websocket",
	"two lines, the other":    "Connection: Upgrade\nUpgrade: websocket\nUpgrade: h2c",
	"two equal lines":         "Connection: Upgrade\nUpgrade: websocket\nUpgrade: websocket",
	"an empty line before":    "Connection: Upgrade\nUpgrade:\nUpgrade: h2c",
	"websocket with a sign":   "Connection: Upgrade\nUpgrade: web\u017focket", // a long s, which folds to s
	"websocket and a version": "Connection: Upgrade\nUpgrade: websocket/13",
	"websocket, quoted":       "Connection: Upgrade\nUpgrade: \"websocket\"",
	"docker":                  "Connection: Upgrade\nUpgrade: docker",
	"TLS":                     "Connection: Upgrade\nUpgrade: TLS/1.0",
	"HTTP/2.0":                "Connection: Upgrade\nUpgrade: HTTP/2.0",
	"Connection twice":        "Connection: keep-alive\nConnection: upgrade\nUpgrade: h2c",
}

// TestUpgradeLeavesHTTP: no request gets an upstream to leave HTTP for a protocol
// in which it could send requests past the guards, wherever our handlers stand.
func TestUpgradeLeavesHTTP(t *testing.T) {
	for where, site := range upgradeSites {
		t.Run(where, func(t *testing.T) {
			s := newServer(t)
			u := s.newTunnelServer()
			s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(site))
			bob := s.signIn("bob")
			for how, headers := range upgradeHeaders {
				for _, method := range []string{"GET", "POST"} {
					res, conn := s.connect(method + " /open HTTP/1.1\nHost: x\nContent-Length: 0\nX-Other: kept\nAuthorization: Bearer " + bob.Access + "\n" + headers)
					if res.StatusCode == http.StatusSwitchingProtocols {
						t.Errorf("%s, %s: the protocol was switched", how, method)
						s.sendInTunnel(t, conn, u)
					}
					seen := u.take()
					if len(seen) == 0 {
						t.Errorf("%s, %s: the request did not come to the upstream as an ordinary one: %d", how, method, res.StatusCode)
						continue
					}
					h := seen[0].Header
					if len(h["Upgrade"]) > 0 || len(h["Http2-Settings"]) > 0 || strings.Contains(strings.ToLower(strings.Join(h["Connection"], ",")), "upgrade") {
						t.Errorf("%s, %s: the upstream saw %v", how, method, h)
					}
					if h.Get("X-Other") != "kept" {
						t.Errorf("%s, %s: another header is gone: %v", how, method, h)
					}
				}
			}
		})
	}
}

// sendInTunnel says what an attacker has from it.
func (s *server) sendInTunnel(t *testing.T, conn buffered, u *tunnelServer) {
	t.Helper()
	h2 := &http.Transport{Protocols: onlyHTTP2(), DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	defer h2.CloseIdleConnections()
	r, _ := http.NewRequest("GET", "http://x/private/x", nil)
	r.Header.Set("X-User", "root")
	if res, err := h2.RoundTrip(r); err == nil {
		_ = res.Body.Close()
		for _, r := range u.take() {
			t.Errorf("the upstream saw %s with X-User %q", r.URL, r.Header.Get("X-User"))
		}
	}
}

// TestUpgradeProvider: the same where Caddy's own handler asks our provider.
func TestUpgradeProvider(t *testing.T) {
	s := newServer(t)
	u := s.newTunnelServer()
	port := testcaddy.FreePort(t)
	s.vars["<PORT>"] = strconv.Itoa(port)
	config, err := s.adapt("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\nhttp://:<PORT> {\nbind 127.0.0.1\nvars put it\nreverse_proxy <TUNNEL>\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	authentication := bytes.Replace(config, []byte(`{"handler":"vars","put":"it"}`), []byte(`{"handler":"authentication","providers":{"jwtauth":{}}}`), 1)
	if bytes.Equal(authentication, config) {
		t.Fatalf("the handler to replace is not there: %s", config)
	}
	if err := caddy.Load(authentication, true); err != nil {
		t.Fatal(err)
	}
	s.port.Store(int64(port))
	bob := s.signIn("bob")
	res, _ := s.connect("GET /open HTTP/1.1\nHost: x\nAuthorization: Bearer " + bob.Access + "\n" + upgradeHeaders["h2c"])
	if res.StatusCode != http.StatusOK {
		t.Errorf("status %d, want an ordinary answer", res.StatusCode)
	}
	if seen := u.take(); len(seen) != 1 || len(seen[0].Header["Upgrade"]) > 0 {
		t.Errorf("the upstream saw %v", seen)
	}
}

// TestUpgradeNamedRoute: the same where the handlers stand in a named route.
func TestUpgradeNamedRoute(t *testing.T) {
	s := newServer(t)
	u := s.newTunnelServer()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n&(auth) {\ntoken_server\njwt_auth /private/*\n}\n" +
		s.site("invoke auth\nreverse_proxy <TUNNEL>"))
	if res, _ := s.connect("GET /open HTTP/1.1\nHost: x\n" + upgradeHeaders["h2c"]); res.StatusCode != http.StatusOK {
		t.Errorf("status %d, want an ordinary answer", res.StatusCode)
	}
	if seen := u.take(); len(seen) != 1 || len(seen[0].Header["Upgrade"]) > 0 {
		t.Errorf("the upstream saw %v", seen)
	}
}

// TestUpgradeWebSocket: what may switch does, for those who pass the guard.
func TestUpgradeWebSocket(t *testing.T) {
	s := newServer(t)
	u := s.newTunnelServer()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\nupgrade Docker spdy/3.1\n<USERS>\n}\njwtauth other {\nstore memory\n}\n}\n" + s.site(`
		token_server
		jwt_auth /private/*
		jwt_auth /both/* {
			realm other
			optional
		}
		reverse_proxy <TUNNEL>`))
	alice := s.signIn("alice")
	for _, test := range []struct {
		path, protocol, credential string
		status                     int
	}{
		{"/open", "websocket", "", 101},
		{"/open", "WebSocket", "", 101},
		{"/open", "WEBSOCKET", "", 101},
		{"/open", "docker", "", 200}, // the other realm, whose handler also stands here, has no docker
		{"/private/x", "websocket", "", 401},
		{"/private/x", "websocket", "Authorization: Bearer " + alice.Access, 101},
		{"/private/x", "websocket", "Cookie: jwtauth=" + alice.CookieValue + "\nOrigin: http://" + s.address(), 101},
		{"/private/x", "websocket", "Cookie: jwtauth=" + alice.CookieValue + "\nOrigin: http://evil.localhost", 403},
	} {
		head := "GET " + test.path + " HTTP/1.1\nHost: " + s.address() + "\nConnection: keep-alive, Upgrade\nUpgrade: " + test.protocol
		if test.credential != "" {
			head += "\n" + test.credential
		}
		res, conn := s.connect(head)
		if res.StatusCode != test.status {
			t.Errorf("%s to %s with %q: status %d, want %d", test.path, test.protocol, test.credential, res.StatusCode, test.status)
			continue
		}
		u.take()
		if res.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		if _, err := io.WriteString(conn, "hello"); err != nil {
			t.Error(err)
		}
		echo := make([]byte, 5)
		if _, err := io.ReadFull(conn, echo); err != nil || string(echo) != "hello" {
			t.Errorf("%s to %s: %q, %v", test.path, test.protocol, echo, err)
		}
	}
}

// TestUpgradeOption: a realm names the other protocols that its site needs.
func TestUpgradeOption(t *testing.T) {
	s := newServer(t)
	s.newTunnelServer()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\nupgrade Docker spdy/3.1\n}\n}\n" + s.site("token_server\njwt_auth /private/*\nreverse_proxy <TUNNEL>"))
	for protocol, status := range map[string]int{
		"docker": 101, "DOCKER": 101, "SPDY/3.1": 101, "websocket": 101,
		"spdy/3": 200, "spdy": 200, "dockerd": 200, "doc\u212aer": 200, "h2c": 200, "docker, h2c": 200, "docker, spdy/3.1": 200,
	} {
		if res, _ := s.connect("GET /open HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: " + protocol); res.StatusCode != status {
			t.Errorf("%s: status %d, want %d", protocol, res.StatusCode, status)
		}
	}
	for _, bad := range []string{"h2c", "H2C", "h2", "HTTP/2.0", "TLS/1.0", "websocket", "a,b", `a b`, `""`, "docker Docker", "a/", "/b", "d\u00f6cker"} {
		config := "{\n<GLOBAL>\njwtauth {\nstore memory\nupgrade " + bad + "\n}\n}\n" + s.site("token_server")
		if _, err := s.adapt(config); err == nil && bad != "a b" {
			t.Errorf("upgrade %s is accepted", bad)
		}
	}
}

// TestUpgradeConnect: what a client sends after a CONNECT request never reaches
// the upstream, where it would read as requests of their own. HTTP/2 says nothing
// of its length, and HTTP/1.1 gives a CONNECT request no frame.
func TestUpgradeConnect(t *testing.T) {
	const smuggled = "GET /private/x HTTP/1.1\r\nHost: x\r\nX-User: root\r\n\r\n"
	for where, site := range upgradeSites {
		t.Run(where, func(t *testing.T) {
			s := newServer(t)
			u := s.newTunnelServer()
			s.load("{\n<GLOBAL>\nservers {\nprotocols h1 h2c\n}\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(site))
			bob := s.signIn("bob")
			wantNone := func(how string) {
				t.Helper()
				if slices.ContainsFunc(u.take(), func(r *http.Request) bool { return r.URL.Path == "/private/x" }) {
					t.Errorf("%s: the upstream saw the smuggled request", how)
				}
			}
			for _, target := range []string{"/open", "x:80"} {
				for _, framed := range []string{
					fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled),
					fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(smuggled), smuggled),
				} {
					_, _ = s.raw("CONNECT " + target + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + bob.Access + "\r\n" + framed)
					wantNone("HTTP/1.1 " + target)
				}
			}
			h2 := &http.Transport{Protocols: onlyHTTP2(), DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, s.address())
			}}
			defer h2.CloseIdleConnections()
			for _, length := range []int64{-1, int64(len(smuggled))} {
				r, err := http.NewRequest(http.MethodConnect, "http://x", io.NopCloser(strings.NewReader(smuggled)))
				if err != nil {
					t.Fatal(err)
				}
				r.ContentLength = length
				r.Header.Set("Authorization", "Bearer "+bob.Access)
				if res, err := h2.RoundTrip(r); err == nil {
					_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 8))
					_ = res.Body.Close()
				} else {
					t.Error(err)
				}
				wantNone(fmt.Sprintf("HTTP/2, length %d", length))
			}
		})
	}
}
