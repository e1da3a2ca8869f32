package oauth2

import (
	"errors"
	"net/http"
	"time"
)

// Unavailable refuses a request that the server cannot judge now: 503.
func Unavailable(cause error) *Error { return unavailable(time.Second, cause) }

// ErrCrossOrigin is what a [CrossOrigin] is.
var ErrCrossOrigin = errors.New("sent by another site")

// crossOrigin is an [ErrCrossOrigin] in the words of its cause.
type crossOrigin struct{ error }

// Is implements what [errors.Is] asks for.
func (crossOrigin) Is(target error) bool { return target == ErrCrossOrigin }

// CrossOrigin refuses a request that another site made a browser send with the
// session cookie: 403, and no challenge, as no credential would help.
func CrossOrigin(cause error) *Error {
	return &Error{
		Status: http.StatusForbidden, Code: codeInvalidRequest,
		Description: "The request was sent by another site",
		Detail:      "Cross-origin request refused", Cause: crossOrigin{cause},
	}
}
