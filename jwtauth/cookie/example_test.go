package cookie_test

import (
	"fmt"
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
)

func Example() {
	r, _ := http.NewRequest(http.MethodGet, "https://app.example.com/", nil)
	r.Header.Set("Cookie", "theme=dark; __Secure-jwtauth=value")

	jar := cookie.Jar{Realm: cookie.DefaultRealm, Domain: "example.com"}
	taken := cookie.Take(r.Header)
	fmt.Println(jar.Values(r, taken.Of(jar.Realm))[0], "taken out of", r.Header["Cookie"])
	fmt.Println(jar.Session(r, "value", 0))
	// Output:
	// [value] taken out of [theme=dark]
	// __Secure-jwtauth=value; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax
}
