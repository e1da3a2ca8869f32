package explain

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/lint"
)

// visitorAddress is where requests come from: an address for documentation (RFC 5737).
const visitorAddress = "192.0.2.1:1024"

// ErrNotServed is wrapped by the error for a URL that no site of the config serves.
var ErrNotServed = errors.New("no site of this config serves it")

// Parse reads a method and a URL as a person types them.
func Parse(method, text string) (string, *url.URL, error) {
	method = strings.ToUpper(method)
	if !httpguts.ValidHeaderFieldName(method) || len(method) > 32 {
		return "", nil, fmt.Errorf("%q is no method: write GET or POST, for example", method)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || !httpguts.ValidHostHeader(u.Host) {
		// What was typed is not repeated: it may have a password in it.
		return "", nil, errors.New("this is no URL of a site: write https://example.com/path, without a user name")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return method, u, nil
}

// find is the server that gets requests for a URL, and the request.
func (a *Routes) find(method string, u *url.URL) (*server, error) {
	port := cmp.Or(u.Port(), lint.DefaultPorts[u.Scheme])
	request := newRequest(context.Background(), method, u)
	var open *server // the first that is for every host
	for _, s := range a.servers {
		if !lint.OnSocket(s.original) && (!slices.Contains(s.ports, port) || !s.listensFor(u.Hostname())) {
			continue
		}
		if scheme := lint.SchemeOf(s.original); !lint.OnSocket(s.original) && scheme != u.Scheme {
			return nil, fmt.Errorf("%w: port %s speaks %s", ErrNotServed, port, scheme)
		}
		switch named, any := s.hasSite(request); {
		case named:
			return s, nil
		case any && open == nil:
			open = s
		}
	}
	if open != nil {
		return open, nil
	}
	var names []string
	for _, site := range a.sites {
		if len(site.Addresses) == 0 {
			names = append(names, site.String())
		}
		names = append(names, site.Addresses...)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: it has no site with a guard or an answer", ErrNotServed)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("%w: it has %s", ErrNotServed, strings.Join(slices.Compact(names), ", "))
}

// listensFor reports whether one of the server's addresses is that of a host, which
// counts where both are an IP address.
func (s *server) listensFor(host string) bool {
	ip := net.ParseIP(host)
	if ip == nil {
		return true
	}
	for _, text := range s.original.Listen {
		address, err := caddy.ParseNetworkAddress(text)
		if err != nil {
			continue
		}
		if bound := net.ParseIP(address.Host); bound == nil || bound.IsUnspecified() || bound.Equal(ip) {
			return true
		}
	}
	return false
}

// hasSite reports whether a route of the server names the request's host, or is for all.
func (s *server) hasSite(r *http.Request) (named, any bool) {
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), &sink{header: make(http.Header)}, s.original)
	for _, route := range s.original.Routes {
		any = any || len(route.MatcherSets) == 0
		for _, set := range route.MatcherSets {
			byHost, matches := false, true
			for _, matcher := range set {
				if hosts, ok := matcher.(*caddyhttp.MatchHost); ok {
					match, err := hosts.MatchWithError(r)
					byHost, matches = true, matches && match && err == nil
				}
			}
			named, any = named || byHost && matches, any || !byHost
		}
	}
	return named, any
}

func newRequest(ctx context.Context, method string, u *url.URL) *http.Request {
	r := &http.Request{
		Method: method, URL: &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, ForceQuery: u.ForceQuery},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header), Body: http.NoBody,
		Host: u.Host, RequestURI: u.RequestURI(), RemoteAddr: visitorAddress,
	}
	if u.Scheme == "https" {
		r.TLS = &tls.ConnectionState{ServerName: u.Hostname(), HandshakeComplete: true, Version: tls.VersionTLS13}
	}
	return r.WithContext(ctx)
}

// run sends a request of a visitor through the routes, as Caddy's server does.
func (s *server) run(ctx context.Context, method string, u *url.URL, visitor Visitor) *Trace {
	t := &Trace{Visitor: visitor}
	w := &sink{header: make(http.Header)}
	r := caddyhttp.PrepareRequest(newRequest(t.in(ctx), method, u), caddy.NewReplacer(), w, s.original)
	r = r.WithContext(context.WithValue(r.Context(), caddyhttp.ServerCtxKey, s.routed)) // for invoke
	err := s.primary.ServeHTTP(w, r)
	if err != nil {
		err = s.fail(w, r, err)
	}
	if t.outcome.AnsweredBy == "" {
		// Caddy ends the request: with an empty 200, or with the status of the error.
		t.outcome.Status, t.outcome.Path = cmp.Or(w.status, http.StatusOK), r.URL.Path
		if err != nil {
			t.outcome.Status = statusOf(err)
		}
	}
	return t
}

// fail sends a request through the error routes. The error is that of a request which
// they do not answer either.
func (s *server) fail(w *sink, r *http.Request, err error) error {
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		r.Method, r.RemoteAddr, r.RequestURI = original.Method, original.RemoteAddr, original.RequestURI
		*r.URL = *original.URL
	}
	if s.errors == nil || len(s.routed.Errors.Routes) == 0 || s.errors.ServeHTTP(w, s.original.Errors.WithError(r, err)) != nil {
		return err
	}
	return nil
}

func statusOf(err error) int {
	if failed, ok := errors.AsType[caddyhttp.HandlerError](err); ok && failed.StatusCode != 0 {
		return failed.StatusCode
	}
	return http.StatusInternalServerError
}

// unanswered ends a request that no handler answers, as Caddy's own end does.
var unanswered = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })

// endOfErrors ends one that no error route answers.
var endOfErrors = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
	err, _ := r.Context().Value(caddyhttp.ErrorCtxKey).(error)
	w.WriteHeader(statusOf(err))
	return nil
})

// sink takes answers and keeps only the status.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header    { return s.header }
func (s *sink) WriteHeader(status int) { s.status = cmp.Or(s.status, status) }

func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
