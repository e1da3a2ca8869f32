package revocation_test

import (
	"fmt"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
)

// The set denies the tokens of a session until the last of them has expired.
func Example() {
	set := revocation.NewSet()
	until := time.Now().Add(15 * time.Minute)
	set.Add(revocation.Entry{Kind: revocation.Session, ID: "sid", Until: until})

	fmt.Println(set.Denied("alice", "sid", "jti"), set.Denied("alice", "another", "jti"))
	fmt.Println(set.DropExpired(until.Add(time.Second)), set.Len())
	// Output:
	// true false
	// 1 0
}
