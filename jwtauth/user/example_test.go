package user_test

import (
	"context"
	"fmt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// A directory joins the users of the config with those of the store. Only the latter
// can be changed.
func Example() {
	ctx := context.Background()
	directory, _ := user.NewDirectory([]user.User{{Username: "alice", Roles: []string{"admin"}}}, nil, memory.New())
	_ = directory.Load()
	_, _ = directory.Create(ctx, user.User{Username: "bob"})

	entries, _ := directory.List(ctx, "", 10)
	for _, entry := range entries {
		err := directory.Update(ctx, entry.Username, func(u *user.User) error {
			u.Roles = []string{"editor"}
			return nil
		})
		fmt.Println(entry.Username, entry.Source, err == nil)
	}
	// Output:
	// alice config false
	// bob store true
}
