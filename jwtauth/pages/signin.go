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
	// ParamReturnTo is where a sign-in returns to: a path of the site, or a URL
	// of another site that shares the cookie.
	ParamReturnTo = "return_to"
	// paramCut says that the place one came from was too long to be kept as it was.
	paramCut = "cut"
	// paramCheck asks whether the browser kept the cookie.
	paramCheck = "check"
)

// signInData is what the sign-in page shows.
type signInData struct {
	Username, ReturnTo string
	Keep               bool
	// Place is where one ends up, "" unless that is not the place one came from.
	Place string
	// SignedIn is the name of the user who is already signed in and may want to
	// sign in as another; Continue is the target if they do not.
	SignedIn, Continue string
}

// signInPage shows the form. It also does so to a signed-in user: a redirect could
// loop.
func (s *Server) signInPage(w http.ResponseWriter, r *http.Request) error {
	if s.Cookies.HostHidden(r) {
		s.showMessage(w, r, http.StatusBadRequest, msgHostHidden)
		return nil
	}
	back := s.parseReturnTo(r, r.URL.Query().Get(ParamReturnTo))
	p, presented, err := s.Cookies.Principal(r)
	if err != nil {
		return err
	}
	if r.URL.Query().Has(paramCheck) {
		switch {
		case presented && p == nil:
			s.clearBrowser(w, r)
			s.showCookieProblem(w, r, msgBadCookie, back)
			return nil
		case p == nil:
			s.showCookieProblem(w, r, msgNoCookies, back)
			return nil
		}
		Redirect(w, back.String())
		return nil
	}
	data := signInData{ReturnTo: back.param(), Place: placeInstead(r, back)}
	if p != nil {
		data.SignedIn, data.Continue = displayName(p), back.String()
	} else if presented {
		s.clearBrowser(w, r)
	}
	s.render(w, r, http.StatusOK, view{Page: pageSignIn, FormTarget: back.origin, Data: data})
	return nil
}

// placeInstead is where a sign-in leads to, for people, if the place that one came from
// could not be kept, and "" otherwise. It leaves out the query, in which a link could write
// a message of its own. The form is sent to the address of its page, so
// that both say the same.
func placeInstead(r *http.Request, back returnTarget) string {
	query := r.URL.Query()
	if !query.Has(paramCut) && (query.Get(ParamReturnTo) == "" || back.param() != "") {
		return ""
	}
	const enough = 60 // characters
	path, _, _ := strings.Cut(back.String(), "?")
	path, _, _ = strings.Cut(path, "#")
	place := []rune(path)
	if len(place) > enough {
		place = append(place[:enough], '…')
	}
	return string(place)
}

// signIn signs the user in, or shows the form again with what has to be corrected.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	if s.Cookies.HostHidden(r) {
		s.showMessage(w, r, http.StatusBadRequest, msgHostHidden)
		return nil
	}
	fields, err := form.Read(w, r, false)
	if err != nil {
		s.showBadForm(w, r, err)
		return nil
	}
	back := s.parseReturnTo(r, fields[ParamReturnTo])
	data := signInData{
		// Keyboards of phones often add a space; no name ends in one.
		Username: strings.TrimSpace(fields[fieldUsername]),
		Keep:     fields[fieldKeep] != "",
		ReturnTo: back.param(),
		Place:    placeInstead(r, back),
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
		status, p, err := s.signInProblem(w, err)
		if err != nil {
			return err
		}
		return again(status, p)
	}
	n := s.newSession(r, res)
	n.Scopes, n.Kept = res.User.Scopes, data.Keep
	grant, err := s.Sessions.Create(r.Context(), s.Lifetimes, n)
	if errors.Is(err, session.ErrEpoch) {
		// The user or its sessions were changed after the password was
		// compared, so the comparison proves nothing any more.
		status, p, _ := s.signInProblem(w, signin.ErrCredentials)
		return again(status, p)
	}
	if err != nil {
		return err
	}
	cookie, err := s.Sessions.Cookie(grant.Session)
	if err != nil {
		return err
	}
	s.endPreviousSession(r)
	s.setSessionCookie(w, r, grant.Session, cookie)
	s.setDeviceCookie(w, r, device)
	Redirect(w, s.afterSignIn(r, back))
	return nil
}

// signInProblem returns the status and problem of a refused sign-in, and sets its
// headers. It returns an error that is no refusal.
func (s *Server) signInProblem(w http.ResponseWriter, err error) (int, problem, error) {
	var address *throttle.AddressError
	var busy *signin.BusyError
	switch {
	case errors.Is(err, signin.ErrCredentials):
		// RFC 9110 §15.5.2 demands a challenge; with this one no browser asks
		// for a password itself.
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

// newSession describes the session of a user who has just proved the password.
func (s *Server) newSession(r *http.Request, res signin.Result) session.NewSession {
	n := session.NewSession{User: res.User.Username, Browser: true, Epoch: res.Epoch, UserAgent: r.UserAgent()}
	if address := s.address(r); address.IsValid() {
		n.IP = address.String()
	}
	return n
}

// setSessionCookie gives the browser the cookie of a new session. The browser keeps
// it as long as the session lasts, or, if it is not Kept, until it is closed.
func (s *Server) setSessionCookie(w http.ResponseWriter, r *http.Request, begun session.Session, cookie string) {
	var maxAge time.Duration
	if begun.Kept {
		maxAge = begun.ExpiresAt.Sub(begun.CreatedAt)
	}
	s.Cookies.Set(w, r, cookie, maxAge)
}

// setDeviceCookie marks the browser as one that a user has signed in with: its
// failed sign-ins are counted apart from those of unknown browsers. If the cookie
// cannot be made, the browser stays unknown, and the sign-in goes on.
func (s *Server) setDeviceCookie(w http.ResponseWriter, r *http.Request, id string) {
	if err := s.Cookies.SetDevice(w, r, id); err != nil {
		s.report(r, err)
	}
}

// endPreviousSession ends the session that the browser had before: its cookie is
// about to be replaced, so signing out could not end it any more.
func (s *Server) endPreviousSession(r *http.Request) {
	p, _, err := s.Cookies.Principal(r)
	if err == nil && p != nil {
		err = s.Sessions.EndSession(r.Context(), p.Session)
	}
	if err != nil {
		s.report(r, err)
	}
}

// afterSignIn returns the target of a sign-in. A browser is sent to the sign-in page
// once more, which checks that the cookie was kept: without it the guard would
// send the browser to sign in again and again.
func (s *Server) afterSignIn(r *http.Request, back returnTarget) string {
	if !Navigates(r) {
		return back.String()
	}
	query := url.Values{paramCheck: {"1"}}
	if back.param() != "" {
		query.Set(ParamReturnTo, back.param())
	}
	return s.path(r, pathLogin) + "?" + query.Encode()
}

// showCookieProblem tells why the right password was not enough, with a link to try
// again.
func (s *Server) showCookieProblem(w http.ResponseWriter, r *http.Request, name string, back returnTarget) {
	again := Refusals{SignInPage: s.path(r, pathLogin)}.SignInURL(back.param())
	s.render(w, r, http.StatusBadRequest, view{Page: pageMessage, Data: messageData{Name: name, SignIn: again}})
}

// showBadForm answers a body that is no form, or no form of these pages.
func (s *Server) showBadForm(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, form.ErrTooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	s.showMessage(w, r, status, msgBadRequest)
}
