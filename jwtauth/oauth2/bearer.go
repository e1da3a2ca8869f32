package oauth2

import (
	"errors"
	"net/http"
	"strings"
)

// Source says where a credential was taken from.
type Source int

// The places a guard takes credentials from.
const (
	Header Source = iota + 1
	Cookie
	Query
)

// String returns the word the configuration uses.
func (s Source) String() string {
	switch s {
	case Header:
		return "header"
	case Cookie:
		return "cookie"
	case Query:
		return "query"
	default:
		return "none"
	}
}

// Credential is what a request presents, not verified yet.
type Credential struct {
	Token  string
	Source Source
}

// ErrMalformedBearer is the cause of a refusal of what follows "Bearer" without being
// a token.
var ErrMalformedBearer = errors.New("malformed bearer credential")

// BearerFromHeader returns the token of "Authorization: Bearer" (RFC 6750 §2.1):
// the scheme in any case, exactly one space, one token.
//
// No such header, or one of another scheme, presents nothing: "", false, nil.
// Two Authorization headers are 400 "invalid_request"; a bearer credential that
// breaks the form (no token, a tab, two spaces, two tokens, other characters)
// is 401 "invalid_token". Both errors are an [*Error], ready to be written, and
// come with present == true.
func BearerFromHeader(h http.Header) (token string, present bool, err error) {
	scheme, rest, err := authorization(h)
	if err != nil {
		return "", true, err
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false, nil
	}
	token, ok := strings.CutPrefix(rest, " ")
	if !ok || !isToken68(token) {
		return "", true, InvalidToken(ErrMalformedBearer)
	}
	return token, true, nil
}

// authorization splits the one Authorization header into its scheme and what
// follows it, the separator included.
func authorization(h http.Header) (scheme, rest string, err error) {
	values := h["Authorization"]
	switch len(values) {
	case 0:
		return "", "", nil
	case 1:
	default:
		e := invalidRequest("The request has more than one Authorization header")
		e.Challenge = `Bearer error="` + codeInvalidRequest + `"`
		return "", "", e
	}
	value := values[0]
	end := strings.IndexFunc(value, func(c rune) bool { return !isTokenChar(c) })
	if end < 0 {
		end = len(value)
	}
	return value[:end], value[end:], nil
}

// isTokenChar reports a character of a token of RFC 9110 §5.6.2.
func isTokenChar(c rune) bool {
	return isAlphanumeric(c) || c < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}

// isToken68 reports whether s is a b64token of RFC 6750 §2.1.
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	if body == "" {
		return false
	}
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case isAlphanumeric(rune(c)), c == '-', c == '.', c == '_', c == '~', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}

func isAlphanumeric(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
