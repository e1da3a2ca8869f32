package jwtauth

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/login"
)

// guardedWriter keeps answers that a guard let through out of caches that others
// share, and says what they depend on, whatever the handlers behind the guard
// write. It acts when the header is sent, since reverse_proxy adds to what stands
// there before.
type guardedWriter struct {
	caddyhttp.ResponseWriterWrapper
	// vary is what the guard looked at.
	vary string
	// private is set where the answer is for one user.
	private bool
	// request is what is answered.
	request *http.Request
	// secretURL is set where the URL, under which a cache would file the answer,
	// may hold a token: then nothing that the site says counts (RFC 6750 §2.3).
	secretURL bool
	wrote     bool
	// values has the room for what most answers get.
	values [2]string
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
	if status >= http.StatusOK && !w.wrote {
		w.mark()
		w.wrote = true
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

// mark sets the headers, unless they have been sent.
func (w *guardedWriter) mark() {
	if w.wrote {
		return
	}
	h := w.Header()
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
