// Package clientip finds the address of a client behind proxies. It imports nothing of
// this module; package jwtauth asks it where Caddy's own answer could be chosen by the
// client.
package clientip

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// maxEntries is how many entries of forwarding headers are read, from the right. Only a
// trusted proxy, or a client with the address of one, can make that many matter.
const maxEntries = 64

// Forwarded is the rightmost address in the forwarding headers that is not a trusted
// proxy's: the one that the outermost trusted proxy saw. What stands to the left of it,
// the client may have invented. peer is a trusted proxy; names are the headers in the
// order in which they count.
//
// It does what Caddy does with `trusted_proxies_strict`, but for two cases. An entry that
// is no address, such as `unknown`, ends the search: the trusted proxy next to it is the
// last address known for certain. And if there are only trusted proxies, the outermost
// counts, so that the clients of a network that is trusted as a whole are told apart.
func Forwarded(h http.Header, names []string, peer netip.Addr, trusted func(netip.Addr) bool) netip.Addr {
	var outermost netip.Addr
	left := maxEntries
	for _, name := range names {
		nearest := peer
		for entry := range fromTheRight(h.Values(name)) {
			if left--; left < 0 {
				return nearest
			}
			addr, ok := Parse(entry)
			if !ok {
				return nearest
			}
			nearest = addr
			if !trusted(addr) {
				return addr
			}
		}
		if !outermost.IsValid() && nearest != peer {
			outermost = nearest
		}
	}
	if outermost.IsValid() {
		return outermost
	}
	return peer
}

// fromTheRight yields the entries of a header's lines, the last one first, without
// the empty ones (RFC 9110 §5.6.1.2). It splits no more than the caller asks for.
func fromTheRight(lines []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := len(lines) - 1; i >= 0; i-- {
			for line, more := lines[i], true; more; {
				comma := strings.LastIndexByte(line, ',')
				entry := strings.Trim(line[comma+1:], " \t")
				if more = comma >= 0; more {
					line = line[:comma]
				}
				if entry != "" && !yield(entry) {
					return
				}
			}
		}
	}
}

// Parse reads an address, with or without port, brackets and zone. An
// IPv4 address that is written as an IPv6 one is the IPv4 address.
func Parse(text string) (addr netip.Addr, ok bool) {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	} else if inner, ok := strings.CutPrefix(text, "["); ok {
		if text, ok = strings.CutSuffix(inner, "]"); !ok {
			return netip.Addr{}, false
		}
	}
	text, _, _ = strings.Cut(text, "%")
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}
