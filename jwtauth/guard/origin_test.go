package guard_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
)

// TestTrustedOrigins: an origin is taken where it is spelled as browsers spell it
// (RFC 6454 §6.2); every other spelling would never match, and the error says what
// to write.
func TestTrustedOrigins(t *testing.T) {
	for _, good := range []string{
		"https://app.example.com", "https://app.example.com:8443", "http://localhost:3000", "http://localhost", "https://localhost:80",
		"http://app.example.com:443", "http://127.0.0.1:3000", "http://[::1]:3000", "https://[2001:db8::1]", "https://xn--bcher-kva.example", "https://a_b.example.com",
		"https://example.com.", "https://1.example", "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "capacitor://localhost",
	} {
		if err := guard.CheckOrigin("trusted_origins", good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
		protection := http.NewCrossOriginProtection()
		if err := protection.AddTrustedOrigin(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
		r := httptest.NewRequest(http.MethodPost, "https://site.example/", nil)
		r.Header.Set("Origin", good)
		if err := protection.Check(r); err != nil {
			t.Errorf("%s does not match itself: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"https://app.example.com/":              "https://app.example.com",
		"https://app.example.com/login":         "https://app.example.com",
		"https://app.example.com?":              "https://app.example.com",
		"https://app.example.com?a=b":           "https://app.example.com",
		"https://app.example.com#":              "https://app.example.com",
		"https://app.example.com#a":             "https://app.example.com",
		"https://user@app.example.com":          "https://app.example.com",
		"https://user:password@app.example.com": "https://app.example.com",
		"https://app.example.com:443":           "https://app.example.com",
		"https://app.example.com:0443":          "https://app.example.com",
		"https://app.example.com:":              "https://app.example.com",
		"https://app.example.com:08443":         "https://app.example.com:8443",
		"http://localhost:80":                   "http://localhost",
		"HTTPS://app.example.com":               "https://app.example.com",
		"https://App.Example.COM":               "https://app.example.com",
		"https://APP.example.com:443/":          "https://app.example.com",
		"https://bücher.example":                "https://xn--bcher-kva.example",
		"https://BÜCHER.example":                "https://xn--bcher-kva.example",
		"https://[2001:DB8:0:0::1]":             "https://[2001:db8::1]",
		"https://[::ffff:127.0.0.1]":            "https://[::ffff:7f00:1]",
		"https://[0:0:0:0:0:0:0:1]:443":         "https://[::1]",
		// What has no spelling that would match.
		"":                              "",
		"null":                          "",
		"*":                             "",
		"https://*":                     "",
		"https://*.example.com":         "",
		"https://app.example.com:*":     "",
		"app.example.com":               "",
		"//app.example.com":             "",
		"/login":                        "",
		"https:app.example.com":         "",
		"https://":                      "",
		"https://:443":                  "",
		"https:///app.example.com":      "",
		"https://app.example.com:0x1bb": "",
		"https://app.example.com:65536": "",
		"https://app.example.com:-1":    "",
		"https://127.1":                 "",
		"https://127.0.0.01":            "",
		"https://0x7f.0.0.1":            "",
		"https://2130706433":            "",
		"https://[::1":                  "",
		"https://::1":                   "",
		"https://[fe80::1%25eth0]":      "",
		"https://app .example.com":      "",
		" https://app.example.com":      "",
		"https://app.example.com ":      "",
		"https://a,b.example":           "",
		"https://{env.APP_HOST}":        "",
		"{env.APP_ORIGIN}":              "",
		"https://app.example.com,https://b.example.com": "",
		"file:///login":             "",
		"file://host":               "",
		"data://host":               "",
		"https://app.example.com\\": "",
		"https://%61pp.example.com": "",
	} {
		err := guard.CheckOrigin("trusted_origins", bad)
		switch {
		case err == nil:
			t.Errorf("%s was taken", bad)
		case !strings.Contains(err.Error(), "trusted_origins"):
			t.Errorf("%s: %v", bad, err)
		case want == "" && strings.Contains(err.Error(), "write "):
			t.Errorf("%s: %v, which does not help", bad, err)
		case want != "" && !strings.HasSuffix(err.Error(), "write "+want):
			t.Errorf("%s: %v, want what to write: %s", bad, err, want)
		}
		if want != "" && guard.CheckOrigin("trusted_origins", want) != nil {
			t.Errorf("%s is not taken either", want)
		}
	}
}
