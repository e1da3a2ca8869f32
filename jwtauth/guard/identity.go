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
		folded := foldHeaderName(key)
		if !slices.ContainsFunc(names, func(name string) bool { return foldHeaderName(name) == folded }) {
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
			folded := foldHeaderName(option)
			if option != "" && !slices.ContainsFunc(names, func(name string) bool { return foldHeaderName(name) == folded }) {
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

// foldHeaderName brings the spellings of a header name that programs treat as equal to
// one form. CGI turns `-` into `_`; some servers do so with every
// character that is neither letter nor digit.
func foldHeaderName(name string) string {
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
