// Package realm is an open realm: its store, its keys, its users in force and its deny
// set. It says which user a credential stands for, and hands the parts of sign-in and
// sessions to those that serve requests.
//
// It imports the packages below it (accesstoken, audit, cookie, keyring, oauth2, password,
// policy, revocation, session, signin, store, throttle, user) and no engine. Package
// jwtauth opens and closes realms; packages guard and adminapi use open ones.
//
//	credentials.go  Token and Cookie: what a credential stands for, and why it is refused
//	presented.go    which of several session cookies counts
//	principal.go    the verified answer
//	verified.go     what was verified before
//	realm.go        opening and closing: config, keys and shared state joined
//	shared.go       what outlives a config: store, deny set, users in force
//	directory.go    putting a config's users in force, following users files
//	users.go        finding users in force
//	sessions.go     sessions and sign-ins, recorded
//	end.go          listing, and ending all
//	future.go       a realm that requests wait for
//	home.go         noticing that a store is a copy
package realm
