package guard_test

import (
	"fmt"
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
)

// What only the module may say is taken out of each request: the session cookie, identity
// headers in every spelling, and an upgrade past the guards.
func ExampleRequest_Clean() {
	r, _ := http.NewRequest(http.MethodGet, "https://example.com/private/", nil)
	r.Header = http.Header{
		"Cookie": {"theme=dark; __Host-jwtauth=value"}, "X_user": {"root"}, "Upgrade": {"h2c"}, "Accept": {"*/*"},
	}
	state := new(guard.Request)
	state.Clean(r, nil, guard.NamesOf([]string{"X-User"}))
	fmt.Println(r.Header)
	// Output: map[Accept:[*/*] Cookie:[theme=dark]]
}
