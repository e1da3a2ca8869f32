package guard

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// overrideHeaders are headers that make some upstreams treat a request as one of another
// method. Caddy itself removes spellings with `_` or `.` for `-`.
var overrideHeaders = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// overrideParameters are parameters of the URL that do the same, in any case.
var overrideParameters = []string{"_method", "_method_override"}

// clearOverrides removes a method that a client names in addition to the request's own.
// Guards, and the matchers that say which requests they are for, decide by the method of
// the request. If the upstream read another one, a GET that every user may send would be
// a DELETE that only some users may send. So it is done to all requests that reach a
// handler of this module, also those that no guard is for, and once for each, so that a
// handler of the site can set such a header.
func (s *Request) clearOverrides(h http.Header) {
	if s.cleared {
		return
	}
	s.cleared = true
	for _, name := range overrideHeaders {
		if h[name] != nil { // a look-up costs half of a delete
			delete(h, name)
		}
	}
}

// overridesMethod reports a query that names a method. The upstream may take a GET
// with it for anything, and browsers follow links of other sites with the cookie.
func overridesMethod(query string) bool {
	if len(query) < len("_method") {
		return false
	}
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(pair, "=")
		if strings.ContainsAny(name, "%+") {
			decoded, err := url.QueryUnescape(name)
			if err != nil {
				continue
			}
			name = strings.TrimSpace(decoded)
		}
		if slices.ContainsFunc(overrideParameters, func(other string) bool { return strings.EqualFold(name, other) }) {
			return true
		}
	}
	return false
}
