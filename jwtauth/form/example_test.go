package form_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
)

func ExampleRead() {
	r := httptest.NewRequest(http.MethodPost, "/token?username=mallory", strings.NewReader("username=alice&scope="))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	values, err := form.Read(httptest.NewRecorder(), r, false)
	fmt.Printf("%q %q %v\n", values["username"], values["scope"], err)
	// Output: "alice" "" <nil>
}
