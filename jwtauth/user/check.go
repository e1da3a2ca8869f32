package user

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"golang.org/x/text/secure/bidirule"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// Limits of what a user may have, in bytes.
const (
	// MaxEmail is the longest address that SMTP can carry (RFC 5321 §4.5.3.1.3).
	MaxEmail    = 254
	maxFullName = 256
	// maxTokenPart bounds the JSON of a user's roles, scopes and claims, and
	// maxClaimDepth how deep a claim nests: they have to fit into a token that
	// the guard accepts.
	maxTokenPart  = 8 << 10
	maxClaimDepth = 16
	// maxExact is the largest integer that JSON numbers carry everywhere
	// (RFC 8259 §6).
	maxExact = 1<<53 - 1
)

// ReservedClaim reports whether a user may not have a claim of that name. Case
// makes no difference: a reader that ignores it must not be fooled.
func ReservedClaim(name string) bool { return accesstoken.ReservedClaim(name) }

// Check returns everything that is wrong with u, nil if nothing is. Each error
// names the user and the option.
func Check(u User) error {
	var errs []error
	add := func(option string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("user %s: %s: %w", quote(u.Username), option, err))
		}
	}
	add("username", CheckUsername(u.Username))
	add("full_name", policy.CheckText(u.FullName, maxFullName))
	if u.Email != "" {
		add("email", CheckEmail(u.Email))
	}
	for _, role := range u.Roles {
		add("role "+quote(role), policy.CheckRole(role))
	}
	for _, scope := range u.Scopes {
		add("scope "+quote(scope), policy.CheckScope(scope))
	}
	add("claims", checkClaims(u.Claims))
	if size := tokenSize(u); size > maxTokenPart {
		add("roles, scopes and claims", fmt.Errorf("must not be longer than %d bytes of JSON together, to fit into a token", maxTokenPart))
	}
	if u.PasswordHash != "" {
		_, err := password.Parse(u.PasswordHash)
		add("password_hash", err)
	}
	return errors.Join(errs...)
}

// CheckNew is [Check] for a user that is about to be made. What it refuses beyond that are
// names that a store may have from before: {http.auth.user.id} can stand in a path, as
// that of a folder for each user, and a name must lead to no other; and two names that
// look the same must not be two users.
func CheckNew(u User) error {
	if err := Check(u); err != nil {
		return err
	}
	if u.Username == "." || u.Username == ".." || strings.ContainsAny(u.Username, `/\*`) {
		return fmt.Errorf("user %s: username: must not be . or .., and must not have a slash, backslash or star in it, since it may become a part of a path", quote(u.Username))
	}
	switch normal, err := spelling.String(u.Username); {
	case err != nil, bidirule.DirectionString(normal) == bidi.RightToLeft && !bidirule.ValidString(normal):
		return fmt.Errorf("user %s: username: has characters that names have not, such as spaces, or invisible ones (RFC 8265 §3.4)", quote(u.Username))
	case normal != u.Username:
		return fmt.Errorf("user %s: username: is another spelling of %s, which is to be written so (RFC 8265 §3.4)", quote(u.Username), quote(normal))
	}
	return nil
}

// spelling is UsernameCasePreserved of RFC 8265 §3.4, but for its bidi rule, which the
// library would also ask of names without a letter that is written from the right.
var spelling = precis.NewIdentifier(precis.FoldWidth, precis.Norm(norm.NFC))

// CheckUsername says what is wrong with a user name.
func CheckUsername(name string) error {
	if err := policy.CheckName(name); err != nil {
		return err
	}
	if strings.TrimSpace(name) != name {
		return errors.New("must not begin or end with a space")
	}
	return nil
}

// CheckClaimName says what is wrong with the name of a claim.
func CheckClaimName(name string) error {
	if err := policy.CheckName(name); err != nil {
		return err
	}
	if ReservedClaim(name) {
		return errors.New("is reserved; choose another name")
	}
	return nil
}

// CheckEmail refuses what cannot be an email address. It does not say that
// there is a mailbox.
func CheckEmail(email string) error {
	if err := policy.CheckText(email, MaxEmail); err != nil {
		return err
	}
	local, domain, _ := strings.Cut(email, "@")
	if local == "" || domain == "" || strings.Contains(domain, "@") || strings.ContainsFunc(email, unicode.IsSpace) {
		return errors.New("must be of the form name@domain")
	}
	return nil
}

// tokenSize is about how many bytes of a token's JSON the user takes.
func tokenSize(u User) int {
	const punctuation = 3 // quotes and comma
	size := 0
	for _, word := range slices.Concat(u.Roles, u.Scopes) {
		text, err := json.Marshal(word)
		if err != nil {
			return 0 // checked, and reported, elsewhere
		}
		size += len(text) + punctuation
	}
	if len(u.Claims) > 0 {
		if text, err := json.Marshal(u.Claims); err == nil {
			size += len(text)
		}
	}
	return size
}

func checkClaims(claims map[string]any) error {
	if len(claims) == 0 {
		return nil
	}
	for name := range claims {
		if err := CheckClaimName(name); err != nil {
			return fmt.Errorf("%s %w", quote(name), err)
		}
	}
	text, err := json.Marshal(claims)
	if err != nil {
		// The library's error may show the value.
		return errors.New("must be what JSON can hold")
	}
	for dec := jsontext.NewDecoder(bytes.NewReader(text)); ; {
		token, err := dec.ReadToken()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return errors.New("must be what JSON can hold")
		case dec.StackDepth() > maxClaimDepth:
			return fmt.Errorf("must not nest deeper than %d", maxClaimDepth)
		case token.Kind() == '0':
			if n, err := token.Float(); err != nil || math.Abs(n) > maxExact {
				return errors.New("a number of this size is not exact in JSON; write it as a string")
			}
		}
	}
}

// quote makes a name fit for an error or a log: in one line, and not too long.
func quote(name string) string {
	const most = 64
	if len(name) > most {
		return fmt.Sprintf("%q…", name[:most])
	}
	return fmt.Sprintf("%q", name)
}
