package jwtauth

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The session cookie. Its three names are the same cookie. A browser keeps
// __Host- (RFC 6265bis §4.1.3.2) for one host, over HTTPS; a cookie_domain can
// have no more than __Secure- (§4.1.3.1). Over plain HTTP it refuses both, so on
// plain-HTTP localhost, and only there, the cookie has to go without.
const (
	cookieBaseName     = "jwtauth"
	cookieHostPrefix   = "__Host-"
	cookieSecurePrefix = "__Secure-"
)

// takenCookies are the values of one realm's session cookie, by its prefix.
type takenCookies struct{ host, secure, plain []string }

// cookieJar knows the session cookie of a realm.
type cookieJar struct {
	realm string
	// domain is the domain over whose hosts the cookie is shared, "" for none.
	domain string
}

// name is the name of the cookie without its prefix.
func (j cookieJar) name() string {
	if j.realm == DefaultRealm {
		return cookieBaseName
	}
	return cookieBaseName + "_" + j.realm
}

// shared reports whether a request's host is one of those that share the cookie.
func (j cookieJar) shared(r *http.Request) bool {
	return j.domain != "" && withinDomain(hostName(r.Host), j.domain)
}

// withinDomain reports a domain, or a name below it.
func withinDomain(host, domain string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// cookie is the cookie as it is set in answer to r.
func (j cookieJar) cookie(r *http.Request) *http.Cookie {
	c := &http.Cookie{Name: j.name(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if j.shared(r) {
		c.Domain = j.domain
	}
	if plainCookieAllowed(r) {
		return c
	}
	c.Secure = true
	if c.Domain != "" {
		c.Name = cookieSecurePrefix + c.Name
	} else {
		c.Name = cookieHostPrefix + c.Name
	}
	return c
}

// set sets the cookie: for as long as maxAge, or, with 0, until the browser is
// closed. No date is in it: the visitor's clock may be wrong.
func (j cookieJar) set(w http.ResponseWriter, r *http.Request, value string, maxAge time.Duration) {
	c := j.cookie(r)
	c.Value = value
	c.MaxAge = int(maxAge / time.Second)
	http.SetCookie(w, c)
}

// clear makes the browser forget the cookie, and one of the host alone that may
// be left from before there was a cookie_domain.
func (j cookieJar) clear(w http.ResponseWriter, r *http.Request) {
	jars := []cookieJar{j}
	if j.shared(r) {
		jars = append(jars, cookieJar{realm: j.realm})
	}
	for _, jar := range jars {
		c := jar.cookie(r)
		c.MaxAge = -1
		http.SetCookie(w, c)
	}
}

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
				// White space is these two (RFC 6265bis §5.6), any other is somebody's value.
				if pair = strings.Trim(pair, " \t"); pair != "" {
					others = append(others, pair)
				}
				continue
			}
			name, host := strings.CutPrefix(key, cookieHostPrefix)
			name, secure := strings.CutPrefix(name, cookieSecurePrefix)
			realm, ok := cookieRealm(name)
			if !ok {
				continue // another case: taken from the upstream, and believed by nobody
			}
			of := taken[realm]
			into := &of.plain
			switch {
			case host && secure:
				continue
			case host:
				into = &of.host
			case secure:
				into = &of.secure
			}
			*into = append(*into, strings.TrimSpace(value))
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

// value returns the one session cookie among those that a request came with.
func (j cookieJar) value(r *http.Request, t takenCookies) (value string, presented bool, err error) {
	values := t.host
	if j.shared(r) {
		values = t.secure
	}
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
	for _, prefix := range []string{cookieHostPrefix, cookieSecurePrefix} {
		if rest, ok := cutPrefixFold(key, prefix); ok {
			key = rest
		}
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

// plainCookieAllowed reports whether a request may carry the cookie without a
// prefix: only plain HTTP to this machine.
func plainCookieAllowed(r *http.Request) bool {
	return r.TLS == nil && isLoopbackHost(hostName(r.Host))
}

// hostName is a host without its port.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.Trim(host, "[]")
}

// CheckCookieDomain accepts a domain that is more than one label.
func CheckCookieDomain(domain string) error {
	bad := !strings.Contains(domain, ".") || net.ParseIP(domain) != nil || len(domain) > 253
	for label := range strings.SplitSeq(domain, ".") {
		bad = bad || label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
	}
	if bad {
		return fmt.Errorf("cookie_domain %q: it takes the domain that the sites have in common, in lower case, such as example.com", domain)
	}
	return nil
}
