package jwtauth

import (
	"net/http"
	"reflect"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
)

// headersPackage is where Caddy's header directive lives.
var headersPackage = reflect.TypeFor[headers.Handler]().PkgPath()

// deferredHeaders finds the innermost header directive that is deferred (`header
// >Name`, or with a removal beside it): it acts when the header is sent, after
// every handler. What it writes to can be replaced. nil where there is none.
func deferredHeaders(w http.ResponseWriter) (found *caddyhttp.ResponseWriterWrapper) {
	for inner := w; inner != nil; {
		if v := reflect.ValueOf(inner); v.Kind() == reflect.Pointer && v.Type().Elem().PkgPath() == headersPackage {
			field := v.Elem().FieldByName("ResponseWriterWrapper")
			if field.IsValid() && field.CanInterface() {
				if wrapper, ok := field.Interface().(*caddyhttp.ResponseWriterWrapper); ok {
					found = wrapper
				}
			}
		}
		wrapper, ok := inner.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		inner = wrapper.Unwrap()
	}
	return found
}

// final returns a writer for an answer of our own: one that says no-store is
// stored by nobody, whatever the site says.
func final(w http.ResponseWriter) http.ResponseWriter {
	deferred := deferredHeaders(w)
	if deferred == nil {
		return w
	}
	last := &lastWord{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: deferred.ResponseWriter}}
	deferred.ResponseWriter = last
	return &firstWord{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, last: last}
}

// firstWord hears whether an answer is to be stored, and lastWord repeats it after
// the site's directives.
type firstWord struct {
	*caddyhttp.ResponseWriterWrapper
	last *lastWord
}

type lastWord struct {
	*caddyhttp.ResponseWriterWrapper
	noStore bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *firstWord) WriteHeader(status int) {
	w.last.noStore = says(w.Header()["Cache-Control"], "no-store")
	w.ResponseWriterWrapper.WriteHeader(status)
}

// WriteHeader implements [http.ResponseWriter].
func (w *lastWord) WriteHeader(status int) {
	if w.noStore {
		w.Header()["Cache-Control"] = []string{"no-store"}
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

// Interface guards
var (
	_ http.ResponseWriter = (*firstWord)(nil)
	_ http.ResponseWriter = (*lastWord)(nil)
)
