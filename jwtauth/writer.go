package jwtauth

import (
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
)

// guardedWriter is the writer of handlers after one of this module; see [guard.Answer].
type guardedWriter struct {
	caddyhttp.ResponseWriterWrapper
	guard.Answer
}

// newWriter returns the writer of a handler that passes a request on.
func (s *requestState) newWriter(nested bool) *guardedWriter {
	w := &s.writer
	if w.ResponseWriter != nil { // an outer handler of the module uses it
		w = new(guardedWriter)
	}
	w.Of(&s.Request, nested)
	return w
}

// pass calls the next handler of a request that no guard has looked at yet, and keeps
// the upstream's cookies of our name from the browser.
func (s *requestState) pass(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if s.passed != nil {
		return next.ServeHTTP(w, r)
	}
	s.passed = s.newWriter(false)
	err := next.ServeHTTP(s.passed.wrap(w), r)
	s.passed.finish()
	s.passed = nil
	return err
}

// passGuarded calls the next handler of a request that a guard has let pass, with what
// the answer has to carry. Where the handlers before it have nothing in between that
// could keep an answer, as a cache would, it uses their writer.
func (s *requestState) passGuarded(w http.ResponseWriter, next caddyhttp.Handler, m guard.Marks) error {
	outer, guarded := s.passed, s.passed
	switch isOuter := outer != nil && w == http.ResponseWriter(outer); {
	case isOuter && outer.Marks == m: // that of a guard before this, which found the same
		return next.ServeHTTP(w, m.Request)
	case isOuter && outer.Request == nil: // no guard has let the request pass yet
	default:
		guarded = s.newWriter(outer != nil)
		w = guarded.wrap(w)
	}
	guarded.Marks = m
	defer guarded.finish()
	s.passed = guarded
	err := next.ServeHTTP(w, m.Request)
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

// WriteHeader implements [http.ResponseWriter]. The header goes through all writers
// before this one.
func (w *guardedWriter) WriteHeader(status int) {
	w.Begin(status, w.Header())
	w.ResponseWriterWrapper.WriteHeader(status)
}

// finish is called when the handlers after the guard are done.
func (w *guardedWriter) finish() {
	w.StopStream()
	if !w.Finished() { // the header of nested writers is far away
		w.Finish(w.Header())
	}
}

func (w *guardedWriter) begin() {
	if !w.Sent() {
		w.WriteHeader(http.StatusOK)
	}
}

// Write implements [http.ResponseWriter].
func (w *guardedWriter) Write(p []byte) (int, error) {
	w.begin()
	if w.IsOver() {
		return 0, errStreamEnded
	}
	return w.ResponseWriterWrapper.Write(p)
}

// ReadFrom implements [io.ReaderFrom].
func (w *guardedWriter) ReadFrom(r io.Reader) (int64, error) {
	w.begin()
	if w.IsOver() {
		return 0, errStreamEnded
	}
	return w.ResponseWriterWrapper.ReadFrom(r)
}

// FlushError is what [http.ResponseController] asks for.
func (w *guardedWriter) FlushError() error {
	w.begin()
	if w.IsOver() {
		return errStreamEnded
	}
	w.watch(nil)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Interface guards
var (
	_ http.ResponseWriter = (*guardedWriter)(nil)
	_ io.ReaderFrom       = (*guardedWriter)(nil)
)
