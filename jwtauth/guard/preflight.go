package guard

import "net/http"

// isPreflight reports the request by which a browser asks whether a page of another origin
// may send one (WHATWG Fetch, "CORS-preflight fetch"). It carries no credential and no
// body, so what has either is none, be it one that does not count; nor is what an upstream
// could take for more than OPTIONS, or a request whose user another guard found.
func (s *Request) isPreflight(r *http.Request) bool {
	h := r.Header
	return s.Principal == nil && len(s.Cookies()) == 0 && r.Method == http.MethodOptions &&
		len(h["Origin"]) == 1 && len(h["Access-Control-Request-Method"]) == 1 &&
		h["Authorization"] == nil && h["Cookie"] == nil && h["Upgrade"] == nil &&
		r.ContentLength == 0 && !overridesMethod(r.URL.RawQuery)
}
