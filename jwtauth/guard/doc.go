// Package guard decides about one request, over net/http: which credential it has, what
// the rules say, what is cleaned out of it, and how it is refused.
//
// It imports packages cookie, host, oauth2, pages, policy and realm. Package jwtauth calls
// it from its handlers; no other package does.
//
//	guard.go       a guard, and its decision
//	credential.go  finding the credential
//	request.go     what the handlers of the module know of one request
//	identity.go    identity headers: cleaning and setting them
//	upgrade.go     the protocols that a request may switch to
//	override.go    a method other than the request's own
//	origin.go      origins as browsers spell them
//	refuse.go      refusing a person, and the way to sign in
//	answer.go      what an answer behind a guard carries
//	reason.go      refusals as metrics name them
package guard
