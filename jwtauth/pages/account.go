package pages

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/form"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// minPassword is the minimum length of a new password in characters (NIST SP
// 800-63B-4 §3.1.1.2: 8, where attempts are limited).
const minPassword = 8

// Fields of the forms of the account page.
const (
	fieldSession  = "session"
	fieldCurrent  = "current_password"
	fieldNew      = "new_password"
	fieldRepeated = "repeat_password"
	// paramDone names what was just done.
	paramDone = "done"
	// paramAll shows all sessions, even if there are more than maxShown.
	paramAll = "all"
	maxShown = 20
)

// doneTexts are the keys of the texts, by the value of paramDone.
var doneTexts = map[string]string{
	"password": "done_password", "session": "done_session", "others": "done_others",
}

// accountData is what the account page shows.
type accountData struct {
	User user.User
	// Writable is set where the user can change the password here.
	Writable bool
	Sessions []sessionRow
	// More is how many sessions are not shown.
	More int
	// Done is the key of the text that tells what was just done, "" for nothing.
	Done string
}

// sessionRow is a session as its user sees it.
type sessionRow struct {
	ID      string
	Current bool
	// Browser and System are what the user signed in with, "" where unknown.
	Browser, System string
	Client          string
	IP              string
	Since, Used     time.Time
}

// accountPage shows the user and the user's sessions.
func (s *Server) accountPage(w http.ResponseWriter, r *http.Request) error {
	p, err := s.requireSignIn(w, r)
	if p == nil {
		return err
	}
	return s.showAccount(w, r, p, http.StatusOK, nil)
}

// redirectToAccount sends the browser to the account page.
func (s *Server) redirectToAccount(w http.ResponseWriter, r *http.Request) error {
	Redirect(w, s.path(r, pathAccount))
	return nil
}

// requireSignIn returns the principal of a request for an account page. Without one
// it returns nil and has answered: with a redirect to the sign-in page or, for a
// form, with a message that nothing was done.
func (s *Server) requireSignIn(w http.ResponseWriter, r *http.Request) (*policy.Principal, error) {
	p, presented, err := s.Cookies.Principal(r)
	if err != nil || p != nil {
		return p, err
	}
	if presented {
		s.clearBrowser(w, r)
	}
	signIn := s.path(r, pathLogin) + "?" + url.Values{ParamReturnTo: {s.path(r, pathAccount)}}.Encode()
	if r.Method == http.MethodPost {
		w.Header().Set("WWW-Authenticate", "Bearer")
		Refusals{Server: s, SignInPage: signIn}.NotSent(w, r)
		return nil, nil
	}
	Redirect(w, signIn)
	return nil, nil
}

func (s *Server) showAccount(w http.ResponseWriter, r *http.Request, p *policy.Principal, status int, problems []problem) error {
	entry, err := s.Users.Lookup(r.Context(), p.Username)
	if err != nil {
		return err
	}
	sessions, err := s.Sessions.List(r.Context(), p.Username)
	if err != nil {
		return err
	}
	data := accountData{
		User: entry.User, Writable: entry.Source == user.SourceStore && entry.PasswordHash != "",
	}
	// Another site may link to the account page, but must not make it claim that
	// something was done.
	if site := r.Header.Get("Sec-Fetch-Site"); site == "" || site == "same-origin" {
		data.Done = doneTexts[r.URL.Query().Get(paramDone)]
	}
	// The session of this browser comes first, the others in the order of use.
	if i := slices.IndexFunc(sessions, func(one session.Session) bool { return one.ID == p.Session }); i > 0 {
		own := sessions[i]
		sessions = slices.Insert(slices.Delete(sessions, i, i+1), 0, own)
	}
	if len(sessions) > maxShown && !r.URL.Query().Has(paramAll) {
		data.More = len(sessions) - maxShown
		sessions = sessions[:maxShown]
	}
	for _, one := range sessions {
		data.Sessions = append(data.Sessions, newSessionRow(one, p.Session))
	}
	s.render(w, r, status, view{Page: pageAccount, Problems: problems, Data: data})
	return nil
}

func newSessionRow(one session.Session, current string) sessionRow {
	browser, system := describeUserAgent(one.UserAgent)
	return sessionRow{
		ID: one.ID, Current: one.ID == current, Browser: browser, System: system,
		Client: one.Client, IP: one.IP, Since: one.CreatedAt.UTC(), Used: one.LastUsedAt.UTC(),
	}
}

// redirectDone sends the browser back to the account page, which tells what was done.
func (s *Server) redirectDone(w http.ResponseWriter, r *http.Request, what string) error {
	Redirect(w, s.path(r, pathAccount)+"?"+paramDone+"="+what)
	return nil
}

// endSession ends one session of the user.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request) error {
	fields, err := form.Read(w, r, false)
	if err != nil {
		s.showBadForm(w, r, err)
		return nil
	}
	p, err := s.requireSignIn(w, r)
	if p == nil {
		return err
	}
	sessions, err := s.Sessions.List(r.Context(), p.Username)
	if err != nil {
		return err
	}
	for _, own := range sessions {
		if own.ID != fields[fieldSession] {
			continue
		}
		if err := s.Sessions.EndSession(r.Context(), own.ID); err != nil {
			return err
		}
		if own.ID == p.Session {
			s.clearBrowser(w, r)
			Redirect(w, s.path(r, pathLogout))
			return nil
		}
	}
	// A session that is not in the list has ended already, or is another user's.
	return s.redirectDone(w, r, "session")
}

// endOtherSessions ends all sessions of the user except this one.
func (s *Server) endOtherSessions(w http.ResponseWriter, r *http.Request) error {
	p, err := s.requireSignIn(w, r)
	if p == nil {
		return err
	}
	if _, err := s.Sessions.EndAll(r.Context(), p.Username, p.Session); err != nil {
		return err
	}
	return s.redirectDone(w, r, "others")
}

// changePassword sets a new password for a user who knows the old one. It ends all
// of the user's sessions, this one too, since its cookie may have been copied, and
// gives this browser a new session. The new session keeps the client, the scopes
// and whether the cookie outlives the browser. Its lifetime begins again, as with
// every sign-in, since the password has just been proved.
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) error {
	fields, err := form.Read(w, r, false)
	if err != nil {
		s.showBadForm(w, r, err)
		return nil
	}
	p, err := s.requireSignIn(w, r)
	if p == nil {
		return err
	}
	if problems := checkNewPassword(fields); problems != nil {
		return s.showAccount(w, r, p, http.StatusBadRequest, problems)
	}
	device := s.Cookies.Device(r)
	proved, err := s.SignIn.SignIn(r.Context(), signin.Attempt{
		Username: p.Username, Password: fields[fieldCurrent], Address: s.address(r), Device: device, Via: signin.ViaAccount,
	})
	if err != nil {
		status, found, err := s.signInProblem(w, err)
		if err != nil {
			return err
		}
		if found.Key == "wrong" {
			found.Field, found.Key = fieldCurrent, "wrong_current"
		}
		return s.showAccount(w, r, p, status, []problem{found})
	}
	hash, err := s.SignIn.Hash(r.Context(), p.Username, s.address(r), fields[fieldNew])
	if key := newPasswordKey(err); key != "" {
		return s.showAccount(w, r, p, http.StatusBadRequest, []problem{{Field: fieldNew, Key: key}})
	} else if err != nil {
		status, found, err := s.signInProblem(w, err)
		if err != nil {
			return err
		}
		return s.showAccount(w, r, p, status, []problem{found})
	}
	err = s.replaceSession(w, r, p, proved, hash)
	switch {
	case errors.Is(err, user.ErrReadOnly):
		return s.showAccount(w, r, p, http.StatusBadRequest, []problem{{Key: "password_fixed"}})
	case errors.Is(err, user.ErrConflict):
		// The user was changed meanwhile, so the current password has to be
		// entered again.
		return s.showAccount(w, r, p, http.StatusUnauthorized, []problem{{Field: fieldCurrent, Key: "wrong_current"}})
	case err != nil:
		return err
	}
	s.setDeviceCookie(w, r, device)
	return s.redirectDone(w, r, "password")
}

// replaceSession writes the new hash, ends all sessions of the user and begins a new
// one in place of that of p. It returns user.ErrConflict where that session has
// ended meanwhile.
func (s *Server) replaceSession(w http.ResponseWriter, r *http.Request, p *policy.Principal, proved signin.Result, hash string) error {
	sessions, err := s.Sessions.List(r.Context(), p.Username)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sessions, func(one session.Session) bool { return one.ID == p.Session })
	if i < 0 {
		return user.ErrConflict
	}
	previous := sessions[i]
	n := s.newSession(r, proved)
	n.Client, n.Scopes, n.Kept = previous.Client, previous.Scopes, previous.Kept
	grant, err := s.Sessions.Draft(s.Lifetimes, n)
	if err != nil {
		return err
	}
	cookie, err := s.Sessions.Cookie(grant.Session)
	if err != nil {
		return err
	}
	err = s.Users.ChangePassword(r.Context(), p.Username, proved.User.PasswordHash, hash, grant.Session)
	if err != nil {
		return err
	}
	s.setSessionCookie(w, r, grant.Session, cookie)
	return nil
}

// checkNewPassword returns what is wrong with the form, before anything is hashed.
func checkNewPassword(fields form.Values) (problems []problem) {
	if fields[fieldCurrent] == "" {
		problems = append(problems, problem{Field: fieldCurrent, Key: "missing_current"})
	}
	switch chosen := fields[fieldNew]; {
	case chosen == "":
		problems = append(problems, problem{Field: fieldNew, Key: "missing_new"})
	case len([]rune(chosen)) < minPassword:
		problems = append(problems, problem{Field: fieldNew, Key: "new_short"})
	case strings.TrimSpace(chosen) == "":
		problems = append(problems, problem{Field: fieldNew, Key: "missing_new"})
	case chosen == fields[fieldCurrent]:
		problems = append(problems, problem{Field: fieldNew, Key: "new_same"})
	case chosen != fields[fieldRepeated]:
		problems = append(problems, problem{Field: fieldRepeated, Key: "new_differs"})
	}
	return problems
}

// newPasswordKey returns the key of the text for a password that cannot be hashed,
// "" for any other error and for none.
func newPasswordKey(err error) string {
	switch {
	case errors.Is(err, password.ErrTooLong):
		return "new_long"
	case errors.Is(err, password.ErrNUL):
		return "new_invalid"
	}
	return ""
}
