package oauth2

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestBearerFromHeader(t *testing.T) {
	for _, tc := range []struct {
		name    string
		headers []string
		token   string
		present bool
		status  int // of the error, 0 for none
	}{
		{name: "none"},
		{name: "token", headers: []string{"Bearer abc.DEF-_~+/=="}, token: "abc.DEF-_~+/==", present: true},
		{name: "any case", headers: []string{"bEaReR abc"}, token: "abc", present: true},
		{name: "another scheme", headers: []string{"Basic YTpi"}},
		{name: "longer scheme", headers: []string{"BearerX abc"}},
		{name: "longer scheme with a mark", headers: []string{"Bearer-abc"}},
		{name: "empty header", headers: []string{""}},
		{name: "leading space", headers: []string{" Bearer abc"}},
		{name: "scheme alone", headers: []string{"Bearer"}, present: true, status: 401},
		{name: "scheme and a space", headers: []string{"Bearer "}, present: true, status: 401},
		{name: "several spaces", headers: []string{"Bearer   abc"}, token: "abc", present: true},
		{name: "tab", headers: []string{"Bearer\tabc"}, present: true, status: 401},
		{name: "trailing space", headers: []string{"Bearer abc "}, present: true, status: 401},
		{name: "two tokens", headers: []string{"Bearer abc def"}, present: true, status: 401},
		{name: "list", headers: []string{"Bearer abc, Bearer def"}, present: true, status: 401},
		{name: "comma", headers: []string{"Bearer,abc"}, present: true, status: 401},
		{name: "quoted", headers: []string{`Bearer "abc"`}, present: true, status: 401},
		{name: "equals sign inside", headers: []string{"Bearer a=b"}, present: true, status: 401},
		{name: "equals signs alone", headers: []string{"Bearer =="}, present: true, status: 401},
		{name: "not ASCII", headers: []string{"Bearer ä"}, present: true, status: 401},
		{name: "NUL", headers: []string{"Bearer a\x00b"}, present: true, status: 401},
		{name: "two headers", headers: []string{"Bearer abc", "Bearer abc"}, present: true, status: 400},
		{name: "two headers of two schemes", headers: []string{"Basic YTpi", "Bearer abc"}, present: true, status: 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := http.Header{}
			for _, v := range tc.headers {
				h.Add("Authorization", v)
			}
			token, present, err := BearerFromHeader(h)
			if token != tc.token || present != tc.present {
				t.Errorf("token %q, present %v", token, present)
			}
			var refusal *Error
			if tc.status == 0 {
				if err != nil {
					t.Errorf("unexpected %v", err)
				}
				return
			}
			want := map[int]string{400: "invalid_request", 401: "invalid_token"}[tc.status]
			if !errors.As(err, &refusal) || refusal.Status != tc.status || refusal.Code != want {
				t.Errorf("error %v, want %d %s", err, tc.status, want)
			}
		})
	}
}

var (
	bearerCredential = regexp.MustCompile(`^(?i:bearer) +([A-Za-z0-9._~+/-]+=*)$`)
	bearerScheme     = regexp.MustCompile("^(?i:bearer)($|[^A-Za-z0-9!#$%&'*+.^_`|~-])")
)

// FuzzBearer: an Authorization header is a bearer credential of one form, one of
// that scheme that breaks the form, or nothing, and nothing in between.
func FuzzBearer(f *testing.F) {
	for _, seed := range []string{
		"", "Bearer", "Bearer ", "Bearer abc", "bearer\tabc", "Bearer  a", "Basic Og==", "Bearer a,b", "Bearer é", "BEARER a.b.c", " Bearer a", "Bearer a ", "Bearer =",
		"Bearer a=b", "Bearer a==", "Bearer\x00a", "Bearer a\x00", "Bearer a\r\nX: y", "Bearer-a b", "Bearer:a", "Bearer, Bearer a", `Bearer "a"`, "Bearerä a", "\xffBearer a", "ſBearer a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		token, present, err := BearerFromHeader(http.Header{"Authorization": {value}})
		var refusal *Error
		switch match := bearerCredential.FindStringSubmatch(value); {
		case match != nil:
			if err != nil || !present || token != match[1] {
				t.Errorf("%q gave token %q, present %v, %v", value, token, present, err)
			}
		case bearerScheme.MatchString(value):
			if !errors.As(err, &refusal) || refusal.Status != http.StatusUnauthorized || refusal.Code != codeInvalidToken || !present || token != "" {
				t.Errorf("%q: token %q, present %v, %v", value, token, present, err)
			}
		case err != nil || present || token != "":
			t.Errorf("%q is no bearer credential, and gave token %q, present %v, %v", value, token, present, err)
		}
		if _, present, err := BearerFromHeader(http.Header{"Authorization": {value, value}}); !errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest || !present {
			t.Errorf("%q twice: %v", value, err)
		}
	})
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name      string
		write     func(w http.ResponseWriter, r *http.Request)
		status    int
		challenge string
		body      string
	}{
		{
			"nothing presented", func(w http.ResponseWriter, r *http.Request) { NotAuthenticated().Write(w, r) },
			401, "Bearer", `{"detail":"Not authenticated"}`,
		},
		{
			"bad token", func(w http.ResponseWriter, r *http.Request) { InvalidToken(nil).Write(w, r) },
			401, `Bearer error="invalid_token", error_description="The access token is malformed, expired, revoked or not from here"`,
			`{"error":"invalid_token","error_description":"The access token is malformed, expired, revoked or not from here","detail":"Could not validate credentials"}`,
		},
		{
			"role missing", func(w http.ResponseWriter, r *http.Request) { Forbidden(nil, nil).Write(w, r) },
			403, `Bearer error="insufficient_scope"`,
			`{"error":"insufficient_scope","error_description":"The request needs a role, scope or claim that is missing","detail":"Forbidden"}`,
		},
		{
			"scope missing", func(w http.ResponseWriter, r *http.Request) {
				Forbidden([]string{"read", `no"pe`, "write", "a\r\nb"}, nil).Write(w, r)
			},
			403, `Bearer error="insufficient_scope", scope="read write"`,
			`{"error":"insufficient_scope","error_description":"The request needs a role, scope or claim that is missing","detail":"Forbidden"}`,
		},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(tc.name+" "+method, func(t *testing.T) {
				w := httptest.NewRecorder()
				w.Header().Set("Vary", "Accept-Encoding")
				tc.write(w, httptest.NewRequest(method, "/private", nil))
				want := tc.body + "\n"
				if method == "HEAD" {
					want = ""
				}
				if w.Code != tc.status || w.Body.String() != want {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				h := w.Header()
				if got := h.Values("WWW-Authenticate"); len(got) != 1 || got[0] != tc.challenge {
					t.Errorf("challenge %q", got)
				}
				if h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("headers %v", h)
				}
				if got := strings.Join(h.Values("Vary"), ", "); got != "Accept-Encoding, Authorization, Cookie" {
					t.Errorf("Vary %q", got)
				}
			})
		}
	}
}
