package form_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
)

// What a caller can tell apart, to say it in its own words. What is read of a
// body is tested where the endpoints are.
func TestErrors(t *testing.T) {
	const formType = "application/x-www-form-urlencoded"
	cut := errors.New("connection reset")
	for _, tc := range []struct {
		name, contentType string
		body              io.Reader
		length            int64
		optional          bool
		want              error
	}{
		{name: "JSON", contentType: "application/json", body: strings.NewReader("{}"), want: form.ErrContentType},
		{name: "no type", body: strings.NewReader("a=1"), want: form.ErrContentType},
		{name: "no type where a body is optional", body: strings.NewReader("a=1"), optional: true, want: form.ErrContentType},
		{name: "too large, as it says", contentType: formType, body: strings.NewReader("a=1"), length: form.MaxBody + 1, want: form.ErrTooLarge},
		{name: "too large, and it does not say", contentType: formType, body: strings.NewReader(strings.Repeat("x", form.MaxBody+1)), length: -1, want: form.ErrTooLarge},
		{name: "cut off", contentType: formType, body: iotest.ErrReader(cut), length: -1, want: form.ErrBody},
		{name: "encoding of a value", contentType: formType, body: strings.NewReader("a=%zz"), want: form.ErrEncoding},
		{name: "encoding of a name", contentType: formType, body: strings.NewReader("%=1"), want: form.ErrEncoding},
		{name: "repeated", contentType: formType, body: strings.NewReader("a=1&%61="), want: form.ErrRepeated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/?a=2", tc.body)
			r.ContentLength = tc.length
			if tc.contentType != "" {
				r.Header.Set("Content-Type", tc.contentType)
			}
			v, err := form.Read(httptest.NewRecorder(), r, tc.optional)
			for _, kind := range []error{form.ErrContentType, form.ErrTooLarge, form.ErrBody, form.ErrEncoding, form.ErrRepeated} {
				if errors.Is(err, kind) != (kind == tc.want) {
					t.Errorf("%v: is %q: %v", err, kind, !errors.Is(err, kind))
				}
			}
			if v != nil {
				t.Errorf("values %v beside an error", v)
			}
			if tc.want == form.ErrBody && !errors.Is(err, cut) {
				t.Errorf("%v does not say why", err)
			}
			if strings.Contains(err.Error(), "zz") || strings.Contains(err.Error(), "61") {
				t.Errorf("%v repeats the body", err)
			}
		})
	}
}

// A password in the URL would be in logs: it is no password.
func TestTheURLIsNotRead(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/?password=secret", strings.NewReader("username=alice"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	v, err := form.Read(httptest.NewRecorder(), r, false)
	if err != nil || !maps.Equal(v, form.Values{"username": "alice"}) {
		t.Errorf("%v, %v", v, err)
	}
}
