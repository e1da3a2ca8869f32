package browser

import (
	"slices"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// Cookie is a cookie that the browser keeps.
type Cookie struct {
	Name, Value string
	// Domain begins with a dot where the cookie is for the hosts below it too.
	Domain, Path string
	// Expires is zero for a cookie that ends with the browser.
	Expires          time.Time
	HTTPOnly, Secure bool
	// SameSite is Strict, Lax or None, or "" where the site did not say.
	SameSite string
}

// Cookies are all cookies of the browser, or of the private window, for
// whatever site.
func (p *Page) Cookies() []Cookie {
	p.t.Helper()
	result := callBrowser(p, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: p.window()})
	list := make([]Cookie, 0, len(result.Cookies))
	for _, c := range result.Cookies {
		cookie := Cookie{
			Name: c.Name, Value: c.Value, Domain: c.Domain, Path: c.Path,
			HTTPOnly: c.HTTPOnly, Secure: c.Secure, SameSite: string(c.SameSite),
		}
		if !c.Session {
			cookie.Expires = time.UnixMilli(int64(c.Expires * 1000))
		}
		list = append(list, cookie)
	}
	return list
}

// SetCookie sets a cookie as a site does: for its own host, unless Domain begins
// with a dot. Without a Domain that is the host of the page, and without a Path
// all of it.
func (p *Page) SetCookie(c Cookie) {
	p.t.Helper()
	param := &network.CookieParam{
		Name: c.Name, Value: c.Value, Domain: c.Domain, Path: c.Path,
		HTTPOnly: c.HTTPOnly, Secure: c.Secure, SameSite: network.CookieSameSite(c.SameSite),
	}
	if param.Domain == "" {
		param.Domain = p.text("location.hostname")
	}
	if param.Path == "" {
		param.Path = "/"
	}
	if !c.Expires.IsZero() {
		param.Expires = cdp.TimeSinceEpoch(c.Expires.UnixMilli()) / 1000
	}
	callBrowser(p, storage.SetCookies, storage.SetCookiesParams{
		Cookies: []*network.CookieParam{param}, BrowserContextID: p.window(),
	})
}

// DeleteCookies deletes the cookies of these names, of whatever site, or all
// cookies.
func (p *Page) DeleteCookies(names ...string) {
	p.t.Helper()
	if len(names) == 0 {
		callBrowser(p, storage.ClearCookies, storage.ClearCookiesParams{BrowserContextID: p.window()})
		return
	}
	for _, c := range p.Cookies() {
		if !slices.Contains(names, c.Name) {
			continue
		}
		if _, err := call(p, network.DeleteCookies, network.DeleteCookiesParams{Name: c.Name, Domain: c.Domain, Path: c.Path}); err != nil {
			p.fail("delete the cookie "+c.Name, err)
		}
	}
}

// window is the private window of the page, if it is in one.
func (p *Page) window() cdp.BrowserContextID {
	return chromedp.FromContext(p.ctx).BrowserContextID
}
