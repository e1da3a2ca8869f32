package pages

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// maxReturnTo bounds return_to, in bytes.
const maxReturnTo = 4096

// hostAlphabet is what a host, with a port, is written in.
const hostAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:[]"

// destination is where a sign-in ends: a path of this site, or one of another
// origin that was found to be allowed. The zero one is the site's root.
type destination struct {
	origin string // "https://docs.example.com", "" for this site
	path   string // with its query; "" for the root
	root   string
}

// String is what a Location header takes.
func (d destination) String() string {
	if d.path == "" {
		return d.root
	}
	return d.origin + d.path
}

// value is what comes back as return_to: "" for the root.
func (d destination) value() string { return d.origin + d.path }

// returnTo returns where text leads. What is not a path of this site, or of one
// that shares its cookie, is the site's root: nobody gets to choose another.
func (s *Server) returnTo(r *http.Request, text string) destination {
	root := destination{root: s.root(r)}
	if text == "" || len(text) > maxReturnTo || !harmless(text) {
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
			// A host that browsers read as another one, or a policy as more.
			return root
		case strings.EqualFold(u.Host, r.Host):
			// An absolute URL of this very site.
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
	if !s.returnPath(r, d.path) {
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

// returnPath reports whether a browser that is sent to the path stays on the
// site, however often something on its way decodes it, and does not come back
// here.
func (s *Server) returnPath(r *http.Request, p string) bool {
	for range 3 { // as written, decoded, decoded twice
		if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.Contains(p, `\`) || !harmless(p) {
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
		p = decode(p)
	}
	return true
}

// escape is a percent-encoded byte.
var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// decode undoes percent-encoding once, as far as there is any: not every program
// gives up where one escape is broken.
func decode(p string) string {
	return escape.ReplaceAllStringFunc(p, func(e string) string {
		decoded, err := url.PathUnescape(e)
		if err != nil {
			return e
		}
		return decoded
	})
}

// harmless reports a text without control characters, which browsers drop, or
// end a header at.
func harmless(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// Navigates reports a request by which a person goes to a page: a browser says
// so in Sec-Fetch-Mode; one that does not know these headers is known by asking
// for HTML.
func Navigates(r *http.Request) bool {
	if mode := first(r.Header["Sec-Fetch-Mode"]); mode != "" {
		return mode == "navigate"
	}
	return asksForHTML(r.Header["Accept"]) &&
		first(r.Header["Sec-Fetch-Dest"]) == "" && first(r.Header["X-Requested-With"]) == "" && first(r.Header["Upgrade"]) == ""
}

// asksForHTML reports the header Accept of a client that wants a page.
func asksForHTML(accept []string) bool {
	const html = "text/html"
	for _, line := range accept {
		if len(line) < len(html) {
			continue // as that of most programs
		}
		for kind := range strings.SplitSeq(line, ",") {
			kind, params, _ := strings.Cut(kind, ";")
			if strings.EqualFold(strings.TrimSpace(kind), html) && strings.ReplaceAll(params, " ", "") != "q=0" {
				return true
			}
		}
	}
	return false
}

// first is what [http.Header.Get] returns, for a name that is canonical already.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
