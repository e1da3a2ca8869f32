package form_test

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
)

// A caller can tell the errors apart. The tests of the endpoints cover what is read
// of a body.
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
		{name: "too large by Content-Length", contentType: formType, body: strings.NewReader("a=1"), length: form.MaxBody + 1, want: form.ErrTooLarge},
		{name: "too large, chunked", contentType: formType, body: strings.NewReader(strings.Repeat("x", form.MaxBody+1)), length: -1, want: form.ErrTooLarge},
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
				t.Errorf("values %v together with an error", v)
			}
			if tc.want == form.ErrBody && !errors.Is(err, cut) {
				t.Errorf("%v does not wrap its cause", err)
			}
			if strings.Contains(err.Error(), "zz") || strings.Contains(err.Error(), "61") {
				t.Errorf("%v repeats the body", err)
			}
		})
	}
}

// A password in the URL would be in logs, so it is ignored.
func TestTheURLIsNotRead(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/?password=secret", strings.NewReader("username=alice"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	v, err := form.Read(httptest.NewRecorder(), r, false)
	if err != nil || !maps.Equal(v, form.Values{"username": "alice"}) {
		t.Errorf("%v, %v", v, err)
	}
}

// FuzzRead: an accepted body is read as net/url reads it, each parameter once; a
// refused one gets the error that fits it.
func FuzzRead(f *testing.F) {
	const formType = "application/x-www-form-urlencoded"
	for _, body := range []string{
		"", "a=1&b=2", "a=1&a=1", "a=1&%61=2", "a=&a=", "=", "==", "=&=", "&&a=1&", "a", "a=1;b=2", "a=%", "a=%zz", "%=1", "a=%00", "a=+%20", "a=%ff%fe", "ä=ö",
		"username=alice&password=%26%3D%2B&return_to=%2Fx%3Fy%3Dz", strings.Repeat("a&", 2000), strings.Repeat("a", form.MaxBody), strings.Repeat("a", form.MaxBody+1),
	} {
		f.Add(body, formType, false)
	}
	for _, contentType := range []string{
		"", "application/json", "multipart/form-data; boundary=x", "APPLICATION/X-WWW-FORM-URLENCODED", formType + "; charset=UTF-8", formType + "; charset", formType + ";;",
		formType + ", " + formType, " " + formType, formType + "\x00", "application/x-www-form-urlencoded2",
	} {
		f.Add("a=1", contentType, false)
		f.Add("", contentType, true)
	}
	f.Fuzz(func(t *testing.T, body, contentType string, optional bool) {
		r := httptest.NewRequest(http.MethodPost, "/?a=query&query=1", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		got, err := form.Read(httptest.NewRecorder(), r, optional)
		want, parseErr := url.ParseQuery(strings.ReplaceAll(body, ";", "%3B")) // net/url accepts none
		repeated := false
		for _, values := range want {
			repeated = repeated || len(values) > 1
		}
		mediaType, _, _ := mime.ParseMediaType(contentType)
		switch {
		case err != nil && got != nil:
			t.Errorf("%v together with %v", got, err)
		case len(body) > form.MaxBody:
			if err == nil || !errors.Is(err, form.ErrTooLarge) && !errors.Is(err, form.ErrContentType) {
				t.Errorf("%d bytes: %v", len(body), err)
			}
		case errors.Is(err, form.ErrContentType):
			if mediaType == formType || optional && body == "" {
				t.Errorf("%q, %q: %v", contentType, body, err)
			}
		case mediaType != formType && (!optional || body != ""):
			t.Errorf("%q is accepted as a form: %v", contentType, err)
		case errors.Is(err, form.ErrEncoding):
			if parseErr == nil {
				t.Errorf("%q: %v", body, err)
			}
		case errors.Is(err, form.ErrRepeated):
			if parseErr == nil && !repeated {
				t.Errorf("%q: %v", body, err)
			}
		case err != nil, parseErr != nil, repeated:
			t.Errorf("%q: %v, %v, repeated: %v", body, err, parseErr, repeated)
		default:
			if len(got) != len(want) {
				t.Errorf("%q: %v, want %v", body, got, want)
			}
			for name, values := range want {
				if value, ok := got[name]; !ok || value != values[0] {
					t.Errorf("%q: %v, want %v", body, got, want)
				}
			}
		}
	})
}
