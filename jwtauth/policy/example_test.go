package policy_test

import (
	"errors"
	"fmt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

func ExampleRule_Check() {
	alice := &policy.Principal{Username: "alice", Roles: []string{"editor"}, Scopes: []string{"read"}}

	editors := policy.Rule{AnyRoles: []string{"admin", "editor"}}
	fmt.Println(editors.Check(alice))

	writers := policy.Rule{Scopes: []string{"read", "write"}}
	err := writers.Check(alice)
	fmt.Println(err, errors.Is(err, policy.ErrDenied))
	// Output:
	// <nil>
	// denied by policy: scope missing: write true
}
