package pages

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// The pages, by the name of their template.
const (
	pageSignIn    = "login.html"
	pageSignOut   = "logout.html"
	pageAccount   = "account.html"
	pageForbidden = "forbidden.html"
	pageMessage   = "message.html"
)

// view is what a template gets.
type view struct {
	// Page is the name of the template, without which layout.html is nothing.
	Page string
	// Site is the title of the site, "" for none.
	Site string
	// Style and Logo are URLs. Without a logo there is a mark in the layout.
	Style, Logo string
	// Login, Logout, Account, Password, Revoke and Others are where links and
	// forms lead, Root is the site's start page.
	Login, Logout, Account, Password, Revoke, Others, Root string
	// FormTarget is the other origin at which a form of this page may end.
	FormTarget string
	// Problems are what the visitor is to mend.
	Problems []problem
	Data     any

	// files is the folder of style and logo where it is on another site, whose
	// origin filesOrigin is.
	files, filesOrigin string
	words              *words
}

// problem is one thing to mend: the field it is about, "" for none, and what the
// catalogue says of it.
type problem struct {
	Field, Key string
	// Minutes fills {minutes}.
	Minutes int
}

// Lang is the language of the page (BCP 47).
func (v view) Lang() string { return v.words.lang }

// Dir is the direction of its script: ltr or rtl.
func (v view) Dir() string { return v.words.dir }

// T is a text in the page's language. The pairs are names and values of what
// stands in braces in it.
func (v view) T(key string, pairs ...any) (string, error) {
	return v.words.text(key, pairs...)
}

// Problem is the text of a problem.
func (v view) Problem(p problem) (string, error) {
	return v.T(p.Key, "minutes", p.Minutes)
}

// Of is the text of the first problem of a field, "" where it has none.
func (v view) Of(field string) (string, error) {
	for _, p := range v.Problems {
		if p.Field == field {
			return v.Problem(p)
		}
	}
	return "", nil
}

// render answers with a page.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, v view) {
	v.Site = s.Theme.title
	v.Login, v.Logout, v.Account = s.path(r, pathLogin), s.path(r, pathLogout), s.path(r, pathAccount)
	v.Password, v.Revoke, v.Others = s.path(r, pathPassword), s.path(r, pathRevoke), s.path(r, pathOthers)
	v.Root = s.root(r)
	if v.files == "" {
		v.files = s.path(r, pathFiles)
	}
	v.Style = s.Theme.url(v.files, styleFile)
	if s.Theme.logo != "" {
		v.Logo = s.Theme.url(v.files, s.Theme.logo)
	}
	v.words = s.Theme.words(r.Header["Accept-Language"])
	var body bytes.Buffer
	if err := s.Theme.pages[v.Page].ExecuteTemplate(&body, layoutFile, v); err != nil {
		// Every template has been tried when the theme was loaded.
		s.report(r, fmt.Errorf("the page %s: %w", v.Page, err))
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	setPageHeader(h, v)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang())
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes()) // a visitor who left is nobody's error
	}
}

// setPageHeader sets what keeps a page to itself.
func setPageHeader(h http.Header, v view) {
	files, target := "", ""
	if v.filesOrigin != "" {
		files = " " + v.filesOrigin
	}
	if v.FormTarget != "" {
		target = " " + v.FormTarget
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'"+files+"; img-src 'self'"+files+
		"; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"+target)
	// no-referrer would make browsers say "Origin: null" when they post.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	noStore(h)
}

// noStore keeps an answer out of every cache, also where the site has said
// something else of its answers.
func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Del("Expires")
}

// redirect goes on to a place, with GET (RFC 9110 §15.4.4).
func (s *Server) redirect(w http.ResponseWriter, to string) { Redirect(w, to) }

// Redirect sends the browser to a place with GET, whatever its request was, and
// keeps that answer out of every cache.
func Redirect(w http.ResponseWriter, to string) {
	h := w.Header()
	noStore(h)
	h.Set("Location", escapeLocation(to))
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
}

// escapeLocation makes a URL that browsers take one that a header can hold.
func escapeLocation(to string) string {
	var b strings.Builder
	for i := range len(to) {
		if c := to[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func retryAfter(w http.ResponseWriter, wait time.Duration) {
	seconds := max(1, int64((wait+time.Second-1)/time.Second))
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
}

// The pages that say one thing. The catalogue has a heading and a text for each,
// as <name>_heading and <name>_text.
const (
	msgBadRequest  = "bad_request"
	msgOtherSite   = "other_site"
	msgNoCookies   = "no_cookies"
	msgBadCookie   = "bad_cookie"
	msgHostHidden  = "host_hidden"
	msgBroken      = "broken"
	msgUnavailable = "unavailable"
	msgNotSent     = "not_sent"
)

// messageData is what message.html shows.
type messageData struct {
	Name string
	// SignIn is where to sign in, "" where that would not help.
	SignIn string
}

func (s *Server) message(w http.ResponseWriter, r *http.Request, status int, name string) {
	data := messageData{Name: name}
	if name == msgBadRequest {
		data.SignIn = s.path(r, pathLogin)
	}
	s.render(w, r, status, view{Page: pageMessage, Data: data})
}

// ErrUnavailable is wrapped by errors of [Cookies] that mean: ask again later.
var ErrUnavailable = errors.New("sign-in is not available")

// fail answers what was no mistake of the visitor's. It says nothing outside.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.report(r, err)
	}
	if r.Context().Err() != nil || errors.Is(err, ErrUnavailable) {
		retryAfter(w, time.Second)
		s.message(w, r, http.StatusServiceUnavailable, msgUnavailable)
		return
	}
	s.message(w, r, http.StatusInternalServerError, msgBroken)
}

// Unavailable answers a request for a page where the realm is not open.
func (s *Server) Unavailable(w http.ResponseWriter, r *http.Request, err error) {
	s.fail(w, r, fmt.Errorf("%w: %w", ErrUnavailable, err))
}

// displayName is what a person is called.
func displayName(p *policy.Principal) string {
	if p.FullName != "" {
		return p.FullName
	}
	return p.Username
}
