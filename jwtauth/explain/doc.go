// Package explain tells who gets what a URL asks for, before anyone asks for it.
//
// [New] builds the routes of a provisioned http app once more, by Caddy's own types: with
// the same matchers, and with the handlers that find out where a request goes (rewrites,
// variables, request headers, error routes). In place of those that answer there is a
// recorder, and a guard decides by the [Visitor] that the question is about instead of a
// credential. Then [Routes.Ask] sends a request of each kind of visitor through.
//
// build.go makes the routes, handlers.go says what becomes of each handler, ask.go runs a
// request as Caddy's server does, cases.go joins the visitors for whom the same happens,
// and trace.go is what a request leaves behind. The package imports Caddy, lint and
// policy; package jwtauth says what its handlers do.
package explain
