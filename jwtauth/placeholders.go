package jwtauth

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// userPlaceholder and refusalPlaceholder are what the module adds to a request's
// placeholders.
const (
	userPlaceholder    = "http.auth.user."
	refusalPlaceholder = "http.auth.jwt_auth.error"
)

// userLookupTimeout bounds the look-up of a name or address for a placeholder.
const userLookupTimeout = 5 * time.Second

// placeholder resolves the module's placeholders, when they are asked for:
//
//	{http.auth.user.id}            the user name
//	{http.auth.user.roles}         the roles, joined by commas
//	{http.auth.user.scope}         the scopes, joined by spaces
//	{http.auth.user.session}       the session id
//	{http.auth.user.full_name}     the full name
//	{http.auth.user.email}         the e-mail address
//	{http.auth.user.claims.<name>} a claim of the token: a string as it is,
//	                               anything else as JSON
//	{http.auth.jwt_auth.error}     why the guard refused the request
//
// They are empty if no user is signed in. Their values are never expanded again: a claim
// that reads `{env.SECRET}` stays that text.
func (s *requestState) placeholder(key string) (any, bool) {
	if key == refusalPlaceholder {
		return s.Refusal(), true
	}
	name, ok := strings.CutPrefix(key, userPlaceholder)
	if !ok {
		return nil, false
	}
	p := s.Principal
	if p == nil {
		return "", true
	}
	switch name {
	case "id":
		return p.Username, true
	case "roles":
		return strings.Join(p.Roles, ","), true
	case "scope":
		return strings.Join(p.Scopes, " "), true
	case "session":
		return p.Session, true
	case "full_name":
		return s.profile(func(fullName, _ string) string { return fullName }), true
	case "email":
		return s.profile(func(_, email string) string { return email }), true
	}
	if claim, ok := strings.CutPrefix(name, "claims."); ok {
		value, _ := p.Claim(claim)
		return claimText(value), true
	}
	// Another module may have more placeholders of users.
	return nil, false
}

// profile looks up the user's name or address, unless the principal has it. Tokens do
// not carry it, so that they stay small and tell third parties nothing.
func (s *requestState) profile(pick func(fullName, email string) string) string {
	p := s.Principal
	if found := pick(p.FullName, p.Email); found != "" {
		return found
	}
	if s.Realm == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), userLookupTimeout)
	defer cancel()
	u, err := s.Realm.Profile(ctx, p.Username)
	if err != nil {
		return ""
	}
	return pick(u.FullName, u.Email)
}

// claimText renders a claim for a header or a page.
func claimText(claim any) string {
	switch v := claim.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	text, err := json.Marshal(claim)
	if err != nil {
		return ""
	}
	return string(text)
}

// placeholder matches a text that can only be meant as a placeholder.
var placeholder = regexp.MustCompile(`\{[A-Za-z$][A-Za-z0-9_.$-]*[^{}\s"]*\}`)

// refusePlaceholders refuses a rule that only a token with a text such as "{env.TENANT}"
// could fulfil.
func refusePlaceholders(option string, values []string) error {
	for _, value := range values {
		if placeholder.MatchString(value) {
			return fmt.Errorf("%s: %s stays as it is written, since no placeholder is replaced here: write the value itself", option, value)
		}
	}
	return nil
}
