// A module of its own, for tests alone: the test data is 109 MB, which nobody
// who builds the plugin should have to fetch.
module github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken/wycheproof

go 1.26.4

toolchain go1.26.11

require (
	github.com/c2sp/wycheproof v0.0.0-20260902155932-3fa63dd0344a
	github.com/caddy-jwtauth/caddy-jwtauth v0.0.0-00010101000000-000000000000
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
)

replace github.com/caddy-jwtauth/caddy-jwtauth => ../../..
