package jwtauth

import (
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// privateWriter keeps an answer out of shared caches, whatever the handlers
// behind the guard say: the URL that they would file it under holds a token
// (RFC 6750 §2.3).
type privateWriter struct {
	*caddyhttp.ResponseWriterWrapper
	wrote bool
}

func newPrivateWriter(w http.ResponseWriter) *privateWriter {
	return &privateWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
}

// WriteHeader implements [http.ResponseWriter].
func (w *privateWriter) WriteHeader(status int) {
	if status >= http.StatusOK && !w.wrote {
		w.mark()
		w.wrote = true
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

// mark says that the answer is private, unless that has been said or sent.
func (w *privateWriter) mark() {
	if h := w.Header(); !w.wrote && !isPrivate(h) {
		h.Set("Cache-Control", "private")
	}
}

func (w *privateWriter) begin() {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
}

// Write implements [http.ResponseWriter].
func (w *privateWriter) Write(p []byte) (int, error) {
	w.begin()
	return w.ResponseWriterWrapper.Write(p)
}

// ReadFrom implements [io.ReaderFrom].
func (w *privateWriter) ReadFrom(r io.Reader) (int64, error) {
	w.begin()
	return w.ResponseWriterWrapper.ReadFrom(r)
}

// FlushError is what [http.ResponseController] asks for.
func (w *privateWriter) FlushError() error {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// isPrivate reports an answer that no shared cache may store (RFC 9111 §3).
func isPrivate(h http.Header) bool {
	for _, line := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			switch strings.ToLower(strings.TrimSpace(directive)) {
			case "private", "no-store":
				return true
			}
		}
	}
	return false
}

// Interface guards
var (
	_ http.ResponseWriter = (*privateWriter)(nil)
	_ io.ReaderFrom       = (*privateWriter)(nil)
)
