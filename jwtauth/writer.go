package jwtauth

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
)

// resourcePolicy is the header by which a browser keeps an answer from pages of
// other origins that embed it (Fetch §3.7).
const resourcePolicy = "Cross-Origin-Resource-Policy"

// embedders are the pages that may embed an answer.
type embedders uint8

const (
	anyone     embedders = iota // as far as this module is concerned
	sameOrigin                  // those of the answer's own origin
	sameSite                    // those of its domain
)

// mark says so in the header of an answer, unless that says something already.
func (e embedders) mark(h http.Header) {
	if e == anyone || h[resourcePolicy] != nil {
		return
	}
	policy := "same-origin"
	if e == sameSite {
		policy = "same-site"
	}
	h[resourcePolicy] = []string{policy}
}

// guardedWriter keeps answers that a guard let through out of caches that others
// share, and says what they depend on, whatever the handlers after the guard write.
// With or without a guard it lets no upstream set a cookie of our name. It acts when
// the header is sent, since reverse_proxy adds to what stands there before.
type guardedWriter struct {
	caddyhttp.ResponseWriterWrapper
	marks
	// state is that of the request.
	state *requestState
	wrote bool
	// nested is set within another one, which looks after the cookies.
	nested bool
	// hadCookies is set where the header had cookies when it was sent, and names is
	// how many names it had.
	hadCookies bool
	names      uint16
	// values has the room for what most answers get.
	values [2]string
}

// marks are what a guard has an answer carry.
type marks struct {
	// vary is what the guard looked at.
	vary string
	// request is what is answered, nil where no guard has let it pass.
	request *http.Request
	// private is set where the answer is for one user.
	private bool
	// embedders says who may embed the answer.
	embedders embedders
	// secretURL is set where the URL, under which a cache would file the answer,
	// may hold a token: then nothing that the site says counts (RFC 6750 §2.3).
	secretURL bool
}

// newWriter returns the writer of a handler that passes a request on.
func (s *requestState) newWriter() *guardedWriter {
	if s.used {
		return &guardedWriter{state: s}
	}
	s.used, s.writer.state = true, s
	return &s.writer
}

// pass calls the next handler of a request that no guard has looked at yet, and keeps
// the upstream's cookies of our name from the browser.
func (s *requestState) pass(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if s.passed != nil {
		return next.ServeHTTP(w, r)
	}
	s.passed = s.newWriter()
	err := next.ServeHTTP(s.passed.wrap(w), r)
	s.passed.finish()
	s.passed = nil
	return err
}

// passGuarded calls the next handler of a request that a guard has let pass, with what
// the answer has to carry.
func (s *requestState) passGuarded(w http.ResponseWriter, next caddyhttp.Handler, m marks) error {
	outer, guarded := s.passed, s.passed
	if guarded == nil || guarded.request != nil { // that one is of a guard before this
		guarded = s.newWriter()
		guarded.nested = outer != nil
		w = guarded.wrap(w)
	}
	guarded.marks = m
	defer guarded.finish()
	s.passed = guarded
	err := next.ServeHTTP(w, m.request)
	s.passed = outer
	return err
}

// wrap returns a writer for w's answer. The answer is marked after the site's
// header directives, however late they act.
func (w *guardedWriter) wrap(outer http.ResponseWriter) http.ResponseWriter {
	if deferred := deferredHeaders(outer); deferred != nil {
		w.ResponseWriter = deferred.ResponseWriter
		deferred.ResponseWriter = w
		return outer
	}
	w.ResponseWriter = outer
	return w
}

// WriteHeader implements [http.ResponseWriter].
func (w *guardedWriter) WriteHeader(status int) {
	switch {
	case w.wrote:
	case status >= http.StatusOK:
		h := w.Header() // goes through all writers before this one
		w.mark(h)
		w.wrote, w.names = true, uint16(len(h))
	case !w.nested:
		w.dropOurCookies(w.Header(), setCookieName) // of 101 and 103, too
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

// finish is called when the handlers after the guard are done. Where nothing was
// written, or an error route answers, the header is marked now. Where it was sent,
// cookies can only have come as trailers since, which some proxies add to the headers
// (RFC 9110 §6.5.1).
func (w *guardedWriter) finish() {
	switch {
	case !w.wrote:
		w.mark(w.Header())
	case w.nested:
	default:
		if h := w.Header(); w.hadCookies || int(w.names) != len(h) {
			w.dropOurCookies(h, setCookieName)
			w.dropOurCookies(h, http.TrailerPrefix+setCookieName)
		}
	}
}

// mark changes the header before it is sent.
func (w *guardedWriter) mark(h http.Header) {
	if !w.nested {
		w.hadCookies = w.dropOurCookies(h, setCookieName)
	}
	w.embedders.mark(h)
	if w.vary != "" {
		if lines := h["Vary"]; len(lines) == 0 {
			w.values[0] = w.vary
			h["Vary"] = w.values[0:1:1]
		} else if !slices.Contains(lines, w.vary) {
			h["Vary"] = append(lines, w.vary)
		}
	}
	lines := h["Cache-Control"]
	switch {
	case w.secretURL && !says(lines, "private", "no-store"):
		w.cacheControl(h, "private")
	case !w.private || says(lines, "private", "no-store", "public", "s-maxage"):
	case len(lines) == 0 && w.isPage():
		// The back button shows what was stored without asking, also after
		// signing out.
		w.cacheControl(h, "private, no-store")
	case len(lines) == 0:
		// no-cache has the browser ask before it shows the answer again, to
		// somebody else perhaps.
		w.cacheControl(h, "private, no-cache")
	default:
		w.cacheControl(h, strings.Join(lines, ", ")+", private")
	}
}

// isPage reports an answer that a person looks at. What comes with a bearer token is
// for a program, unless a browser says otherwise.
func (w *guardedWriter) isPage() bool {
	if w.embedders == anyone {
		mode := w.request.Header["Sec-Fetch-Mode"]
		return len(mode) == 1 && mode[0] == "navigate"
	}
	return pages.Navigates(w.request)
}

const setCookieName = "Set-Cookie"

// dropOurCookies removes cookies that a browser, or this module, may take for ours,
// from the header or trailer of that name, unless it is this module that has set them:
// an upstream that could set them could sign a visitor in to a session of its own. It
// reports whether there were any cookies.
func (w *guardedWriter) dropOurCookies(h http.Header, name string) bool {
	lines := h[name]
	if len(lines) == 0 {
		return false
	}
	if slices.ContainsFunc(lines, w.isForged) {
		if kept := slices.DeleteFunc(slices.Clone(lines), w.isForged); len(kept) > 0 {
			h[name] = kept
		} else {
			delete(h, name)
		}
	}
	return true
}

// isForged reports a line of Set-Cookie with a name like ours that is not from us. A
// header directive of the site may have changed the attributes of one that is.
func (w *guardedWriter) isForged(line string) bool {
	if !looksLikeOurs(line) {
		return false
	}
	pair, _, _ := strings.Cut(line, ";")
	return w.state == nil || w.state.own == nil || !slices.Contains(w.state.own.cookies, pair)
}

func (w *guardedWriter) cacheControl(h http.Header, value string) {
	w.values[1] = value
	h["Cache-Control"] = w.values[1:2:2]
}

func (w *guardedWriter) begin() {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
}

// Write implements [http.ResponseWriter].
func (w *guardedWriter) Write(p []byte) (int, error) {
	w.begin()
	return w.ResponseWriterWrapper.Write(p)
}

// ReadFrom implements [io.ReaderFrom].
func (w *guardedWriter) ReadFrom(r io.Reader) (int64, error) {
	w.begin()
	return w.ResponseWriterWrapper.ReadFrom(r)
}

// FlushError is what [http.ResponseController] asks for.
func (w *guardedWriter) FlushError() error {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// says reports whether Cache-Control has one of the directives (RFC 9111 §5.2). A
// private that names fields is about those alone (§5.2.2.7).
func says(lines []string, directives ...string) bool {
	for _, line := range lines {
		for directive := range strings.SplitSeq(line, ",") {
			directive, _, fields := strings.Cut(directive, "=")
			if fields && strings.EqualFold(strings.TrimSpace(directive), "private") {
				continue
			}
			if slices.Contains(directives, strings.ToLower(strings.TrimSpace(directive))) {
				return true
			}
		}
	}
	return false
}

// Interface guards
var (
	_ http.ResponseWriter = (*guardedWriter)(nil)
	_ io.ReaderFrom       = (*guardedWriter)(nil)
)
