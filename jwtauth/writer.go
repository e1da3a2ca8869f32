package jwtauth

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/login"
)

// resourcePolicy is the header by which a browser keeps an answer from pages of
// other origins that embed it (Fetch §3.7).
const resourcePolicy = "Cross-Origin-Resource-Policy"

// guardedWriter keeps answers that a guard let through out of caches that others
// share, says what they depend on, whatever the handlers after the guard
// write, and lets no upstream set a cookie of our name, whether or not there is a guard. It acts when the header is sent, since reverse_proxy adds to what stands
// there before.
type guardedWriter struct {
	caddyhttp.ResponseWriterWrapper
	marks
	// state is that of the request.
	state *requestState
	wrote bool
	// values has the room for what most answers get.
	values [3]string
}

// marks are what a guard has an answer carry.
type marks struct {
	// vary is what the guard looked at.
	vary string
	// private is set where the answer is for one user.
	private bool
	// request is what is answered, nil where no guard has let it pass.
	request *http.Request
	// resourcePolicy is the Cross-Origin-Resource-Policy, "" for none.
	resourcePolicy string
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
	s.passed.dropOurCookies() // of trailers
	s.passed = nil
	return err
}

// passGuarded calls the next handler of a request that a guard has let pass, with what
// the answer has to carry.
func (s *requestState) passGuarded(w http.ResponseWriter, next caddyhttp.Handler, m marks) error {
	outer, guarded := s.passed, s.passed
	if guarded == nil || guarded.request != nil { // that one is of a guard before this
		guarded = s.newWriter()
		w = guarded.wrap(w)
	}
	guarded.marks = m
	defer guarded.mark() // where nothing was written, or an error route answers
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
		w.mark()
		w.wrote = true
	default:
		w.dropOurCookies() // of 101 and 103, too
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

// mark sets the headers, unless they have been sent: then what is left are trailers.
func (w *guardedWriter) mark() {
	w.dropOurCookies()
	if w.wrote {
		return
	}
	h := w.Header()
	if w.resourcePolicy != "" && h[resourcePolicy] == nil {
		w.values[2] = w.resourcePolicy
		h[resourcePolicy] = w.values[2:3:3]
	}
	if w.vary != "" && !slices.Contains(h["Vary"], w.vary) {
		if lines := h["Vary"]; len(lines) > 0 {
			h["Vary"] = append(lines, w.vary)
		} else {
			w.values[0] = w.vary
			h["Vary"] = w.values[0:1:1]
		}
	}
	lines := h["Cache-Control"]
	switch {
	case w.secretURL && !says(lines, "private", "no-store"):
		w.cacheControl(h, "private")
	case !w.private || says(lines, "private", "no-store", "public", "s-maxage"):
	case len(lines) == 0 && login.Navigates(w.request):
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

// setCookieNames are where handlers put cookies: among the headers and, once these have
// been sent, the trailers, which some proxies add to the headers (RFC 9110 §6.5.1).
var setCookieNames = []string{"Set-Cookie", http.TrailerPrefix + "Set-Cookie"}

// dropOurCookies removes cookies that a browser, or this module, may take for ours,
// unless it is this module that has set them: an upstream that could set them could
// sign a visitor in to a session of its own.
func (w *guardedWriter) dropOurCookies() {
	h := w.Header()
	for _, name := range setCookieNames {
		lines := h[name]
		if len(lines) == 0 || !slices.ContainsFunc(lines, w.isForged) {
			continue
		}
		if lines = slices.DeleteFunc(slices.Clone(lines), w.isForged); len(lines) > 0 {
			h[name] = lines
		} else {
			delete(h, name)
		}
	}
}

// isForged reports a line of Set-Cookie with a name like ours that is not from us. A
// header directive of the site may have changed the attributes of one that is.
func (w *guardedWriter) isForged(line string) bool {
	if !looksLikeOurs(line) {
		return false
	}
	pair, _, _ := strings.Cut(line, ";")
	return w.state == nil || !slices.Contains(w.state.setCookies, pair)
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
