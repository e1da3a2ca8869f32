package pages

import "strings"

// The browsers and systems that people know by name. The order matters: many browsers
// also name others, such as "Chrome" or "Safari", so those come last.
var (
	browsers = []struct{ token, name string }{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"},
		{"OPR/", "Opera"}, {"OPT/", "Opera"}, {"OPiOS/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"},
		{"YaBrowser/", "Yandex Browser"}, {"UCBrowser/", "UC Browser"}, {"DuckDuckGo/", "DuckDuckGo"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"},
		{"HeadlessChrome/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"},
	}
	systems = []struct{ token, name string }{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
		{"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Macintosh", "macOS"},
		{"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"}, {"Linux", "Linux"}, {"X11", "Linux"},
	}
)

// maxProgram is the maximum length of a program's name in bytes.
const maxProgram = 40

// describeUserAgent returns the browser, or the name of another program, and the
// system of a User-Agent; "" for what it does not tell. It only helps people to
// recognise their devices.
func describeUserAgent(text string) (browser, system string) {
	if !strings.HasPrefix(text, "Mozilla/") {
		// "curl/8.5.0", "python-requests/2.32"
		program, _, _ := strings.Cut(text, " ")
		program, _, _ = strings.Cut(program, "/")
		if len(program) > maxProgram {
			program = ""
		}
		return program, ""
	}
	for _, b := range browsers {
		if strings.Contains(text, b.token) {
			browser = b.name
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(text, s.token) {
			system = s.name
			break
		}
	}
	return browser, system
}
