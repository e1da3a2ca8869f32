// Package policy decides whether a verified principal may pass: a [Principal] is
// who is asking, a [Rule] is what a guard demands, and [Rule.Check] compares the
// two.
//
// The package imports no Caddy, and of this module only package user, for the
// form of roles and scopes. The guard and the matchers check rules; everything
// that verifies a credential makes a Principal.
package policy
