package pages_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
)

// Browsers and systems get the names by which people know them.
func TestDescribeUserAgent(t *testing.T) {
	const (
		windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
		mac     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
		linux   = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
		android = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
		iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
		ipad    = "Mozilla/5.0 (iPad; CPU OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
	)
	for _, tc := range []struct{ text, browser, system string }{
		{windows + "Chrome/126.0.0.0 Safari/537.36", "Chrome", "Windows"},
		{mac + "Chrome/126.0.0.0 Safari/537.36", "Chrome", "macOS"},
		{linux + "Chrome/126.0.0.0 Safari/537.36", "Chrome", "Linux"},
		{android + "Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome", "Android"},
		{iphone + "CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1", "Chrome", "iPhone"},
		{ipad + "CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1", "Chrome", "iPad"},
		{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", "Chrome", "ChromeOS"},
		{linux + "HeadlessChrome/126.0.0.0 Safari/537.36", "Chrome", "Linux"},
		{windows + "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "Edge", "Windows"},
		{mac + "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "Edge", "macOS"},
		{android + "Chrome/126.0.0.0 Mobile Safari/537.36 EdgA/126.0.0.0", "Edge", "Android"},
		{iphone + "Version/17.0 EdgiOS/126.0.2592.56 Mobile/15E148 Safari/605.1.15", "Edge", "iPhone"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox", "Windows"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox", "macOS"},
		{firefox, "Firefox", "Linux"},
		{"Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0", "Firefox", "Android"},
		{iphone + "FxiOS/127.0 Mobile/15E148 Safari/605.1.15", "Firefox", "iPhone"},
		{"Mozilla/5.0 (X11; FreeBSD amd64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox", "FreeBSD"},
		{safariOnMac, "Safari", "macOS"},
		{iphone + "Version/17.5 Mobile/15E148 Safari/604.1", "Safari", "iPhone"},
		{ipad + "Version/17.5 Mobile/15E148 Safari/604.1", "Safari", "iPad"},
		{windows + "Chrome/126.0.0.0 Safari/537.36 OPR/112.0.0.0", "Opera", "Windows"},
		{android + "Chrome/126.0.0.0 Mobile Safari/537.36 OPR/83.0.0.0", "Opera", "Android"},
		{iphone + "Version/17.5.1 Mobile/15E148 Safari/604.1 OPT/4.8.0", "Opera", "iPhone"},
		{android + "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36", "Samsung Internet", "Android"},
		{linux + "Chrome/126.0.0.0 Safari/537.36 Vivaldi/6.8.3381.44", "Vivaldi", "Linux"},
		{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "", ""},
		{"Mozilla/5.0", "", ""},

		{"curl/8.5.0", "curl", ""},
		{"python-requests/2.32.3", "python-requests", ""},
		{"Go-http-client/1.1", "Go-http-client", ""},
		{"okhttp/4.12.0", "okhttp", ""},
		{"MyApp (iPhone; iOS 17.5)", "MyApp", ""},
		{"", "", ""},
		{" ", "", ""},
		{"/", "", ""},
		{strings.Repeat("x", 10<<10), "", ""},
		{"Mozilla/" + strings.Repeat("x", 10<<10), "", ""},
	} {
		browser, system := pages.DescribeUserAgent(tc.text)
		if browser != tc.browser || system != tc.system {
			t.Errorf("%.200q is %q on %q, want %q on %q", tc.text, browser, system, tc.browser, tc.system)
		}
	}
}

// For every User-Agent the page stays short, and has no characters that cannot be
// shown.
func TestHostileUserAgents(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("x", 10<<10), "x\x00\x1b[31m\r\n\t\u202ey/1", "\xff\xfe/1", "<script>alert(1)</script>/1", "Mozilla/5.0 <script>Firefox/",
		strings.Repeat("\u0301", 30) + "/1",
	} {
		s := newSite(t)
		_, cookie := s.begin(t, "alice", text)
		a := s.get(t, "/account", cookie).want(t, 200)
		if strings.ContainsAny(a.body, "\x00\x1b\r\u202e\ufffd") || !utf8.ValidString(a.body) || strings.Contains(a.body, "<script") {
			t.Errorf("%.50q: %s", text, a.body)
		}
		if len(a.body) > 10<<10 {
			t.Errorf("%.50q: the page has %d bytes", text, len(a.body))
		}
	}
}
