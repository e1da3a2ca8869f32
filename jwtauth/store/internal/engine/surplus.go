package engine

import (
	"cmp"
	"slices"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// Surplus are the sessions of a user that have to end for a new one: those of its kind
// that were least recently used, all but keep. A program that signs in again and again
// ends no session of a browser.
func Surplus(all []session.Session, of session.Session, keep int) []session.Session {
	same := slices.DeleteFunc(slices.Clone(all), func(one session.Session) bool { return one.OfBrowser() != of.OfBrowser() })
	slices.SortFunc(same, func(a, b session.Session) int {
		return cmp.Or(a.LastUsedAt.Compare(b.LastUsedAt), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return same[:max(0, len(same)-keep)]
}
