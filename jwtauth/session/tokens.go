package session

import (
	"encoding/binary"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
)

const (
	// storeIDLength is the length of a store's id, with which a "sid" begins.
	storeIDLength = 11
	// sidRandom is how many random characters follow the stamp of the epoch: 90
	// bits. They keep ids apart; what proves a session is the HMAC over its id.
	sidRandom = 15
	sidLength = storeIDLength + revocation.StampLength + sidRandom
)

// The things a realm seals. A new one gets a prefix and a context of its own.
var (
	refreshSeal = seal{prefix: "jr1_", context: "jwtauth refresh token 1", size: sidLength + 8}
	cookieSeal  = seal{prefix: "js1_", context: "jwtauth session cookie 1", size: sidLength}
	deviceSeal  = seal{prefix: "jd1_", context: "jwtauth device cookie 1", size: deviceIDLength}
)

// Ref is what a refresh token says, its HMAC verified. Only [Manager.Parse]
// makes one that may be trusted.
type Ref struct {
	// SID is the id of the session.
	SID string
	// N is the token's place in its session: the current token has the N that
	// the session's Counter has.
	N uint64

	key string
}

// refreshToken returns the n-th refresh token of a session under key k.
func refreshToken(k Key, sid string, n uint64) (string, error) {
	if !validSID(sid) {
		return "", ErrInvalidToken
	}
	return refreshSeal.sign(k, binary.BigEndian.AppendUint64([]byte(sid), n))
}

func parseRefreshToken(keys Keys, token string) (Ref, error) {
	key, message, err := refreshSeal.verify(keys, token)
	if err != nil {
		return Ref{}, err
	}
	sid := string(message[:sidLength])
	if !validSID(sid) {
		return Ref{}, ErrInvalidToken
	}
	return Ref{SID: sid, N: binary.BigEndian.Uint64(message[sidLength:]), key: key}, nil
}

func cookieValue(k Key, sid string) (string, error) {
	if !validSID(sid) {
		return "", ErrInvalidToken
	}
	return cookieSeal.sign(k, []byte(sid))
}

func parseCookieValue(keys Keys, value string) (sid string, err error) {
	_, message, err := cookieSeal.verify(keys, value)
	if err != nil {
		return "", err
	}
	if !validSID(string(message)) {
		return "", ErrInvalidToken
	}
	return string(message), nil
}

// validSID reports whether sid has the form that [Manager.Create] gives it, or
// gave it before ids were stamped: then it has a random character in place of
// the stamp's dot.
func validSID(sid string) bool {
	return len(sid) == sidLength && strings.Trim(sid[:storeIDLength], alphabet) == "" &&
		strings.Trim(strings.TrimPrefix(sid[storeIDLength:], "."), alphabet) == ""
}
