// Package host answers questions about the host of a request or URL: is it this
// machine, does it lie in a domain, at which port. It imports nothing of this module;
// packages cookie, guard, realm and jwtauth call it.
package host

import (
	"net"
	"net/url"
	"strings"
)

// Name is a host without its port and without the brackets of an IPv6 address.
func Name(hostport string) string {
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		hostport = h
	}
	return strings.Trim(hostport, "[]")
}

// IsLoopback reports a host name that never leaves the machine: localhost, a name
// below it (RFC 6761 §6.3), or a loopback address.
func IsLoopback(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

// Within reports a name that is the domain or lies below it. The domain is in lower
// case; the name need not be.
func Within(name, domain string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// Port is the port of an http or https URL, that of the scheme where none is written.
func Port(u *url.URL) string {
	switch port := u.Port(); {
	case port != "":
		return port
	case u.Scheme == "http":
		return "80"
	default:
		return "443"
	}
}

// Same reports two URLs of the same host and port. Upper and lower case, and a dot
// at the end, make no difference.
func Same(a, b *url.URL) bool {
	name := func(u *url.URL) string { return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) }
	return name(a) == name(b) && Port(a) == Port(b)
}
