package accesstoken_test

import (
	"fmt"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
)

// A KeySet signs a token, and a Verifier with the same keys accepts it.
func Example() {
	key, err := accesstoken.GenerateKey("ES256")
	if err != nil {
		panic(err)
	}
	keys, err := accesstoken.NewKeySet(key)
	if err != nil {
		panic(err)
	}
	token, err := keys.Sign(&accesstoken.Claims{
		Issuer: "https://auth.example.com", Audience: []string{"https://api.example.com"},
		Subject: "alice", ClientID: "first-party", ID: "store1-token1", Roles: []string{"admin", "editor"},
		IssuedAt: time.Now(), ExpiresAt: time.Now().Add(15 * time.Minute),
	})
	if err != nil {
		panic(err)
	}

	verifier := &accesstoken.Verifier{
		Issuer: "https://auth.example.com", Audience: []string{"https://api.example.com"},
		Keys: func() *accesstoken.KeySet { return keys },
	}
	claims, err := verifier.Verify(token)
	if err != nil {
		panic(err)
	}
	fmt.Println(claims.Subject, claims.Roles)
	// Output: alice [admin editor]
}
