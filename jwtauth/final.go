package jwtauth

import (
	"net/http"
	"reflect"
	"sync"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
)

// headersPackage is where Caddy's header directive lives.
var headersPackage = reflect.TypeFor[headers.Handler]().PkgPath()

// ofHeaders remembers which types of writers are of that package: every guarded
// request asks, and there are few types.
var ofHeaders sync.Map // reflect.Type → bool

func isOfHeaders(t reflect.Type) bool {
	if known, ok := ofHeaders.Load(t); ok {
		return known.(bool)
	}
	is := t.Kind() == reflect.Pointer && t.Elem().PkgPath() == headersPackage
	ofHeaders.Store(t, is)
	return is
}

// deferredHeaders finds the innermost header directive that is deferred (`header
// >Name`, or with a removal beside it): it acts when the header is sent, after
// every handler. What it writes to can be replaced. nil where there is none.
func deferredHeaders(w http.ResponseWriter) (found *caddyhttp.ResponseWriterWrapper) {
	for inner := w; inner != nil; {
		if _, ok := inner.(*guardedWriter); ok {
			break // an outer guard has looked at what is beneath
		}
		if isOfHeaders(reflect.TypeOf(inner)) {
			field := reflect.ValueOf(inner).Elem().FieldByName("ResponseWriterWrapper")
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
	w.last.noStore = guard.Says(w.Header()["Cache-Control"], "no-store")
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
