package oauth2

import "net/http"

// jwksCacheControl says how long others may cache the keys. A new key signs only
// after that time.
const jwksCacheControl = "public, max-age=600"

// jwks serves GET /.well-known/jwks.json (RFC 7517 §5).
func (s *Server) jwks(w http.ResponseWriter, r *http.Request) error {
	text, err := s.JWKS()
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", jwksCacheControl)
	writeText(w, r, http.StatusOK, text)
	return nil
}
