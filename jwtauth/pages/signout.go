package pages

import (
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
)

// signOutData is what the sign-out page shows: a question, or, where nobody is
// signed in, that it is done.
type signOutData struct {
	SignedIn, ReturnTo string
}

// signOutPage asks: a link, which any site can have, signs nobody out.
func (s *Server) signOutPage(w http.ResponseWriter, r *http.Request) error {
	p, presented, err := s.Cookies.Principal(r)
	if err != nil {
		return err
	}
	data := signOutData{ReturnTo: s.returnTo(r, r.URL.Query().Get(ParamReturnTo)).value()}
	if p != nil {
		data.SignedIn = displayName(p)
	} else if presented {
		s.forget(w, r)
	}
	s.render(w, r, http.StatusOK, view{Page: pageSignOut, Data: data})
	return nil
}

// signOut ends the session, on the server first, and goes to return_to, or to
// the page that says so.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	fields, err := form.Read(w, r, true)
	if err != nil {
		s.badForm(w, r, err)
		return nil
	}
	p, _, err := s.Cookies.Principal(r)
	if err != nil {
		return err
	}
	if p != nil {
		if err := s.Sessions.Revoke(r.Context(), p.Session); err != nil {
			return err
		}
	}
	s.forget(w, r)
	to := s.path(r, pathLogout)
	if back := s.returnTo(r, fields[ParamReturnTo]); back.value() != "" {
		to = back.String()
	}
	s.redirect(w, to)
	return nil
}

// forget makes the browser forget who was signed in.
func (s *Server) forget(w http.ResponseWriter, r *http.Request) {
	s.Cookies.Clear(w, r)
	ClearCache(w)
}

// ClearCache makes the browser forget what it has kept of the site's pages,
// guarded ones among them. Not its cookies and storage: they may be those of
// other programs, on other sites of the domain.
func ClearCache(w http.ResponseWriter) { w.Header().Set("Clear-Site-Data", `"cache"`) }
