// Package audit names what happens in a realm, and is the one interface by which the
// packages that make it happen tell of it. It imports nothing of this module. Packages
// signin, realm, guard and adminapi tell; package jwtauth implements [Recorder] with
// the audit log, Caddy's events and the metrics, and hands it down when it opens a
// realm. A recorder calls none of them back.
package audit

import "context"

// Recorder is told what happens in one realm. Methods may be called concurrently. Event
// may run handlers of the site before it returns, and those may use the realm: it is
// called with no lock held, in no hashing slot and in no transaction of the store.
type Recorder interface {
	// Event records one event. ctx is that of the request that caused it, if any.
	Event(ctx context.Context, e Event)
	// SignIn counts how a comparison of a password or client secret ended: one of
	// [Results].
	SignIn(result string)
	// Issued counts an access token or a session cookie.
	Issued(c Credential)
	// Verified counts a credential that a guard accepted; known is set where the
	// guard had verified it before.
	Verified(c Credential, known bool)
	// Refused counts a request that a guard refused; reason is one of the guard's.
	Refused(reason string)
}

// Event is one event. Empty fields are left out. No field holds a secret, and no field
// holds what a person typed without signing in, but for names that are in use.
type Event struct {
	// Name is one of Names.
	Name    string
	User    string
	Session string
	Client  string
	// ClientIP is the address of the client. Default: that of the request, where By
	// is empty.
	ClientIP string
	// Via is the way in, as in package signin.
	Via string
	// By is set where no presenter of a credential did it: ByAdmin or ByConfig.
	By     string
	Reason string
	Key    string
	// Ended is how many sessions ended, for SessionsRevoked and KeysRevoked.
	Ended int
}

// The names of events.
const (
	SignedIn        = "sign_in"
	SignInFailed    = "sign_in_failed"
	RefreshTheft    = "refresh_theft"
	SessionRevoked  = "session_revoked"
	SessionsRevoked = "sessions_revoked"
	TokenRevoked    = "token_revoked"
	PasswordChanged = "password_changed"
	UserAdded       = "user_added"
	UserChanged     = "user_changed"
	UserRemoved     = "user_removed"
	KeysRotated     = "keys_rotated"
	KeysRevoked     = "keys_revoked"
	KeyChanged      = "signing_key_changed"
)

// Names are the names of all events.
var Names = []string{
	SignedIn, SignInFailed, RefreshTheft, SessionRevoked, SessionsRevoked, TokenRevoked, PasswordChanged,
	UserAdded, UserChanged, UserRemoved, KeysRotated, KeysRevoked, KeyChanged,
}

// Counted reports an event that has a number of ended sessions, be it 0.
func (e Event) Counted() bool { return e.Name == SessionsRevoked || e.Name == KeysRevoked }

// The values of By.
const (
	ByAdmin  = "admin"  // the admin API, so also a command
	ByConfig = "config" // a reload, or a users file
)

// The results of a sign-in.
const (
	ResultSuccess     = "success"
	ResultCredentials = "credentials"
	ResultThrottled   = "account_throttled"
	ResultDisabled    = "disabled"
	ResultAddress     = "address_throttled"
	ResultBusy        = "busy"
	ResultError       = "error"
)

// ReasonTooMany is why a session was ended for a new one of the same user.
const ReasonTooMany = "too_many"

// Results are all results of a sign-in.
var Results = []string{
	ResultSuccess, ResultCredentials, ResultThrottled, ResultDisabled, ResultAddress, ResultBusy, ResultError,
}

// Credential is a kind of credential that guards accept.
type Credential uint8

// The kinds of credentials.
const (
	Token Credential = iota
	Cookie
)

// String is the word for the kind.
func (c Credential) String() string {
	if c == Cookie {
		return "cookie"
	}
	return "token"
}
