package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
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
	t.closed = &guard.SignInPages{
		Realm: t.realm.name,
		Pages: &pages.Server{BasePath: t.BasePath, Theme: theme, Mount: mount, Report: t.report},
	}
	return nil
}

// openPages joins the pages with the open realm.
func (t *TokenServer) openPages(in *realm.Realm) *pages.Server {
	if t.closed == nil {
		return nil
	}
	open := *t.closed.Pages
	open.SignIn = in.SignIn
	open.Users = in.Users()
	open.Sessions = in.Sessions(signin.ViaForm)
	open.Lifetimes = in.Lifetimes
	open.Cookies = pageCookies{in}
	open.ClientIP = clientIP
	open.ReturnOrigin = func(r *http.Request, origin *url.URL) bool {
		return t.realm.app.sites.returnsTo(t.realm, r, origin)
	}
	return &open
}

// pageCookies are the cookies of a realm, for its pages.
type pageCookies struct{ realm *realm.Realm }

// Principal implements [pages.Cookies].
func (c pageCookies) Principal(r *http.Request) (p *policy.Principal, presented bool, err error) {
	v, presented, err := c.realm.Presented(r, stateOf(r).TakeCookies(r, c.realm.Name), false, realm.Verdict{})
	if errors.Is(err, realm.ErrUnavailable) {
		return nil, true, fmt.Errorf("%w: %w", pages.ErrUnavailable, err)
	}
	return v.Principal, presented, nil
}

// Set implements [pages.Cookies].
func (c pageCookies) Set(w http.ResponseWriter, r *http.Request, value string, maxAge time.Duration) {
	c.realm.Recorder.Issued(audit.Cookie)
	stateOf(r).SetCookies(w, c.realm.Jar.Session(r, value, maxAge))
}

// Device implements [pages.Cookies].
func (c pageCookies) Device(r *http.Request) string {
	for _, value := range c.realm.Jar.DeviceValues(r, stateOf(r).TakeCookies(r, c.realm.Name)) {
		if id, err := c.realm.Manager().ParseDeviceCookie(value); err == nil {
			return id
		}
	}
	return session.NewDevice()
}

// SetDevice implements [pages.Cookies].
func (c pageCookies) SetDevice(w http.ResponseWriter, r *http.Request, id string) error {
	value, err := c.realm.Manager().DeviceCookie(id)
	if err != nil {
		return err
	}
	stateOf(r).SetCookies(w, c.realm.Jar.Device(r, value))
	return nil
}

// HostHidden implements [pages.Cookies].
func (c pageCookies) HostHidden(r *http.Request) bool { return cookie.HostHidden(r) }

// Clear implements [pages.Cookies].
func (c pageCookies) Clear(w http.ResponseWriter, r *http.Request) {
	stateOf(r).ClearCookies(w, r, c.realm.Jar, originalURL(r).EscapedPath())
}

// mount is what a handle_path, or a uri strip_prefix, took off the path.
func mount(r *http.Request) string { return guard.Mount(originalURL(r), r.URL.Path) }

// Interface guards
var (
	_ pages.SignIn   = (*signin.Service)(nil)
	_ pages.Users    = realm.Users{}
	_ pages.Cookies  = pageCookies{}
	_ pages.Sessions = realm.Sessions{}
)
