package oauth2

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// The values of "error" in answers and challenges.
const (
	codeInvalidRequest       = "invalid_request"        // RFC 6749 §5.2, RFC 6750 §3.1
	codeInvalidClient        = "invalid_client"         // RFC 6749 §5.2
	codeInvalidGrant         = "invalid_grant"          // RFC 6749 §5.2
	codeInvalidScope         = "invalid_scope"          // RFC 6749 §5.2
	codeUnauthorizedClient   = "unauthorized_client"    // RFC 6749 §5.2
	codeUnsupportedGrantType = "unsupported_grant_type" // RFC 6749 §5.2
	codeInvalidToken         = "invalid_token"          // RFC 6750 §3.1
	codeInsufficientScope    = "insufficient_scope"     // RFC 6750 §3.1
	codeServerError          = "server_error"
	codeUnavailable          = "temporarily_unavailable"
)

// Error is a refusal: one value holds status, headers and body of the answer.
// Its texts are constants of this package: they stay inside the character set
// of RFC 6749 §5.2 and repeat nothing of the request. An Error must not be
// changed once made.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code is "error" of the body. An empty one is left out, as it has to be
	// where the request presents no credential (RFC 6750 §3.1).
	Code string
	// Description is "error_description" of the body, left out where empty.
	Description string
	// Detail is "detail" of the body, for front ends written for FastAPI.
	// Default: Description.
	Detail string
	// Challenge is the value of WWW-Authenticate, "" for none.
	Challenge string
	// Allow is the value of Allow, "" for none.
	Allow string
	// RetryAfter is sent in whole seconds, rounded up. 0: it is not sent.
	RetryAfter time.Duration
	// Guard is "guard" of the body, the realm of the guard that refuses, so that a program
	// can tell its refusal from one of the application behind it. It is left out where empty.
	Guard string
	// Cause is for the log and never sent.
	Cause error
}

// ByGuard is the refusal as a guard of the realm gives it. Its challenge names the realm
// (RFC 9110 §11.5).
func (e *Error) ByGuard(realm string) *Error {
	by := *e
	by.Guard = realm
	if rest, ok := strings.CutPrefix(e.Challenge, "Bearer"); ok {
		by.Challenge = `Bearer realm="` + realm + `"`
		if rest != "" {
			by.Challenge += "," + rest
		}
	}
	return &by
}

// Error returns the status, the code and the cause, for the log.
func (e *Error) Error() string {
	text := strconv.Itoa(e.Status)
	if e.Code != "" {
		text += " " + e.Code
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// SetHeader sets the headers of the refusal but those that describe its body, for
// a guard whose body another handler writes.
func (e *Error) SetHeader(h http.Header) {
	if e.Challenge != "" {
		h.Set("WWW-Authenticate", e.Challenge)
	}
	if e.Allow != "" {
		h.Set("Allow", e.Allow)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	noStore(h)
	vary(h)
}

// Write answers r with e: headers, and a JSON body unless r is a HEAD request.
func (e *Error) Write(w http.ResponseWriter, r *http.Request) {
	e.SetHeader(w.Header())
	body := struct {
		Error       string `json:"error,omitempty"`
		Description string `json:"error_description,omitempty"`
		Detail      string `json:"detail"`
		Guard       string `json:"guard,omitempty"`
	}{e.Code, e.Description, e.Detail, e.Guard}
	if body.Detail == "" {
		body.Detail = e.Description
	}
	writeJSON(w, r, e.Status, body)
}

// ErrNotSignedIn is the cause of [NotAuthenticated].
var ErrNotSignedIn = errors.New("not signed in")

// NotAuthenticated refuses a request that presents no credential: 401, and a
// challenge without an error code (RFC 6750 §3.1).
func NotAuthenticated() *Error {
	return &Error{Status: http.StatusUnauthorized, Detail: "Not authenticated", Challenge: "Bearer", Cause: ErrNotSignedIn}
}

// InvalidToken refuses a request whose credential is not valid, for whatever
// reason: 401.
func InvalidToken(cause error) *Error {
	const description = "The access token is malformed, expired, revoked or not from here"
	return &Error{
		Status: http.StatusUnauthorized, Code: codeInvalidToken, Description: description,
		Detail:    "Could not validate credentials",
		Challenge: `Bearer error="` + codeInvalidToken + `", error_description="` + description + `"`,
		Cause:     cause,
	}
}

// Forbidden refuses a principal without a role, scope or claim that the resource
// needs: 403. scopes are all that the resource needs, for the challenge; none
// where no scope was missing.
func Forbidden(scopes []string, cause error) *Error {
	challenge := `Bearer error="` + codeInsufficientScope + `"`
	valid := make([]string, 0, len(scopes))
	for _, scope := range scopes {
		if policy.CheckScope(scope) == nil {
			valid = append(valid, scope)
		}
	}
	if len(valid) > 0 {
		challenge += `, scope="` + strings.Join(valid, " ") + `"`
	}
	return &Error{
		Status: http.StatusForbidden, Code: codeInsufficientScope,
		Description: "The request needs a role, scope or claim that is missing",
		Detail:      "Forbidden", Challenge: challenge, Cause: cause,
	}
}

// ErrCrossOrigin is what [errors.Is] finds in every refusal of [CrossOrigin].
var ErrCrossOrigin = errors.New("sent by another site")

// crossOrigin is an [ErrCrossOrigin] that reads like its cause.
type crossOrigin struct{ error }

// Is makes [errors.Is] find [ErrCrossOrigin].
func (crossOrigin) Is(target error) bool { return target == ErrCrossOrigin }

// CrossOrigin refuses a request that another site made a browser send with the
// session cookie: 403. It has no challenge, since no credential would help.
func CrossOrigin(cause error) *Error {
	return &Error{
		Status: http.StatusForbidden, Code: codeInvalidRequest,
		Description: "The request was sent by another site",
		Detail:      "Cross-origin request refused", Cause: crossOrigin{cause},
	}
}

// invalidRequest refuses a request that breaks the protocol: 400.
func invalidRequest(description string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: codeInvalidRequest, Description: description}
}

// refused is a refusal of RFC 6749 §5.2: 400.
func refused(code, description string, cause error) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Description: description, Cause: cause}
}

func methodNotAllowed(allow string) *Error {
	return &Error{
		Status: http.StatusMethodNotAllowed, Code: codeInvalidRequest,
		Description: "This method is not allowed here", Detail: "Method Not Allowed", Allow: allow,
	}
}

func bodyTooLarge() *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge, Code: codeInvalidRequest,
		Description: "The body is larger than this endpoint reads",
	}
}

// invalidClient refuses a client: 401 with a Basic challenge, however the client
// authenticated (RFC 6749 §5.2).
func invalidClient(cause error) *Error {
	return &Error{
		Status: http.StatusUnauthorized, Code: codeInvalidClient,
		Description: "Client authentication failed", Challenge: `Basic realm="token"`, Cause: cause,
	}
}

// badCredentials is the same answer for an unknown user, a wrong password and a
// throttled account.
func badCredentials(rfc6749 bool) *Error {
	e := &Error{
		Status: http.StatusUnauthorized, Code: codeInvalidGrant,
		Description: "Incorrect username or password", Challenge: "Bearer",
	}
	if rfc6749 {
		e.Status, e.Challenge = http.StatusBadRequest, ""
	}
	return e
}

func inactiveUser() *Error {
	return &Error{Status: http.StatusBadRequest, Code: codeInvalidGrant, Description: "Inactive user"}
}

// asError turns any error into the refusal to send. An error it does not know is
// answered with 500: the body tells nothing about it, Cause holds it.
func asError(ctx context.Context, err error) *Error {
	var refusal *Error
	var busy *signin.BusyError
	var address *throttle.AddressError
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &address):
		return &Error{
			Status: http.StatusTooManyRequests, Code: codeUnavailable,
			Description: "Too many failed attempts from this address",
			RetryAfter:  max(address.RetryAfter, time.Second), Cause: err,
		}
	case errors.As(err, &busy):
		return unavailable(busy.RetryAfter, err)
	case ctx.Err() != nil:
		// The client is gone, or its time is over: not an error of the server.
		return unavailable(time.Second, err)
	default:
		return &Error{
			Status: http.StatusInternalServerError, Code: codeServerError,
			Description: "The server could not answer this request", Cause: err,
		}
	}
}

// Unavailable refuses a request that the server cannot decide now: 503.
func Unavailable(cause error) *Error { return unavailable(time.Second, cause) }

func unavailable(retryAfter time.Duration, cause error) *Error {
	return &Error{
		Status: http.StatusServiceUnavailable, Code: codeUnavailable,
		Description: "The server is busy, try again later",
		RetryAfter:  max(retryAfter, time.Second), Cause: cause,
	}
}

// noStore keeps an answer out of every cache (RFC 6749 §5.1).
func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

// vary names the headers that an answer depends on, next to those that other
// handlers have named.
func vary(h http.Header) {
	const value = "Authorization, Cookie"
	if !slices.Contains(h.Values("Vary"), value) {
		h.Add("Vary", value)
	}
}

// writeJSON answers with a body of this package, whose encoding cannot fail.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // a programming error of this package
		status, text = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	writeText(w, r, status, append(text, '\n'))
}

func writeText(w http.ResponseWriter, r *http.Request, status int, text []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(text) // an error here: the client is gone
	}
}

// Interface guards.
var _ error = (*Error)(nil)
