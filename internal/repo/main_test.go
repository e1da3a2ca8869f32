// Package repo tests the repository itself: what imports what, what xcaddy builds of it,
// and that the documentation says what the code does.
package repo_test

import (
	"os"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// TestMain runs the tests in the folder of the module, which their paths are below.
func TestMain(m *testing.M) {
	root, err := testcaddy.Root()
	if err == nil {
		err = os.Chdir(root)
	}
	if err != nil {
		panic(err)
	}
	m.Run()
}
