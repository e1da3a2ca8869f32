package pages

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The messages. The catalogue has a heading and a text for each, as <name>_heading
// and <name>_text.
const (
	msgBadRequest  = "bad_request"
	msgOtherSite   = "other_site"
	msgNoCookies   = "no_cookies"
	msgBadCookie   = "bad_cookie"
	msgHostHidden  = "host_hidden"
	msgBroken      = "broken"
	msgUnavailable = "unavailable"
	msgNotSent     = "not_sent"
	msgFrame       = "frame"
)

// messageData is what message.html shows.
type messageData struct {
	Name string
	// SignIn is the URL of the sign-in page, "" where signing in would not help.
	SignIn string
}

// showMessage answers with a message.
func (s *Server) showMessage(w http.ResponseWriter, r *http.Request, status int, name string) {
	data := messageData{Name: name}
	if name == msgBadRequest {
		data.SignIn = s.path(r, pathLogin)
	}
	s.render(w, r, status, view{Page: pageMessage, Data: data})
}

// ErrUnavailable is wrapped by errors of [Cookies] after which the request can be
// tried again later.
var ErrUnavailable = errors.New("sign-in is not available")

// showError answers a request that failed through no fault of the visitor. The page
// tells nothing about err.
func (s *Server) showError(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.report(r, err)
	}
	if r.Context().Err() != nil || errors.Is(err, ErrUnavailable) {
		retryAfter(w, time.Second)
		s.showMessage(w, r, http.StatusServiceUnavailable, msgUnavailable)
		return
	}
	s.showMessage(w, r, http.StatusInternalServerError, msgBroken)
}

// Unavailable answers a request for a page where the realm is not open.
func (s *Server) Unavailable(w http.ResponseWriter, r *http.Request, err error) {
	s.showError(w, r, fmt.Errorf("%w: %w", ErrUnavailable, err))
}

func retryAfter(w http.ResponseWriter, wait time.Duration) {
	seconds := max(1, int64((wait+time.Second-1)/time.Second))
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
}
