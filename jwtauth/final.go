package jwtauth

import (
	"net/http"
	"reflect"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
)

// headersPackage is where Caddy's header directive lives.
var headersPackage = reflect.TypeFor[headers.Handler]().PkgPath()

// final returns a writer for an answer of our own, which is not to be stored
// whatever the site says. A header directive that is deferred (`header >Name`,
// or with a removal beside it) acts after every handler.
func final(w http.ResponseWriter) http.ResponseWriter {
	for inner := w; inner != nil; {
		if t := reflect.TypeOf(inner); t.Kind() == reflect.Pointer && t.Elem().PkgPath() == headersPackage {
			return &finalWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
		}
		wrapper, ok := inner.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		inner = wrapper.Unwrap()
	}
	return w
}

// finalWriter says no-store in a spelling that the directive, which looks for
// canonical names, does not see. A line of the site's own may come beside it:
// a cache that finds both keeps nothing (RFC 9111 §5.2.2.5).
type finalWriter struct {
	*caddyhttp.ResponseWriterWrapper
}

// WriteHeader implements [http.ResponseWriter].
func (w *finalWriter) WriteHeader(status int) {
	h := w.Header()
	if says(h["Cache-Control"], "no-store") {
		h["cache-control"] = []string{"no-store"}
		delete(h, "Cache-Control")
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

// Interface guards
var _ http.ResponseWriter = (*finalWriter)(nil)
