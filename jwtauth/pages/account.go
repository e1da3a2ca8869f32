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

// minPassword is the least length of a new password in characters (NIST SP
// 800-63B-4 §3.1.1.2, beside rate limits: 8).
const minPassword = 8

// Fields of the forms of the account page.
const (
	fieldSession  = "session"
	fieldCurrent  = "current_password"
	fieldNew      = "new_password"
	fieldRepeated = "repeat_password"
	// paramDone says what was just done.
	paramDone = "done"
	// paramAll shows all sessions, where there are more than maxShown.
	paramAll = "all"
	maxShown = 20
)

// doneKeys are the texts of what was done.
var doneKeys = map[string]string{
	"password": "done_password", "session": "done_session", "others": "done_others",
}

// accountData is what the account page shows.
type accountData struct {
	User user.User
	// Writable is set where the password can be changed here.
	Writable bool
	Sessions []sessionRow
	// More is how many sessions are not shown.
	More int
	// Done is the key of what was just done, "" for nothing.
	Done string
}

// sessionRow is a session as its user sees it.
type sessionRow struct {
	ID      string
	Current bool
	// Browser and System say what signed in; both "" where nobody can tell.
	Browser, System string
	Client          string
	IP              string
	Since, Used     time.Time
}

// accountPage shows who is signed in, and where else.
func (s *Server) accountPage(w http.ResponseWriter, r *http.Request) error {
	p, err := s.signedIn(w, r)
	if p == nil {
		return err
	}
	return s.showAccount(w, r, p, http.StatusOK, nil)
}

// toAccount goes to the account page.
func (s *Server) toAccount(w http.ResponseWriter, r *http.Request) error {
	s.redirect(w, s.path(r, pathAccount))
	return nil
}

// signedIn is who asks for an account page. Where that is nobody, they have been
// sent to sign in, or told that their form was not carried out.
func (s *Server) signedIn(w http.ResponseWriter, r *http.Request) (*policy.Principal, error) {
	p, presented, err := s.Cookies.Principal(r)
	if err != nil || p != nil {
		return p, err
	}
	if presented {
		s.forget(w, r)
	}
	login := s.path(r, pathLogin) + "?" + url.Values{ParamReturnTo: {s.path(r, pathAccount)}}.Encode()
	if r.Method == http.MethodPost {
		w.Header().Set("WWW-Authenticate", "Bearer")
		Refusals{Server: s, SignInPage: login}.NotSent(w, r)
		return nil, nil
	}
	s.redirect(w, login)
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
	// Another site may link to here, but has nothing to tell.
	if site := r.Header.Get("Sec-Fetch-Site"); site == "" || site == "same-origin" {
		data.Done = doneKeys[r.URL.Query().Get(paramDone)]
	}
	// This browser's comes first, the others as they were used.
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

// done goes back to the account page, which says what was done.
func (s *Server) done(w http.ResponseWriter, r *http.Request, what string) error {
	s.redirect(w, s.path(r, pathAccount)+"?"+paramDone+"="+what)
	return nil
}

// revokeSession ends one session of the user's own.
func (s *Server) revokeSession(w http.ResponseWriter, r *http.Request) error {
	fields, err := form.Read(w, r, false)
	if err != nil {
		s.badForm(w, r, err)
		return nil
	}
	p, err := s.signedIn(w, r)
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
		if err := s.Sessions.Revoke(r.Context(), own.ID); err != nil {
			return err
		}
		if own.ID == p.Session {
			s.forget(w, r)
			s.redirect(w, s.path(r, pathLogout))
			return nil
		}
	}
	// One that is not there has ended already; one of somebody else is not there.
	return s.done(w, r, "session")
}

// revokeOthers ends all sessions of the user but this one.
func (s *Server) revokeOthers(w http.ResponseWriter, r *http.Request) error {
	p, err := s.signedIn(w, r)
	if p == nil {
		return err
	}
	if _, err := s.Sessions.EndAll(r.Context(), p.Username, p.Session); err != nil {
		return err
	}
	return s.done(w, r, "others")
}

// changePassword sets a new password, for who knows the old one. It ends all of the
// user's sessions, this one too, since its cookie may have been copied, and gives
// this browser a new one. That keeps what the former was granted and whether the
// cookie outlives the browser; its time begins again, as with every sign-in, for
// the password has just been proved.
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) error {
	fields, err := form.Read(w, r, false)
	if err != nil {
		s.badForm(w, r, err)
		return nil
	}
	p, err := s.signedIn(w, r)
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
		status, found, err := s.refusal(w, err)
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
		status, found, err := s.refusal(w, err)
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
		// Somebody else was faster: what was right a moment ago is not.
		return s.showAccount(w, r, p, http.StatusUnauthorized, []problem{{Field: fieldCurrent, Key: "wrong_current"}})
	case err != nil:
		return err
	}
	s.setDevice(w, r, device)
	return s.done(w, r, "password")
}

// replaceSession writes the new hash and puts a new session in the place of the one
// of p and all others. user.ErrConflict where the session has ended meanwhile.
func (s *Server) replaceSession(w http.ResponseWriter, r *http.Request, p *policy.Principal, proved signin.Result, hash string) error {
	sessions, err := s.Sessions.List(r.Context(), p.Username)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sessions, func(one session.Session) bool { return one.ID == p.Session })
	if i < 0 {
		return user.ErrConflict
	}
	former := sessions[i]
	n := s.newSession(r, proved)
	n.Client, n.Scopes, n.Kept = former.Client, former.Scopes, former.Kept
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
	s.setCookie(w, r, grant.Session, cookie)
	return nil
}

// checkNewPassword says what is wrong with the form, before anything is hashed.
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

// newPasswordKey is the text for a password that cannot be hashed, "" for any
// other error and for none.
func newPasswordKey(err error) string {
	switch {
	case errors.Is(err, password.ErrTooLong):
		return "new_long"
	case errors.Is(err, password.ErrNUL):
		return "new_invalid"
	}
	return ""
}
