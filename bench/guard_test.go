package main

import (
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
)

// batch is how many requests are made while no clock runs: each passes the guard
// once, as a request does, and all of them stay in the processor's cache.
const batch = 64

// serve times handle and counts its allocations, and nothing else.
func serve(b *testing.B, status int, handle caddyhttp.Handler, request func() *http.Request) {
	b.Helper()
	requests := make([]*http.Request, batch)
	answers := make([]answer, batch)
	prepare := func(n int) {
		for i := range n {
			requests[i] = request()
			answers[i] = answer{header: http.Header{"Server": {"Caddy"}}} // which Caddy's server has set by then
		}
	}
	run := func(n int) {
		for i := range n {
			if err := handle.ServeHTTP(&answers[i], requests[i]); err != nil {
				b.Fatal(err)
			}
		}
		if answers[n-1].status != status {
			b.Fatalf("status %d instead of %d", answers[n-1].status, status)
		}
	}
	var before, after runtime.MemStats
	prepare(batch)
	runtime.ReadMemStats(&before)
	run(batch)
	runtime.ReadMemStats(&after)

	var took time.Duration
	b.ResetTimer()
	for left := b.N; left > 0; left -= batch {
		n := min(left, batch)
		prepare(n)
		start := time.Now()
		run(n)
		took += time.Since(start)
	}
	b.ReportMetric(float64(took)/float64(b.N), "ns/op")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/batch, "allocs/op")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/batch, "B/op")
}

// chain is the handlers in front of the page.
func chain(handlers ...caddyhttp.MiddlewareHandler) caddyhttp.Handler {
	next := caddyhttp.Handler(page)
	for i := len(handlers) - 1; i >= 0; i-- {
		handler, inner := handlers[i], next
		next = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return handler.ServeHTTP(w, r, inner) })
	}
	return next
}

// BenchmarkGuard is one request through the guard. "Unguarded" is the page alone.
func BenchmarkGuard(b *testing.B) {
	b.Run("Unguarded", func(b *testing.B) {
		serve(b, http.StatusOK, page, func() *http.Request { return get("", "") })
	})
	b.Run("Hit", func(b *testing.B) {
		r := openRealm(b, "HS256", "memory")
		serve(b, http.StatusOK, chain(r.handler("jwt_auth", `{}`)), bearer(r.signIn().Access))
	})
	b.Run("HitWithRole", func(b *testing.B) {
		r := openRealm(b, "HS256", "memory")
		serve(b, http.StatusOK, chain(r.handler("jwt_auth", `{"roles":{"any":["owner","editor"]}}`)), bearer(r.signIn().Access))
	})
	b.Run("HitOnWholeSite", func(b *testing.B) {
		r := openRealm(b, "HS256", "memory")
		strip := r.handler("jwt_auth_strip", `{}`)
		pages := r.handler("token_server", `{}`)
		serve(b, http.StatusOK, chain(strip, pages, r.handler("jwt_auth", `{}`)), bearer(r.signIn().Access))
	})
	b.Run("HitWithDenied10000", func(b *testing.B) {
		r := openRealm(b, "HS256", "memory")
		for range 10_000 {
			r.revoke(r.signIn().Refresh)
		}
		serve(b, http.StatusOK, chain(r.handler("jwt_auth", `{}`)), bearer(r.signIn().Access))
	})
	b.Run("Hit100Guards", func(b *testing.B) {
		r := openRealm(b, "HS256", "memory")
		var guards []caddyhttp.MiddlewareHandler
		for i := range 100 {
			guards = append(guards, r.handler("jwt_auth", `{"roles":{"any":["role`+strconv.Itoa(i)+`","admin"]}}`))
		}
		serve(b, http.StatusOK, chain(guards...), bearer(r.signIn().Access))
	})
	b.Run("Hit100Roles", func(b *testing.B) {
		r := openRealm(b, "HS256", "memory")
		roles := make([]string, 100)
		for i := range roles {
			roles[i] = `"role` + strconv.Itoa(i) + `"`
		}
		roles[99] = `"admin"`
		guard := r.handler("jwt_auth", `{"roles":{"any":[`+strings.Join(roles, ",")+`]}}`)
		serve(b, http.StatusOK, chain(guard), bearer(r.signIn().Access))
	})
	for _, algorithm := range []string{"HS256", "ES256", "EdDSA", "RS256"} {
		b.Run("Miss"+algorithm, func(b *testing.B) {
			r := openRealm(b, algorithm, "memory")
			m := r.minter()
			serve(b, http.StatusOK, chain(r.handler("jwt_auth", `{}`)), func() *http.Request {
				return get("Authorization", "Bearer "+m.mint(b))
			})
		})
	}
	b.Run("RefusedWithoutToken", func(b *testing.B) {
		r := openRealm(b, "HS256", "memory")
		serve(b, http.StatusUnauthorized, chain(r.handler("jwt_auth", `{}`)), func() *http.Request { return get("", "") })
	})
	b.Run("RefusedBadSignature", func(b *testing.B) {
		r := openRealm(b, "HS256", "memory")
		token := r.signIn().Access
		serve(b, http.StatusUnauthorized, chain(r.handler("jwt_auth", `{}`)), bearer(token[:len(token)-43]+strings.Repeat("A", 43)))
	})
	b.Run("RefusedGarbage", func(b *testing.B) {
		r := openRealm(b, "HS256", "memory")
		serve(b, http.StatusUnauthorized, chain(r.handler("jwt_auth", `{}`)), bearer(strings.Repeat("a.", 8<<10)))
	})
	b.Run("RefusedRevoked", func(b *testing.B) {
		r := openRealm(b, "HS256", "memory")
		t := r.signIn()
		r.revoke(t.Refresh)
		serve(b, http.StatusUnauthorized, chain(r.handler("jwt_auth", `{}`)), bearer(t.Access))
	})
	b.Run("RoleMismatch", func(b *testing.B) {
		r := openRealm(b, "HS256", "memory")
		serve(b, http.StatusForbidden, chain(r.handler("jwt_auth", `{"roles":{"any":["owner"]}}`)), bearer(r.signIn().Access))
	})
}

func bearer(token string) func() *http.Request {
	return func() *http.Request { return get("Authorization", "Bearer "+token) }
}

// BenchmarkVerify is what a token costs that is not known: form, signature and
// claims.
func BenchmarkVerify(b *testing.B) {
	for _, algorithm := range []string{"HS256", "ES256", "EdDSA", "RS256"} {
		b.Run(algorithm, func(b *testing.B) {
			m := openRealm(b, algorithm, "memory").minter()
			token := m.mint(b)
			v := accesstoken.Verifier{Issuer: benchIssuer, Audience: []string{benchIssuer}, Keys: func() *accesstoken.KeySet { return m.keys }}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
