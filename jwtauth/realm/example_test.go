package realm

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/keyring"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// A realm is opened over a store, signs a user in, and says for whom a token stands
// until the session has ended.
func Example() {
	ctx := context.Background()
	shared, _ := NewShared(ctx, memory.New(), zap.NewNop())
	defer func() { _ = shared.Close() }()

	hasher, _ := password.NewHasher("bcrypt", password.Params{Cost: 10})
	hash, _ := hasher.Hash("secret")
	lifetimes := session.DefaultLifetimes()
	r, err := Open(ctx, Config{
		Name: "default", Lifetimes: lifetimes, Hasher: hasher, Slots: password.NewSlots(1, 1),
		Users:    []user.User{{Username: "alice", Roles: []string{"admin"}, PasswordHash: hash}},
		Keys:     keyring.Options{Storage: new(keyStorage), Realm: "default", Algorithm: "EdDSA", Lifetimes: lifetimes, Logger: zap.NewNop()},
		Recorder: new(recorder), Logger: zap.NewNop(),
	}, shared)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close() }()

	proved, _ := r.SignIn.SignIn(ctx, signin.Attempt{Username: "alice", Password: "secret"})
	issued, _ := r.Sessions(signin.ViaPassword).Create(ctx, lifetimes, session.NewSession{User: "alice", Epoch: proved.Epoch})
	token, _ := r.Issuer.Issue(oauth2.TokenContent{
		User: proved.User, Session: issued.Session.ID, IssuedAt: time.Now(), ExpiresAt: issued.AccessExpiresAt,
	})

	v, _ := r.Token(token, Verdict{})
	fmt.Println(v.Principal.Username, v.Principal.Roles)
	_ = r.Sessions(signin.ViaPassword).EndSession(ctx, issued.Session.ID)
	_, refusal := r.Token(token, Verdict{})
	fmt.Println(refusal.Cause)
	// Output:
	// alice [admin]
	// the token or its session was revoked
}
