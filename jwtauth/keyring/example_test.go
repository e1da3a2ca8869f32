package keyring_test

import (
	"context"
	"fmt"
	"os"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/keyring"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// A realm's keys are made when they are opened for the first time, and found again
// afterwards.
func Example() {
	dir, _ := os.MkdirTemp("", "keys")
	defer func() { _ = os.RemoveAll(dir) }()
	options := keyring.Options{
		Storage: &certmagic.FileStorage{Path: dir}, Realm: "default", Algorithm: "ES256",
		Lifetimes: session.DefaultLifetimes(), Logger: zap.NewNop(),
	}
	first, err := keyring.Open(context.Background(), options)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, _ := keyring.Open(context.Background(), options)
	fmt.Println("the same realm:", first.View().RealmID == again.View().RealmID)

	// The key that signed before goes on to verify.
	_ = again.Rotate(context.Background(), true)
	for _, key := range again.List() {
		fmt.Println(key.Use, key.Algorithm, key.State)
	}
	// Output:
	// the same realm: true
	// access tokens ES256 verifies
	// access tokens ES256 signs
	// refresh tokens HMAC-SHA256 verifies
	// refresh tokens HMAC-SHA256 signs
}
