package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
)

const (
	dialTimeout = 5 * time.Second
	// callTimeout is for the slowest request: it waits for a realm to be
	// opened, and hashes a password.
	callTimeout = time.Minute
	maxAnswer   = 64 << 20
)

// api speaks the admin API for one realm, or for the whole config, with or without a
// server.
type api struct {
	realm     string // "" for the whole config
	origin    string // scheme and host of the URLs
	transport http.RoundTripper
	close     func()
}

// apiError is an answer other than 2xx.
type apiError struct {
	status  int
	message string
}

func (e *apiError) Error() string { return e.message }

// call sends in as JSON (nil: no body) and reads the answer into out (nil: it
// is not wanted). An answer other than 2xx is an *apiError. It waits for the answer
// until the deadline of ctx, without one for callTimeout.
func (a *api) call(ctx context.Context, method, name string, query url.Values, in, out any) error {
	if _, set := ctx.Deadline(); !set {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	address := a.origin + adminapi.Path + name
	if a.realm != "" {
		address = a.origin + adminapi.Path + url.PathEscape(a.realm) + "/" + name
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var body io.Reader = http.NoBody
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return newAPIError(response, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return errors.New("the answer is not one of jwtauth: is it Caddy that listens there?")
	}
	return nil
}

// newAPIError reads an error in the form of Caddy's admin API.
func newAPIError(response *http.Response, answer []byte) *apiError {
	var body struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(answer, &body) != nil || body.Error == "" {
		body.Error = response.Status
	}
	return &apiError{status: response.StatusCode, message: body.Error}
}

// hasStatus reports whether err is an answer of that status.
func hasStatus(err error, status int) bool {
	var answer *apiError
	return errors.As(err, &answer) && answer.status == status
}

// adminTransport carries requests to the admin API of a running Caddy.
type adminTransport struct {
	address caddy.NetworkAddress
	http    *http.Transport
}

// newAdminAPI returns the API at an address as Caddy's config has it.
func newAdminAPI(address, realm string) (*api, error) {
	parsed, err := caddy.ParseNetworkAddress(address)
	if err != nil || parsed.PortRangeSize() > 1 || !parsed.IsUnixNetwork() && parsed.StartPort == 0 {
		return nil, fmt.Errorf("%q is not the address of an admin API: give one such as localhost:2019 or unix//run/caddy.sock with --address", address)
	}
	origin := "http://" + parsed.JoinHostPort(0)
	if parsed.IsUnixNetwork() {
		origin = "http://127.0.0.1"
		parsed.Host, _, _ = strings.Cut(parsed.Host, "|") // the socket's permissions
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	transport := &adminTransport{address: parsed, http: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, parsed.Network, parsed.JoinHostPort(0))
		},
	}}
	return &api{realm: realm, origin: origin, transport: transport, close: transport.http.CloseIdleConnections}, nil
}

// RoundTrip implements [http.RoundTripper].
func (t *adminTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.address.IsUnixNetwork() {
		// Caddy compares it with the addresses it listens on.
		r.Header.Set("Origin", "http://"+r.URL.Host)
	}
	return t.http.RoundTrip(r)
}

// noServer reports an error that says that no server took the connection.
func noServer(err error) bool {
	const wsaConnRefused = syscall.Errno(10061) // on Windows
	for _, refusal := range []error{
		syscall.ECONNREFUSED, wsaConnRefused, fs.ErrNotExist,
		// localhost where there is no IPv6
		syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT,
	} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// handlerTransport carries requests to a handler of this process.
type handlerTransport struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := &recorder{header: make(http.Header), status: http.StatusOK}
	t.handler.ServeHTTP(answer, r)
	return &http.Response{
		StatusCode: answer.status, Status: fmt.Sprintf("%d %s", answer.status, http.StatusText(answer.status)),
		Header: answer.header, Body: io.NopCloser(&answer.body), Request: r,
	}, nil
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// Interface guards
var (
	_ error               = (*apiError)(nil)
	_ http.RoundTripper   = (*adminTransport)(nil)
	_ http.RoundTripper   = handlerTransport{}
	_ http.ResponseWriter = (*recorder)(nil)
)
