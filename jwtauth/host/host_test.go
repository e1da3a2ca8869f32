package host_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/host"
)

func Example() {
	name := host.Name("App.example.com:8443")
	fmt.Println(name, host.Within(name, "example.com"), host.IsLoopback(name))
	// Output: App.example.com true false
}

func TestIsLoopback(t *testing.T) {
	for name, want := range map[string]bool{
		"localhost": true, "LOCALHOST.": true, "app.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"": false, "localhost.example.com": false, "notlocalhost": false, "128.0.0.1": false, "::2": false, "0.0.0.0": false,
	} {
		if got := host.IsLoopback(name); got != want {
			t.Errorf("IsLoopback(%q) = %v", name, got)
		}
	}
}

func TestSame(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"https://example.com", "https://EXAMPLE.com.:443", true},
		{"http://example.com", "https://example.com", false},
		{"http://example.com:443", "https://example.com", true},
		{"https://example.com", "https://www.example.com", false},
		{"https://[::1]:8443", "https://[::1]:8443", true},
	} {
		a, _ := url.Parse(tc.a)
		b, _ := url.Parse(tc.b)
		if got := host.Same(a, b); got != tc.want {
			t.Errorf("Same(%s, %s) = %v", tc.a, tc.b, got)
		}
	}
}

func TestWithin(t *testing.T) {
	for name, want := range map[string]bool{
		"example.com": true, "A.Example.Com.": true, "example.com.evil.test": false, "badexample.com": false, "com": false,
	} {
		if got := host.Within(name, "example.com"); got != want {
			t.Errorf("Within(%q) = %v", name, got)
		}
	}
}
