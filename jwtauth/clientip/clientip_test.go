package clientip_test

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/clientip"
)

func ExampleForwarded() {
	h := http.Header{"X-Forwarded-For": {"203.0.113.7, 198.51.100.2, 10.0.0.1"}} // the first is invented
	trusted := func(addr netip.Addr) bool { return addr.IsPrivate() }
	fmt.Println(clientip.Forwarded(h, []string{"X-Forwarded-For"}, netip.MustParseAddr("10.0.0.9"), trusted))
	// Output: 198.51.100.2
}
