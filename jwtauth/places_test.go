package jwtauth_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestTargetsWithoutAPath: a request target need not begin with a slash (RFC 9112
// §3.2), and what an upstream takes for the root is guarded like the root.
func TestTargetsWithoutAPath(t *testing.T) {
	s := newServer(t)
	u := s.newUpstream()
	for guard, targets := range map[string][]string{
		"jwt_auth":                       {"GET /", "GET http://HOST", "GET http://HOST?x", "GET *", "DELETE *", "CONNECT HOST", "CONNECT /", "GET http://HOST/x"},
		"jwt_auth *":                     {"GET /", "GET http://HOST", "GET *", "CONNECT HOST"},
		"jwt_auth /*":                    {"GET /", "GET http://HOST", "GET http://HOST?x", "GET *", "DELETE *", "CONNECT HOST", "CONNECT /", "GET http://HOST/x"},
		"jwt_auth /":                     {"GET /", "GET http://HOST", "GET http://HOST?x", "POST http://HOST", "CONNECT HOST", "GET //", "GET /."},
		"@all path /x /*\njwt_auth @all": {"GET /", "GET http://HOST", "GET *", "CONNECT HOST"},
		"@all {\npath /*\nmethod GET\n}\njwt_auth @all": {"GET /", "GET http://HOST", "GET *"},
		"@most not path /public/*\njwt_auth @most":      {"GET /", "GET http://HOST", "GET *", "CONNECT HOST"},
		"@root path / /x\njwt_auth @root":               {"GET /", "GET http://HOST", "CONNECT HOST"},
	} {
		t.Run(guard, func(t *testing.T) {
			s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(guard+"\nreverse_proxy <UPSTREAM>"))
			for _, target := range targets {
				target = strings.ReplaceAll(target, "HOST", s.address())
				a, err := s.raw(target + " HTTP/1.1\r\nHost: " + s.address() + "\r\n\r\n")
				if err != nil || a.StatusCode != http.StatusUnauthorized && a.StatusCode != http.StatusBadRequest {
					t.Errorf("%s: %v %v", target, a.Response, err)
				}
				if r := u.take(); r != nil {
					t.Errorf("%s: the upstream got %s %s", target, r.Method, r.RequestURI)
				}
			}
			s.get("/", bearer(s.signIn("alice").Access)).wantBody(t, http.StatusOK, "upstream")
			u.take()
		})
	}
}

// TestGuardOverHTTP2 holds what it holds over HTTP/1.1.
func TestGuardOverHTTP2(t *testing.T) {
	s := newServer(t)
	s.load("{\n<GLOBAL>\nservers {\nprotocols h1 h2c\n}\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site("jwt_auth /* admin\nrespond in"))
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	send := func(method, path string, token string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+s.address()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		defer func() { _ = res.Body.Close() }()
		_, _ = io.Copy(io.Discard, res.Body)
		if res.ProtoMajor != 2 {
			t.Fatalf("%s %s: HTTP/%d", method, path, res.ProtoMajor)
		}
		return res
	}
	alice, bob := s.signIn("alice"), s.signIn("bob")
	for _, request := range []struct {
		method, token string
		status        int
	}{
		{"GET", "", 401}, {"CONNECT", "", 401}, {"GET", "rubbish", 401}, {"GET", bob.Access, 403}, {"CONNECT", bob.Access, 403}, {"GET", alice.Access, 200},
	} {
		if res := send(request.method, "/x", request.token); res.StatusCode != request.status {
			t.Errorf("%s: status %d, want %d", request.method, res.StatusCode, request.status)
		}
	}
}

// TestPlacesOfTheGuard: it works wherever Caddy lets a handler stand.
func TestPlacesOfTheGuard(t *testing.T) {
	for name, site := range map[string]string{
		"named route": "invoke members",
		"handle":      "handle /in/* {\njwt_auth /in/* admin {\nset_header X-User {http.auth.user.id}\n}\nreverse_proxy <UPSTREAM>\n}\nhandle {\nrespond open\n}",
		"handle_path": "handle_path /in/* {\njwt_auth /x admin {\nset_header X-User {http.auth.user.id}\n}\nreverse_proxy <UPSTREAM>\n}",
		"route":       "route /in/* {\njwt_auth admin {\nset_header X-User {http.auth.user.id}\n}\nreverse_proxy <UPSTREAM>\n}",
		"snippet":     "import guarded /in/* admin",
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			u := s.newUpstream()
			s.load("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n" +
				"(guarded) {\njwt_auth {args[0]} {args[1]} {\nset_header X-User {http.auth.user.id}\n}\nreverse_proxy <UPSTREAM>\n}\n" +
				"&(members) {\njwt_auth /in/* admin {\nset_header X-User {http.auth.user.id}\n}\nreverse_proxy <UPSTREAM>\n}\n" + s.site(site))
			forged := header("X-User", "forged")
			s.get("/in/x", forged).wantNothingPresented(t)
			s.get("/in/x", forged, bearer("rubbish")).wantInvalidToken(t)
			s.get("/in/x", forged, bearer(s.signIn("bob").Access)).wantForbidden(t)
			if r := u.take(); r != nil {
				t.Error("a refused request reached the upstream")
			}
			s.get("/in/x", forged, bearer(s.signIn("alice").Access)).wantBody(t, http.StatusOK, "upstream")
			if r := u.take(); r.Header.Get("X-User") != "alice" {
				t.Errorf("the upstream was told %q", r.Header["X-User"])
			}
			s.wantQuietLog()
		})
	}
}

// TestQueryTokensStayOutOfSharedCaches, whatever the site says of its answers
// (RFC 6750 §2.3).
func TestQueryTokensStayOutOfSharedCaches(t *testing.T) {
	s := start(t, `
		jwt_auth {
			source query token
		}
		header /public Cache-Control "public, max-age=600"
		header /twice +Cache-Control public
		header /twice +Cache-Control max-age=600
		header /private Cache-Control "max-age=5, Private"
		header /none Cache-Control no-store
		respond /empty 204
		error /error 500
		respond in
		handle_errors {
			header Cache-Control public
			respond broken
		}
	`)
	token := "?token=" + s.signIn("alice").Access
	for path, want := range map[string]string{
		"/x": "private", "/public": "private", "/twice": "private", "/private": "max-age=5, Private", "/none": "no-store", "/empty": "private",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			s.do(method, path+token).wantHeader(t, "Cache-Control", want)
		}
	}
	if a := s.get("/error"+token).want(t, http.StatusInternalServerError); a.Body != "broken" {
		t.Errorf("%q", a.Body)
	}
}

// TestUpgradeThroughTheGuard: a WebSocket's handshake and bytes pass, also where
// the guard watches the answer.
func TestUpgradeThroughTheGuard(t *testing.T) {
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = backend.Close() }()
	go func() {
		for {
			conn, err := backend.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				r := bufio.NewReader(conn)
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
				_, _ = io.Copy(conn, r)
			}()
		}
	}()
	s := newServer(t)
	s.vars["<UPSTREAM>"] = backend.Addr().String()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\nupgrade echo\n<USERS>\n}\n}\n" + s.site("jwt_auth {\nsource header\nsource query token\n}\nreverse_proxy <UPSTREAM>"))
	alice := s.signIn("alice")
	upgrade := func(path, header string) (status int, conn net.Conn, r *bufio.Reader) {
		t.Helper()
		conn, err := net.Dial("tcp", s.address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n"+header+"\r\n")
		r = bufio.NewReader(conn)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, conn, r
	}
	if status, _, _ := upgrade("/", ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: status %d", status)
	}
	for name, request := range map[string][2]string{
		"header": {"/", "Authorization: Bearer " + alice.Access + "\r\n"}, "query": {"/?token=" + alice.Access, ""},
	} {
		status, conn, r := upgrade(request[0], request[1])
		if status != http.StatusSwitchingProtocols {
			t.Errorf("%s: status %d", name, status)
			continue
		}
		_, _ = io.WriteString(conn, "hello\n")
		if line, err := r.ReadString('\n'); line != "hello\n" {
			t.Errorf("%s: %q %v", name, line, err)
		}
	}
}
