package explain

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/intercept"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/lint"
)

// What becomes of Caddy's handlers, by the names of their modules. The others that are
// met are told as unknown, and pass the request on.
var (
	// kept only look at the request and change it.
	kept = []string{"invoke", "rewrite", "vars", "map", "headers"}
	// passed do nothing that changes who answers.
	passed = []string{
		"encode", "templates", "tracing", "timeouts", "request_body", "log_append", "push", "copy_response_headers",
	}
	// answering answer every request. copy_response passes on the answer of an upstream.
	answering = []string{"metrics", "copy_response"}
)

// step is a handler made for asking.
type step func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (s step) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return s(w, r, next)
}

// handler is a handler of a route, made for asking.
func (b *builder) handler(route caddyhttp.Route, handler caddyhttp.MiddlewareHandler, trail []string) caddyhttp.MiddlewareHandler {
	if name := lint.Name(route, handler); name != "" {
		trail = append(slices.Clip(trail), name)
	}
	where := strings.Join(trail, " > ")
	if h, ok := handler.(caddyhttp.StaticResponse); ok { // that of automatic HTTPS
		handler = &h
	}
	switch h := handler.(type) {
	case Ours:
		return step(func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
			t := traceOf(r)
			t.where = where
			return h.Explain(w, r, next, t)
		})
	case *caddyauth.Authentication:
		return authentication(h, where)
	case *caddyhttp.Subroute:
		built := &caddyhttp.Subroute{Routes: b.list(h.Routes, trail)}
		if h.Errors != nil {
			built.Errors = b.errors(h.Errors, trail)
		}
		return built
	case *intercept.Intercept:
		return intercepts(h, b.responses(h.HandleResponse, trail))
	case *caddyhttp.StaticError:
		return failing(h, where)
	case *caddyhttp.StaticResponse:
		if h.Abort {
			return step(func(_ http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
				t := traceOf(r)
				t.step(where, kindAnswer, "closes the connection")
				t.answer(r, where, 0)
				return nil
			})
		}
		return answers(h, where)
	case *fileserver.FileServer:
		return answers(h, where)
	case *reverseproxy.Handler:
		return proxy(b.responses(h.HandleResponse, trail), where)
	}
	name := "" // that of another module's handler may end as one of Caddy's does
	if module, ok := handler.(caddy.Module); ok {
		name, _ = strings.CutPrefix(string(module.CaddyModule().ID), "http.handlers.")
	}
	switch {
	case slices.Contains(kept, name):
		return rewrites(handler, where)
	case slices.Contains(passed, name):
		return step(func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
			return next.ServeHTTP(w, r)
		})
	case slices.Contains(answering, name):
		return answersUnasked(where)
	}
	return step(func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		t := traceOf(r)
		t.step(where, kindUnknown, "is of another module: what it does is not known here")
		t.Needs("no answer of " + where + " itself")
		return next.ServeHTTP(w, r)
	})
}

// rewrites runs a handler, and notes what it has made of the path.
func rewrites(handler caddyhttp.MiddlewareHandler, where string) step {
	return func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		method, path := r.Method, r.URL.Path
		return handler.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			t := traceOf(r)
			if r.URL.Path != path {
				t.step(where, kindRewrite, path+" becomes "+r.URL.Path)
			}
			if r.Method != method {
				t.step(where, kindRewrite, method+" becomes "+r.Method)
			}
			return next.ServeHTTP(w, r)
		}))
	}
}

// failing runs a handler that always fails.
func failing(handler caddyhttp.MiddlewareHandler, where string) step {
	return func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		err := handler.ServeHTTP(w, r, next)
		noteError(r, where, err)
		return err
	}
}

func noteError(r *http.Request, where string, err error) {
	if err != nil {
		traceOf(r).step(where, kindError, fmt.Sprintf("ends in the error %d", statusOf(err)))
	}
}

// head takes the status of an answer, and no body.
type head struct {
	*caddyhttp.ResponseWriterWrapper
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (h *head) WriteHeader(status int) {
	if h.status == 0 && status >= http.StatusOK {
		h.status = status
	}
	h.ResponseWriterWrapper.WriteHeader(status)
}

// errNotTaken ends the writing of a body, which may be long.
var errNotTaken = errors.New("the body is not taken")

func (h *head) Write([]byte) (int, error) {
	if h.status == 0 {
		h.WriteHeader(http.StatusOK)
	}
	return 0, errNotTaken
}

// ReadFrom implements [io.ReaderFrom].
func (h *head) ReadFrom(io.Reader) (int64, error) {
	_, err := h.Write(nil)
	return 0, err
}

// answers runs a handler that answers with what is on this machine, and keeps only the
// status. One that passes the request on is none.
func answers(handler caddyhttp.MiddlewareHandler, where string) step {
	return func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		on := false
		answer := &head{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
		err := handler.ServeHTTP(answer, r, caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
			on = true
			return next.ServeHTTP(w, r)
		}))
		switch {
		case on:
			return err
		case answer.status == 0 && err != nil:
			noteError(r, where, err)
			return err
		}
		t := traceOf(r)
		t.answer(r, where, answer.status)
		text := fmt.Sprintf("answers with %d", answer.status)
		if location, err := url.Parse(answer.Header().Get("Location")); err == nil && location.Path != "" {
			// Not the query: it may hold what is no one's business.
			t.outcome.Location = (&url.URL{Scheme: location.Scheme, Host: location.Host, Path: location.Path}).String()
			text += " and sends to " + t.outcome.Location
		}
		t.step(where, kindAnswer, text)
		return nil // a body that was not taken is no failure
	}
}

func answersUnasked(where string) step {
	return func(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
		t := traceOf(r)
		t.step(where, kindAnswer, "answers")
		t.answer(r, where, 0)
		w.WriteHeader(http.StatusOK) // for intercept
		return nil
	}
}

// proxy is a handler that asks an upstream: it answers, unless there are routes for an
// answer of 200, as those of forward_auth.
func proxy(responses []caddyhttp.ResponseHandler, where string) step {
	plain := answersUnasked(where)
	return func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		for _, response := range responses {
			if response.Match != nil && !response.Match.Match(http.StatusOK, http.Header{}) {
				continue
			}
			if response.StatusCode != "" {
				break
			}
			t := traceOf(r)
			t.step(where, kindAsks, "asks its upstream first")
			t.Needs("200 as the answer of the upstream of " + where)
			return response.Routes.Compile(next).ServeHTTP(w, r)
		}
		return plain(w, r, next)
	}
}

// intercepts is Caddy's handler of that name, with other routes.
func intercepts(h *intercept.Intercept, responses []caddyhttp.ResponseHandler) step {
	built := *h
	built.HandleResponse = responses
	return func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		return built.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			err := next.ServeHTTP(w, r)
			if t := traceOf(r); t.outcome.AnsweredBy != "" && t.outcome.Status == 0 {
				t.Needs("200 as the answer of " + t.outcome.AnsweredBy)
			}
			return err
		}))
	}
}

// authentication is Caddy's handler of that name. Where a provider of this module is
// among others, they are left out: it is asked.
func authentication(h *caddyauth.Authentication, where string) step {
	var names []string
	for name, provider := range h.Providers {
		if ours, ok := provider.(Ours); ok {
			return func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
				t := traceOf(r)
				t.where = where
				return ours.Explain(w, r, next, t)
			}
		}
		names = append(names, name)
	}
	return func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		t := traceOf(r)
		t.step(where, kindAsks, "asks for a credential of its own ("+strings.Join(slices.Sorted(slices.Values(names)), ", ")+")")
		if t.Principal == nil {
			t.where = where
			t.Refuse(r, http.StatusUnauthorized, "not authenticated", "", false)
			return caddyhttp.Error(http.StatusUnauthorized, fmt.Errorf("not authenticated"))
		}
		t.Needs("the credential that " + where + " asks for")
		return next.ServeHTTP(w, r)
	}
}
