// Package e2e holds the tests that need the real binary: what a reload, a crash,
// a restart and many requests at once do to the people who are signed in.
package e2e

import (
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

func TestMain(m *testing.M) { testcaddy.MainRace(m) }
