package cookie

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/host"
)

// PlainAllowed reports whether a request may carry the cookie without a prefix: only
// plain HTTP to this machine. Host alone does not prove that. A proxy may write its own
// name for this server there (nginx does by default), while the browser is somewhere
// on the internet.
func PlainAllowed(r *http.Request) bool {
	return r.TLS == nil && host.IsLoopback(host.Name(r.Host)) && !proxied(r.Header) && sentFromLoopback(r.Header)
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

// sentFromLoopback reports that Origin and Referer, where they were sent, name pages
// of this machine over plain HTTP. The Referer of a request that the browser calls
// cross-site names another site, which says nothing about the address of this one.
func sentFromLoopback(h http.Header) bool {
	local := func(text string) bool {
		u, err := url.Parse(text)
		return err == nil && u.Scheme == "http" && host.IsLoopback(u.Hostname())
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

// HostHidden reports a request whose Host is this machine but which came through a
// proxy, so that the name of the site in the browser is unknown. A request whose Host
// is the one that the browser shows is not hidden: there the proxy only ends TLS.
func HostHidden(r *http.Request) bool {
	if r.TLS != nil || !host.IsLoopback(host.Name(r.Host)) || PlainAllowed(r) {
		return false
	}
	shown := "https://" + r.Host
	if origin := r.Header.Get("Origin"); origin != "" {
		return !strings.EqualFold(origin, shown)
	}
	return r.Header.Get("X-Forwarded-Proto") != "https" || !strings.EqualFold(r.Header.Get("X-Forwarded-Host"), r.Host)
}
