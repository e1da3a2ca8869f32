package pages

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// MaxReturnTo is the maximum length of return_to in bytes, as it is written and encoded in
// a URL: servers bound the length of a request's head.
const MaxReturnTo = 4096

// hostAlphabet is the characters of a host with a port.
const hostAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:[]"

// returnTarget is where a sign-in or sign-out returns to: a path of this site, or
// a URL of another origin that is allowed.
type returnTarget struct {
	origin string // "https://docs.example.com", "" for this site
	path   string // with its query and fragment; "" for root
	root   string // path of the site's start page
}

// String returns the target for a Location header.
func (d returnTarget) String() string {
	if d.path == "" {
		return d.root
	}
	return d.origin + d.path
}

// param returns the target as the parameter return_to, "" for the root.
func (d returnTarget) param() string { return d.origin + d.path }

// parseReturnTo reads the parameter return_to. It returns the site's root for a text
// that is neither a path of this site nor a URL of another origin that shares its
// cookie: so no one can send a visitor elsewhere with it.
func (s *Server) parseReturnTo(r *http.Request, text string) returnTarget {
	root := returnTarget{root: s.root(r)}
	place, _, _ := strings.Cut(text, "?")
	if text == "" || len(text) > MaxReturnTo || hasControl(text) || strings.Contains(place, `\`) {
		return root
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.User != nil {
		return root
	}
	d := root
	if u.Scheme != "" || u.Host != "" {
		switch {
		case u.Scheme != "https" && u.Scheme != "http", u.Host == "":
			return root
		case strings.Trim(u.Host, hostAlphabet) != "":
			// Browsers could read such a host as another one, and a
			// Content-Security-Policy as several.
			return root
		case strings.EqualFold(u.Host, r.Host):
			// An absolute URL of this site.
		case s.ReturnOrigin != nil && s.ReturnOrigin(r, u):
			d.origin = u.Scheme + "://" + u.Host
		default:
			return root
		}
	}
	d.path = u.EscapedPath()
	if d.path == "" {
		d.path = "/"
	}
	if !s.allowedPath(r, d.path) {
		return root
	}
	if u.RawQuery != "" {
		d.path += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		d.path += "#" + u.EscapedFragment()
	}
	return d
}

// allowedPath reports whether a browser that is sent to the path stays on the site,
// however often a program on its way decodes the path, and does not come back to
// the sign-in or sign-out page.
func (s *Server) allowedPath(r *http.Request, p string) bool {
	for range 3 { // as written, decoded, decoded twice
		if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || hasControl(harmless.Replace(p)) {
			return false
		}
		// Without their dots "/.//x" and "/y/..//x" are "//x".
		if strings.Contains(p+"/", "/./") || strings.Contains(p+"/", "/../") {
			return false
		}
		clean := path.Clean(p)
		for _, own := range []string{pathLogin, pathLogout} {
			own = s.path(r, own)
			if strings.EqualFold(clean, own) || strings.HasPrefix(strings.ToLower(clean), strings.ToLower(own)+"/") {
				return false
			}
		}
		p = asBrowsersRead.Replace(decode(p))
	}
	return true
}

// harmless takes out the two control characters of which no program makes another line or
// path.
var harmless = strings.NewReplacer("\t", "", "\x7f", "")

// asBrowsersRead makes of a path what a browser makes of it that finds these characters in
// a URL as they are (URL Standard §4.4).
var asBrowsersRead = strings.NewReplacer(`\`, "/", "\t", "")

// percentEncoded is a percent-encoded byte.
var percentEncoded = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// decode undoes percent-encoding once. It leaves a broken escape as it is: not every
// program refuses one.
func decode(p string) string {
	return percentEncoded.ReplaceAllStringFunc(p, func(e string) string {
		decoded, err := url.PathUnescape(e)
		if err != nil {
			return e
		}
		return decoded
	})
}

// hasControl reports whether a text has control characters. Browsers drop some of
// them, and a header ends at others.
func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f })
}
