// Package accesstoken makes and verifies access tokens: JWTs signed as RFC 7515
// says, with the claims of RFC 9068, under keys that each pin one algorithm.
//
// A [KeySet] holds the keys of one issuer and signs [Claims]; a [Verifier] checks
// tokens against it; a [Cache] stores the result. Nothing that a token says is
// used before its signature has been verified with a key of the KeySet, and a
// token never chooses how: the algorithm is the key's. Issuing refuses what
// verification would refuse.
//
// The package imports no other package of this module and no Caddy. The keyring
// makes and rotates its keys, package oauth2 issues tokens with it, and the guard
// verifies with it.
package accesstoken
