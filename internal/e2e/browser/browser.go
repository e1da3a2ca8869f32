// Package browser lets tests see a site as people do: it drives the Chromium
// that the system has, without a window, and checks pages with axe-core.
//
//	b := browser.Start(t)
//	b.Open(c.URL("/users/sign-in"))
//	b.Fill("#name", "anna")
//	b.Fill("#password", "correct horse")
//	b.Click("button") // and waits for the page that comes
//	if b.Status() != http.StatusOK || !strings.Contains(b.Text(), "Hello anna") {
//		t.Errorf("%d\n%s", b.Status(), b.Text())
//	}
//	b.CheckAccessibility()
//
// A start takes about half a second, and a tab of a browser that runs less:
//
//	narrow := b.Tab(browser.Width(320), browser.Dark())
//
// The browser sees this machine only: 127.0.0.1, and localhost with every name
// under it. Every wait is bounded, and the test fails with what was waited for,
// the address and the text of the page. Nothing is skipped: where there is no
// Chromium the test fails and says what to install.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// Patience bounds every wait for the browser.
const Patience = 30 * time.Second

// EnvChromium names the browser, where it is not one of the usual ones.
const EnvChromium = "CHROMIUM"

// names are the commands that are tried without it, the best first.
var names = []string{"/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"}

// hosts leaves Chromium only this machine: without it each page with a form is
// told to Google, and what a page loads depends on the network.
const hosts = "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1"

// preferences make Chromium refuse all cookies, as its settings do.
const preferences = `{"profile":{"default_content_setting_values":{"cookies":2}}}`

// Browser is a Chromium that runs. It has one page from the start, whose methods
// are its own, and more with [Page.Tab].
type Browser struct {
	*Page
	end     context.CancelFunc // kills what is left of it
	stopped bool
}

// Option changes the browser that Start starts or, where it says so, only the
// page that [Page.Tab] opens.
type Option func(*options)

type options struct {
	process
	view
	private bool
}

// process is what holds for the whole browser.
type process struct {
	profile            string
	noCookies          bool
	ignoreCertificates bool
}

// view is what may differ from page to page.
type view struct {
	noScript bool
	dark     bool
	width    int
	zoom     float64
	language string
}

// Profile keeps the profile in that folder, so that the next browser that is
// started with it has the cookies that outlive a browser.
func Profile(dir string) Option { return func(o *options) { o.profile = dir } }

// NoCookies blocks all cookies, as people can in the settings of their browser.
// [Page.SetCookie] sets some all the same, but no site sees them.
func NoCookies() Option { return func(o *options) { o.noCookies = true } }

// IgnoreCertificateErrors takes the certificate of every site for a good one.
func IgnoreCertificateErrors() Option { return func(o *options) { o.ignoreCertificates = true } }

// NoJavaScript runs no script of a page. It is for one page too.
func NoJavaScript() Option { return func(o *options) { o.noScript = true } }

// Dark prefers dark colours; without it light ones are preferred. It is for one
// page too.
func Dark() Option { return func(o *options) { o.dark = true } }

// Width is how wide the window is, in pixels. Default: 1280. It is for one page
// too.
func Width(pixels int) Option { return func(o *options) { o.width = pixels } }

// Zoom enlarges the pages as the browser's own zoom does: 4 is 400 %, and leaves
// a page a quarter of the window's pixels, 320 of 1280. It is for one page too.
func Zoom(factor float64) Option { return func(o *options) { o.zoom = factor } }

// Language is what people have asked their browser for, the best first: "de" or
// "de-AT,de,en". It is the header Accept-Language, to which Chromium adds the
// weights, and what scripts see. It is for one page too.
func Language(tags string) Option { return func(o *options) { o.language = tags } }

// Private gives the tab cookies and a cache of its own, as a private window or
// another person's browser has. It is for [Page.Tab] only.
func Private() Option { return func(o *options) { o.private = true } }

// Start starts a browser. It ends with the test at the latest.
func Start(t testing.TB, opts ...Option) *Browser {
	t.Helper()
	path, err := find()
	if err != nil {
		t.Fatal(err)
	}
	o := options{view: view{width: 1280, zoom: 1}}
	for _, opt := range opts {
		opt(&o)
	}
	if o.private {
		t.Fatal("browser: Private is for Tab: a browser that starts has nothing of another one")
	}
	// Not t.TempDir: Chromium makes sockets in it, whose paths have to be short,
	// and some of its processes still write while the first one has ended.
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := remove(dir); err != nil {
			t.Errorf("browser: %v", err)
		}
	})
	flags, err := flags(path, dir, o.process)
	if err != nil {
		t.Fatal(err)
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), flags...)
	b := &Browser{Page: &Page{t: t, tab: newTab(o)}, end: end}
	if err := b.attach(allocator); err != nil {
		end()
		t.Fatalf("browser: %s does not start: %v", path, err)
	}
	t.Cleanup(b.Stop)
	return b
}

// find returns the path of the browser.
func find() (string, error) {
	if name := os.Getenv(EnvChromium); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("browser: the environment variable %s names no program: %w", EnvChromium, err)
		}
		return path, nil
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("browser: this test needs Chromium: apt-get install chromium, or `make browser`, or set %s to its path", EnvChromium)
}

// flags returns how to start Chromium: with folders of its own, quiet, and
// without a look at the environment of the tests.
func flags(path, dir string, o process) ([]chromedp.ExecAllocatorOption, error) {
	home, temp, profile := filepath.Join(dir, "home"), filepath.Join(dir, "tmp"), filepath.Join(dir, "profile")
	if o.profile != "" {
		profile = o.profile
	}
	for _, dir := range []string{home, temp, filepath.Join(profile, "Default")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	if o.noCookies {
		if err := os.WriteFile(filepath.Join(profile, "Default", "Preferences"), []byte(preferences), 0o600); err != nil {
			return nil, err
		}
	}
	// chromedp's own list is the one of Puppeteer. It adds --no-sandbox for root,
	// who cannot have one.
	list := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.NoInheritEnv,
		chromedp.Env("PATH="+os.Getenv("PATH"), "HOME="+home, "TMPDIR="+temp),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", hosts),
	)
	if o.ignoreCertificates {
		list = append(list, chromedp.IgnoreCertErrors)
	}
	return list, nil
}

// Stop ends the browser as people do: the cookies that outlive it are on the
// disk. There is no page afterwards.
func (b *Browser) Stop() {
	b.t.Helper()
	if b.stopped {
		return
	}
	b.stopped = true
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	err := chromedp.Cancel(ctx)
	if err == nil && ctx.Err() == context.DeadlineExceeded {
		err = ctx.Err()
	}
	b.end()
	if err != nil {
		b.t.Errorf("browser: it did not stop by itself: %v", err)
	}
}

// remove removes a folder that a process may still write to for a moment.
func remove(dir string) error {
	for deadline := time.Now().Add(Patience); ; time.Sleep(20 * time.Millisecond) {
		if err := os.RemoveAll(dir); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// callBrowser sends a command to the browser itself.
func callBrowser[P, R any](p *Page, cmd cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, p.answer)
	defer cancel()
	result, err := chromedp.CallBrowser(ctx, cmd, params)
	if err != nil {
		p.fail(cmd.Method, p.late(err))
	}
	return result
}

// userAgent is what the browser calls itself.
func (p *Page) userAgent() string {
	p.t.Helper()
	return callBrowser(p, browser.GetVersion, cdp.Empty{}).UserAgent
}
