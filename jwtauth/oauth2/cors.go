package oauth2

import (
	"net/http"
	"slices"
	"strings"
)

// CrossOrigin lets pages of other origins use an endpoint (WHATWG Fetch, "CORS protocol"):
// those of [Server.Origins], and for public keys all of them. It adds to the headers of
// the answer, whatever that will be, so that a page can read errors, too. A preflight it
// answers itself, with 204, and returns true. Browsers are never told to show a page the
// answer to a request with cookies.
//
// It is for the request of an endpoint, before [Server.ServeHTTP], and does nothing for
// others. Origins, BasePath: it needs no other field.
func (s *Server) CrossOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	e := s.endpoint(r.URL.Path)
	if e == nil || !e.public && len(s.Origins) == 0 {
		return false
	}
	h := w.Header()
	allowed, headers := "*", "*"
	if !e.public {
		h.Add("Vary", "Origin")
		origins := r.Header["Origin"]
		if len(origins) != 1 || !slices.Contains(s.Origins, origins[0]) {
			return false
		}
		allowed, headers = origins[0], "Authorization, Content-Type"
	}
	h.Set("Access-Control-Allow-Origin", allowed)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		h.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
		return false
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(e.methods, ", "))
	h.Set("Access-Control-Allow-Headers", headers)
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
