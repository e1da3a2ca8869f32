// Package pages serves the pages for people: sign-in, sign-out, the account, and
// the refusals that a guard shows to a person (forbidden, message). They need no
// JavaScript.
//
// A page is one HTML answer, made from a template in theme/. A [Theme] is the files
// that pages are made of: templates, style.css, logo and texts, built in or
// replaced by those of a folder. A [Server] is the handler of the pages of a
// realm, and [Refusals] are the pages by which a guard refuses a request. A new
// page is a file here, a template in theme/ and a line in handlers.
//
// The package imports no Caddy. It uses packages session, signin, throttle,
// password, user, policy and form; the Caddy modules of package jwtauth fill its
// Server, and their guard calls Refusals.
package pages
