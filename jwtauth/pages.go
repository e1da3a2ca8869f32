package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
)

// provisionPages loads what the pages look like.
func (t *TokenServer) provisionPages() error {
	if t.Pages == pagesOff {
		return nil
	}
	repl := caddy.NewReplacer()
	options := pages.ThemeOptions{}
	for _, option := range []struct {
		name, value string
		into        *string
	}{
		{"title", t.Title, &options.Title}, {"logo", t.Logo, &options.Logo}, {"theme", t.Theme, &options.Folder},
	} {
		var err error
		if *option.into, err = expand(repl, option.value); err != nil {
			return fmt.Errorf("%s: %w", option.name, err)
		}
	}
	theme, err := pages.LoadTheme(options)
	if err != nil {
		return err
	}
	t.look = &pages.Server{BasePath: t.BasePath, Theme: theme, Mount: mountPoint, Report: t.report}
	return nil
}

// buildPages wires the pages to the realm.
func (t *TokenServer) buildPages(realm *opened) *pages.Server {
	if t.look == nil {
		return nil
	}
	pages := *t.look
	pages.SignIn = realm.signIn
	pages.Users = pageUsers{realm.liveUsers(), realm}
	pages.Sessions = auditedSessions{realm.sessions, realm, signin.ViaForm}
	pages.Lifetimes = realm.lifetimes
	pages.Cookies = pageCookies{realm}
	pages.ClientIP = clientIP
	pages.ReturnOrigin = func(r *http.Request, origin *url.URL) bool {
		return t.realm.app.sites.returnsTo(t.realm, r, origin)
	}
	return &pages
}

// pageUsers are the users of the live realm, for the account page.
type pageUsers struct {
	liveUsers
	realm *opened
}

// ChangePassword implements [pages.Users].
func (u pageUsers) ChangePassword(ctx context.Context, username, from, to string, begin session.Session) error {
	err := u.state.users().ChangePassword(ctx, username, from, to, begin)
	if err == nil {
		u.realm.audit(ctx, eventPasswordChanged, record{user: username, session: begin.ID, via: signin.ViaAccount})
	}
	return err
}

// pageCookies is the session cookie of a realm, for its pages.
type pageCookies struct{ realm *opened }

// Principal implements [pages.Cookies].
func (c pageCookies) Principal(r *http.Request) (p *policy.Principal, presented bool, err error) {
	p, presented, err = c.realm.presentedBy(r, stateOf(r).takeCookies(r, c.realm.name), false)
	if errors.Is(err, errUnavailable) {
		return nil, true, fmt.Errorf("%w: %w", pages.ErrUnavailable, err)
	}
	return p, presented, nil
}

// Set implements [pages.Cookies].
func (c pageCookies) Set(w http.ResponseWriter, r *http.Request, value string, maxAge time.Duration) {
	c.realm.metrics.cookiesIssued.Inc()
	c.realm.jar.set(w, r, value, maxAge)
}

// Device implements [pages.Cookies].
func (c pageCookies) Device(r *http.Request) string {
	for _, value := range c.realm.jar.deviceValues(r, stateOf(r).takeCookies(r, c.realm.name)) {
		if id, err := c.realm.sessions.ParseDeviceCookie(value); err == nil {
			return id
		}
	}
	return session.NewDevice()
}

// SetDevice implements [pages.Cookies].
func (c pageCookies) SetDevice(w http.ResponseWriter, r *http.Request, id string) error {
	value, err := c.realm.sessions.DeviceCookie(id)
	if err != nil {
		return err
	}
	setCookie(w, r, c.realm.jar.deviceCookie(r, value))
	return nil
}

// HostHidden implements [pages.Cookies].
func (c pageCookies) HostHidden(r *http.Request) bool { return hostHidden(r) }

// Clear implements [pages.Cookies].
func (c pageCookies) Clear(w http.ResponseWriter, r *http.Request) { c.realm.clearCookies(w, r) }

// originalURL is what the client asked for, before any handler rewrote it.
func originalURL(r *http.Request) *url.URL {
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		return original.URL
	}
	return r.URL
}

// mountPoint is what a handle_path, or a uri strip_prefix, took off the path. It
// becomes the beginning of links: what is no plain path is none.
func mountPoint(r *http.Request) string { return mountBefore(r, r.URL.Path) }

// mountBefore is the mount point of a handler that the request came to with that
// path.
func mountBefore(r *http.Request, path string) string {
	mount, ok := strings.CutSuffix(originalURL(r).Path, path)
	if !ok || !strings.HasPrefix(mount, "/") || strings.HasPrefix(mount, "//") || strings.ContainsAny(mount, `\?#%`) {
		return ""
	}
	return mount
}

// Interface guards
var (
	_ pages.SignIn   = (*signin.Service)(nil)
	_ pages.Users    = pageUsers{}
	_ pages.Cookies  = pageCookies{}
	_ pages.Sessions = auditedSessions{}
)
