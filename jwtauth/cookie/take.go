package cookie

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// This file is the one place of the module that reads the Cookie header. It asks two
// different questions of a name. Which cookie of ours is it? That takes every byte of
// the name. And could an upstream read it as one of ours? For that a likeness is
// enough. A cookie that is only alike is taken away from the upstream and counts for
// nothing here.

// Taken are the cookies of ours that came with a request, by realm. One realm is usual.
type Taken []Values

// Of are the cookies of a realm.
func (t Taken) Of(realm string) Values {
	for i := range t {
		if t[i].realm == realm {
			return t[i]
		}
	}
	return Values{}
}

// Values are those under the exact names of one realm's cookies, by their prefix: host,
// secure and plain are values of the session cookie, the others of the device cookie.
// [Jar.Values] says which of them count.
type Values struct {
	realm                                        string
	host, secure, plain, deviceHost, devicePlain []string
}

// space may stand around names and values (RFC 6265bis §5.6). All other white space
// is a part of the name, and a browser then does not see the prefix.
const space = " \t"

// Take removes the cookies of all realms from the header, and those that look like
// them, so that no upstream sees them. (Cookies ignore ports: another site of the host
// may have set them.) It returns the values of ours by realm, or nil where it removed
// nothing. All other cookies stay as they are, to the byte.
func Take(h http.Header) Taken {
	lines := h["Cookie"]
	first := slices.IndexFunc(lines, carriesOurs)
	if first < 0 {
		return nil
	}
	taken := make(Taken, 0, 1)
	kept := lines[:first:first]
	for _, line := range lines[first:] {
		if !carriesOurs(line) {
			kept = append(kept, line)
			continue
		}
		var others []string
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.Trim(pair, space); LooksLikeOurs(pair) {
				taken = taken.keep(pair)
			} else if pair != "" {
				others = append(others, pair)
			}
		}
		if len(others) > 0 {
			kept = append(kept, strings.Join(others, "; "))
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
	} else {
		h["Cookie"] = kept
	}
	return taken
}

// carriesOurs keeps requests without our cookies free of work.
func carriesOurs(line string) bool {
	for pair := range strings.SplitSeq(line, ";") {
		if LooksLikeOurs(pair) {
			return true
		}
	}
	return false
}

// keep notes the value of a pair whose name is, byte by byte, that of a
// cookie of ours. A pair without "=" is a value without a name.
func (t Taken) keep(pair string) Taken {
	name, value, ok := strings.Cut(pair, "=")
	if !ok {
		return t
	}
	name, value = strings.Trim(name, space), strings.Trim(value, space)
	name, host := strings.CutPrefix(name, hostPrefix)
	secure := false
	if !host {
		name, secure = strings.CutPrefix(name, securePrefix)
	}
	realm, device, ok := realmOf(name)
	if !ok || device && secure {
		return t
	}
	i := slices.IndexFunc(t, func(v Values) bool { return v.realm == realm })
	if i < 0 {
		i, t = len(t), append(t, Values{realm: realm})
	}
	of := &t[i]
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
	return t
}

// realmOf is the realm whose session cookie or device cookie has the name. The name
// comes without its prefix.
func realmOf(name string) (realm string, device, ok bool) {
	switch name {
	case baseName:
		return DefaultRealm, false, true
	case deviceName:
		return DefaultRealm, true, true
	}
	if realm, device = strings.CutPrefix(name, deviceName+"-"); !device {
		realm, ok = strings.CutPrefix(name, baseName+"_")
	}
	// The cookies of the default realm have another name.
	return realm, device, (ok || device) && realm != DefaultRealm
}

// LooksLikeOurs reports a pair, or a name, that an upstream may read as a cookie of
// any realm. Frameworks are known to ignore the case of names, to trim all white
// space of Unicode, to drop quotes and characters outside ASCII, to decode %XX (Rack,
// PHP), and to turn "." " " and "[" into "_" (PHP).
func LooksLikeOurs(pair string) bool {
	// Without a name, what a browser sends is the value alone.
	name, _, _ := strings.Cut(strings.TrimLeft(pair, space+"="), "=")
	if name == hostPrefix+baseName || name == baseName {
		return true // as nearly all that do
	}
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
	if rest, ok := cutPrefixFold(name, deviceName); ok && (rest == "" || !isWordByte(rest[0])) {
		return true
	}
	rest, ok := cutPrefixFold(name, baseName)
	return ok && (rest == "" || rest[0] != '-' && !isWordByte(rest[0]))
}

// plainLetters decodes %XX once and makes the name ASCII. Characters that programs
// fold to a letter or digit (ſ, the Kelvin sign, full width) become that letter or
// digit. All others are dropped.
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

// isWordByte reports an ASCII letter or digit. Next to one, our name is part of a
// longer word.
func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
