module github.com/caddy-jwtauth/caddy-jwtauth/bench/cache

go 1.26.0

toolchain go1.26.11

require (
	github.com/caddy-jwtauth/caddy-jwtauth v0.0.0
	github.com/dgraph-io/ristretto/v2 v2.4.2
	github.com/hashicorp/golang-lru/v2 v2.0.7
	github.com/maypok86/otter/v2 v2.4.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/caddy-jwtauth/caddy-jwtauth => ../..
