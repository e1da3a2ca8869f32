package guard

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// webSocket is the one protocol that every realm lets requests switch to
// (RFC 6455 §4.1): it carries messages, not requests.
const webSocket = "websocket"

// tunnels are protocols that carry requests of their own. These would reach the upstream
// past every guard, with any headers that the client chooses.
var tunnels = []string{"h2c", "h2", "h3", "http", "tls"}

// CheckUpgrade refuses protocols that requests may not switch to, and texts that are no
// protocol (RFC 9110 §7.8: a name, perhaps with a version, as SPDY/3.1).
func CheckUpgrade(protocols []string) error {
	seen := make(map[string]bool)
	for _, protocol := range protocols {
		lower := ASCIILower(protocol)
		name, version, versioned := strings.Cut(lower, "/")
		switch {
		case !isToken(name) || versioned && !isToken(version):
			return fmt.Errorf("upgrade %q: it takes the names of protocols, such as docker or spdy/3.1", protocol)
		case slices.Contains(tunnels, name):
			return fmt.Errorf("upgrade %s: requests within %s would pass every guard: leave it out, and speak HTTP/1.1 or, with `transport http { versions h2c }`, HTTP/2 to the upstream", protocol, protocol)
		case lower == webSocket:
			return fmt.Errorf("upgrade %s: this one is always there: leave it out", protocol)
		case seen[lower]:
			return fmt.Errorf("upgrade %s: the protocol is named twice", protocol)
		}
		seen[lower] = true
	}
	return nil
}

// isToken reports a token (RFC 9110 §5.6.2).
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// The headers by which a request asks for another protocol. The last is how
// Go's HTTP/2 server says what an extended CONNECT is for (RFC 8441 §4).
const (
	headerUpgrade       = "Upgrade"
	headerHTTP2Settings = "Http2-Settings"
	headerProtocol      = ":protocol"
)

// upgradeOptions are what is taken out of Connection with them.
var upgradeOptions = []string{headerUpgrade, headerHTTP2Settings}

// clearUpgrade keeps a request from leaving HTTP for a protocol that carries
// requests: an upstream that speaks it would get them past the guards. A client
// may ask for websocket, and for the protocols that the realm allows, all in
// lower case: with one Upgrade header that names this one and no other. Any
// other Upgrade is taken away, which a server may do (RFC 9110 §7.8): the
// request goes on as an ordinary one.
//
// A CONNECT request that does not open a WebSocket loses its content, which has
// no meaning (RFC 9110 §9.3.6). HTTP/2 and HTTP/3 give it no length, and HTTP/1.1
// gives a CONNECT request no frame: the upstream would read it as further requests.
//
// It reports a request that asks for nothing of the kind, so that no other handler
// need look at it again.
func clearUpgrade(r *http.Request, allowed []string) (plain bool) {
	h := r.Header
	connects := r.Method == http.MethodConnect
	lines := h[headerUpgrade]
	if len(lines) == 0 && !connects {
		return true // without Upgrade, HTTP2-Settings has no meaning (RFC 7540 §3.2.1)
	}
	delete(h, headerHTTP2Settings)
	gone := upgradeOptions[1:]
	if len(lines) != 1 || !mayUpgrade(lines[0], allowed) {
		delete(h, headerUpgrade)
		gone = upgradeOptions
	}
	clearConnection(h, gone)
	if connects && !opensWebSocket(r) {
		delete(h, headerProtocol)
		r.Body, r.ContentLength, r.TransferEncoding = http.NoBody, 0, nil
	}
	return false
}

// opensWebSocket reports an extended CONNECT (RFC 8441 §4, RFC 9220 §3) that
// reverse_proxy makes an Upgrade of, in just the spelling in which it does. HTTP/3's
// server puts the protocol where others have the version.
func opensWebSocket(r *http.Request) bool {
	switch r.ProtoMajor {
	case 2:
		protocols := r.Header[headerProtocol]
		return len(protocols) == 1 && protocols[0] == webSocket
	case 3:
		return r.Proto == webSocket
	}
	return false
}

func mayUpgrade(protocol string, allowed []string) bool {
	lower := ASCIILower(protocol)
	return lower == webSocket || slices.Contains(allowed, lower)
}

// ASCIILower leaves all but A to Z as it is. strings.ToLower would take the Kelvin
// sign for a k, and an upstream would not.
func ASCIILower(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' }) < 0 {
		return s
	}
	lower := []byte(s)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return string(lower)
}
