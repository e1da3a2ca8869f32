package jwtauth_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

const bearerSite = `
	token_server
	jwt_auth /in
	jwt_auth /optional {
		optional
	}
	respond "in"
`

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
