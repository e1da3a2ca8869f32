package oauth2

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
)

func TestReadClientAuth(t *testing.T) {
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, tc := range []struct {
		name    string
		header  string
		form    form.Values
		id      string
		rawID   string
		secrets []string
		code    string // of the error, "" for none
	}{
		{name: "nothing"},
		{name: "empty Basic of Swagger UI", header: "Basic Og=="},
		{name: "empty Basic and a body", header: "Basic Og==", form: form.Values{"client_id": "spa"}, id: "spa"},
		{name: "bearer is no client", header: "Bearer abc"},
		{name: "Basic", header: basic("web:s3cret"), id: "web", secrets: []string{"s3cret"}},
		{name: "scheme in any case", header: "bAsIc " + basic("web:s3cret")[6:], id: "web", secrets: []string{"s3cret"}},
		{name: "encoded", header: basic("my%20web:a%2Bb"), id: "my web", rawID: "my%20web", secrets: []string{"a+b", "a%2Bb"}},
		{name: "not encoded", header: basic("web:a+b"), id: "web", secrets: []string{"a b", "a+b"}},
		{name: "cannot be decoded", header: basic("web:100%"), id: "web", secrets: []string{"100%"}},
		{name: "id cannot be decoded", header: basic("100%:x"), id: "100%", secrets: []string{"x"}},
		{name: "colon in the secret", header: basic("web:a:b"), id: "web", secrets: []string{"a:b"}},
		{name: "without secret", header: basic("spa:"), id: "spa"},
		{name: "body", form: form.Values{"client_id": "web", "client_secret": "a+b"}, id: "web", secrets: []string{"a+b"}},
		{name: "both, agreeing", header: basic("web:a%2Bb"), form: form.Values{"client_id": "web", "client_secret": "a+b"}, id: "web", secrets: []string{"a+b", "a%2Bb"}},
		{name: "both, id alone in the body", header: basic("web:x"), form: form.Values{"client_id": "web"}, id: "web", secrets: []string{"x"}},
		{name: "both, other id", header: basic("web:x"), form: form.Values{"client_id": "spa"}, code: codeInvalidRequest},
		{name: "both, other secret", header: basic("web:x"), form: form.Values{"client_id": "web", "client_secret": "y"}, code: codeInvalidRequest},
		{name: "both, no secret in Basic", header: basic("web:"), form: form.Values{"client_id": "web", "client_secret": "y"}, code: codeInvalidRequest},
		{name: "secret without an id", form: form.Values{"client_secret": "y"}, code: codeInvalidClient},
		{name: "secret without an id in Basic", header: basic(":y"), code: codeInvalidClient},
		{name: "no colon", header: basic("web"), code: codeInvalidClient},
		{name: "no base64", header: "Basic !!!!", code: codeInvalidClient},
		{name: "scheme alone", header: "Basic", code: codeInvalidClient},
		{name: "two spaces", header: "Basic  Og==", code: codeInvalidClient},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := http.Header{}
			if tc.header != "" {
				h.Set("Authorization", tc.header)
			}
			auth, err := readClientAuth(h, tc.form)
			if tc.code != "" {
				var refusal *Error
				if !errors.As(err, &refusal) || refusal.Code != tc.code {
					t.Fatalf("error %v, want %s", err, tc.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tc.rawID == "" {
				tc.rawID = tc.id
			}
			if auth.id != tc.id || auth.rawID != tc.rawID || !slices.Equal(auth.secrets, tc.secrets) {
				t.Errorf("%+v", auth)
			}
		})
	}
}

// FuzzClientAuth: a request has a client only where it names one, in one way or in
// two that agree, and the Basic header is read as net/http reads it.
func FuzzClientAuth(f *testing.F) {
	for _, text := range []string{"web:s3cret", ":", "web:", ":x", "web", "my%20web:a%2Bb", "web:a+b", "web:100%", "100%:x", "web:a:b", "a\x00b:\xff", "+:x", "%00:%00"} {
		f.Add("Basic "+base64.StdEncoding.EncodeToString([]byte(text)), "", "")
		f.Add("basic "+base64.StdEncoding.EncodeToString([]byte(text)), "web", "s3cret")
	}
	for _, header := range []string{"", "Basic", "Basic ", "Basic  Og==", "Basic\tOg==", "Basic Og", "Basic Og==, Basic Og==", "Basic O\ng==", "Basic !!!!", "Bearer abc", "BasicOg=="} {
		f.Add(header, "web", "")
		f.Add(header, "", "s3cret")
	}
	f.Fuzz(func(t *testing.T, header, id, secret string) {
		values := make(form.Values)
		for name, value := range map[string]string{"client_id": id, "client_secret": secret} {
			if value != "" {
				values[name] = value
			}
		}
		h := http.Header{"Authorization": {header}}
		auth, err := readClientAuth(h, values)
		if err != nil {
			var refusal *Error
			if !errors.As(err, &refusal) || refusal.Code != codeInvalidClient && refusal.Code != codeInvalidRequest || auth.id != "" || auth.secrets != nil {
				t.Errorf("%q, %q, %q: %+v, %v", header, id, secret, auth, err)
			}
			return
		}
		basicID, basicSecret, ok := (&http.Request{Header: h}).BasicAuth()
		if ok && basicID == "" && basicSecret == "" {
			ok = false // what Swagger UI sends without a client
		}
		agrees := true
		switch {
		case ok:
			agrees = auth.rawID == basicID && auth.id != "" && (basicSecret == "") == (len(auth.secrets) == 0) &&
				(basicSecret == "" || slices.Contains(auth.secrets, basicSecret)) &&
				(id == "" || id == auth.id || id == auth.rawID) && (secret == "" || slices.Contains(auth.secrets, secret))
		case secret == "":
			agrees = auth.id == id && auth.rawID == id && len(auth.secrets) == 0
		default:
			agrees = id != "" && auth.id == id && auth.rawID == id && slices.Equal(auth.secrets, []string{secret})
		}
		if !agrees {
			t.Errorf("%q, %q, %q: %+v", header, id, secret, auth)
		}
	})
}

func TestClientAllows(t *testing.T) {
	for _, tc := range []struct {
		client *Client
		grant  string
		want   bool
	}{
		{nil, GrantPassword, true},
		{nil, GrantRefreshToken, true},
		{nil, "client_credentials", false},
		{&Client{ID: "spa"}, GrantPassword, true},
		{&Client{ID: "spa"}, "client_credentials", false},
		{&Client{ID: "spa", Grants: []string{}}, GrantPassword, false},
		{&Client{ID: "spa", Grants: []string{GrantRefreshToken}}, GrantPassword, false},
		{&Client{ID: "spa", Grants: []string{GrantRefreshToken}}, GrantRefreshToken, true},
	} {
		if got := tc.client.allows(tc.grant); got != tc.want {
			t.Errorf("%+v allows %s: %v", tc.client, tc.grant, got)
		}
	}
}
