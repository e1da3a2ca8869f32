// Package accesstoken makes and verifies access tokens: JWTs signed as RFC 7515
// says, with the claims of RFC 9068, under keys that each pin one algorithm.
//
// Nothing that a token says is believed before its signature has been verified
// with a key of the [KeySet], and a token never chooses how: the algorithm is
// the key's. Issuing refuses what verification would refuse.
package accesstoken
