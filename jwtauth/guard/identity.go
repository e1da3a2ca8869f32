package guard

import (
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

// clearIdentity removes identity headers that the client sent: in every spelling
// that an upstream could read as one of names (upper and lower case, `_`, `.` and others
// for `-`, as CGI and its heirs do), and as a name in Connection, which would make
// reverse_proxy drop a header that a guard has set. What guards of this request
// have set stays.
//
// Trailers, which some servers take for headers, are not known before the body
// was read, so all of them go (RFC 9110 §6.5.1 allows that).
func (s *Request) clearIdentity(r *http.Request, names []string) {
	if len(names) == 0 {
		return
	}
	h := r.Header
	r.Trailer = nil
	for key := range h {
		folded := FoldHeaderName(key)
		if !slices.ContainsFunc(names, func(name string) bool { return FoldHeaderName(name) == folded }) {
			continue
		}
		if !slices.Contains(s.identity, key) {
			delete(h, key)
		}
	}
	clearConnection(h, names)
}

// clearConnection takes names out of the Connection header (RFC 9110 §7.6.1).
func clearConnection(h http.Header, names []string) {
	lines := h["Connection"]
	if len(lines) == 0 {
		return
	}
	var kept []string
	for _, line := range lines {
		var options []string
		for option := range strings.SplitSeq(line, ",") {
			option = strings.TrimSpace(option)
			folded := FoldHeaderName(option)
			if option != "" && !slices.ContainsFunc(names, func(name string) bool { return FoldHeaderName(name) == folded }) {
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

// FoldHeaderName brings the spellings of a header name that programs take for
// the same to one form. CGI turns `-` into `_`; some servers do so with every
// character that is neither letter nor digit.
func FoldHeaderName(name string) string {
	folded := func(c byte) byte {
		switch {
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			return c
		}
		return '-'
	}
	for i := 0; i < len(name); i++ {
		if folded(name[i]) == name[i] {
			continue
		}
		other := []byte(name)
		for j := range other {
			other[j] = folded(other[j])
		}
		return string(other)
	}
	return name
}
