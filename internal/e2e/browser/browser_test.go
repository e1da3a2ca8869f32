package browser

import (
	"fmt"
	"image/png"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// policy is the strict one that no script and no foreign style gets past.
const policy = "default-src 'none'; style-src 'self'; form-action 'self'"

// good has no fault that axe-core finds.
const good = `<!doctype html>
<html lang="en">
<head><title>Good</title><meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css"></head>
<body><main><h1>All is well</h1><p>Nothing to see <span hidden>concealed</span>here.</p>
<noscript>no scripts</noscript></main></body>
</html>`

// bad has faults: no language, a field without a label, grey on grey, and a line
// that no narrow window holds.
const bad = `<!doctype html>
<html>
<head><title>Bad</title><link rel="stylesheet" href="/style.css"></head>
<body><main><h1>Bad</h1><input id="lonely"><p class="pale">pale</p><p class="wide">wide</p></main></body>
</html>`

const style = `
.pale { color: #aaa; background: #bbb }
.wide { width: 600px }
.tall { height: 3000px }
#scheme::before { content: "light" }
@media (prefers-color-scheme: dark) { .pale { color: #fff; background: #000 } }
`

// form has each kind of thing that people use.
const form = `<!doctype html>
<html lang="en">
<head><title>Form</title><link rel="stylesheet" href="/style.css"></head>
<body>
<a href="/good">Go on</a>
<form method="post" action="/echo">
<input id="name" name="name" value="old">
<input name="secret" type="password">
<input id="fixed" readonly value="fixed"><input id="off" disabled><input id="unseen" type="hidden">
<label id="label" for="check">Check</label><input id="check" name="check" type="checkbox">
<select name="colour"><option>red</option><option value="b">blue</option></select>
<button name="button" value="first">Send</button>
<button name="button" value="second" id="second">Send it differently</button>
</form>
<a id="fragment" href="#end">To the end</a>
<a id="nothing" href="/status?204">Nothing</a>
<a id="download" href="/download">Download</a>
<a id="mail" href="mailto:a@example.org">Mail</a>
<a id="new" href="/good" target="_blank">New window</a>
<form method="post" action="http://127.0.0.1:9/"><button id="forbidden">Forbidden</button></form>
<div class="tall"></div>
<a id="end" href="/slow">Slow</a>
</body>
</html>`

// scripted shows what its script has done, or that it did not run.
const scripted = `<!doctype html>
<html lang="en">
<head><title>Before</title><link rel="icon" href="data:,"></head>
<body><p id="said">nothing</p>
<noscript>no scripts</noscript>
<button id="later" onclick="setTimeout(() => { location = '/good' }, 100)">Later</button>
<script>
document.title = "After"
document.getElementById("said").textContent = [navigator.language, innerWidth, devicePixelRatio, matchMedia("(prefers-color-scheme: dark)").matches].join(" ")
</script></body>
</html>`

// handler serves the pages. It keeps nothing.
func handler() http.Handler {
	mux := http.NewServeMux()
	page := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", policy)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, text)
		}
	}
	mux.Handle("/good", page(good))
	mux.Handle("/bad", page(bad))
	mux.Handle("/form", page(form))
	mux.HandleFunc("/scripted", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, scripted)
	})
	mux.HandleFunc("/style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css")
		w.Header().Set("Cache-Control", "max-age=3600")
		fmt.Fprint(w, style)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(200 * time.Millisecond)
		page(good)(w, r)
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		fmt.Fprintf(w, "%s %s host=%s lang=%s cookies=%s", r.Method, r.PostForm.Encode(), r.Host, r.Header.Get("Accept-Language"), r.Header.Get("Cookie"))
	})
	mux.HandleFunc("/status", func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscan(r.URL.RawQuery, &status)
		w.WriteHeader(status)
	})
	mux.HandleFunc("/download", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", "attachment; filename=file.txt")
		fmt.Fprint(w, "file")
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/good", http.StatusSeeOther)
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "session=1; HttpOnly; SameSite=Lax")
		w.Header().Add("Set-Cookie", "lasting=2; Path=/; Max-Age=3600; Secure; SameSite=Strict")
		if host, _, _ := net.SplitHostPort(r.Host); strings.HasSuffix(host, ".example.localhost") {
			w.Header().Add("Set-Cookie", "shared=3; Domain=example.localhost")
		}
		fmt.Fprint(w, "set")
	})
	return mux
}

// broken is a test that keeps how it fails.
type broken struct {
	testing.TB
	text strings.Builder
}

func (b *broken) Errorf(format string, args ...any) { fmt.Fprintf(&b.text, format+"\n", args...) }
func (b *broken) Fatalf(format string, args ...any) {
	b.Errorf(format, args...)
	runtime.Goexit()
}
func (b *broken) Fatal(args ...any) { b.Fatalf("%s", fmt.Sprint(args...)) }

// failure runs something that has to fail and returns how it did.
func failure(t *testing.T, do func(t testing.TB)) string {
	t.Helper()
	b := &broken{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(b)
	}()
	<-done
	if b.text.Len() == 0 {
		t.Error("it did not fail")
	}
	return b.text.String()
}

// has fails the test where a text does not have what it should.
func has(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

// equal fails the test where something is not what it should be.
func equal(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// byName are cookies by their name.
func byName(cookies []Cookie) map[string]Cookie {
	found := make(map[string]Cookie)
	for _, c := range cookies {
		found[c.Name] = c
	}
	return found
}

// cookieNames are the names of cookies, in order.
func cookieNames(cookies []Cookie) []string {
	return slices.Sorted(maps.Keys(byName(cookies)))
}

// rules are the rules that a page breaks, in order.
func rules(violations []Violation) []string {
	found := make(map[string]bool)
	for _, v := range violations {
		found[v.Rule] = true
	}
	return slices.Sorted(maps.Keys(found))
}

func TestPage(t *testing.T) {
	server := httptest.NewServer(handler())
	t.Cleanup(server.Close)
	started := time.Now()
	b := Start(t)
	t.Logf("Chromium started in %s", time.Since(started).Round(time.Millisecond))
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())

	t.Run("reads a page", func(t *testing.T) {
		p := b.For(t)
		equal(t, p.Open(server.URL+"/good"), 200)
		equal(t, p.Status(), 200)
		equal(t, p.URL(), server.URL+"/good")
		equal(t, p.Title(), "Good")
		equal(t, p.Text(), "All is well\n\nNothing to see here.")
		has(t, p.HTML(), "<html", "concealed")
		var sum int
		p.Eval("Promise.resolve(40 + 2)", &sum)
		equal(t, sum, 42)
		p.Eval("undefined", nil)
		var width int
		p.Eval("innerWidth", &width)
		equal(t, width, 1280)
	})

	t.Run("knows the status", func(t *testing.T) {
		p := b.For(t)
		for _, status := range []int{404, 500, 204} {
			equal(t, p.Open(fmt.Sprintf("%s/status?%d", server.URL, status)), status)
		}
		equal(t, p.Open(server.URL+"/download"), 200)
		equal(t, p.Open(server.URL+"/away"), 200)
		equal(t, p.URL(), server.URL+"/good")
		equal(t, p.Open(server.URL+"/good#here"), 200)
		equal(t, p.URL(), server.URL+"/good#here")
		equal(t, p.Open("about:blank"), 0)

		nobody, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = nobody.Close()
		own := httptest.NewUnstartedServer(handler())
		own.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the browser
		own.StartTLS()
		defer own.Close()
		for url, want := range map[string]string{
			"http://" + nobody.Addr().String(): "net::ERR_CONNECTION_REFUSED",
			own.URL:                            "net::ERR_CERT_AUTHORITY_INVALID",
			"http://example.org/":              "net::ERR_NAME_NOT_RESOLVED",
		} {
			status, err := p.TryOpen(url)
			if status != 0 || p.Status() != 0 || err == nil || err.Error() != want {
				t.Errorf("%s: %d %d %v", url, status, p.Status(), err)
			}
		}
	})

	t.Run("finds every name under localhost", func(t *testing.T) {
		p := b.For(t)
		for _, host := range []string{"localhost:", "auth.localhost:", "auth.example.localhost:"} {
			p.Open("http://" + host + port + "/echo")
			has(t, p.Text(), "host="+host+port)
		}
	})

	t.Run("uses a form", func(t *testing.T) {
		p := b.For(t)
		p.Open(server.URL + "/form")
		p.Fill("#name", `Anna "O'Neil" <ä€😀>`)
		p.Fill("[name=secret]", "old")
		p.Fill("[name=secret]", "new")
		p.Fill("select", "blue")
		p.Click("#label")
		p.Click("#second")
		equal(t, len(p.Requests()), 3) // the form, its style, the answer, which is there now
		equal(t, p.URL(), server.URL+"/echo")
		equal(t, p.Status(), 200)
		const sent = "POST button=second&check=on&colour=b&name=Anna+%22O%27Neil%22+%3C%C3%A4%E2%82%AC%F0%9F%98%80%3E&secret=new"
		has(t, p.Text(), sent)
		p.Reload()
		equal(t, len(p.Requests()), 4)
		has(t, p.Text(), sent)

		p.Open(server.URL + "/form")
		p.Fill("#name", "")
		p.Submit("#name")
		has(t, p.Text(), "POST button=first&colour=red&name=&secret= ")

		p.Open(server.URL + "/form")
		p.Click("#name")
		p.Press("Control+a", "n", "ü", "Tab", "s", "Enter")
		has(t, p.Text(), "POST button=first&colour=red&name=n%C3%BC&secret=s ")
	})

	t.Run("waits for what a click leads to", func(t *testing.T) {
		p := b.For(t)
		p.Open(server.URL + "/form")
		for _, stays := range []string{"#fragment", "#nothing", "#download", "#mail", "#new", "#forbidden"} {
			p.Click(stays)
			equal(t, p.Title(), "Form")
		}
		equal(t, p.URL(), server.URL+"/form#end")
		p.Click("#end")
		equal(t, p.Status(), 200) // the first thing that is asked, after the wait
		equal(t, p.URL()+" "+p.Title(), server.URL+"/slow Good")

		p.Open(server.URL + "/scripted")
		p.Click("#later")
		p.Wait("the page that the script opens", func() bool { return p.Title() == "Good" })
	})

	t.Run("goes along with the keyboard", func(t *testing.T) {
		p := b.For(t)
		p.Open(server.URL + "/form")
		equal(t, p.Focused(), "")
		var order []string
		for range 10 {
			p.Press("Tab")
			order = append(order, p.Focused())
		}
		equal(t, order, []string{
			"a Go on", "#name", "input[name=secret]", "#fixed", "#check", "select[name=colour]",
			"button[name=button]", "#second", "#fragment", "#nothing",
		})
		p.Press("Shift+Tab")
		equal(t, p.Focused(), "#fragment")
	})

	t.Run("goes back and loads again", func(t *testing.T) {
		p := b.For(t)
		p.Open(server.URL + "/good")
		p.Open(server.URL + "/status?404")
		p.Back()
		equal(t, p.URL(), server.URL+"/good")
		equal(t, p.Status(), 200)
		p.Eval(`document.title = "changed"`, nil)
		p.Reload()
		equal(t, p.Title(), "Good")
		equal(t, p.Status(), 200)
	})

	t.Run("lists the requests", func(t *testing.T) {
		p := b.For(t).Tab(Private()) // which has nothing in its cache
		p.Open(server.URL + "/away")
		equal(t, p.Requests(), []Request{
			{URL: server.URL + "/away", Method: "GET", Type: "Document", Status: 303},
			{URL: server.URL + "/good", Method: "GET", Type: "Document", Status: 200},
			{URL: server.URL + "/style.css", Method: "GET", Type: "Stylesheet", Status: 200},
		})
		p.Open(server.URL + "/bad")
		equal(t, p.Requests(), []Request{
			{URL: server.URL + "/bad", Method: "GET", Type: "Document", Status: 200},
			{URL: server.URL + "/style.css", Method: "GET", Type: "Stylesheet", Status: 200, FromCache: true},
		})
		p.Open(server.URL + "/style.css")
		p.Open(server.URL + "/good")
		p.Open(server.URL + "/style.css")
		equal(t, p.Requests(), []Request{
			{URL: server.URL + "/style.css", Method: "GET", Type: "Document", Status: 200, FromCache: true},
		})
		p.Open(server.URL + "/good")
		p.ResetRequests()
		equal(t, p.Requests(), []Request{})
		p.Eval(`new Promise(done => {
			const image = new Image();
			image.onerror = done;
			image.src = "/good";
			document.body.append(image);
		})`, nil)
		equal(t, p.Requests(), []Request{
			{URL: server.URL + "/good", Method: "GET", Type: "Image", Failed: "csp"},
		})
	})

	t.Run("keeps cookies", func(t *testing.T) {
		p := b.For(t)
		p.DeleteCookies()
		p.Open("http://app.example.localhost:" + port + "/cookies")
		cookies := byName(p.Cookies())
		expires := cookies["lasting"].Expires
		if until := time.Until(expires); until < 59*time.Minute || until > time.Hour {
			t.Errorf("lasting expires in %s", until)
		}
		equal(t, cookies, map[string]Cookie{
			"session": {Name: "session", Value: "1", Domain: "app.example.localhost", Path: "/", HTTPOnly: true, SameSite: "Lax"},
			"lasting": {Name: "lasting", Value: "2", Domain: "app.example.localhost", Path: "/", Expires: expires, Secure: true, SameSite: "Strict"},
			"shared":  {Name: "shared", Value: "3", Domain: ".example.localhost", Path: "/"},
		})
		p.Open("http://other.example.localhost:" + port + "/echo")
		has(t, p.Text(), "cookies=shared=3")

		p.DeleteCookies("shared", "session")
		equal(t, cookieNames(p.Cookies()), []string{"lasting"})
		set := []Cookie{
			{Name: "here", Value: "4", Domain: "other.example.localhost", Path: "/", HTTPOnly: true},
			{Name: "wide", Value: "5", Domain: ".example.localhost", Path: "/", Expires: time.Now().Add(time.Hour).Truncate(time.Second)},
			{Name: "safe", Value: "6", Domain: "other.example.localhost", Path: "/", Secure: true, SameSite: "Strict"},
		}
		for _, c := range set {
			p.SetCookie(c)
			equal(t, byName(p.Cookies())[c.Name], c)
		}
		p.SetCookie(Cookie{Name: "page", Value: "7"})
		p.Reload()
		has(t, p.Text(), "here=4", "wide=5", "safe=6", "page=7")
		p.Open("http://app.example.localhost:" + port + "/echo")
		has(t, p.Text(), "lasting=2", "wide=5")
		for _, host := range []string{"app.example.localhost:", "below.other.example.localhost:"} {
			p.Open("http://" + host + port + "/echo")
			if text := p.Text(); strings.Contains(text, "here=4") || strings.Contains(text, "page=7") {
				t.Errorf("cookies of another host: %s", text)
			}
		}

		private := p.Tab(Private())
		equal(t, private.Cookies(), []Cookie{})
		private.Open("http://app.example.localhost:" + port + "/cookies")
		equal(t, len(private.Cookies()), 3)
		equal(t, byName(p.Cookies())["session"], Cookie{})
		private.DeleteCookies()
		equal(t, private.Cookies(), []Cookie{})
		equal(t, len(p.Cookies()), 5)
		shared := p.Tab()
		shared.Open("http://app.example.localhost:" + port + "/echo")
		has(t, shared.Text(), "lasting=2")
		p.DeleteCookies()
		equal(t, p.Cookies(), []Cookie{})
	})

	t.Run("shows a page as the options say", func(t *testing.T) {
		p := b.For(t)
		p.Open(server.URL + "/scripted")
		equal(t, p.Text(), "en-US 1280 1 false\n\nLater")
		other := p.Tab(Dark(), Width(800), Zoom(2), Language("de-AT,de"))
		other.Open(server.URL + "/scripted")
		equal(t, other.Text(), "de-AT 400 2 true\n\nLater")
		other.Open(server.URL + "/echo")
		has(t, other.Text(), "lang=de-AT,de;q=0.9 ")
		equal(t, p.Text(), "en-US 1280 1 false\n\nLater")
		for _, p := range []*Page{p, other} { // both are in front
			var focused bool
			p.Eval("document.hasFocus()", &focused)
			equal(t, focused, true)
		}
	})

	t.Run("works without scripts", func(t *testing.T) {
		p := b.For(t).Tab(NoJavaScript())
		p.Open(server.URL + "/scripted")
		equal(t, p.Title(), "Before")
		has(t, p.Text(), "nothing", "no scripts")
		p.Open(server.URL + "/form")
		p.Fill("#name", "Anna")
		p.Press("Tab", "s")
		equal(t, p.Focused(), "input[name=secret]")
		p.Click("[name=button]")
		has(t, p.Text(), "POST button=first&colour=red&name=Anna&secret=s ")
		p.Back()
		p.Reload()
		p.Submit("form")
		has(t, p.Text(), "POST button=first&colour=red&name=old&secret= ")
		p.Open(server.URL + "/bad")
		equal(t, rules(p.Violations()), []string{"color-contrast", "html-has-lang", "label"})
		p.Open(server.URL + "/scripted") // and still none runs
		equal(t, p.Title(), "Before")
	})

	t.Run("checks the accessibility", func(t *testing.T) {
		p := b.For(t)
		p.Open(server.URL + "/good")
		p.CheckAccessibility()
		p.Open(server.URL + "/bad")
		equal(t, rules(p.Violations()), []string{"color-contrast", "html-has-lang", "label"})
		p.CheckAccessibility("color-contrast", "html-has-lang", "label")
		var seen string
		p.Eval("typeof axe", &seen)
		equal(t, seen, "undefined")
		has(t, failure(t, func(t testing.TB) { p.For(t).CheckAccessibility("html-has-lang", "label") }),
			"color-contrast", server.URL+"/bad", "element: .pale", `<p class="pale">pale</p>`, "insufficient color contrast of 1.21")
		has(t, failure(t, func(t testing.TB) { p.For(t).CheckAccessibility("no-such-rule") }), "no-such-rule")
		dark := p.Tab(Dark())
		dark.Open(server.URL + "/bad")
		equal(t, rules(dark.Violations()), []string{"html-has-lang", "label"})
	})

	t.Run("checks the width", func(t *testing.T) {
		p := b.For(t)
		p.Open(server.URL + "/bad")
		p.CheckReflow()
		for _, narrow := range []Option{Width(320), Zoom(4)} {
			p := p.Tab(narrow)
			p.Open(server.URL + "/good")
			p.CheckReflow()
			p.Open(server.URL + "/bad")
			has(t, failure(t, func(t testing.TB) { p.For(t).CheckReflow() }),
				"the page is 320 pixels wide and its content 608", server.URL+"/bad", `<p class="wide">`)
		}
	})

	t.Run("takes a screenshot", func(t *testing.T) {
		p := b.For(t)
		p.Open(server.URL + "/form")
		path := filepath.Join(t.TempDir(), "form.png")
		p.Screenshot(path)
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		picture, err := png.DecodeConfig(file)
		if err != nil || picture.Width != 1280 || picture.Height < 3000 {
			t.Errorf("%v %v", picture, err)
		}
	})

	t.Run("fails with the reason and the page", func(t *testing.T) {
		p := b.For(t)
		p.Open(server.URL + "/form")
		for reason, do := range map[string]func(p *Page){
			"click on #none: there is no such element":  func(p *Page) { p.Click("#none") },
			"click on #off: it is disabled":             func(p *Page) { p.Click("#off") },
			"click on #unseen: it cannot be seen":       func(p *Page) { p.Click("#unseen") },
			"click on [: exception":                     func(p *Page) { p.Click("[") },
			"fill #fixed: it can only be read":          func(p *Page) { p.Fill("#fixed", "x") },
			"fill #label: it is not a field":            func(p *Page) { p.Fill("#label", "x") },
			"fill select: it has no such option":        func(p *Page) { p.Fill("select", "green") },
			"submit #fragment: it is in no form":        func(p *Page) { p.Submit("#fragment") },
			"submit #none: there is no such element":    func(p *Page) { p.Submit("#none") },
			"wait for Godot: it is not so, after 100ms": func(p *Page) { p.Wait("wait for Godot", func() bool { return false }) },
			"evaluate nonsense(): exception":            func(p *Page) { p.Eval("nonsense()", nil) },
			"take a screenshot: open /no/such/folder":   func(p *Page) { p.Screenshot("/no/such/folder/x.png") },
		} {
			p.patience = 100 * time.Millisecond
			text := failure(t, func(t testing.TB) { do(p.For(t)) })
			has(t, text, reason, "address: "+server.URL+"/form", "Send it differently")
		}
		p.patience, p.answer = Patience, 100*time.Millisecond
		has(t, failure(t, func(t testing.TB) { p.For(t).Eval("new Promise(() => 0)", nil) }),
			"evaluate new Promise(() => 0): no answer in 100ms", "address: "+server.URL+"/form", "Send it differently")
		p.answer = Patience

		has(t, failure(t, func(t testing.TB) { p.For(t).Press("Enter+") }), `no key "Enter+"`)
		has(t, failure(t, func(t testing.TB) { p.For(t).Tab(NoCookies()) }), "give them to Start")
		has(t, failure(t, func(t testing.TB) { Start(t, Private()) }), "Private is for Tab")
		has(t, failure(t, func(t testing.TB) { p.For(t).Open("http://127.0.0.1:9/") }), "open http://127.0.0.1:9/: net::ERR_UNSAFE_PORT")
		has(t, failure(t, func(t testing.TB) { p.For(t).Tab().Back() }), "go back: there is no page before this one")
	})

	t.Run("waits for a cover to go", func(t *testing.T) {
		p := b.For(t)
		p.Open(server.URL + "/form")
		p.Eval(`
			const cover = document.createElement("div");
			cover.id = "cover";
			cover.style.cssText = "position: fixed; inset: 0";
			document.body.append(cover);
			setTimeout(() => cover.remove(), 200);
		`, nil)
		p.Click("a")
		equal(t, p.Title(), "Good")
	})

	t.Run("does not wait for ever for a server", func(t *testing.T) {
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = silent.Close() }()
		p := b.For(t).Tab()
		p.Open(server.URL + "/good")
		p.answer = 100 * time.Millisecond
		has(t, failure(t, func(t testing.TB) { p.For(t).Open("http://" + silent.Addr().String() + "/") }),
			": no answer in 100ms", "address: "+server.URL+"/good", "All is well")
	})

	b.Stop()
	b.Stop() // does nothing
	has(t, failure(t, func(t testing.TB) { b.For(t).Text() }), "read the page: ")
}

func TestProfile(t *testing.T) {
	server := httptest.NewServer(handler())
	t.Cleanup(server.Close)
	dir := t.TempDir()
	b := Start(t, Profile(dir))
	b.Open(server.URL + "/cookies")
	equal(t, len(b.Cookies()), 2)
	b.Stop()

	b = Start(t, Profile(dir))
	equal(t, cookieNames(b.Cookies()), []string{"lasting"})
	b.Open(server.URL + "/echo")
	has(t, b.Text(), "cookies=lasting=2")
}

func TestNoCookies(t *testing.T) {
	server := httptest.NewServer(handler())
	t.Cleanup(server.Close)
	// With an option for the page too: those of Start are not for Tab alone.
	b := Start(t, NoCookies(), NoJavaScript())
	for _, p := range []*Page{b.Page, b.Tab(), b.Tab(Private())} {
		p.Open(server.URL + "/cookies")
		equal(t, p.Cookies(), []Cookie{})
		p.SetCookie(Cookie{Name: "set", Value: "1"})
		p.Open(server.URL + "/echo")
		if text := p.Text(); !strings.HasSuffix(text, "cookies=") {
			t.Errorf("cookies in %s", text)
		}
		p.DeleteCookies()
		p.Open(server.URL + "/scripted")
		equal(t, p.Title(), "Before")
	}
}

func TestIgnoreCertificateErrors(t *testing.T) {
	server := httptest.NewTLSServer(handler())
	t.Cleanup(server.Close)
	b := Start(t, IgnoreCertificateErrors())
	equal(t, b.Open(server.URL+"/good"), 200)
	equal(t, b.Title(), "Good")

}

func TestNoChromium(t *testing.T) {
	t.Setenv(EnvChromium, "no-such-browser")
	has(t, failure(t, func(t testing.TB) { Start(t) }), "the environment variable CHROMIUM names no program")

	bad := filepath.Join(t.TempDir(), "chromium")
	if err := os.WriteFile(bad, []byte("#!/bin/sh\necho no luck >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv(EnvChromium, bad)
	has(t, failure(t, func(t testing.TB) { Start(t) }), bad+" does not start", "no luck")

	t.Setenv(EnvChromium, "")
	t.Setenv("PATH", filepath.Dir(bad))
	old := names
	t.Cleanup(func() { names = old })
	names = []string{"no-such-browser", "chromium"}
	path, err := find()
	if path != bad || err != nil {
		t.Errorf("%s %v", path, err)
	}
	names = names[:1]
	has(t, failure(t, func(t testing.TB) { Start(t) }), "apt-get install chromium", "make browser", "set CHROMIUM")
}

// TestAxeCore gets axe-core as a machine does that has none, but from an npm
// that copies it.
func TestAxeCore(t *testing.T) {
	source, err := axeCore()
	if err != nil {
		t.Fatal(err)
	}
	cache, bin, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "axe.min.js")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", cache)
	path := os.Getenv("PATH")
	npm := func(script string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin+string(os.PathListSeparator)+path)
	}

	t.Setenv("PATH", bin)
	_, err = loadAxe()
	has(t, fmt.Sprint(err), "apt-get install npm", "make browser")
	npm("echo no network; exit 1")
	_, err = loadAxe()
	has(t, fmt.Sprint(err), "apt-get install npm", "no network")
	npm("mkdir -p node_modules/axe-core && echo wrong > node_modules/axe-core/axe.min.js")
	_, err = loadAxe()
	has(t, fmt.Sprint(err), "is not what it should be")

	npm("sleep 0.1; mkdir -p node_modules/axe-core && cp '" + file + "' node_modules/axe-core/")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if got, err := loadAxe(); got != source || err != nil {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	group.Wait()
	dir := filepath.Join(cache, "caddy-jwtauth", "axe-core-"+axeVersion)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left over: %v %v", entries, err)
	}
	npm("exit 1") // is not asked again
	if got, err := loadAxe(); got != source || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// Half a file is none.
	if err := os.WriteFile(filepath.Join(dir, "axe.min.js"), []byte(source[:1000]), 0o600); err != nil {
		t.Fatal(err)
	}
	npm("mkdir -p node_modules/axe-core && cp '" + file + "' node_modules/axe-core/")
	if got, err := loadAxe(); got != source || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
