package oauth2

import (
	"slices"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func invalidScope(description string) *Error {
	return refused(codeInvalidScope, description, nil)
}

// maxScopes bounds how many scopes a request may ask for: anyone can send a list.
const maxScopes = 128

// parseScope reads the "scope" parameter (RFC 6749 §3.3): names separated by
// spaces; repeated names count once. nil: none was asked for.
func parseScope(text string) ([]string, error) {
	var scopes []string
	for name := range strings.SplitSeq(text, " ") {
		if name == "" || slices.Contains(scopes, name) {
			continue
		}
		if policy.CheckScope(name) != nil {
			return nil, invalidScope("The scope is not a list of scope names")
		}
		if len(scopes) == maxScopes {
			return nil, invalidScope("The scope has too many names")
		}
		scopes = append(scopes, name)
	}
	return scopes, nil
}

// signInScopes returns the scopes that a sign-in is granted. Without a client they
// are those asked for, or all that the user has where none were; asking for one
// that the user does not have is refused. With a client they are those that both
// the user and the client may have; if none of those asked for is left, the
// sign-in is refused.
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

// ScopesNow returns the scopes that a session has now, whether a cookie or a
// refresh token presents it: those that its sign-in was granted, that its user
// still has and that its client may still be given. ok is false where the
// session's client is no longer in the config: then the session may do nothing.
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

// refreshScopes returns the scopes of the access token of a refresh: all that the
// session has now, or those of them that were asked for. Asking for more than the
// sign-in was granted is refused (RFC 6749 §6).
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

// intersect returns the elements of a that are in b too, in the order of a.
func intersect(a, b []string) []string {
	var both []string
	for _, s := range a {
		if slices.Contains(b, s) {
			both = append(both, s)
		}
	}
	return both
}
