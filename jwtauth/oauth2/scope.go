package oauth2

import (
	"slices"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func invalidScope(description string) *Error {
	return refused(codeInvalidScope, description, nil)
}

// maxScopes bounds the work that a stranger's list of scopes can make.
const maxScopes = 128

// parseScope reads the "scope" parameter (RFC 6749 §3.3): names between spaces,
// each counted once. nil means that none was asked for.
func parseScope(text string) ([]string, error) {
	var scopes []string
	for name := range strings.SplitSeq(text, " ") {
		if name == "" || slices.Contains(scopes, name) {
			continue
		}
		if user.CheckScope(name) != nil {
			return nil, invalidScope("The scope is not a list of scope names")
		}
		if len(scopes) == maxScopes {
			return nil, invalidScope("The scope has too many names")
		}
		scopes = append(scopes, name)
	}
	return scopes, nil
}

// signInScopes decides what a sign-in is granted. Without a client it is what
// was asked for, or all that the user has; with one, so much of that as the
// client may have, too. Something asked for that the user does not have, or
// nothing left of what was asked for, is refused.
func signInScopes(u user.User, c *Client, asked []string) ([]string, error) {
	if c == nil {
		if asked == nil {
			return slices.Clone(u.Scopes), nil
		}
		if !subset(asked, u.Scopes) {
			return nil, invalidScope("A scope was asked for that the user does not have")
		}
		return asked, nil
	}
	if asked == nil {
		return c.limit(u.Scopes), nil
	}
	granted := c.limit(intersect(asked, u.Scopes))
	if len(granted) == 0 {
		return nil, invalidScope("None of the scopes asked for can be granted")
	}
	return granted, nil
}

// ScopesNow is what a session may do at this moment, whatever presents it, a cookie
// or a refresh token: of what its sign-in was granted, what its user has and its
// client may be given today. It is never more than was granted. ok is false where
// the session's client is not in the config any more: then it may do nothing.
func ScopesNow(s session.Session, u user.User, clients func(id string) (Client, bool)) (scopes []string, ok bool) {
	scopes = intersect(s.Scopes, u.Scopes)
	if s.Client == "" {
		return scopes, true
	}
	client, ok := clients(s.Client)
	if !ok {
		return nil, false
	}
	return client.limit(scopes), true
}

// refreshScopes decides what the access token of a refresh carries: all that the
// session may do now, or what was asked for of it. To ask for more than the sign-in
// was granted is refused (RFC 6749 §6).
func refreshScopes(granted, now, asked []string) ([]string, error) {
	if !subset(asked, granted) {
		return nil, invalidScope("A scope was asked for that the sign-in was not granted")
	}
	if asked == nil {
		return now, nil
	}
	scopes := intersect(asked, now)
	if len(scopes) == 0 {
		return nil, invalidScope("None of the scopes asked for can be granted any more")
	}
	return scopes, nil
}

func subset(part, whole []string) bool {
	for _, s := range part {
		if !slices.Contains(whole, s) {
			return false
		}
	}
	return true
}

// intersect returns those of a that b has too, in the order of a.
func intersect(a, b []string) []string {
	var both []string
	for _, s := range a {
		if slices.Contains(b, s) {
			both = append(both, s)
		}
	}
	return both
}
