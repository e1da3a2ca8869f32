// The tests that need a browser or the real binary. They are a module of their own, so
// that the go.mod of a server with this module names no browser driver.
module github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e

go 1.26.0

toolchain go1.26.11

require (
	github.com/caddy-jwtauth/caddy-jwtauth v0.0.0
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	github.com/quic-go/quic-go v0.63.0
	go.etcd.io/bbolt v1.5.0
	golang.org/x/crypto v0.59.0
	golang.org/x/net v0.62.0
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/quic-go/qpack v0.6.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.44.0 // indirect
)

replace github.com/caddy-jwtauth/caddy-jwtauth => ../..
