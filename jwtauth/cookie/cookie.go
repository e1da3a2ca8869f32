// Package cookie is the session cookie and the device cookie: their names and
// attributes, which values of a request count, and how they are taken out of it. It
// makes and checks no values: package session does. It imports package host only;
// packages realm, guard and jwtauth call it.
//
//	cookie.go  names, attributes, setting and clearing
//	take.go    reading the Cookie header and taking ours out of it
//	plain.go   where a cookie without a prefix may be used
package cookie

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/host"
)

// DefaultRealm is the realm that exists without being written. The names of its
// cookies do not have the realm in them.
const DefaultRealm = "default"

// The session cookie has three names. A browser keeps __Host- (RFC 6265bis §4.1.3.2)
// for one host, over HTTPS. With a cookie_domain no more than __Secure- (§4.1.3.1) is
// possible. Over plain HTTP a browser refuses both prefixes, so the cookie has none
// on plain-HTTP localhost, and only there.
const (
	baseName     = "jwtauth"
	deviceName   = baseName + "-device" // no name of a session cookie has "-" there
	hostPrefix   = "__Host-"
	securePrefix = "__Secure-"
)

// deviceMaxAge is how long a device cookie is kept: as long as browsers keep any
// cookie (RFC 6265bis §5.5). Each sign-in by the form starts it again.
const deviceMaxAge = 400 * 24 * time.Hour

// Jar makes and finds the cookies of a realm.
type Jar struct {
	// Realm is the name of the realm.
	Realm string
	// Domain is the domain over whose hosts the session cookie is shared. Default: the
	// cookie is of one host alone.
	Domain string
}

// Name is the name of the session cookie without its prefix.
func (j Jar) Name() string {
	if j.Realm == DefaultRealm {
		return baseName
	}
	return baseName + "_" + j.Realm
}

// Shared reports whether a request's host is one of those that share the cookie.
func (j Jar) Shared(r *http.Request) bool {
	return j.Domain != "" && host.Within(host.Name(r.Host), j.Domain)
}

// Session is the session cookie as an answer to r sets it: for as long as maxAge, or,
// with 0, until the browser is closed. It has no date: the visitor's clock may be
// wrong.
func (j Jar) Session(r *http.Request, value string, maxAge time.Duration) *http.Cookie {
	c := j.blank(r)
	c.Value = value
	c.MaxAge = int(maxAge / time.Second)
	return c
}

// blank is the session cookie of an answer to r, without value and age.
func (j Jar) blank(r *http.Request) *http.Cookie {
	c := &http.Cookie{Name: j.Name(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if j.Shared(r) {
		c.Domain = j.Domain
	}
	if PlainAllowed(r) {
		return c
	}
	c.Secure = true
	if c.Domain != "" {
		c.Name = securePrefix + c.Name
	} else {
		c.Name = hostPrefix + c.Name
	}
	return c
}

// Device is the device cookie as an answer to r sets it. It is of this host alone,
// also where the session cookie is shared: it says what happened in this browser, and
// no other host needs it.
func (j Jar) Device(r *http.Request, value string) *http.Cookie {
	c := &http.Cookie{
		Name: deviceName, Value: value, Path: "/", MaxAge: int(deviceMaxAge / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if j.Realm != DefaultRealm {
		c.Name += "-" + j.Realm
	}
	if !PlainAllowed(r) {
		c.Secure, c.Name = true, hostPrefix+c.Name
	}
	return c
}

// Cleared are the cookies that make a browser drop the session cookie. Where the
// cookie is shared they clear the one of the host alone as well, which may be left
// from the time before there was a cookie_domain.
func (j Jar) Cleared(r *http.Request) []*http.Cookie {
	jars := []Jar{j}
	if j.Shared(r) {
		jars = append(jars, Jar{Realm: j.Realm})
	}
	cookies := make([]*http.Cookie, len(jars))
	for i, jar := range jars {
		cookies[i] = jar.blank(r)
		cookies[i].MaxAge = -1
	}
	return cookies
}

// ClearedPlanted are the cookies that make a browser drop what [Jar.Cleared] leaves:
// cookies of the same name for the paths above a path and for the domains above the
// host, as far as those are sent here. A __Host- cookie has neither. Both numbers are
// bounded, so that the answer does not become larger than browsers accept.
func (j Jar) ClearedPlanted(r *http.Request, path string) []*http.Cookie {
	const most = 4 // of either
	blank := j.blank(r)
	if strings.HasPrefix(blank.Name, hostPrefix) {
		return nil
	}
	paths := []string{"/"}
	if len(path) > 256 || strings.Contains(path, ";") {
		path = "" // no browser has a cookie for it
	}
	for i := 1; i < len(path) && len(paths) < 2*most; i++ {
		if path[i] == '/' {
			paths = append(paths, path[:i], path[:i+1])
		}
	}
	if len(path) > 1 {
		paths = append(paths, path)
	}
	domains := []string{""}
	name := strings.ToLower(host.Name(r.Host))
	found := net.ParseIP(name) == nil // an address has no domain above it
	for ; found && len(domains) < most; _, name, found = strings.Cut(name, ".") {
		if CheckDomain(name) == nil {
			domains = append(domains, name)
		}
	}
	var cookies []*http.Cookie
	for _, domain := range domains {
		for _, path := range paths {
			c := *blank
			c.Domain, c.Path, c.MaxAge = domain, path, -1
			cookies = append(cookies, &c)
		}
	}
	return cookies
}

// Values are the values of a request that may be the session cookie: first those under
// the strongest name that this host has the cookie under, then those that count where
// none of the first is good.
func (j Jar) Values(r *http.Request, v Values) (tiers [2][]string) {
	tiers[0] = v.host
	if j.Shared(r) {
		tiers[0] = v.secure
	}
	if len(v.plain) > 0 && PlainAllowed(r) {
		tiers[1] = v.plain
	}
	return tiers
}

// DeviceValues are the values of a request that may be the device cookie.
func (j Jar) DeviceValues(r *http.Request, v Values) []string {
	if len(v.devicePlain) > 0 && PlainAllowed(r) {
		return append(v.deviceHost[:len(v.deviceHost):len(v.deviceHost)], v.devicePlain...)
	}
	return v.deviceHost
}

// CheckDomain accepts a domain that is more than one label.
func CheckDomain(domain string) error {
	bad := !strings.Contains(domain, ".") || net.ParseIP(domain) != nil || len(domain) > 253
	for label := range strings.SplitSeq(domain, ".") {
		bad = bad || label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
	}
	if bad {
		return fmt.Errorf("cookie_domain %q: it takes the domain that the sites have in common, in lower case, such as example.com", domain)
	}
	if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain {
		return fmt.Errorf("cookie_domain %q: this is a public suffix (publicsuffix.org), below which everyone may have a site, so that browsers refuse the cookie: take your own domain below it", domain)
	}
	return nil
}
