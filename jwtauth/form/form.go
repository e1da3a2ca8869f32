// Package form reads the parameters of a request's body: strictly, up to a maximum
// size, and never from the URL.
//
// It imports only the standard library. Packages oauth2 and pages read their forms
// with it, and answer its errors in their own way.
package form

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// MaxBody is the maximum size of a request's body, in bytes.
const MaxBody = 16 << 10

// Errors of [Read].
var (
	// ErrContentType is returned for a body with another content type.
	ErrContentType = errors.New("the body is not application/x-www-form-urlencoded")
	// ErrTooLarge is returned for a body larger than [MaxBody].
	ErrTooLarge = errors.New("the body is too large")
	// ErrBody is returned, with the cause, where the body could not be read.
	ErrBody = errors.New("the body could not be read")
	// ErrEncoding is returned for a broken percent-encoding.
	ErrEncoding = errors.New("the body has a broken percent-encoding")
	// ErrRepeated is returned for a parameter that is given more than once
	// (RFC 6749 §3.2).
	ErrRepeated = errors.New("a parameter is given more than once")
)

// Values are the parameters of a body. A parameter that is sent empty counts as
// absent (RFC 6749 §3.2), so a caller only has to compare v[name] with "".
type Values map[string]string

// Read reads the parameters of the body, never those of the URL. With optional, an
// empty body needs no content type.
func Read(w http.ResponseWriter, r *http.Request, optional bool) (Values, error) {
	if !optional && !isForm(r.Header) {
		return nil, ErrContentType
	}
	if r.ContentLength > MaxBody {
		return nil, ErrTooLarge
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 && !isForm(r.Header) {
		return nil, ErrContentType
	}
	return parse(string(body))
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
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, ErrTooLarge
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrBody, err)
	}
	return body, nil
}

// parse splits at "&" only: as in the URL standard, ";" is a character like any
// other.
func parse(body string) (Values, error) {
	v := make(Values)
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if errName != nil || errValue != nil {
			return nil, ErrEncoding
		}
		if _, twice := v[name]; twice {
			return nil, ErrRepeated
		}
		v[name] = value
	}
	return v, nil
}
