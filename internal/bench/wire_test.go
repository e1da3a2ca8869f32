package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/standard"

	_ "github.com/caddy-jwtauth/caddy-jwtauth/caddyfile"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy/inprocess"
)

// BenchmarkWire is a whole request: written to a connection, served by Caddy, and
// read from the connection, one after the other. It takes the fastest of many short
// stretches, since whatever disturbs only adds.
func BenchmarkWire(b *testing.B) {
	dir := inprocess.Home(b)
	ports := [2]string{strconv.Itoa(testcaddy.FreePort(b)), strconv.Itoa(testcaddy.FreePort(b))}
	config, err := inprocess.Adapt(strings.NewReplacer(
		"<DIR>", dir, "<UNGUARDED>", ports[0], "<GUARDED>", ports[1], "<HASH>", benchHash, "<KEY>", benchSecret, "<ISSUER>", benchIssuer).Replace(`{
			admin off
			persist_config off
			storage file_system <DIR>
			log {
				level PANIC
			}
			jwtauth {
				issuer <ISSUER>
				signing_key HS256 "<KEY>"
				store memory
				user alice <HASH> admin
			}
		}
		http://127.0.0.1:<UNGUARDED> {
			respond ok
		}
		http://127.0.0.1:<GUARDED> {
			token_server
			jwt_auth
			respond ok
		}
	`))
	if err != nil {
		b.Fatal(err)
	}
	if err := inprocess.Load(config); err != nil {
		b.Fatal(err)
	}
	res, err := http.PostForm("http://127.0.0.1:"+ports[1]+"/token", url.Values{"username": {"alice"}, "password": {"password"}})
	if err != nil {
		b.Fatal(err)
	}
	var t tokens
	err = json.NewDecoder(res.Body).Decode(&t)
	res.Body.Close()
	if err != nil || t.Access == "" {
		b.Fatalf("%v %d", err, res.StatusCode)
	}
	m := newMinter(b, "HS256", benchSecret, t.Access)
	for _, kind := range []struct {
		name, port string
		token      func() string
	}{
		{"Unguarded", ports[0], func() string { return t.Access }},
		{"Guarded", ports[1], func() string { return t.Access }},
		{"GuardedNewHS256", ports[1], func() string { return m.mint(b) }},
	} {
		b.Run(kind.name, func(b *testing.B) { exchange(b, "127.0.0.1:"+kind.port, kind.token) })
	}
}

// exchange sends b.N requests over one connection.
func exchange(b *testing.B, address string, token func() string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	const stretch = 200
	var requests [stretch][]byte
	fastest := time.Duration(1<<63 - 1)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= stretch {
		n := min(left, stretch)
		for i := range n {
			requests[i] = fmt.Appendf(nil, "GET /page HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", address, token())
		}
		start := time.Now()
		for i := range n {
			if _, err := conn.Write(requests[i]); err != nil {
				b.Fatal(err)
			}
			res, err := http.ReadResponse(reader, nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
				b.Fatal(res.StatusCode, err)
			}
		}
		if n == stretch || b.N < stretch {
			fastest = min(fastest, time.Since(start)/time.Duration(n))
		}
	}
	b.ReportMetric(float64(fastest), "ns/op")
}
