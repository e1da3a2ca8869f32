package jwtauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// TestPasswordSpelling: a hash of the bytes that one keyboard sends is taken from that
// keyboard, and then replaced by one that every keyboard fits.
func TestPasswordSpelling(t *testing.T) {
	s := start(t, "token_server\njwt_auth\nrespond in")
	const composed, apart = "Gr\u00fc\u00dfe 12345", "Gru\u0308\u00dfe\u00a012345"
	hash, err := bcrypt.GenerateFromPassword([]byte(apart), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]string{"username": "dave", "password_hash": string(hash)})
	if err != nil {
		t.Fatal(err)
	}
	if status, text := jwtauth.AskAdmin("POST", "/jwtauth/default/users", string(body)); status != http.StatusOK {
		t.Fatal(status, text)
	}
	signIn := func(name, password string) answer {
		return s.form("/token", url.Values{"username": {name}, "password": {password}}.Encode())
	}
	signIn("dave", composed).want(t, http.StatusUnauthorized)
	signIn("dave", apart).want(t, http.StatusOK)
	signIn("dave", composed).want(t, http.StatusOK)
	signIn("dave", apart).want(t, http.StatusOK)
	signIn(" dave ", apart).want(t, http.StatusOK)
	signIn("dave", composed+" ").want(t, http.StatusUnauthorized)
}
