package throttle_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// After the free failures an account has to wait, also with the right password.
func Example() {
	ctx := context.Background()
	limiter := throttle.New(memory.New(), throttle.Config{AccountFree: 2})
	from := throttle.Origin{Address: netip.MustParseAddr("192.0.2.1")}
	for range 3 {
		attempt, err := limiter.Begin(ctx, throttle.UserAccount("alice"), from)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("has to wait:", attempt.Throttled)
		attempt.Fail()
	}
	// Output:
	// has to wait: false
	// has to wait: false
	// has to wait: true
}
