// Package form reads the parameters of a request's body: strictly, up to a maximum
// size, and never from the URL.
//
// It imports only the standard library. Packages oauth2 and pages read their forms
// with it, and answer its errors in their own way.
package form

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
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
	// ErrMultipart is returned for multipart/form-data that is cut off, has a file, or a
	// part without a name.
	ErrMultipart = errors.New("the body is not a form of texts")
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

// Has reports a parameter that was sent, also if it is empty.
func (v Values) Has(name string) bool {
	_, ok := v[name]
	return ok
}

// Read reads the parameters of the body, never those of the URL. With optional, an
// empty body needs no content type.
func Read(w http.ResponseWriter, r *http.Request, optional bool) (Values, error) {
	kind, _ := mediaType(r.Header)
	if !optional && kind != urlEncoded {
		return nil, ErrContentType
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 && kind != urlEncoded {
		return nil, ErrContentType
	}
	return parse(string(body))
}

// ReadAny is Read that also takes multipart/form-data (RFC 7578), which scripts send that
// give fetch a FormData.
func ReadAny(w http.ResponseWriter, r *http.Request, optional bool) (Values, error) {
	kind, params := mediaType(r.Header)
	if kind != multiPart {
		return Read(w, r, optional)
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(body, []byte("--"+params["boundary"]+"--")) {
		return nil, ErrMultipart // cut off
	}
	return parseParts(multipart.NewReader(bytes.NewReader(body), params["boundary"]))
}

// Discard reads a body of any kind, so that one that is too large is refused.
func Discard(w http.ResponseWriter, r *http.Request) error {
	_, err := readBody(w, r)
	return err
}

const (
	urlEncoded = "application/x-www-form-urlencoded"
	multiPart  = "multipart/form-data"
)

// mediaType is that of the one Content-Type, "" for none or several.
func mediaType(h http.Header) (kind string, params map[string]string) {
	values := h["Content-Type"]
	if len(values) != 1 {
		return "", nil
	}
	kind, params, err := mime.ParseMediaType(values[0])
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return "", nil
	}
	return kind, params
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > MaxBody {
		return nil, ErrTooLarge
	}
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

func parseParts(reader *multipart.Reader) (Values, error) {
	v := make(Values)
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			return v, nil
		}
		if err != nil || part.FormName() == "" || part.FileName() != "" {
			return nil, ErrMultipart
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, ErrMultipart
		}
		if _, twice := v[part.FormName()]; twice {
			return nil, ErrRepeated
		}
		v[part.FormName()] = string(value)
	}
}
