package main

import (
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
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

// collectEvery is after how many batches the garbage is collected: of making the
// requests there is twenty times more of it than of serving them, so it is not
// collected while the clock runs. [BenchmarkWire] has the collection in it.
const collectEvery = 500

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
	prepare(batch)
	run(batch) // what is remembered from the second time on is now
	var before, after runtime.MemStats
	prepare(batch)
	runtime.ReadMemStats(&before)
	run(batch)
	runtime.ReadMemStats(&after)

	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var took time.Duration
	b.ResetTimer()
	for left := b.N; left > 0; left -= batch {
		n := min(left, batch)
		if (left/batch)%collectEvery == 0 {
			runtime.GC()
		}
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
	run := func(name string, status int, handle caddyhttp.Handler, request func() *http.Request) {
		b.Run(name, func(b *testing.B) { serve(b, status, handle, request) })
	}
	const plain = `{}`
	run("Unguarded", http.StatusOK, page, func() *http.Request { return get("", "") })

	r := openRealm(b, "HS256", "memory")
	token := r.signIn().Access
	guard := chain(r.handler("jwt_auth", plain))
	run("Hit", http.StatusOK, guard, bearer(token))
	run("HitWithRole", http.StatusOK, chain(r.handler("jwt_auth", `{"roles":{"any":["owner","editor"]}}`)), bearer(token))
	run("HitOf15Headers", http.StatusOK, guard, headers(15, bearer(token)))
	run("HitSetting2Of15Headers", http.StatusOK, chain(r.handler("jwt_auth", twoHeaders)), headers(15, bearer(token)))
	run("UnmatchedSetting2Of15Headers", http.StatusOK, chain(r.handler("jwt_auth", `{"match":[{"path":["/other"]}],`+twoHeaders[1:])), headers(15, bearer(token)))
	run("Unmatched", http.StatusOK, chain(r.handler("jwt_auth", `{"match":[{"path":["/other"]}]}`)), bearer(token))
	run("HitBehindTokenServer", http.StatusOK, chain(r.handler("token_server", plain), r.handler("jwt_auth", plain)), bearer(token))
	run("Hit100Rules", http.StatusOK, chain(r.handler("jwt_auth", hundredRoles("admin"))), bearer(token))
	var guards []caddyhttp.MiddlewareHandler
	for range 100 {
		guards = append(guards, r.handler("jwt_auth", `{"roles":{"any":["owner","admin"]}}`))
	}
	run("Hit100Guards", http.StatusOK, chain(guards...), bearer(token))
	run("RefusedWithoutToken", http.StatusUnauthorized, guard, func() *http.Request { return get("", "") })
	run("RefusedBadSignature", http.StatusUnauthorized, guard, bearer(token[:len(token)-43]+strings.Repeat("A", 43)))
	run("RefusedGarbage", http.StatusUnauthorized, guard, bearer(strings.Repeat("a.", 8<<10)))
	run("RoleMismatch", http.StatusForbidden, chain(r.handler("jwt_auth", hundredRoles("owner"))), bearer(token))
	for n := range 10_000 { // fewer of each user than end all of the user's sessions
		r.revoke(r.signInAs(fmt.Sprint("other", n%others)).Refresh)
	}
	run("HitWhile10000AreDenied", http.StatusOK, guard, bearer(token))
	denied := r.signIn()
	r.revoke(denied.Refresh)
	run("RefusedRevoked", http.StatusUnauthorized, guard, bearer(denied.Access))

	for _, algorithm := range []string{"HS256", "ES256", "EdDSA"} {
		r := openRealm(b, algorithm, "memory")
		m := r.minter()
		run("Miss"+algorithm, http.StatusOK, chain(r.handler("jwt_auth", plain)), func() *http.Request {
			return get("Authorization", "Bearer "+m.mint(b))
		})
	}
}

// hundredRoles is a guard for any of 100 roles, of which last is the last.
func hundredRoles(last string) string {
	roles := make([]string, 100)
	for i := range roles {
		roles[i] = `"role` + strconv.Itoa(i) + `"`
	}
	roles[99] = `"` + last + `"`
	return `{"roles":{"any":[` + strings.Join(roles, ",") + `]}}`
}

// twoHeaders is a guard that tells an upstream who is asking.
const twoHeaders = `{"set_headers":[{"name":"X-User","value":"{http.auth.user.id}"},{"name":"X-Roles","value":"{http.auth.user.roles}"}]}`

// headers are requests with so many more headers, as a browser sends them.
func headers(n int, request func() *http.Request) func() *http.Request {
	return func() *http.Request {
		r := request()
		for i := range n {
			r.Header["X-Forwarded-Header-"+strconv.Itoa(i)] = []string{"some value"}
		}
		return r
	}
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
