package pages

import (
	"fmt"
	"net/http"
	"strings"
)

// Redirect sends the browser to a URL with 303: it follows with GET, whatever its
// request was (RFC 9110 §15.4.4). The answer is kept out of every cache.
func Redirect(w http.ResponseWriter, to string) {
	h := w.Header()
	noStore(h)
	h.Set("Location", escapeLocation(to))
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
}

// escapeLocation percent-encodes the characters that browsers accept in a URL but
// that a header cannot hold.
func escapeLocation(to string) string {
	var b strings.Builder
	for i := range len(to) {
		if c := to[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
