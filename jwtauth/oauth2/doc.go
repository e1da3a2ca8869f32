// Package oauth2 serves the OAuth2 endpoints of a realm over net/http: /token,
// /refresh, /revoke, /users/me and the JWK set. A [Server] is the handler, an
// [Error] is a refusal on the wire, and an [Issuer] makes access tokens.
//
// Each endpoint is a file endpoint_<name>.go and a line in endpoints, each grant
// type a file grant_<type>.go and a line in Server.grant. The refusals that
// guards answer with (RFC 6750) are in errors.go with the others, so that one
// package decides every status, body and challenge.
//
// The package imports no Caddy. It uses packages accesstoken, session, signin,
// throttle, password, user, policy and form. The Caddy modules of package jwtauth
// fill its Server, and stores implement [OneTimeStore].
package oauth2
