package pages

import "strings"

// The programs and systems that people know by name. What many claim to be comes
// after what few do: every browser says "Mozilla", and most say "Safari".
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

// maxProgram bounds the name of a program that calls itself something.
const maxProgram = 40

// describeUserAgent says in two words what a User-Agent stands for: the browser,
// or what a program calls itself, and the system; "" for what it does not say.
// It is a help for people to know their own devices by, and nothing else.
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
