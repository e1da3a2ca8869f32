package oauth2

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
)

const formType = "application/x-www-form-urlencoded"

func TestReadForm(t *testing.T) {
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf("p%d=x", i)
	}
	for _, tc := range []struct {
		name        string
		contentType []string
		body        io.Reader
		length      int64 // -1 for a chunked body
		bearer      bool  // there is a bearer token
		optional    bool
		status      int
		want        form.Values
	}{
		{name: "plain", contentType: []string{formType}, body: strings.NewReader("a=1&b=%20x+y"), want: form.Values{"a": "1", "b": " x y"}},
		{name: "charset", contentType: []string{formType + "; charset=UTF-8"}, body: strings.NewReader("a=1"), want: form.Values{"a": "1"}},
		{name: "type in capitals", contentType: []string{"Application/X-WWW-Form-Urlencoded"}, body: strings.NewReader("a=1"), want: form.Values{"a": "1"}},
		{name: "damaged charset", contentType: []string{formType + "; charset"}, body: strings.NewReader("a=1"), want: form.Values{"a": "1"}},
		{name: "no type", body: strings.NewReader("a=1"), status: 400},
		{name: "two types", contentType: []string{formType, formType}, body: strings.NewReader("a=1"), status: 400},
		{name: "JSON", contentType: []string{"application/json"}, body: strings.NewReader(`{"a":1}`), status: 400},
		{name: "multipart", contentType: []string{"multipart/form-data; boundary=x"}, body: strings.NewReader(part("username", "alice") + part("password", " a&b=c ") + "--x--\r\n"), want: form.Values{"username": "alice", "password": " a&b=c "}},
		{name: "multipart, cut off", contentType: []string{"multipart/form-data; boundary=x"}, body: strings.NewReader("--x\r\n"), status: 400},
		{name: "multipart, without an end", contentType: []string{"multipart/form-data; boundary=x"}, body: strings.NewReader(part("a", "1")), status: 400},
		{name: "multipart, without a boundary", contentType: []string{"multipart/form-data"}, body: strings.NewReader(part("a", "1") + "--x--\r\n"), status: 400},
		{name: "multipart, one name twice", contentType: []string{"multipart/form-data; boundary=x"}, body: strings.NewReader(part("a", "1") + part("a", "1") + "--x--\r\n"), status: 400},
		{name: "multipart, a file", contentType: []string{"multipart/form-data; boundary=x"}, body: strings.NewReader("--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\nx\r\n--x--\r\n"), status: 400},
		{name: "multipart, no name", contentType: []string{"multipart/form-data; boundary=x"}, body: strings.NewReader("--x\r\n\r\nx\r\n--x--\r\n"), status: 400},
		{name: "multipart, too large", contentType: []string{"multipart/form-data; boundary=x"}, body: strings.NewReader(part("a", strings.Repeat("x", form.MaxBody)) + "--x--\r\n"), status: 413},
		{name: "JSON beside a bearer token, optional", contentType: []string{"application/json"}, body: strings.NewReader("{}"), bearer: true, optional: true, want: form.Values{}},
		{name: "JSON with a token of its own beside one, optional", contentType: []string{"application/json; charset=utf-8"}, body: strings.NewReader(`{"refresh_token":"x"}`), bearer: true, optional: true, want: form.Values{}},
		{name: "JSON beside a bearer token, too large", contentType: []string{"application/json"}, body: strings.NewReader(strings.Repeat("x", form.MaxBody+1)), bearer: true, optional: true, status: 413},
		{name: "JSON beside a bearer token, not optional", contentType: []string{"application/json"}, body: strings.NewReader("{}"), bearer: true, status: 400},
		{name: "JSON alone, optional", contentType: []string{"application/json"}, body: strings.NewReader("{}"), optional: true, status: 400},
		{name: "empty without type", status: 400},
		{name: "empty without type, optional", optional: true, want: form.Values{}},
		{name: "empty with another type, optional", contentType: []string{"application/json"}, optional: true, want: form.Values{}},
		{name: "body without type, optional", optional: true, body: strings.NewReader("a=1"), status: 400},
		{name: "twice", contentType: []string{formType}, body: strings.NewReader("a=1&a=1"), status: 400},
		{name: "twice, once empty", contentType: []string{formType}, body: strings.NewReader("a=&a=1"), status: 400},
		{name: "twice, once escaped", contentType: []string{formType}, body: strings.NewReader("a=1&%61=1"), status: 400},
		{name: "semicolon", contentType: []string{formType}, body: strings.NewReader("a=1;b=2"), want: form.Values{"a": "1;b=2"}},
		{name: "empty pairs", contentType: []string{formType}, body: strings.NewReader("&&a=1&"), want: form.Values{"a": "1"}},
		{name: "name alone", contentType: []string{formType}, body: strings.NewReader("a"), want: form.Values{"a": ""}},
		{name: "NUL", contentType: []string{formType}, body: strings.NewReader("a=%00"), want: form.Values{"a": "\x00"}},
		{name: "broken escape", contentType: []string{formType}, body: strings.NewReader("a=%zz"), status: 400},
		{name: "cut escape", contentType: []string{formType}, body: strings.NewReader("a=%2"), status: 400},
		{name: "broken escape in a name", contentType: []string{formType}, body: strings.NewReader("%=1"), status: 400},
		{name: "1000 parameters", contentType: []string{formType}, body: strings.NewReader(strings.Join(many, "&"))},
		{name: "at the limit", contentType: []string{formType}, body: strings.NewReader("a=" + strings.Repeat("x", form.MaxBody-2))},
		{name: "too large", contentType: []string{formType}, body: strings.NewReader("a=" + strings.Repeat("x", form.MaxBody-1)), status: 413},
		{name: "too large, chunked", contentType: []string{formType}, body: io.LimitReader(endless('x'), 1<<30), length: -1, status: 413},
		{name: "large by its length alone", contentType: []string{formType}, body: strings.NewReader("a=1"), length: 1 << 40, status: 413},
		{name: "chunked", contentType: []string{formType}, body: strings.NewReader("a=1"), length: -1, want: form.Values{"a": "1"}},
		{name: "cut off", contentType: []string{formType}, body: io.MultiReader(strings.NewReader("a=1"), failing{}), status: 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/token?a=query", tc.body)
			if tc.length != 0 {
				r.ContentLength = tc.length
			}
			for _, v := range tc.contentType {
				r.Header.Add("Content-Type", v)
			}
			if tc.bearer {
				r.Header.Set("Authorization", "Bearer x")
			}
			f, err := readForm(httptest.NewRecorder(), r, tc.optional)
			if tc.status != 0 {
				var refusal *Error
				if !errors.As(err, &refusal) || refusal.Status != tc.status || refusal.Code != codeInvalidRequest {
					t.Fatalf("error %v, want %d", err, tc.status)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tc.want != nil && fmt.Sprint(f) != fmt.Sprint(tc.want) {
				t.Errorf("%q, want %q", f, tc.want)
			}
		})
	}
}

// part is a part of a multipart form.
func part(name, value string) string {
	return fmt.Sprintf("--x\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, value)
}

func TestReadFormWithoutBody(t *testing.T) {
	r := &http.Request{Method: "POST", Header: http.Header{}}
	if f, err := readForm(httptest.NewRecorder(), r, true); err != nil || len(f) != 0 {
		t.Errorf("%v %v", f, err)
	}
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
