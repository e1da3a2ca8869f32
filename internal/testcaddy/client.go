package testcaddy

import (
	"io"
	"net/http"
	"strings"
)

// Client follows no redirects and has a new connection for each request, so that
// stopping a server waits for none.
var Client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       Patience,
}

// Answer is a response whose body was read.
type Answer struct {
	*http.Response
	Body string
}

// Option changes a request before it is sent.
type Option func(*http.Request)

// Header adds a header exactly as it is spelled.
func Header(name, value string) Option {
	return func(r *http.Request) { r.Header[name] = append(r.Header[name], value) }
}

// Bearer adds a token.
func Bearer(token string) Option { return Header("Authorization", "Bearer "+token) }

// Cookie adds pairs of a name and a value, in one line.
func Cookie(pairs ...string) Option { return Header("Cookie", strings.Join(pairs, "; ")) }

// Host is the host that is asked for, whatever address the request goes to.
func Host(name string) Option { return func(r *http.Request) { r.Host = name } }

// Form is the type of a form.
func Form() Option { return Header("Content-Type", "application/x-www-form-urlencoded") }

// Do sends a request with a client and reads the answer.
func Do(client *http.Client, r *http.Request, options ...Option) (Answer, error) {
	for _, o := range options {
		o(r)
	}
	response, err := client.Do(r)
	if err != nil {
		return Answer{}, err
	}
	return Read(response)
}

// Read reads the body of a response.
func Read(response *http.Response) (Answer, error) {
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return Answer{response, string(text)}, err
}
