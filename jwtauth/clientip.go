package jwtauth

import (
	"context"
	"net"
	"net/http"
	"net/netip"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/clientip"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// clientIP is the address of the client for the throttle, sessions and the audit log:
// the peer's, or, if Caddy trusts the peer as a proxy, the one that [clientip.Forwarded]
// finds. Caddy's own answer is nearly that one with `trusted_proxies_strict`; without, it
// is the leftmost entry, which the client chooses. The zero Addr stands for an unknown
// address, as on a Unix socket.
func clientIP(r *http.Request) netip.Addr {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	if server != nil && trusted && server.TrustedProxiesStrict <= 0 {
		peer, _ := clientip.Parse(r.RemoteAddr)
		return clientip.Forwarded(r.Header, server.ClientIPHeaders, peer, func(addr netip.Addr) bool {
			return trustsProxy(r, server, addr)
		})
	}
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, _ := clientip.Parse(text)
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
