package jwtauth_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
)

const bearerSite = `
	token_server
	jwt_auth /in
	jwt_auth /optional {
		optional
	}
	respond "in"
`

// TestBearerShapes sends what is almost a bearer token to everything that takes
// one. Each answer is exact; none is a 5xx.
func TestBearerShapes(t *testing.T) {
	s := newServer(t)
	// Caddy itself takes 16 KiB of headers, unless told otherwise.
	s.load("{\n<GLOBAL>\nservers {\nmax_header_size 1MB\n}\njwtauth {\nstore memory\n<USERS>\n}\n}\n" + s.site(bearerSite))
	good := s.signIn("alice").Access
	segments := strings.Split(good, ".")
	type want int
	const (
		passes want = iota
		nothing
		invalid
		twoHeaders
		tooLarge // refused by the server before any handler
	)
	for _, test := range []struct {
		name  string
		lines []string // values of Authorization
		want  want
	}{
		{"as it should be", []string{"Bearer " + good}, passes},
		{"small letters", []string{"bearer " + good}, passes},
		{"capitals", []string{"BEARER " + good}, passes},
		{"space behind", []string{"Bearer " + good + " "}, passes}, // not part of a field value (RFC 9110 §5.5)
		{"no token", []string{"Bearer"}, invalid},
		{"no token but a space", []string{"Bearer "}, invalid},
		{"two spaces", []string{"Bearer  " + good}, invalid},
		{"tab", []string{"Bearer\t" + good}, invalid},
		{"space and tab", []string{"Bearer \t" + good}, invalid},
		{"two tokens", []string{"Bearer " + good + " " + good}, invalid},
		{"comma", []string{"Bearer " + good + "," + good}, invalid},
		{"parameter", []string{"Bearer token=" + good}, invalid},
		{"quoted", []string{`Bearer "` + good + `"`}, invalid},
		{"colon", []string{"Bearer:" + good}, invalid},
		{"no space", []string{"Bearer" + good}, nothing},
		{"no scheme", []string{good}, nothing},
		{"other scheme", []string{"Basic " + good}, nothing},
		{"longer scheme", []string{"BearerX " + good}, nothing},
		{"empty", []string{""}, nothing},
		{"space before", []string{" Bearer " + good}, passes},
		{"two headers", []string{"Bearer " + good, "Bearer " + good}, twoHeaders},
		{"two headers of two schemes", []string{"Basic eDp5", "Bearer " + good}, twoHeaders},
		{"two headers, one empty", []string{"Bearer " + good, ""}, twoHeaders},
		{"padding", []string{"Bearer " + good + "="}, invalid},
		{"no signature", []string{"Bearer " + segments[0] + "." + segments[1] + "."}, invalid},
		{"two segments", []string{"Bearer " + segments[0] + "." + segments[1]}, invalid},
		{"four segments", []string{"Bearer " + good + "." + segments[2]}, invalid},
		{"five segments", []string{"Bearer " + good + ".a.b"}, invalid},
		{"other signature", []string{"Bearer " + segments[0] + "." + segments[1] + "." + strings.Repeat("A", len(segments[2]))}, invalid},
		{"a space within", []string{"Bearer " + good[:10] + " " + good[10:]}, invalid},
		{"a percent sign within", []string{"Bearer " + good[:10] + "%00" + good[10:]}, invalid},
		{"bytes beyond ASCII", []string{"Bearer \xff\xfe" + good}, invalid},
		{"one dot", []string{"Bearer ."}, invalid},
		{"two dots", []string{"Bearer .."}, invalid},
		{"100,000 dots", []string{"Bearer " + strings.Repeat(".", 100_000)}, invalid},
		{"100,000 equal signs", []string{"Bearer " + strings.Repeat("=", 100_000)}, invalid},
		{"16 KiB and a byte", []string{"Bearer " + segments[0] + "." + strings.Repeat("A", 16<<10) + "." + segments[2]}, invalid},
		{"500 KB", []string{"Bearer " + strings.Repeat("A", 500_000)}, invalid},
		{"2 MB", []string{"Bearer " + strings.Repeat("A", 2_000_000)}, tooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			var send []option
			for _, line := range test.lines {
				send = append(send, header("Authorization", line))
			}
			for _, path := range []string{"/in", "/optional", "/users/me"} {
				a, err := s.try(http.MethodGet, path, "", send...)
				if err != nil {
					if test.want != tooLarge { // the server hangs up on it
						t.Fatal(err)
					}
					continue
				}
				switch {
				case test.want == tooLarge:
					a.want(t, http.StatusRequestHeaderFieldsTooLarge)
				case test.want == passes, test.want == nothing && path == "/optional":
					a.want(t, http.StatusOK)
				case test.want == nothing:
					a.wantNothingPresented(t)
				case test.want == invalid:
					a.wantInvalidToken(t)
				case test.want == twoHeaders:
					a.wantRefusal(t, http.StatusBadRequest, `Bearer error="invalid_request"`, "invalid_request",
						"The request has more than one Authorization header")
				}
			}
			if test.want == invalid {
				a := s.do(http.MethodPost, "/refresh", send...)
				if a.want(t, http.StatusUnauthorized); strings.Contains(a.body, "server_error") {
					t.Errorf("%s", a.body)
				}
				if a := s.do(http.MethodPost, "/revoke", send...); a.StatusCode >= 500 {
					t.Errorf("/revoke: status %d", a.StatusCode)
				}
			}
		})
	}
	s.get("/in", bearer(good)).want(t, http.StatusOK) // /revoke had nothing to take hold of
	for _, line := range []string{"Bearer \x00" + good, "Bearer " + good + "\x00", "Bearer a\rb", "Bearer a\n b"} {
		a, err := s.raw("GET /in HTTP/1.1\r\nHost: a\r\nAuthorization: " + line + "\r\n\r\n")
		if err != nil || a.StatusCode != http.StatusBadRequest && a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q: %v %v", line, a.Response, err)
		}
	}
	s.wantQuietLog()
}

// TestBearerTokensOfOthers are well made and properly signed, and still not this
// guard's.
func TestBearerTokensOfOthers(t *testing.T) {
	s := start(t, bearerSite)
	for _, test := range []struct {
		name   string
		change func(*accesstoken.Claims)
		good   bool
	}{
		{"unchanged", func(*accesstoken.Claims) {}, true},
		{"one audience in common", func(c *accesstoken.Claims) { c.Audience = append([]string{"other"}, c.Audience...) }, true},
		{"other issuer", func(c *accesstoken.Claims) { c.Issuer = "https://evil.example" }, false},
		{"other audience", func(c *accesstoken.Claims) { c.Audience = []string{"other"} }, false},
		{"expired", func(c *accesstoken.Claims) { c.IssuedAt, c.ExpiresAt = ago(time.Hour), ago(5*time.Minute) }, false},
		{"from the future", func(c *accesstoken.Claims) {
			c.IssuedAt, c.ExpiresAt = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		}, false},
		{"not before later", func(c *accesstoken.Claims) { c.NotBefore = time.Now().Add(50 * time.Second) }, false},
		{"token id of another store", func(c *accesstoken.Claims) { c.ID = "AAAAAAAA0123456789012345678901" }, false},
		{"token id without a store", func(c *accesstoken.Claims) { c.ID = "x" }, false},
		{"session of another store", func(c *accesstoken.Claims) { c.SessionID = "AAAAAAAA" + strings.Repeat("b", 22) }, false},
		{"session id too short", func(c *accesstoken.Claims) { c.SessionID = "x" }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, err := jwtauth.Issue("default", test.change)
			if err != nil {
				if test.good {
					t.Fatal(err)
				}
				return // cannot be made at all
			}
			if test.good {
				s.get("/in", bearer(token)).want(t, http.StatusOK)
				s.get("/users/me", bearer(token)).want(t, http.StatusOK)
				return
			}
			s.get("/in", bearer(token)).wantInvalidToken(t)
			s.get("/optional", bearer(token)).wantInvalidToken(t)
			s.get("/users/me", bearer(token)).wantInvalidToken(t)
		})
	}
	s.wantQuietLog()
}

func ago(d time.Duration) time.Time { return time.Now().Add(-d) }

// TestRefusalsDoNotGrow: what strangers send is not kept.
func TestRefusalsDoNotGrow(t *testing.T) {
	s := start(t, bearerSite)
	good := s.signIn("alice").Access
	attack := func(n int) {
		for i := range n {
			s.get("/in", bearer(fmt.Sprintf("%s%d.%s.x", good[:10], i, strings.Repeat("A", 8000)))).want(t, http.StatusUnauthorized)
		}
	}
	attack(50)
	before := heap()
	attack(400)
	if grown := int64(heap()) - int64(before); grown > 1<<20 { // 400 tokens are 3 MB
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
