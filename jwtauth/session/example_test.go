package session_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
)

// A refresh token is used once. One that comes back after the grace was stolen, and the
// session ends.
func Example() {
	ctx := context.Background()
	key, _ := session.GenerateKey(rand.Reader)
	keys, _ := session.NewKeys(key)
	kept := memory.New()
	sessions := session.New(kept, kept.ID(), keys, kept)
	lifetimes := session.DefaultLifetimes()
	lifetimes.Grace = 0

	first, _ := sessions.Create(ctx, lifetimes, session.NewSession{User: "alice"})
	ref, _ := sessions.Parse(first.RefreshToken)
	allow := func(session.Session) error { return nil }
	_, err := sessions.Refresh(ctx, lifetimes, ref, "", allow)
	fmt.Println("refreshed:", err == nil)
	_, err = sessions.Refresh(ctx, lifetimes, ref, "", allow)
	var reused *session.ReusedError
	fmt.Println("reused:", errors.As(err, &reused))
	_, err = sessions.Live(ctx, first.Session.ID)
	fmt.Println("ended:", errors.Is(err, session.ErrNotFound))
	// Output:
	// refreshed: true
	// reused: true
	// ended: true
}
