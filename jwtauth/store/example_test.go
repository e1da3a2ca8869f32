package store_test

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
)

// With a feed a revocation returns when this process denies what it revokes.
func ExampleWithFeed() {
	ctx := context.Background()
	denied := revocation.NewSet()
	engine := memory.New()
	kept := store.WithFeed(engine, revocation.NewFeed(engine, denied))

	err := kept.Deny(ctx, revocation.Entry{Kind: revocation.Session, ID: "sid", Until: time.Now().Add(time.Hour)})
	fmt.Println(err, denied.Denied("alice", "sid", ""))
	// Output: <nil> true
}
