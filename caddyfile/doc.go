// Package caddyfile reads the Caddyfile: the global option `jwtauth`, the directives
// `token_server` and `jwt_auth`, and what they have to do so that Caddy keeps them. It
// makes the config of package jwtauth, which checks it. README.md is the reference for
// users.
//
// It imports Caddy and package jwtauth with the packages below it. The plugin imports it.
//
//	global.go        the global option: a realm and its options
//	user.go          its option user
//	client.go        its option client
//	token_server.go  the directive token_server
//	jwt_auth.go      the directive jwt_auth
//	matcher.go       the matcher of a directive, and the route that it becomes
//	namedroute.go    named routes, of which Caddy may drop handlers
//	block.go         reading the options of a block
package caddyfile
