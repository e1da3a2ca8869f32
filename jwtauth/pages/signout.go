package pages

import (
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
)

// signOutData is what the sign-out page shows: the question whether to sign out, or,
// where no one is signed in, that this is done.
type signOutData struct {
	SignedIn, ReturnTo string
}

// signOutPage asks whether to sign out. Opening it signs no one out: any site could
// link to it.
func (s *Server) signOutPage(w http.ResponseWriter, r *http.Request) error {
	p, presented, err := s.Cookies.Principal(r)
	if err != nil {
		return err
	}
	data := signOutData{ReturnTo: s.parseReturnTo(r, r.URL.Query().Get(ParamReturnTo)).param()}
	if p != nil {
		data.SignedIn = displayName(p)
	} else if presented {
		s.clearBrowser(w, r)
	}
	s.render(w, r, http.StatusOK, view{Page: pageSignOut, Data: data})
	return nil
}

// signOut ends the session, on the server first, and redirects to return_to, or to
// the sign-out page, which tells that it is done.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	fields, err := form.Read(w, r, true)
	if err != nil {
		s.showBadForm(w, r, err)
		return nil
	}
	p, _, err := s.Cookies.Principal(r)
	if err != nil {
		return err
	}
	if p != nil {
		if err := s.Sessions.EndSession(r.Context(), p.Session); err != nil {
			return err
		}
	}
	s.clearBrowser(w, r)
	to := s.path(r, pathLogout)
	if back := s.parseReturnTo(r, fields[ParamReturnTo]); back.param() != "" {
		to = back.String()
	}
	Redirect(w, to)
	return nil
}

// clearBrowser removes the session cookie and the cached pages from the browser.
func (s *Server) clearBrowser(w http.ResponseWriter, r *http.Request) {
	s.Cookies.Clear(w, r)
	ClearCache(w)
}

// ClearCache tells the browser to drop what it has cached of the site, such as
// guarded pages (Clear-Site-Data). Cookies and storage stay: other programs on
// other sites of the domain may use them.
func ClearCache(w http.ResponseWriter) { w.Header().Set("Clear-Site-Data", `"cache"`) }
