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
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/login"
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
	options := login.Options{}
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
	theme, err := login.Load(options)
	if err != nil {
		return err
	}
	t.closed = &guard.SignInPages{
		Realm: t.realm.name,
		Pages: &login.Server{BasePath: t.BasePath, Theme: theme, Mount: mount, Report: t.report},
	}
	return nil
}

// openPages joins the pages with the open realm.
func (t *TokenServer) openPages(in *realm.Realm) *login.Server {
	if t.closed == nil {
		return nil
	}
	pages := *t.closed.Pages
	pages.SignIn = in.SignIn
	pages.Users = in.Users()
	pages.Sessions = in.Sessions(signin.ViaForm)
	pages.Lifetimes = in.Lifetimes
	pages.Cookies = pageCookies{in}
	pages.ClientIP = clientIP
	pages.ReturnOrigin = func(r *http.Request, origin *url.URL) bool {
		return t.realm.app.sites.returnsTo(t.realm, r, origin)
	}
	return &pages
}

// pageCookies are the cookies of a realm, for its pages.
type pageCookies struct{ *realm.Realm }

// Principal implements [login.Cookies].
func (c pageCookies) Principal(r *http.Request) (p *policy.Principal, presented bool, err error) {
	p, presented, err = c.Presented(r, stateOf(r).TakeCookies(r, c.Name), false)
	if errors.Is(err, realm.ErrUnavailable) {
		return nil, true, fmt.Errorf("%w: %w", login.ErrUnavailable, err)
	}
	return p, presented, nil
}

// Set implements [login.Cookies].
func (c pageCookies) Set(w http.ResponseWriter, r *http.Request, value string, maxAge time.Duration) {
	c.Recorder.Issued(audit.Cookie)
	stateOf(r).SetCookies(w, c.Jar.Session(r, value, maxAge))
}

// Device implements [login.Cookies].
func (c pageCookies) Device(r *http.Request) string {
	for _, value := range c.Jar.DeviceValues(r, stateOf(r).TakeCookies(r, c.Name)) {
		if id, err := c.Manager().ParseDeviceCookie(value); err == nil {
			return id
		}
	}
	return session.NewDevice()
}

// SetDevice implements [login.Cookies].
func (c pageCookies) SetDevice(w http.ResponseWriter, r *http.Request, id string) error {
	value, err := c.Manager().DeviceCookie(id)
	if err != nil {
		return err
	}
	stateOf(r).SetCookies(w, c.Jar.Device(r, value))
	return nil
}

// HostHidden implements [login.Cookies].
func (c pageCookies) HostHidden(r *http.Request) bool { return cookie.HostHidden(r) }

// Clear implements [login.Cookies].
func (c pageCookies) Clear(w http.ResponseWriter, r *http.Request) {
	stateOf(r).ClearCookies(w, r, c.Jar, originalURL(r).EscapedPath())
}

// mount is what a handle_path, or a uri strip_prefix, took off the path.
func mount(r *http.Request) string { return guard.Mount(originalURL(r), r.URL.Path) }

// Interface guards
var (
	_ login.SignIn   = (*signin.Service)(nil)
	_ login.Users    = realm.Users{}
	_ login.Cookies  = pageCookies{}
	_ login.Sessions = realm.Sessions{}
)
