package pages

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// Fields of the form and parameters of the page.
const (
	fieldUsername = "username"
	fieldPassword = "password"
	fieldKeep     = "keep"
	// ParamReturnTo is where a sign-in ends: a path of the site, or a URL of
	// another site that shares the cookie.
	ParamReturnTo = "return_to"
	// paramCheck asks whether the browser kept the cookie.
	paramCheck = "check"
)

// signInData is what the sign-in page shows.
type signInData struct {
	Username, ReturnTo string
	Keep               bool
	// SignedIn is the name of who is signed in already, who may want to be
	// somebody else; Continue is where they would go on to.
	SignedIn, Continue string
}

// signInPage shows the form, also to who is signed in: a page that sent them on
// could send them in a circle.
func (s *Server) signInPage(w http.ResponseWriter, r *http.Request) error {
	if s.Cookies.HostHidden(r) {
		s.message(w, r, http.StatusBadRequest, msgHostHidden)
		return nil
	}
	back := s.returnTo(r, r.URL.Query().Get(ParamReturnTo))
	p, presented, err := s.Cookies.Principal(r)
	if err != nil {
		return err
	}
	if r.URL.Query().Has(paramCheck) {
		switch {
		case presented && p == nil:
			s.forget(w, r)
			s.cookieMessage(w, r, msgBadCookie, back)
			return nil
		case p == nil:
			s.cookieMessage(w, r, msgNoCookies, back)
			return nil
		}
		s.redirect(w, back.String())
		return nil
	}
	data := signInData{ReturnTo: back.value()}
	if p != nil {
		data.SignedIn, data.Continue = displayName(p), back.String()
	} else if presented {
		s.forget(w, r)
	}
	s.render(w, r, http.StatusOK, view{Page: pageSignIn, FormTarget: back.origin, Data: data})
	return nil
}

// signIn signs in, or shows the form again with what is to be mended.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	if s.Cookies.HostHidden(r) {
		s.message(w, r, http.StatusBadRequest, msgHostHidden)
		return nil
	}
	fields, err := form.Read(w, r, false)
	if err != nil {
		s.badForm(w, r, err)
		return nil
	}
	back := s.returnTo(r, fields[ParamReturnTo])
	data := signInData{
		// Phones like to add a space; no name has one at its end.
		Username: strings.TrimSpace(fields[fieldUsername]),
		Keep:     fields[fieldKeep] != "",
		ReturnTo: back.value(),
	}
	again := func(status int, problems ...problem) error {
		s.render(w, r, status, view{Page: pageSignIn, FormTarget: back.origin, Problems: problems, Data: data})
		return nil
	}
	var missing []problem
	if data.Username == "" {
		missing = append(missing, problem{Field: fieldUsername, Key: "missing_username"})
	}
	if fields[fieldPassword] == "" {
		missing = append(missing, problem{Field: fieldPassword, Key: "missing_password"})
	}
	if missing != nil {
		return again(http.StatusBadRequest, missing...)
	}
	device := s.Cookies.Device(r)
	res, err := s.SignIn.SignIn(r.Context(), signin.Attempt{
		Username: data.Username, Password: fields[fieldPassword], Address: s.address(r), Device: device, Via: signin.ViaForm,
	})
	if err != nil {
		status, p, err := s.refusal(w, err)
		if err != nil {
			return err
		}
		return again(status, p)
	}
	n := s.newSession(r, res)
	n.Scopes, n.Kept = res.User.Scopes, data.Keep
	grant, err := s.Sessions.Create(r.Context(), s.Lifetimes, n)
	if errors.Is(err, session.ErrEpoch) {
		// Password, user or sessions were changed since the comparison: what
		// it proved is no longer so.
		status, p, _ := s.refusal(w, signin.ErrCredentials)
		return again(status, p)
	}
	if err != nil {
		return err
	}
	cookie, err := s.Sessions.Cookie(grant.Session)
	if err != nil {
		return err
	}
	s.endFormer(r)
	s.setCookie(w, r, grant.Session, cookie)
	s.setDevice(w, r, device)
	s.redirect(w, s.afterSignIn(r, back))
	return nil
}

// refusal is the message for a sign-in that was refused, and its status. What is
// no refusal is returned as an error.
func (s *Server) refusal(w http.ResponseWriter, err error) (int, problem, error) {
	var address *throttle.AddressError
	var busy *signin.BusyError
	switch {
	case errors.Is(err, signin.ErrCredentials):
		// RFC 9110 §15.5.2 wants a challenge, and this one makes no browser ask.
		w.Header().Set("WWW-Authenticate", "Bearer")
		return http.StatusUnauthorized, problem{Key: "wrong"}, nil
	case errors.Is(err, signin.ErrDisabled):
		return http.StatusBadRequest, problem{Key: "disabled"}, nil
	case errors.As(err, &address):
		wait := max(address.RetryAfter, time.Second)
		retryAfter(w, wait)
		return http.StatusTooManyRequests, problem{Key: "slow_down", Minutes: int((wait + time.Minute - 1) / time.Minute)}, nil
	case errors.As(err, &busy):
		retryAfter(w, busy.RetryAfter)
		return http.StatusServiceUnavailable, problem{Key: "busy"}, nil
	}
	return 0, problem{}, err
}

// newSession describes the session of who has just proved a password.
func (s *Server) newSession(r *http.Request, res signin.Result) session.NewSession {
	n := session.NewSession{User: res.User.Username, Epoch: res.Epoch, UserAgent: r.UserAgent()}
	if address := s.address(r); address.IsValid() {
		n.IP = address.String()
	}
	return n
}

// setCookie hands a session that begins to the browser, which keeps it as long as
// the session says.
func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, begun session.Session, cookie string) {
	var maxAge time.Duration
	if begun.Kept {
		maxAge = begun.ExpiresAt.Sub(begun.CreatedAt)
	}
	s.Cookies.Set(w, r, cookie, maxAge)
}

// setDevice lets the browser show later that a user signed in here: failures in it
// are then counted apart from those of strangers. Without that cookie it is a stranger
// as before, so a failure to make it fails nothing.
func (s *Server) setDevice(w http.ResponseWriter, r *http.Request, id string) {
	if err := s.Cookies.SetDevice(w, r, id); err != nil {
		s.report(r, err)
	}
}

// endFormer ends the session that the browser had before: its cookie is about
// to be replaced, so nobody could end it by signing out.
func (s *Server) endFormer(r *http.Request) {
	p, _, err := s.Cookies.Principal(r)
	if err == nil && p != nil {
		err = s.Sessions.Revoke(r.Context(), p.Session)
	}
	if err != nil {
		s.report(r, err)
	}
}

// afterSignIn is where a sign-in goes on to. A browser comes by here once more:
// one that keeps no cookies would else be sent to sign in for ever.
func (s *Server) afterSignIn(r *http.Request, back destination) string {
	if !Navigates(r) {
		return back.String()
	}
	query := url.Values{paramCheck: {"1"}}
	if back.value() != "" {
		query.Set(ParamReturnTo, back.value())
	}
	return s.path(r, pathLogin) + "?" + query.Encode()
}

// cookieMessage says why a right password was not enough, and lets try again.
func (s *Server) cookieMessage(w http.ResponseWriter, r *http.Request, name string, back destination) {
	again := Refusals{SignInPage: s.path(r, pathLogin)}.SignInURL(back.value())
	s.render(w, r, http.StatusBadRequest, view{Page: pageMessage, Data: messageData{Name: name, SignIn: again}})
}

// badForm answers a body that is no form, or not one of these pages.
func (s *Server) badForm(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, form.ErrTooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	s.message(w, r, status, msgBadRequest)
}
