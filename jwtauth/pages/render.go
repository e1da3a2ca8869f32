package pages

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// The pages, by the names of their templates.
const (
	pageSignIn    = "login.html"
	pageSignOut   = "logout.html"
	pageAccount   = "account.html"
	pageForbidden = "forbidden.html"
	pageMessage   = "message.html"
)

// view is what a template gets. Its exported fields and methods are an interface
// for themes: a theme of a site uses them by name.
type view struct {
	// Page is the name of the page's template, which layout.html includes.
	Page string
	// Site is the title of the site, "" for none.
	Site string
	// Style and Logo are URLs. Without a logo the layout draws a mark.
	Style, Logo string
	// Login, Logout, Account, Password, Revoke and Others are the targets of
	// links and forms; Root is the site's start page.
	Login, Logout, Account, Password, Revoke, Others, Root string
	// FormTarget is another origin that a form of this page may redirect to, ""
	// for none.
	FormTarget string
	// Framers are the pages that may show this one in a frame, as a source list of CSP, ""
	// for none.
	Framers string
	// Problems are what the visitor has to correct.
	Problems []problem
	Data     any

	// files is the URL of the folder of style and logo. filesOrigin is its
	// origin where that is another site.
	files, filesOrigin string
	catalogue          *catalogue
}

// problem is something that the visitor has to correct: the field, "" for none, and
// the key of its text in the catalogue.
type problem struct {
	Field, Key string
	// Minutes fills {minutes}.
	Minutes int
}

// Lang is the language of the page (BCP 47).
func (v view) Lang() string { return v.catalogue.lang }

// Dir is the direction of its script: ltr or rtl.
func (v view) Dir() string { return v.catalogue.dir }

// T returns a text in the page's language. The pairs are names and values: the
// value replaces {name} in the text.
func (v view) T(key string, pairs ...any) (string, error) {
	return v.catalogue.text(key, pairs...)
}

// Problem returns the text of a problem.
func (v view) Problem(p problem) (string, error) {
	return v.T(p.Key, "minutes", p.Minutes)
}

// Of returns the text of the first problem of a field, "" where it has none.
func (v view) Of(field string) (string, error) {
	for _, p := range v.Problems {
		if p.Field == field {
			return v.Problem(p)
		}
	}
	return "", nil
}

// render answers a request with a page.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, v view) {
	v.Site = s.Theme.title
	v.Login, v.Logout, v.Account = s.path(r, pathLogin), s.path(r, pathLogout), s.path(r, pathAccount)
	v.Password, v.Revoke, v.Others = s.path(r, pathPassword), s.path(r, pathEndSession), s.path(r, pathEndOthers)
	v.Root = s.root(r)
	if v.files == "" {
		v.files = s.path(r, pathFiles)
	}
	v.Style = s.Theme.fileURL(v.files, styleFile)
	if s.Theme.logo != "" {
		v.Logo = s.Theme.fileURL(v.files, s.Theme.logo)
	}
	v.catalogue = s.Theme.catalogue(r.Header["Accept-Language"])
	var body bytes.Buffer
	if err := s.Theme.templates[v.Page].ExecuteTemplate(&body, layoutFile, v); err != nil {
		// Unexpected: the templates of a folder are rendered when it is loaded.
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
		_, _ = w.Write(body.Bytes()) // an error here: the client is gone
	}
}

// setPageHeader sets the headers that isolate a page from other sites and keep it
// out of caches.
func setPageHeader(h http.Header, v view) {
	files, target := "", ""
	if v.filesOrigin != "" {
		files = " " + v.filesOrigin
	}
	if v.FormTarget != "" {
		target = " " + v.FormTarget
	}
	framers := "'none'"
	if v.Framers != "" {
		framers = v.Framers
	} else {
		h.Set("X-Frame-Options", "DENY")
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'"+files+"; img-src 'self'"+files+
		"; base-uri 'none'; frame-ancestors "+framers+"; form-action 'self'"+target)
	// With no-referrer browsers would send "Origin: null" with a form.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	noStore(h)
}

// noStore keeps an answer out of every cache. It overrides what the site has set
// for its answers.
func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Del("Expires")
}

// displayName returns the full name of a user, or the user name.
func displayName(p *policy.Principal) string {
	if p.FullName != "" {
		return p.FullName
	}
	return p.Username
}
