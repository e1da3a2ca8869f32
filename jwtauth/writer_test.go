package jwtauth

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// newGuarded is the writer that the handlers behind a guard get.
func newGuarded(private bool) (*guardedWriter, *httptest.ResponseRecorder) {
	rec := httptest.NewRecorder()
	w := &guardedWriter{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: rec}, Answer: guard.Answer{Marks: guard.Marks{Vary: "Authorization, Cookie", Private: private, Request: &http.Request{}}}}
	w.Of(new(guard.Request), false)
	return w, rec
}

// What one user sees no shared cache may show to the next one, unless the site
// says, in so many words, that it may.
func TestGuardedCacheControl(t *testing.T) {
	for _, tc := range []struct {
		name               string
		says               []string
		private, secretURL bool
		want               []string
	}{
		{name: "nothing said", private: true, want: []string{"private, no-cache"}},
		{name: "an age", says: []string{"max-age=60"}, private: true, want: []string{"max-age=60, private"}},
		{name: "an age in two lines", says: []string{"max-age=60", "immutable"}, private: true, want: []string{"max-age=60, immutable, private"}},
		{name: "private", says: []string{"Private, max-age=60"}, private: true, want: []string{"Private, max-age=60"}},
		{name: "no-store", says: []string{"no-store"}, private: true, want: []string{"no-store"}},
		{name: "public", says: []string{"max-age=60,PUBLIC"}, private: true, want: []string{"max-age=60,PUBLIC"}},
		{name: "for shared caches", says: []string{"max-age=60", "s-maxage = 5"}, private: true, want: []string{"max-age=60", "s-maxage = 5"}},
		{name: "words that begin alike", says: []string{"public-ish, no-storeroom"}, private: true, want: []string{"public-ish, no-storeroom, private"}},
		{name: "no user, nothing said", want: nil},
		{name: "no user, an age", says: []string{"max-age=60"}, want: []string{"max-age=60"}},
		{name: "token in the URL", secretURL: true, private: true, want: []string{"private"}},
		{name: "token in the URL, public", says: []string{"public, max-age=60"}, secretURL: true, private: true, want: []string{"private"}},
		{name: "token in the URL, for shared caches", says: []string{"s-maxage=60"}, secretURL: true, private: true, want: []string{"private"}},
		{name: "token in the URL, private", says: []string{"private, max-age=60"}, secretURL: true, private: true, want: []string{"private, max-age=60"}},
		{name: "token in the URL, no-store", says: []string{"no-store"}, secretURL: true, private: true, want: []string{"no-store"}},
		{name: "token in the URL, no user", says: []string{"public"}, secretURL: true, want: []string{"private"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, rec := newGuarded(tc.private)
			w.SecretURL = tc.secretURL
			if tc.says != nil {
				w.Header()["Cache-Control"] = tc.says
			}
			w.WriteHeader(200)
			if got := rec.Result().Header["Cache-Control"]; !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// A cache is told what the answer depends on, beside what the site says.
func TestGuardedVary(t *testing.T) {
	for _, tc := range []struct {
		name, vary string
		says, want []string
	}{
		{"nothing said", "Cookie", nil, []string{"Cookie"}},
		{"something else said", "Cookie", []string{"Accept-Encoding"}, []string{"Accept-Encoding", "Cookie"}},
		{"said already, as by a guard within", "Cookie", []string{"Cookie"}, []string{"Cookie"}},
		{"depends on nothing", "", []string{"Origin"}, []string{"Origin"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, rec := newGuarded(true)
			w.Vary = tc.vary
			if tc.says != nil {
				w.Header()["Vary"] = tc.says
			}
			w.WriteHeader(200)
			if got := rec.Result().Header["Vary"]; !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// Whichever way an answer is begun, and whatever its status, it is marked; and
// once, since headers that come later belong to somebody else.
func TestGuardedAnswersAreMarkedHoweverTheyBegin(t *testing.T) {
	for name, begin := range map[string]func(w *guardedWriter){
		"status":   func(w *guardedWriter) { w.WriteHeader(404) },
		"body":     func(w *guardedWriter) { _, _ = w.Write([]byte("x")) },
		"no body":  func(w *guardedWriter) { _, _ = w.Write(nil) },
		"text":     func(w *guardedWriter) { _, _ = io.WriteString(w, "x") },
		"copied":   func(w *guardedWriter) { _, _ = io.Copy(w, strings.NewReader("x")) },
		"ReadFrom": func(w *guardedWriter) { _, _ = w.ReadFrom(strings.NewReader("x")) },
		"flushed":  func(w *guardedWriter) { _ = http.NewResponseController(w).Flush() },
		"not":      func(w *guardedWriter) {},
	} {
		t.Run(name, func(t *testing.T) {
			w, rec := newGuarded(true)
			begin(w)
			begun := rec.Header().Get("Cache-Control")
			w.finish() // as the guard does at the end
			if name != "not" && begun != "private, no-cache" {
				t.Errorf("begun with %q", begun)
			}
			if got := rec.Header()["Cache-Control"]; !slices.Equal(got, []string{"private, no-cache"}) {
				t.Errorf("Cache-Control %q", got)
			}
			if got := rec.Header()["Vary"]; !slices.Equal(got, []string{"Authorization, Cookie"}) {
				t.Errorf("Vary %q", got)
			}
		})
	}
}

// What is only announced is not marked: what the site says with the answer itself
// is what counts.
func TestGuardedInformationalAnswers(t *testing.T) {
	w, rec := newGuarded(true)
	w.WriteHeader(http.StatusEarlyHints)
	if got := rec.Header()["Cache-Control"]; got != nil {
		t.Errorf("early hints have Cache-Control %q", got)
	}
	w.Header().Set("Cache-Control", "max-age=60")
	w.WriteHeader(200)
	if got := rec.Header()["Cache-Control"]; !slices.Equal(got, []string{"max-age=60, private"}) {
		t.Errorf("Cache-Control %q", got)
	}
	// A second status is a mistake of a handler's, and changes nothing more.
	w.Header().Set("Cache-Control", "max-age=1")
	w.WriteHeader(500)
	w.finish()
	if got := rec.Header()["Cache-Control"]; !slices.Equal(got, []string{"max-age=1"}) {
		t.Errorf("marked a second time: %q", got)
	}
}

// fast is a writer that can take a file without copying it, as net/http's can.
type fast struct {
	*httptest.ResponseRecorder
	took, flushed int
}

func (f *fast) ReadFrom(r io.Reader) (int64, error) {
	f.took++
	return io.Copy(f.ResponseRecorder, r)
}

func (f *fast) Flush() { f.flushed++ }

// A guard takes no speed from a file, nor a stream its pieces.
func TestGuardedWriterPassesOn(t *testing.T) {
	f := &fast{ResponseRecorder: httptest.NewRecorder()}
	w := &guardedWriter{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: f}, Answer: guard.Answer{Marks: guard.Marks{Private: true, Request: &http.Request{}}}}
	w.Of(new(guard.Request), false)
	if n, err := io.Copy(w, io.LimitReader(strings.NewReader("a file"), 4)); n != 4 || err != nil || f.took != 1 || f.Body.String() != "a fi" {
		t.Errorf("%d, %v, %d, %q", n, err, f.took, f.Body)
	}
	if err := http.NewResponseController(w).Flush(); err != nil || f.flushed != 1 {
		t.Errorf("%v, flushed %d times", err, f.flushed)
	}
	if n, err := w.Write([]byte("le")); n != 2 || err != nil || f.Body.String() != "a file" || f.Code != 200 {
		t.Errorf("%d, %v, %d %q", n, err, f.Code, f.Body)
	}
	if w.Unwrap() != http.ResponseWriter(f) {
		t.Error("what is within cannot be reached, as to hijack the connection of a websocket")
	}
}
