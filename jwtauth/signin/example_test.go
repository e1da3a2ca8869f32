package signin_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// A wrong password and an unknown name get one answer.
func Example() {
	ctx := context.Background()
	hasher, _ := password.NewHasher("bcrypt", password.Params{Cost: 10})
	hash, _ := hasher.Hash("secret")
	kept := memory.New()
	users, _ := user.NewDirectory([]user.User{{Username: "alice", PasswordHash: hash}}, nil, kept)
	_ = users.Load()
	service := &signin.Service{
		Users: users, Epochs: kept, Throttle: throttle.New(kept, throttle.Config{}), Slots: password.NewSlots(1, 1),
		Hasher: hasher, Decoys: password.NewDecoys([]byte("a key of the realm, to choose decoys"), hasher.Profile()),
	}
	for _, typed := range [][2]string{{"alice", "secret"}, {"alice", "wrong"}, {"mallory", "secret"}} {
		res, err := service.SignIn(ctx, signin.Attempt{
			Username: typed[0], Password: typed[1], Address: netip.MustParseAddr("192.0.2.1"), Via: signin.ViaForm,
		})
		fmt.Printf("%q %t\n", res.User.Username, errors.Is(err, signin.ErrCredentials))
	}
	// Output:
	// "alice" false
	// "" true
	// "" true
}
