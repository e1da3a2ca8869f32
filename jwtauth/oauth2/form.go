package oauth2

import (
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
)

// readForm reads the parameters of the body and turns an error into a refusal.
// With optional, an empty body needs no content type.
func readForm(w http.ResponseWriter, r *http.Request, optional bool) (form.Values, error) {
	if optional && isJSON(r.Header) && hasBearer(r.Header) {
		// The token is in the header, and a script that always sends JSON means nothing by
		// its body.
		return form.Values{}, asRefusal(form.Discard(w, r))
	}
	values, err := form.ReadAny(w, r, optional)
	return values, asRefusal(err)
}

func isJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

func hasBearer(h http.Header) bool {
	_, presented, err := BearerFromHeader(h)
	return presented && err == nil
}

// asRefusal turns an error of package form into a refusal.
func asRefusal(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, form.ErrContentType):
		return invalidRequest("The body must be application/x-www-form-urlencoded or multipart/form-data")
	case errors.Is(err, form.ErrMultipart):
		return invalidRequest("The body is not a form of texts")
	case errors.Is(err, form.ErrTooLarge):
		return bodyTooLarge()
	case errors.Is(err, form.ErrEncoding):
		return invalidRequest("The body has a broken percent-encoding")
	case errors.Is(err, form.ErrRepeated):
		return invalidRequest("A parameter was given more than once")
	}
	e := invalidRequest("The body could not be read")
	e.Cause = err
	return e
}
