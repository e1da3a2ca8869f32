package pages_test

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// jar is a simple implementation of Cookies.
type jar struct {
	*site
	// err is the error of Principal.
	err error
	// kept is how long the last cookie was to be kept, -1 where none was set.
	kept time.Duration
	// device is the id of the browser that was last set, deviceErr the error of
	// SetDevice.
	device    string
	deviceErr error
}

func (j *jar) Principal(r *http.Request) (p *policy.Principal, presented bool, err error) {
	if j.err != nil {
		return nil, true, j.err
	}
	c, err := r.Cookie("jwtauth")
	if err != nil {
		return nil, false, nil
	}
	sid, err := j.sessions.ParseCookie(c.Value)
	if err != nil {
		return nil, true, nil
	}
	one, err := j.sessions.Live(r.Context(), sid)
	if errors.Is(err, session.ErrNotFound) {
		return nil, true, nil
	} else if err != nil {
		return nil, true, fmt.Errorf("%w: %w", pages.ErrUnavailable, err)
	}
	entry, err := j.users.Lookup(r.Context(), one.User)
	if err != nil {
		return nil, true, fmt.Errorf("%w: %w", pages.ErrUnavailable, err)
	}
	return &policy.Principal{Username: entry.Username, FullName: entry.FullName, Roles: entry.Roles, Session: sid}, true, nil
}

func (j *jar) Set(w http.ResponseWriter, _ *http.Request, value string, maxAge time.Duration) {
	j.kept = maxAge
	http.SetCookie(w, &http.Cookie{Name: "jwtauth", Value: value, Path: "/"})
}

// Device returns the value of the cookie of that name, or a fixed id without one.
func (j *jar) Device(r *http.Request) string {
	if c, err := r.Cookie("device"); err == nil {
		return c.Value
	}
	return "new"
}

func (j *jar) SetDevice(_ http.ResponseWriter, _ *http.Request, id string) error {
	j.device = id
	return j.deviceErr
}

// HostHidden reports whether the request has the header of that name.
func (j *jar) HostHidden(r *http.Request) bool { return r.Header.Get("Host-Hidden") != "" }

func (j *jar) Clear(w http.ResponseWriter, _ *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "jwtauth", Path: "/", MaxAge: -1})
}
