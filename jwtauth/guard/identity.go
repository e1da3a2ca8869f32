package guard

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// SetIdentity sets an identity header of the request to what its guard says.
func (s *Request) SetIdentity(h http.Header, name, value string) {
	if value == "" || !httpguts.ValidHeaderFieldValue(value) {
		// A name with a line break in it must not become another header.
		delete(h, name)
		return
	}
	h[name] = []string{value}
	s.identity = append(s.identity, name)
}

// HeaderNames are names of headers in every spelling that a program could take for them.
type HeaderNames []string // as folded makes them

// NamesOf returns the names of headers, whatever their spelling.
func NamesOf(names []string) HeaderNames {
	folded := make(HeaderNames, len(names))
	for i, name := range names {
		folded[i] = foldHeaderName(name)
	}
	return folded
}

// has reports whether name is a spelling of one of them. It allocates nothing: every
// header of every request is asked about.
func (n HeaderNames) has(name string) bool {
	for _, folded := range n {
		if len(folded) == len(name) && foldsTo(name, folded) {
			return true
		}
	}
	return false
}

func foldsTo(name, folded string) bool {
	for i := range len(name) {
		if foldByte(name[i]) != folded[i] {
			return false
		}
	}
	return true
}

// clearIdentity removes identity headers that the client sent: in every spelling
// that an upstream could read as one of names (upper and lower case, `_`, `.` and others
// for `-`, as CGI and its heirs do), and as a name in Connection, which would make
// reverse_proxy drop a header that a guard has set. What guards of this request
// have set stays.
//
// Trailers, which some servers take for headers, are not known before the body
// was read, so all of them go (RFC 9110 §6.5.1 allows that).
func (s *Request) clearIdentity(r *http.Request, names HeaderNames) {
	if len(names) == 0 {
		return
	}
	h := r.Header
	r.Trailer = nil
	for key := range h {
		if names.has(key) && !slices.Contains(s.identity, key) {
			delete(h, key)
		}
	}
	clearConnection(h, names)
}

// clearConnection takes names out of the Connection header (RFC 9110 §7.6.1).
func clearConnection(h http.Header, names HeaderNames) {
	lines := h["Connection"]
	if !slices.ContainsFunc(lines, names.inLine) {
		return
	}
	var kept []string
	for _, line := range lines {
		var options []string
		for option := range strings.SplitSeq(line, ",") {
			if option = strings.TrimSpace(option); option != "" && !names.has(option) {
				options = append(options, option)
			}
		}
		if len(options) > 0 {
			kept = append(kept, strings.Join(options, ", "))
		}
	}
	if len(kept) == 0 {
		delete(h, "Connection")
		return
	}
	h["Connection"] = kept
}

// inLine reports whether a line of Connection has one of the names.
func (n HeaderNames) inLine(line string) bool {
	for option := range strings.SplitSeq(line, ",") {
		if n.has(strings.TrimSpace(option)) {
			return true
		}
	}
	return false
}

// foldHeaderName brings the spellings of a header name that programs treat as equal to
// one form.
func foldHeaderName(name string) string {
	folded := []byte(name)
	for i, c := range folded {
		folded[i] = foldByte(c)
	}
	return string(folded)
}

// foldByte knows that CGI turns `-` into `_`, and that some servers do so with every
// character that is neither letter nor digit.
func foldByte(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	}
	return '-'
}

// reservedHeaders are request headers that cannot be identity headers: they
// would be removed from every request of the site.
var reservedHeaders = []string{
	"Authorization", "Connection", "Content-Length", "Content-Type", "Cookie", "Host",
	"Transfer-Encoding", "Upgrade", "Te", "Trailer", "Keep-Alive", "Proxy-Authorization",
	"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest",
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
}

// CheckIdentityHeaders refuses names that cannot be identity headers, and repeats.
func CheckIdentityHeaders(names []string) error {
	seen := make(map[string]bool)
	for _, name := range names {
		folded := foldHeaderName(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return fmt.Errorf("set_header %q: it takes the name of a header, such as X-User", name)
		case slices.ContainsFunc(reservedHeaders, func(reserved string) bool { return foldHeaderName(reserved) == folded }):
			return fmt.Errorf("set_header %s: this header has a meaning of its own; take another, such as X-User", name)
		case seen[folded]:
			return fmt.Errorf("set_header %s: the header is set twice", name)
		}
		seen[folded] = true
	}
	return nil
}
