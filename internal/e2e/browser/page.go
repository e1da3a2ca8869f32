package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// height is how high the window is: with 1280 pixels of width it is the one from
// which WCAG 2.2 derives its 320 × 256 pixels.
const height = 1024

// Page is one tab. Its methods are for the test's goroutine. They wait while the
// page loads, and fail the test where they cannot do what they are for.
type Page struct {
	t testing.TB
	*tab
}

// tab is what the pages of [Page.For] have in common.
type tab struct {
	options
	patience time.Duration // with the page
	answer   time.Duration // for a command to the browser
	ctx      context.Context
	cancel   context.CancelFunc
	traffic
}

func newTab(o options) *tab {
	return &tab{options: o, patience: Patience, answer: Patience, traffic: newTraffic()}
}

// For is the same page for another test, such as a subtest, which fails in
// place of the first one.
func (p *Page) For(t testing.TB) *Page { return &Page{t: t, tab: p.tab} }

// Tab opens another page of the same browser, shown as this one unless options
// say something else. It is closed at the end of the test.
func (p *Page) Tab(opts ...Option) *Page {
	p.t.Helper()
	o := options{process: p.process, view: p.view}
	for _, opt := range opts {
		opt(&o)
	}
	if o.process != p.process {
		p.t.Fatal("browser: Profile, NoCookies and IgnoreCertificateErrors are for the whole browser: give them to Start")
	}
	other := &Page{t: p.t, tab: newTab(o)}
	if err := other.attach(p.ctx); err != nil {
		p.t.Fatalf("browser: no other tab: %v", err)
	}
	p.t.Cleanup(other.cancel)
	return other
}

// attach opens the tab, with the browser where the context has none yet.
func (p *Page) attach(ctx context.Context) error {
	opts := []chromedp.ContextOption{chromedp.WithListener(p.see)}
	if p.private {
		opts = append(opts, chromedp.WithNewBrowserContext())
	}
	if chromedp.FromContext(ctx).Browser == nil {
		// It complains about events that it does not know, which a newer
		// Chromium may have.
		opts = append(opts, chromedp.WithErrorf(func(string, ...any) {}))
	}
	p.ctx, p.cancel = chromedp.NewContext(ctx, opts...)
	// Not a context with a deadline: the tab would end with it.
	timer := time.AfterFunc(p.answer, p.cancel)
	defer timer.Stop()
	if err := chromedp.Do(p.ctx); err != nil {
		return err
	}
	p.mu.Lock()
	p.frame = cdp.FrameID(chromedp.FromContext(p.ctx).Target.TargetID)
	p.mu.Unlock()
	return p.show()
}

// show makes the page look as its options say.
func (p *Page) show() error {
	size := func(n float64) int64 { return int64(math.Round(n / p.zoom)) }
	colours := "light"
	if p.dark {
		colours = "dark"
	}
	_, err := call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: size(float64(p.width)), Height: size(height), DeviceScaleFactor: p.zoom,
	})
	if err == nil {
		_, err = call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: colours}},
		})
	}
	if err == nil {
		// A tab that another one covers would else answer a click after seconds.
		_, err = call(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	}
	if err == nil && p.noScript {
		err = p.scripts(false)
	}
	if err == nil && p.language != "" {
		// It takes the whole name of the browser to change its languages.
		_, err = call(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
			UserAgent: p.userAgent(), AcceptLanguage: p.language,
		})
	}
	return err
}

// scripts lets the page run scripts, or not.
func (p *Page) scripts(run bool) error {
	_, err := call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
	return err
}

// Open opens an address, waits until the page is loaded, and returns the status
// of its document.
func (p *Page) Open(url string) int {
	p.t.Helper()
	status, err := p.TryOpen(url)
	if err != nil {
		p.fail("open "+url, err)
	}
	return status
}

// TryOpen is Open for an address that nobody may answer. The error has
// Chromium's own name for it, such as net::ERR_CONNECTION_REFUSED.
func (p *Page) TryOpen(url string) (int, error) {
	p.t.Helper()
	p.ResetRequests()
	var refused string
	p.navigate("open "+url, func() error {
		result, err := call(p, page.Navigate, page.NavigateParams{URL: url})
		refused = result.ErrorText
		return err
	})
	// A status without a document (204, a download, an error without a text) is
	// an error for Chromium.
	if status := p.Status(); refused == "" || status != 0 {
		return status, nil
	}
	return 0, errors.New(refused)
}

// Reload loads the page again, a form that was sent with the same fields.
func (p *Page) Reload() {
	p.t.Helper()
	p.navigate("reload", func() error {
		_, err := call(p, page.Reload, page.ReloadParams{})
		return err
	})
}

// Back goes back to the page before. Chromium may show it as it was, without a
// request.
func (p *Page) Back() {
	p.t.Helper()
	p.navigate("go back", func() error {
		history, err := call(p, page.GetNavigationHistory, cdp.Empty{})
		if err != nil {
			return err
		}
		if history.CurrentIndex < 1 {
			return errors.New("there is no page before this one")
		}
		_, err = call(p, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{
			EntryID: history.Entries[history.CurrentIndex-1].ID,
		})
		return err
	})
}

// navigate does what leads to another page and waits until that is loaded.
func (p *Page) navigate(what string, do func() error) {
	p.t.Helper()
	before := p.navigations()
	if err := do(); err != nil {
		p.fail(what, err)
	}
	p.await(what, func() string {
		if p.navigations() == before {
			return "the browser does not begin to"
		}
		return p.loading()
	})
}

// URL is the address of the page.
func (p *Page) URL() string {
	p.t.Helper()
	return p.text("location.href")
}

// Title is the title of the page.
func (p *Page) Title() string {
	p.t.Helper()
	return p.text("document.title")
}

// Text is the text of the page that can be seen.
func (p *Page) Text() string {
	p.t.Helper()
	return p.text(textJS)
}

// A document that is no HTML, or one without a body, has no innerText.
const textJS = `document.body?.innerText ?? document.documentElement?.textContent ?? ""`

// HTML is the page as it is now, which scripts may have changed.
func (p *Page) HTML() string {
	p.t.Helper()
	return p.text(`document.documentElement?.outerHTML ?? ""`)
}

func (p *Page) text(js string) (text string) {
	p.t.Helper()
	p.read("read the page", js, &text)
	return text
}

// read is Eval for a script that changes nothing: it is tried again where the
// page goes to another one at the same moment.
func (p *Page) read(what, js string, out any) {
	p.t.Helper()
	p.await(what, func() string {
		if why := p.loading(); why != "" {
			return why
		}
		err := p.eval(0, js, out)
		if gone(err) {
			return err.Error()
		}
		if err != nil {
			p.fail(what, err)
		}
		return ""
	})
}

// gone reports whether a script was not answered because its page has ended.
func gone(err error) bool {
	if err == nil {
		return false
	}
	for _, text := range []string{"context was destroyed", "Cannot find context", "navigated or closed"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// Eval evaluates JavaScript in the page, even in one that runs no scripts, and
// waits for a promise. The result goes to out, as encoding/json does it, unless
// that is nil. Where scripts do not run no timer fires either.
func (p *Page) Eval(js string, out any) {
	p.t.Helper()
	p.await("load the page", p.loading)
	if err := p.eval(0, js, out); err != nil {
		p.fail("evaluate "+shorten(js), err)
	}
}

// eval evaluates in one of the page's worlds, 0 being its own.
func (p *Page) eval(world runtime.ExecutionContextID, js string, out any) error {
	yes := true
	result, err := call(p, runtime.Evaluate, runtime.EvaluateParams{
		Expression: js, ContextID: world, AwaitPromise: &yes, ReturnByValue: &yes,
	})
	if err != nil {
		return err
	}
	if result.ExceptionDetails != nil {
		return &chromedp.ExceptionError{ExceptionDetails: result.ExceptionDetails}
	}
	if out == nil || len(result.Result.Value) == 0 {
		return nil
	}
	return json.Unmarshal(result.Result.Value, out)
}

// Screenshot writes a picture of the whole page, a PNG.
func (p *Page) Screenshot(path string) {
	p.t.Helper()
	p.await("load the page", p.loading)
	const png = 100 // every other quality is a JPEG
	// A tab that another one covers is not painted.
	_, err := call(p, page.BringToFront, cdp.Empty{})
	var picture []byte
	if err == nil {
		picture, err = run(p, chromedp.FullScreenshot(png))
	}
	if err == nil {
		err = os.WriteFile(path, picture, 0o644)
	}
	if err != nil {
		p.fail("take a screenshot", err)
	}
}

// Wait tries until it is true, and fails the test where that never comes.
func (p *Page) Wait(what string, try func() bool) {
	p.t.Helper()
	p.await(what, func() string {
		if try() {
			return ""
		}
		return "it is not so"
	})
}

// await tries until there is no reason any more why not.
func (p *Page) await(what string, try func() (why string)) {
	p.t.Helper()
	for deadline := time.Now().Add(p.patience); ; time.Sleep(5 * time.Millisecond) {
		why := try()
		switch {
		case why == "":
			return
		case p.ctx.Err() != nil:
			p.fail(what, p.ctx.Err())
		case time.Now().After(deadline):
			p.fail(what, fmt.Errorf("%s, after %s", why, p.patience))
		}
	}
}

// fail ends the test with what was to be done, and with the page.
func (p *Page) fail(what string, err error) {
	p.t.Helper()
	var now struct{ URL, Text string }
	usual := p.answer
	p.answer = 5 * time.Second // there may be no answer at all
	// While it waits for a page that does not come it does not answer either.
	_, _ = call(p, page.StopLoading, cdp.Empty{})
	if err := p.eval(0, `({URL: location.href, Text: `+textJS+`})`, &now); err != nil {
		now.Text = "cannot be read: " + err.Error()
	}
	p.answer = usual
	p.t.Fatalf("browser: %s: %v\naddress: %s\ntext of the page:\n%s", what, err, now.URL, now.Text)
}

// call sends a command to the tab.
func call[P, R any](p *Page, cmd cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.answer)
	defer cancel()
	result, err := chromedp.Call(ctx, cmd, params)
	return result, p.late(err)
}

// run is call for what chromedp makes of several commands.
func run[T any](p *Page, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.answer)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	return result, p.late(err)
}

// late says what it means that a command was not answered in time.
func (p *Page) late(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer in %s", p.answer)
	}
	return err
}

func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 80 {
		text = text[:80] + " …"
	}
	return text
}
