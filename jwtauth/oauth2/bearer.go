package oauth2

import (
	"errors"
	"net/http"
	"strings"
)

// ErrMalformedBearer is the cause of a refusal where "Bearer" is not followed by
// one token.
var ErrMalformedBearer = errors.New("malformed bearer credential")

// BearerFromHeader returns the token of "Authorization: Bearer" (RFC 6750 §2.1):
// the scheme in any case, one or more spaces (1*SP), one token.
//
// Without such a header, and with one of another scheme, it returns "", false,
// nil. Two Authorization headers are 400 "invalid_request"; a malformed bearer
// credential (no token, a tab, two tokens, other characters) is 401
// "invalid_token". Both errors are an [*Error], ready to be written, and come
// with present == true.
func BearerFromHeader(h http.Header) (token string, present bool, err error) {
	scheme, rest, err := authorization(h)
	if err != nil {
		return "", true, err
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false, nil
	}
	token = strings.TrimLeft(rest, " ")
	if token == rest || !isToken68(token) {
		return "", true, InvalidToken(ErrMalformedBearer)
	}
	return token, true, nil
}

// authorization splits the Authorization header into its scheme and the rest,
// which begins with the separator.
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
