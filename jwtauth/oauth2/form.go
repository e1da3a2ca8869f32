package oauth2

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// maxBody is the most that an endpoint reads of a request's body, in bytes.
const maxBody = 16 << 10

// form holds the parameters of a request's body. A parameter sent empty is
// absent (RFC 6749 §3.2), so that f[name] == "" is the only question to ask.
type form map[string]string

// readForm reads the parameters of the body, and never those of the URL. It
// refuses what RFC 6749 §3.2 and Appendix B do not allow: another content type,
// a parameter given twice, a broken escape; and a body above [maxBody]. With
// optional, an empty body needs no content type.
func readForm(w http.ResponseWriter, r *http.Request, optional bool) (form, error) {
	if !optional && !isForm(r.Header) {
		return nil, errContentType()
	}
	if r.ContentLength > maxBody {
		return nil, bodyTooLarge()
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 && !isForm(r.Header) {
		return nil, errContentType()
	}
	return parseForm(string(body))
}

func errContentType() *Error {
	return invalidRequest("The body must be application/x-www-form-urlencoded")
}

func isForm(h http.Header) bool {
	values := h["Content-Type"]
	if len(values) != 1 {
		return false
	}
	mediaType, _, err := mime.ParseMediaType(values[0])
	return (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && mediaType == "application/x-www-form-urlencoded"
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, bodyTooLarge()
	case err != nil:
		e := invalidRequest("The body could not be read")
		e.Cause = err
		return nil, e
	}
	return body, nil
}

// parseForm splits at "&" alone: a ";" is a character like any other, as in the
// URL standard.
func parseForm(body string) (form, error) {
	f := make(form)
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if errName != nil || errValue != nil {
			return nil, invalidRequest("The body has a broken percent-encoding")
		}
		if _, twice := f[name]; twice {
			return nil, invalidRequest("A parameter was given more than once")
		}
		f[name] = value
	}
	return f, nil
}
