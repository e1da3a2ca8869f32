// Package lint goes through the routes that Caddy will run, as requests do, and finds
// where a config guards less than it seems to say: a guard that is never reached, a path
// that changes after it, a proxy that no guard is before.
//
// Each kind of finding is a row of the table of rules; what the rules are told of a place
// is found by the one walk. It imports Caddy and no package of this module: package
// jwtauth calls it when a config starts, and its handlers say what they are by [Ours].
//
//	lint.go      what comes of it, and what handlers say
//	walk.go      the walk: routes, handlers that have routes of their own
//	state.go     what is known of the requests that come to a place
//	rules.go     the table of rules
//	sites.go     what each site does with requests, for people
//	names.go     how handlers are called
//	matchers.go  what matchers ask for
package lint
