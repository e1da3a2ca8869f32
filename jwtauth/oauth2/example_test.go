package oauth2_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// A Server answers a request without a credential as RFC 6750 asks.
func ExampleServer() {
	server := &oauth2.Server{BasePath: "/auth"}
	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/auth/users/me", nil))
	fmt.Print(w.Code, " ", w.Header().Get("WWW-Authenticate"), " ", w.Body)
	// Output: 401 Bearer {"detail":"Not authenticated"}
}

// An Issuer makes access tokens with the claims of the user.
func ExampleIssuer() {
	key, err := accesstoken.GenerateKey("ES256")
	if err != nil {
		panic(err)
	}
	keys, err := accesstoken.NewKeySet(key)
	if err != nil {
		panic(err)
	}
	issuer := &oauth2.Issuer{ID: "https://auth.example.com", Sign: keys.Sign}
	token, err := issuer.Issue(oauth2.TokenContent{
		User:     user.User{Username: "alice", Roles: []string{"admin"}},
		Session:  "store1-session1",
		Scopes:   []string{"read", "write"},
		IssuedAt: time.Now(), ExpiresAt: time.Now().Add(15 * time.Minute),
	})
	if err != nil {
		panic(err)
	}

	verifier := &accesstoken.Verifier{
		Issuer: "https://auth.example.com", Audience: []string{"https://auth.example.com"},
		Keys: func() *accesstoken.KeySet { return keys },
	}
	claims, err := verifier.Verify(token)
	if err != nil {
		panic(err)
	}
	fmt.Println(claims.Subject, claims.ClientID, claims.Roles, claims.Scope)
	// Output: alice first-party [admin] read write
}
