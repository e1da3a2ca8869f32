package jwtauth

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
)

// The session cookie. Its two names are the same cookie: the __Host- prefix
// (RFC 6265bis §4.1.3.2) makes a browser refuse it over plain HTTP, so on
// plain-HTTP localhost, and only there, it has to go without.
const (
	cookieBaseName   = "jwtauth"
	cookieHostPrefix = "__Host-"
)

// takeCookies removes the session cookies of all realms from the header, so that
// no upstream sees them (cookies know no ports: another site of the host may have
// set them), and returns what they held, by realm. Names are compared without
// case here: what an upstream might take for the cookie goes too.
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
			key, value, _ := strings.Cut(pair, "=")
			key = strings.TrimSpace(key)
			if !isCookieName(key) {
				others = append(others, strings.TrimSpace(pair))
				continue
			}
			name, hasPrefix := strings.CutPrefix(key, cookieHostPrefix)
			realm, ok := cookieRealm(name)
			if !ok {
				continue // another case: taken from the upstream, and believed by nobody
			}
			of := taken[realm]
			if hasPrefix {
				of.prefixed = append(of.prefixed, strings.TrimSpace(value))
			} else {
				of.plain = append(of.plain, strings.TrimSpace(value))
			}
			taken[realm] = of
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

// value returns the one session cookie of a request.
func (t takenCookies) value(r *http.Request) (value string, presented bool, err error) {
	values := t.prefixed
	if len(values) == 0 && plainCookieAllowed(r) {
		values = t.plain
	}
	switch len(values) {
	case 0:
		return "", false, nil
	case 1:
		return values[0], true, nil
	default:
		return "", true, errors.New("the session cookie is given more than once")
	}
}

// carriesCookie keeps requests without the cookie free of work.
func carriesCookie(line string) bool {
	for pair := range strings.SplitSeq(line, ";") {
		key, _, _ := strings.Cut(pair, "=")
		if isCookieName(strings.TrimSpace(key)) {
			return true
		}
	}
	return false
}

// isCookieName reports a name of a session cookie of any realm, in any case.
func isCookieName(key string) bool {
	if rest, ok := cutPrefixFold(key, cookieHostPrefix); ok {
		key = rest
	}
	rest, ok := cutPrefixFold(key, cookieBaseName)
	return ok && (rest == "" || rest[0] == '_')
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// cookieRealm is the realm whose cookie has the name, less its prefix.
func cookieRealm(name string) (realm string, ok bool) {
	if name == cookieBaseName {
		return DefaultRealm, true
	}
	realm, ok = strings.CutPrefix(name, cookieBaseName+"_")
	return realm, ok && realm != DefaultRealm // whose cookie has another name
}

// isLoopbackHost reports a host name that never leaves the machine.
func isLoopbackHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// plainCookieAllowed reports whether a request may carry the cookie without its
// prefix: only plain HTTP to this machine.
func plainCookieAllowed(r *http.Request) bool {
	if r.TLS != nil {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return isLoopbackHost(strings.Trim(host, "[]"))
}
