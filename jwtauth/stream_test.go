package jwtauth_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// eventStream is an upstream that sends an event, and then one every tenth of a second.
func (s *server) eventStream() {
	s.t.Helper()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		silent := strings.HasSuffix(r.URL.Path, "/silent")
		for i := 0; r.Context().Err() == nil; i++ {
			if i == 0 || !silent {
				fmt.Fprintf(w, "data: %d\n\n", i)
				_ = http.NewResponseController(w).Flush()
			}
			select {
			case <-r.Context().Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}))
	s.t.Cleanup(up.Close)
	s.vars["<EVENTS>"] = strings.TrimPrefix(up.URL, "http://")
}

const streamSite = `
	token_server
	jwt_auth
	reverse_proxy /events/* <EVENTS>
	reverse_proxy <TUNNEL>`

// TestStreamsEnd: an upgraded connection and an event stream end within the time of the
// option after their session was revoked, the user was disabled or lost a role, and those
// of other users go on.
func TestStreamsEnd(t *testing.T) {
	const within = time.Second
	admin := func(t *testing.T, method, path, body string) {
		t.Helper()
		if status, text := jwtauth.AskAdmin(method, "/jwtauth/default"+path, body); status != http.StatusOK {
			t.Fatal(status, text)
		}
	}
	for name, end := range map[string]func(t *testing.T, s *server, in jwtauth.SignedIn){
		"revoked by the administrator": func(t *testing.T, _ *server, in jwtauth.SignedIn) {
			admin(t, "DELETE", "/session?id="+in.SID, "")
		},
		"signed out": func(t *testing.T, s *server, in jwtauth.SignedIn) {
			s.form("/revoke", "token="+in.Refresh).want(t, http.StatusOK)
		},
		"a role less": func(t *testing.T, _ *server, _ jwtauth.SignedIn) {
			admin(t, "PATCH", "/user?name=dave", `{"roles":["reader"]}`)
		},
		"disabled": func(t *testing.T, _ *server, _ jwtauth.SignedIn) {
			admin(t, "PATCH", "/user?name=dave", `{"disabled":true}`)
		},
		"removed": func(t *testing.T, _ *server, _ jwtauth.SignedIn) { admin(t, "DELETE", "/user?name=dave", "") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.newTunnelServer()
			s.eventStream()
			s.load("{\n<GLOBAL>\njwtauth {\nstore memory\nstreams_end_within 1s\n<USERS>\n}\n}\n" + s.site(streamSite))
			admin(t, "POST", "/users", `{"username":"dave","password":"a-password-of-dave","roles":["reader","writer"]}`)
			dave, alice := s.signIn("dave"), s.signIn("alice")
			var mine, others []buffered
			for in, list := range map[jwtauth.SignedIn]*[]buffered{dave: &mine, alice: &others} {
				for _, credential := range []string{"Cookie: jwtauth=" + in.CookieValue, "Authorization: Bearer " + in.Access} {
					*list = append(*list, s.stream("GET /ws HTTP/1.1\nConnection: Upgrade\nUpgrade: websocket\n"+credential, http.StatusSwitchingProtocols),
						s.stream("GET /events/all HTTP/1.1\n"+credential, http.StatusOK), s.stream("GET /events/silent HTTP/1.1\n"+credential, http.StatusOK))
				}
			}
			time.Sleep(within) // they are looked at, and go on
			for _, conn := range append(mine, others...) {
				if conn.isOver(100 * time.Millisecond) {
					t.Fatal("a stream is over before its session")
				}
			}
			end(t, s, dave)
			began := time.Now()
			for i, conn := range mine {
				if !conn.isOver(within + time.Second - time.Since(began)) {
					t.Errorf("stream %d goes on %s later", i, time.Since(began))
				}
			}
			for i, conn := range others {
				if conn.isOver(100 * time.Millisecond) {
					t.Errorf("stream %d of another user is over", i)
				}
			}
		})
	}
}

// TestStreamsGoOn: with 0 they do, and with a site that has no guard.
func TestStreamsGoOn(t *testing.T) {
	s := newServer(t)
	s.newTunnelServer()
	s.eventStream()
	s.load("{\n<GLOBAL>\njwtauth {\nstore memory\nstreams_end_within 0\n<USERS>\n}\n}\n" + s.site(streamSite))
	in := s.signIn("alice")
	conn := s.stream("GET /events/all HTTP/1.1\nAuthorization: Bearer "+in.Access, http.StatusOK)
	s.form("/revoke", "token="+in.Refresh).want(t, http.StatusOK)
	if conn.isOver(2 * time.Second) {
		t.Error("it is over")
	}
	s.get("/events/all", bearer(in.Access)).wantInvalidToken(t)
}

// TestStreamOutlivesReload: a stream that a reload leaves alone is watched on.
func TestStreamOutlivesReload(t *testing.T) {
	s := newServer(t)
	s.newTunnelServer()
	config := "{\n<GLOBAL>\njwtauth {\nstore memory\nstreams_end_within 1s\n<USERS>\n}\n}\n" +
		s.site("token_server\njwt_auth\nreverse_proxy <TUNNEL> {\nstream_close_delay 1m\n}")
	s.load(config)
	in := s.signIn("alice")
	conn := s.stream("GET /ws HTTP/1.1\nConnection: Upgrade\nUpgrade: websocket\nAuthorization: Bearer "+in.Access, http.StatusSwitchingProtocols)
	s.load(strings.Replace(config, "token_server", "header X-New 1\ntoken_server", 1))
	if conn.isOver(1500 * time.Millisecond) {
		t.Fatal("Caddy has ended the stream")
	}
	s.form("/revoke", "token="+in.Refresh).want(t, http.StatusOK)
	if !conn.isOver(3 * time.Second) {
		t.Error("it goes on")
	}
}

// stream begins one.
func (s *server) stream(head string, status int) buffered {
	s.t.Helper()
	res, conn := s.connect(strings.Replace(head, "\n", "\nHost: localhost\n", 1))
	if res.StatusCode != status {
		s.t.Fatalf("%s: %d", head, res.StatusCode)
	}
	_ = conn.SetDeadline(time.Time{})
	return conn
}

// isOver reads on for that long.
func (c buffered) isOver(wait time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(wait))
	for {
		_, err := c.Read(make([]byte, 1024))
		var timeout net.Error
		switch {
		case err == nil:
			continue
		case errors.As(err, &timeout) && timeout.Timeout():
			return false
		}
		return errors.Is(err, io.EOF) || err != nil
	}
}
