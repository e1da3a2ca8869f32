package jwtauth

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// maxForwarded is how many entries of a forwarding header are read, from the
// right. Only a trusted proxy, or a client that has the address of one, can make
// that many matter.
const maxForwarded = 64

// clientIP is the address that the throttle, sessions and the audit log take a
// request to come from: the peer's, or where Caddy trusts the peer as a proxy, the
// rightmost forwarded one that is not a trusted proxy's. That is the address that
// the outermost trusted proxy saw. Whatever stands to the left of it is the
// client's own invention.
//
// Caddy's own answer is that one with `trusted_proxies_strict`; without, it is the
// leftmost entry, which the client chooses. The zero Addr stands for an unknown
// address, as on a Unix socket.
func clientIP(r *http.Request) netip.Addr {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	if server != nil && trusted && server.TrustedProxiesStrict <= 0 {
		return forwardedFor(r, server)
	}
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, _ := parseForwarded(text)
	return addr
}

// clientIPOf is clientIP for the request of ctx, where a handler of this module answers it;
// the zero Addr for all others.
func clientIPOf(ctx context.Context) netip.Addr {
	vars, _ := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any)
	if state, ok := vars[requestVar].(*requestState); ok && state.Answered() != nil {
		return clientIP(state.Answered())
	}
	return netip.Addr{}
}

// forwardedFor reads the headers that name the client, in the order that the
// server has them in, as Caddy does with `trusted_proxies_strict`, but for two
// cases. An entry that is no address, such as `unknown`, ends the search: the
// trusted proxy next to it is the last address that is known for sure, and what
// stands before it could be the client's. Where there are only trusted proxies,
// the outermost one counts, so that the clients of a network that is trusted as a
// whole are told apart.
func forwardedFor(r *http.Request, server *caddyhttp.Server) netip.Addr {
	peer, _ := parseForwarded(r.RemoteAddr)
	var outermost netip.Addr
	left := maxForwarded
	for _, name := range server.ClientIPHeaders {
		nearest := peer
		for entry := range fromTheRight(r.Header.Values(name)) {
			if left--; left < 0 {
				return nearest
			}
			addr, ok := parseForwarded(entry)
			if !ok {
				return nearest
			}
			nearest = addr
			if !trustsProxy(r, server, addr) {
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
// the empty ones (RFC 9110 §5.6.1.2). It splits no more than is asked for.
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

// parseForwarded reads an address, with or without port, brackets and zone. An
// IPv4 address that is written as an IPv6 one is the IPv4 address.
func parseForwarded(text string) (addr netip.Addr, ok bool) {
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

// trustsProxy reports whether the server trusts a proxy of that address. Caddy
// keeps its list to itself, so it is asked about a request from there.
func trustsProxy(r *http.Request, server *caddyhttp.Server, addr netip.Addr) bool {
	asked := r.WithContext(r.Context())
	asked.RemoteAddr = net.JoinHostPort(addr.String(), "0")
	asked.Header = http.Header{} // what it says of other addresses is not asked for
	asked = caddyhttp.PrepareRequest(asked, caddy.NewEmptyReplacer(), nil, server)
	trusted, _ := caddyhttp.GetVar(asked.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return trusted
}
