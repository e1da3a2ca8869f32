package oauth2

import (
	"errors"
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
)

// readForm reads the parameters of the body and turns an error into a refusal.
// With optional, an empty body needs no content type.
func readForm(w http.ResponseWriter, r *http.Request, optional bool) (form.Values, error) {
	values, err := form.Read(w, r, optional)
	switch {
	case err == nil:
		return values, nil
	case errors.Is(err, form.ErrContentType):
		return nil, invalidRequest("The body must be application/x-www-form-urlencoded")
	case errors.Is(err, form.ErrTooLarge):
		return nil, bodyTooLarge()
	case errors.Is(err, form.ErrEncoding):
		return nil, invalidRequest("The body has a broken percent-encoding")
	case errors.Is(err, form.ErrRepeated):
		return nil, invalidRequest("A parameter was given more than once")
	}
	e := invalidRequest("The body could not be read")
	e.Cause = err
	return nil, e
}
