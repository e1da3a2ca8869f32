package jwtauth

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// This is the one place of the module that reads the Cookie header. Two questions
// are asked of a name, and they are not the same: which cookie of ours it is, which
// takes every byte of the name; and whether a program after us may take it for ours,
// for which a likeness is enough. What is only alike is taken away from the
// upstream and counts for nothing here.

// takenCookies are the values under the exact names of one realm's cookies, by
// their prefix: host, secure and plain of the session cookie, the others of the
// device cookie.
type takenCookies struct{ host, secure, plain, deviceHost, devicePlain []string }

// cookieSpace is what may stand around names and values (RFC 6265bis §5.6). Every
// other white space is a part of the name, by which a browser does not see the prefix.
const cookieSpace = " \t"

// takeCookies removes the cookies of all realms from the header, and those that
// look like them, so that no upstream sees them (cookies know no ports: another
// site of the host may have set them). It returns the values of ours, by realm;
// nil where nothing was removed. All other cookies stay as they are, to the byte.
func takeCookies(h http.Header) map[string]takenCookies {
	lines := h["Cookie"]
	if !slices.ContainsFunc(lines, carriesCookie) {
		return nil
	}
	taken := make(map[string]takenCookies, 1)
	kept := make([]string, 0, len(lines))
	for _, line := range lines {
		if !carriesCookie(line) {
			kept = append(kept, line)
			continue
		}
		var others []string
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.Trim(pair, cookieSpace); looksLikeOurs(pair) {
				keepCookie(taken, pair)
			} else if pair != "" {
				others = append(others, pair)
			}
		}
		if len(others) > 0 {
			kept = append(kept, strings.Join(others, "; "))
		}
	}
	if len(kept) == 0 {
		h.Del("Cookie")
	} else {
		h["Cookie"] = kept
	}
	return taken
}

// carriesCookie keeps requests without the cookie free of work.
func carriesCookie(line string) bool {
	for pair := range strings.SplitSeq(line, ";") {
		if looksLikeOurs(pair) {
			return true
		}
	}
	return false
}

// keepCookie notes the value of a pair whose name is, byte by byte, that of a
// cookie of ours. A pair without "=" is a value without a name.
func keepCookie(taken map[string]takenCookies, pair string) {
	name, value, ok := strings.Cut(pair, "=")
	if !ok {
		return
	}
	name, value = strings.Trim(name, cookieSpace), strings.Trim(value, cookieSpace)
	name, host := strings.CutPrefix(name, cookieHostPrefix)
	secure := false
	if !host {
		name, secure = strings.CutPrefix(name, cookieSecurePrefix)
	}
	realm, device, ok := cookieRealm(name)
	if !ok || device && secure {
		return
	}
	of := taken[realm]
	switch {
	case device && host:
		of.deviceHost = append(of.deviceHost, value)
	case device:
		of.devicePlain = append(of.devicePlain, value)
	case host:
		of.host = append(of.host, value)
	case secure:
		of.secure = append(of.secure, value)
	default:
		of.plain = append(of.plain, value)
	}
	taken[realm] = of
}

// cookieRealm is the realm whose session cookie, or device cookie, has the name, less
// its prefix.
func cookieRealm(name string) (realm string, device, ok bool) {
	switch name {
	case cookieBaseName:
		return DefaultRealm, false, true
	case deviceBaseName:
		return DefaultRealm, true, true
	}
	if realm, device = strings.CutPrefix(name, deviceBaseName+"-"); !device {
		realm, ok = strings.CutPrefix(name, cookieBaseName+"_")
	}
	return realm, device, (ok || device) && realm != DefaultRealm // whose cookie has another name
}

// looksLikeOurs reports a pair, or a name, that an upstream may read as a cookie of
// any realm. It allows for what frameworks are known to do to names: ignore the
// case, trim all that is white space in Unicode, drop quotes and what is no ASCII,
// decode %XX (Rack, PHP), and turn "." " " and "[" into "_" (PHP).
func looksLikeOurs(pair string) bool {
	// Without a name, what a browser sends is the value alone.
	name, _, _ := strings.Cut(strings.TrimLeft(pair, cookieSpace+"="), "=")
	if strings.IndexFunc(name, func(c rune) bool { return c == '%' || c >= 0x80 }) >= 0 {
		name = plainLetters(name)
	}
	for {
		name = strings.TrimLeftFunc(name, func(c rune) bool { return !isWordByte(byte(c)) })
		rest, ok := cutPrefixFold(name, "host")
		if !ok {
			rest, ok = cutPrefixFold(name, "secure")
		}
		if !ok || rest == "" || isWordByte(rest[0]) {
			break
		}
		name = rest
	}
	if rest, ok := cutPrefixFold(name, deviceBaseName); ok && (rest == "" || !isWordByte(rest[0])) {
		return true
	}
	rest, ok := cutPrefixFold(name, cookieBaseName)
	return ok && (rest == "" || rest[0] != '-' && !isWordByte(rest[0]))
}

// plainLetters decodes %XX, once, and makes the name ASCII: what programs fold to
// a letter or digit (ſ, the Kelvin sign, full width) becomes it, the rest goes.
func plainLetters(name string) string {
	decoded := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		if name[i] == '%' && i+2 < len(name) {
			if c, err := strconv.ParseUint(name[i+1:i+3], 16, 8); err == nil {
				decoded = append(decoded, byte(c))
				i += 2
				continue
			}
		}
		decoded = append(decoded, name[i])
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c < 0x80:
			return c
		case c >= '！' && c <= '～':
			return c - '！' + '!'
		}
		for folded := unicode.SimpleFold(c); folded != c; folded = unicode.SimpleFold(folded) {
			if folded < 0x80 {
				return folded
			}
		}
		return -1
	}, string(decoded))
}

// isWordByte reports an ASCII letter or digit: next to one, our name is a part
// of a longer word.
func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
