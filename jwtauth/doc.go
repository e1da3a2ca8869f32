// Package jwtauth holds the Caddy modules: the app with its realms, the handlers
// "token_server" and "jwt_auth", the request matchers, the stores and the admin API;
// and the wiring that joins them with the packages below it. Those know nothing of Caddy, but
// for lint and explain, which look at its routes.
//
// The house, from the requests down; each package imports only those below it:
//
//	explain      who gets what a URL asks for, by Caddy's own routes
//	lint         where a config does not guard what it seems to
//	adminapi     the admin API: its JSON, which commands import, and its handler
//	guard        one request's decision: credential, rules, identity headers, refusals
//	realm        an open realm: what a credential stands for, users in force, deny set
//	store        what a store promises; bolt, memory, and storetest, which each engine passes
//	pages        the pages for people
//	keyring      keys made here: record, rotation, the view in force
//	oauth2       the endpoints, their errors, and what an access token says
//	signin       the one path by which a password or client secret is proved
//	user         users, and the directory that joins where they come from
//	session      sessions, refresh tokens, session and device cookies' values
//	revocation   what is denied: the set in memory and the feed that fills it
//	throttle     when failed sign-ins have to wait
//	password     hash schemes, and hashing with bounded slots; argon2 keeps its memory
//	accesstoken  signing and verifying JWTs, and the cache of verified ones
//	policy       principals, and the rules that they have to fulfil
//	cookie       the cookies: names, attributes, taking them out of a request
//	audit        what happens, and the recorder that is told
//	form, strictjson, host, clientip, outdated   one small thing each
//
// In this package:
//
//	app.go           the app: Provision, Start, Cleanup
//	realm.go         the config of a realm; check.go and provision.go check it, open.go opens it
//	stores.go        the store modules
//	token_server.go  the handler of endpoints and pages; pages.go wires the pages
//	jwt_auth.go      the guard; match.go says which requests it is for
//	strip.go         only refuses a handler of earlier versions
//	provider.go      the same for Caddy's own authentication handler
//	request.go       what the handlers know of one request
//	writer.go        the answers that pass; deferred.go is about header directives
//	matchers.go      jwt_role and jwt_claim; placeholders.go the placeholders
//	recorder.go      audit log, events.go Caddy's events, metrics.go the metrics
//	admin.go         the admin API module
//	sites.go         which hosts the config guards; findings.go what package lint finds
//	explained.go     what the handlers do with a request that package explain asks about
//	include.go       the session of a page that a template includes
//	pathcheck.go     refuses matchers that match nothing, or less than they say
//	clientip.go      the address of the client; outdated.go a warning at start
package jwtauth
