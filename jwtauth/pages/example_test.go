package pages_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// A guard redirects a person without a sign-in, and shows a page to a user
// without the role.
func ExampleRefusals() {
	theme, err := pages.LoadTheme(pages.ThemeOptions{Title: "Example"})
	if err != nil {
		panic(err)
	}
	refusals := pages.Refusals{Server: &pages.Server{Theme: theme}, SignInPage: "/login"}
	fmt.Println(refusals.SignInURL("/admin/users"))

	r := httptest.NewRequest(http.MethodGet, "/admin/users", nil)
	r.Header.Set("Accept-Language", "de")
	w := httptest.NewRecorder()
	refusals.Forbidden(w, r, &policy.Principal{Username: "bob"}, policy.Rule{AnyRoles: []string{"admin"}}, "/admin/users")
	fmt.Println(w.Code, w.Header().Get("Content-Language"))
	// Output:
	// /login?return_to=%2Fadmin%2Fusers
	// 403 de
}
