//go:build !race

package testcaddy

// raceEnabled reports whether the tests are run with -race.
const raceEnabled = false
