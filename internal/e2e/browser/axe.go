package browser

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/chromedp/cdproto/page"
)

// The version of axe-core, and what its axe.min.js has to be.
const (
	axeVersion = "4.14.1"
	axeSHA256  = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
)

// tags are the rules of axe-core that hold: WCAG 2.2, levels A and AA, and what
// its authors advise besides.
var tags = []string{"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"}

// Violation is one element that breaks one rule.
type Violation struct {
	// Rule is the id of the rule, such as color-contrast, and Help what it asks
	// for.
	Rule, Help string
	// Impact is minor, moderate, serious or critical.
	Impact string
	// Target selects the element, and HTML is its beginning.
	Target, HTML string
	// Why is what is wrong with it.
	Why string
}

// runJS is a call of axe-core. What a frame has inside is not looked at, nor are
// style sheets loaded once more: neither gets past a strict policy of the page.
const runJS = `axe.run(document, {
	runOnly: {type: "tag", values: %s}, rules: %s,
	resultTypes: ["violations"], iframes: false, preload: false,
}).then(results => results.violations.flatMap(v => v.nodes.map(n => ({
	Rule: v.id, Help: v.help, Impact: n.impact, Target: n.target.flat().join(" "), HTML: n.html, Why: n.failureSummary,
}))))`

// axe keeps what axeCore has read.
var axe struct {
	sync.Mutex
	source string
}

// CheckAccessibility checks the page as it is now with axe-core. Every element
// that breaks a rule of WCAG 2.2 AA, or a best practice, fails the test, but for
// the rules that are excepted by their id.
func (p *Page) CheckAccessibility(except ...string) {
	p.t.Helper()
	for _, v := range p.Violations(except...) {
		p.t.Errorf("accessibility: %s: %s (%s)\naddress: %s\nelement: %s\n%s\n%s",
			v.Rule, v.Help, v.Impact, p.URL(), v.Target, v.HTML, v.Why)
	}
}

// Violations is CheckAccessibility for a test that judges for itself.
func (p *Page) Violations(except ...string) []Violation {
	p.t.Helper()
	source, err := axeCore()
	if err != nil {
		p.t.Fatal(err)
	}
	rules := make(map[string]any)
	for _, id := range except {
		rules[id] = map[string]bool{"enabled": false}
	}
	values, _ := json.Marshal(tags)      // cannot fail
	exceptions, _ := json.Marshal(rules) // cannot fail
	p.await("load the page", p.loading)

	// axe-core gets a world of its own: the page does not see it, and whatever
	// the page has done to its own is of no consequence. It waits with timers,
	// which fire only where scripts run. None of a page that is loaded without
	// them begins to.
	var found []Violation
	world, err := call(p, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: p.frame, WorldName: "axe"})
	if err == nil && p.noScript {
		err = p.scripts(true)
	}
	if err == nil {
		err = p.eval(world.ExecutionContextID, source+";\n"+fmt.Sprintf(runJS, values, exceptions), &found)
	}
	if p.noScript {
		if err2 := p.scripts(false); err == nil {
			err = err2
		}
	}
	if err != nil {
		p.fail("run axe-core", err)
	}
	return found
}

// axeCore returns the text of axe.min.js, which the user's cache folder keeps
// and npm gets once. It is no part of this module: its licence is another one.
func axeCore() (source string, err error) {
	axe.Lock()
	defer axe.Unlock()
	if axe.source == "" {
		axe.source, err = loadAxe()
	}
	return axe.source, err
}

func loadAxe() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("browser: axe-core needs a cache folder: %w", err)
	}
	dir := filepath.Join(cache, "caddy-jwtauth", "axe-core-"+axeVersion)
	path := filepath.Join(dir, "axe.min.js")
	if source := readAxe(path); source != "" {
		return source, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("browser: axe-core needs a cache folder: %w", err)
	}
	// In a folder of its own and then in place at once: another process may be
	// at it too.
	temp, err := os.MkdirTemp(dir, "npm")
	if err != nil {
		return "", fmt.Errorf("browser: axe-core needs a cache folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	fetched, err := fetchAxe(temp)
	if err != nil {
		return "", err
	}
	source := readAxe(fetched)
	if source == "" {
		return "", fmt.Errorf("browser: what npm has got for axe-core %s is not what it should be: SHA-256 of axe.min.js is not %s", axeVersion, axeSHA256)
	}
	if err := os.Rename(fetched, path); err != nil {
		return "", fmt.Errorf("browser: axe-core: %w", err)
	}
	return source, nil
}

// fetchAxe lets npm install axe-core into a folder.
func fetchAxe(dir string) (path string, err error) {
	const needs = "browser: this test needs axe-core %s from npm: apt-get install npm, or `make browser`, and a network for the first run: %w\n%s"
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf(needs, axeVersion, err, "")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "install", "--prefix", dir, "--no-save", "--no-package-lock",
		"--ignore-scripts", "--no-audit", "--no-fund", "axe-core@"+axeVersion)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf(needs, axeVersion, err, output)
	}
	return filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"), nil
}

// readAxe returns the text of a file if it is axe-core, else "".
func readAxe(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != axeSHA256 {
		return ""
	}
	return string(text)
}

// reflowJS measures the page and names what sticks out of it.
const reflowJS = `(() => {
	const page = document.scrollingElement;
	return {
		Width: page.clientWidth, Content: page.scrollWidth,
		Out: [...document.body.querySelectorAll("*")]
			.filter(e => e.getBoundingClientRect().right > page.clientWidth + 1)
			.slice(0, 5).map(e => e.outerHTML.slice(0, 200)),
	};
})()`

// CheckReflow fails the test where the page, as wide as it is now, has to be
// scrolled sideways. WCAG 2.2 asks that of pages 320 pixels wide: [Width] 320,
// or [Zoom] 4.
func (p *Page) CheckReflow() {
	p.t.Helper()
	var got struct {
		Width, Content int
		Out            []string
	}
	p.Eval(reflowJS, &got)
	if got.Content > got.Width {
		p.t.Errorf("reflow: the page is %d pixels wide and its content %d\naddress: %s", got.Width, got.Content, p.URL())
		for _, element := range got.Out {
			p.t.Errorf("sticks out: %s", element)
		}
	}
}
