package jwtauth

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The session cookie. Its three names are the same cookie. A browser keeps
// __Host- (RFC 6265bis §4.1.3.2) for one host, over HTTPS; a cookie_domain can
// have no more than __Secure- (§4.1.3.1). Over plain HTTP it refuses both, so on
// plain-HTTP localhost, and only there, the cookie has to go without.
const (
	cookieBaseName     = "jwtauth"
	deviceBaseName     = cookieBaseName + "-device" // no session cookie's name has "-" there
	cookieHostPrefix   = "__Host-"
	cookieSecurePrefix = "__Secure-"
)

// deviceMaxAge is how long a device cookie is kept: as long as browsers keep any
// cookie (RFC 6265bis §5.5). Each sign-in by the form begins it again.
const deviceMaxAge = 400 * 24 * time.Hour

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
	setCookie(w, r, c)
}

// setCookie sets a cookie under a name of ours, and notes it: of all that an answer
// sets under these names, this alone comes to the browser.
func setCookie(w http.ResponseWriter, r *http.Request, c *http.Cookie) {
	http.SetCookie(w, c)
	own := stateOf(r).answer()
	own.cookies = append(own.cookies, c.Name+"="+c.Value)
}

// deviceCookie is the device cookie as it is set in answer to r: of this host alone,
// whatever the realm shares, since it says what happened in this browser and need
// not be seen by other hosts.
func (j cookieJar) deviceCookie(r *http.Request, value string) *http.Cookie {
	c := &http.Cookie{
		Name: deviceBaseName, Value: value, Path: "/", MaxAge: int(deviceMaxAge / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if j.realm != DefaultRealm {
		c.Name += "-" + j.realm
	}
	if !plainCookieAllowed(r) {
		c.Secure, c.Name = true, cookieHostPrefix+c.Name
	}
	return c
}

// deviceValues are the values that may be the device cookie.
func (j cookieJar) deviceValues(r *http.Request, t takenCookies) []string {
	if len(t.devicePlain) > 0 && plainCookieAllowed(r) {
		return append(t.deviceHost[:len(t.deviceHost):len(t.deviceHost)], t.devicePlain...)
	}
	return t.deviceHost
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
		setCookie(w, r, c)
	}
}

// embedders are the pages that may embed answers to requests with the cookie: those
// of the origins that share it.
func (j cookieJar) embedders(r *http.Request) embedders {
	if j.shared(r) {
		return sameSite
	}
	return sameOrigin
}

// sent reports whether a request came with the cookie.
func (j cookieJar) sent(r *http.Request, state *requestState) bool {
	tiers := j.values(r, state.takeCookies(r, j.realm))
	return len(tiers[0])+len(tiers[1]) > 0
}

// clearPlanted clears what clear leaves: cookies of the same name for the paths above
// a path and for the domains above the host, as far as they reach here. A __Host-
// cookie has neither. Both numbers are bounded, so that no answer outgrows what a
// browser takes.
func (j cookieJar) clearPlanted(w http.ResponseWriter, r *http.Request, path string) {
	const most = 4 // of either
	c := j.cookie(r)
	if strings.HasPrefix(c.Name, cookieHostPrefix) {
		return
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
	name := strings.ToLower(hostName(r.Host))
	found := net.ParseIP(name) == nil // an address has no domain above it
	for ; found && len(domains) < most; _, name, found = strings.Cut(name, ".") {
		if CheckCookieDomain(name) == nil {
			domains = append(domains, name)
		}
	}
	for _, c.Domain = range domains {
		for _, c.Path = range paths {
			c.MaxAge = -1
			setCookie(w, r, c)
		}
	}
}

// values are the values that may be the session cookie, among those that a request
// came with: first those under the strongest name that this host has it under, then
// those that count where none of the first is good.
func (j cookieJar) values(r *http.Request, t takenCookies) (tiers [2][]string) {
	tiers[0] = t.host
	if j.shared(r) {
		tiers[0] = t.secure
	}
	if len(t.plain) > 0 && plainCookieAllowed(r) {
		tiers[1] = t.plain
	}
	return tiers
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
// prefix: only plain HTTP to this machine. Host alone does not say so, since a proxy
// may put its own word for this server there (nginx does unless told otherwise), with
// a browser on the internet before it.
func plainCookieAllowed(r *http.Request) bool {
	return r.TLS == nil && isLoopbackHost(hostName(r.Host)) && !proxied(r.Header) && sentFromLoopback(r.Header)
}

// proxied reports the headers that proxies add.
func proxied(h http.Header) bool {
	for name := range h {
		if _, ok := cutPrefixFold(name, "X-Forwarded-"); ok || name == "Forwarded" || name == "Via" {
			return true
		}
	}
	return false
}

// sentFromLoopback reports that Origin and Referer, where they were sent, are pages
// of this machine over plain HTTP. The Referer of a request that the browser calls
// cross-site is another site's, and says nothing of this one's address.
func sentFromLoopback(h http.Header) bool {
	local := func(text string) bool {
		u, err := url.Parse(text)
		return err == nil && u.Scheme == "http" && isLoopbackHost(u.Hostname())
	}
	for _, origin := range h["Origin"] {
		if !local(origin) {
			return false
		}
	}
	if h.Get("Sec-Fetch-Site") == "cross-site" {
		return true
	}
	for _, referer := range h["Referer"] {
		if referer != "" && !local(referer) {
			return false
		}
	}
	return true
}

// hostHidden reports a request that says it came to this machine, but through a
// proxy, so that nothing tells under which name the browser knows the site. It is
// not one whose Host is what the browser shows: then only TLS ends before us.
func hostHidden(r *http.Request) bool {
	if r.TLS != nil || !isLoopbackHost(hostName(r.Host)) || plainCookieAllowed(r) {
		return false
	}
	shown := "https://" + r.Host
	if origin := r.Header.Get("Origin"); origin != "" {
		return !strings.EqualFold(origin, shown)
	}
	return r.Header.Get("X-Forwarded-Proto") != "https" || !strings.EqualFold(r.Header.Get("X-Forwarded-Host"), r.Host)
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
