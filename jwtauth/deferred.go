package jwtauth

import (
	"net/http"
	"reflect"
	"sync"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
)

// Caddy's header directive can be deferred (`header >Name`, or together with a removal):
// it then acts when the header is sent, after every handler. What this module says of an
// answer has to come after it, so this file finds such a directive among the writers of
// an answer and puts a writer of ours beneath it.

// headersPackage is the package of Caddy's header directive.
var headersPackage = reflect.TypeFor[headers.Handler]().PkgPath()

// ofHeaders keeps which types of writers are of that package: every guarded request
// asks, and there are few types.
var ofHeaders sync.Map // reflect.Type → bool

func isOfHeaders(t reflect.Type) bool {
	if known, ok := ofHeaders.Load(t); ok {
		return known.(bool)
	}
	is := t.Kind() == reflect.Pointer && t.Elem().PkgPath() == headersPackage
	ofHeaders.Store(t, is)
	return is
}

// deferredHeaders finds the innermost header directive that is deferred. The writer that
// it writes to can be replaced. It returns nil if there is none.
func deferredHeaders(w http.ResponseWriter) (found *caddyhttp.ResponseWriterWrapper) {
	for inner := w; inner != nil; {
		if _, ok := inner.(*guardedWriter); ok {
			break // an outer guard has looked at what is beneath
		}
		wrapper, ok := inner.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break // that of net/http, which nearly all requests have
		}
		if isOfHeaders(reflect.TypeOf(inner)) {
			field := reflect.ValueOf(inner).Elem().FieldByName("ResponseWriterWrapper")
			if field.IsValid() && field.CanInterface() {
				if wrapper, ok := field.Interface().(*caddyhttp.ResponseWriterWrapper); ok {
					found = wrapper
				}
			}
		}
		inner = wrapper.Unwrap()
	}
	return found
}

// keepNoStore returns a writer for an answer of our own. If the answer says no-store, no
// header directive of the site can change that.
func keepNoStore(w http.ResponseWriter) http.ResponseWriter {
	deferred := deferredHeaders(w)
	if deferred == nil {
		return w
	}
	beneath := &noStoreWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: deferred.ResponseWriter}}
	deferred.ResponseWriter = beneath
	return &noStoreObserver{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, beneath: beneath}
}

// noStoreObserver sees the answer before the site's directives, and tells the
// noStoreWriter beneath them whether it says no-store.
type noStoreObserver struct {
	*caddyhttp.ResponseWriterWrapper
	beneath *noStoreWriter
}

// noStoreWriter repeats a no-store after the site's directives.
type noStoreWriter struct {
	*caddyhttp.ResponseWriterWrapper
	noStore bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *noStoreObserver) WriteHeader(status int) {
	w.beneath.noStore = guard.Says(w.Header()["Cache-Control"], "no-store")
	w.ResponseWriterWrapper.WriteHeader(status)
}

// WriteHeader implements [http.ResponseWriter].
func (w *noStoreWriter) WriteHeader(status int) {
	if w.noStore {
		w.Header()["Cache-Control"] = []string{"no-store"}
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

// Interface guards
var (
	_ http.ResponseWriter = (*noStoreObserver)(nil)
	_ http.ResponseWriter = (*noStoreWriter)(nil)
)
