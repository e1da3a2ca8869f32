package browser

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// target is what a script says of an element: where it is, or why it cannot be
// used yet.
type target struct {
	X, Y float64
	Done bool // nothing is left to do
	Why  string
}

// locateJS scrolls to an element and finds a point of it that a click reaches.
const locateJS = `(selector => {
	const e = document.querySelector(selector);
	if (!e) return {Why: "there is no such element"};
	e.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
	const box = [...e.getClientRects()].find(box => box.width > 0 && box.height > 0);
	if (!box || getComputedStyle(e).visibility !== "visible") return {Why: "it cannot be seen"};
	if (e.matches(":disabled")) return {Why: "it is disabled"};
	const x = box.x + box.width / 2, y = box.y + box.height / 2;
	const top = document.elementFromPoint(x, y);
	if (!top) return {Why: "it is outside the window"};
	if (!e.contains(top) && top.closest("label")?.control !== e) return {Why: "it is behind " + top.outerHTML};
	return {X: x, Y: y};
})`

// focusJS puts the cursor in a field and selects what is in it, or chooses an
// option.
const focusJS = `((selector, text) => {
	const e = document.querySelector(selector);
	if (e instanceof HTMLSelectElement) {
		const option = [...e.options].find(o => o.value === text || o.text === text);
		if (!option) return {Why: "it has no such option"};
		e.focus();
		e.value = option.value;
		e.dispatchEvent(new Event("input", {bubbles: true}));
		e.dispatchEvent(new Event("change", {bubbles: true}));
		return {Done: true};
	}
	if (!(e instanceof HTMLInputElement || e instanceof HTMLTextAreaElement)) return {Why: "it is not a field"};
	if (e.readOnly) return {Why: "it can only be read"};
	e.focus();
	e.select();
	return {};
})`

// submitJS sends a form with its first button, as Enter in a field does.
const submitJS = `(selector => {
	const e = document.querySelector(selector), form = e.form ?? e.closest("form");
	if (!form) return {Why: "it is in no form"};
	const button = [...form.elements].find(e => e.type === "submit" || e.type === "image");
	if (button?.disabled) return {Why: "the button of its form is disabled"};
	form.requestSubmit(button);
	return {};
})`

// focusedJS describes the element that has the focus.
const focusedJS = `(() => {
	let e = document.activeElement;
	while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
	if (!e || e === document.body || e === document.documentElement) return "";
	if (e.id) return "#" + e.id;
	const tag = e.localName, text = (e.innerText || e.value || e.ariaLabel || "").trim().replace(/\s+/g, " ");
	return e.name ? tag + "[name=" + e.name + "]" : text ? tag + " " + text : tag;
})()`

// Fill types a text into the first field that the CSS selector selects, in place
// of what is in it. Of a select it chooses the option with that value or text.
func (p *Page) Fill(selector, text string) {
	p.t.Helper()
	what := "fill " + selector
	p.locate(what, selector)
	if p.element(what, focusJS, selector, text).Done {
		return // it is a select
	}
	if _, err := call(p, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		p.fail(what, err)
	}
}

// Click clicks on the first element that the CSS selector selects, as soon as it
// can be seen, is enabled and is behind nothing. Where that leads to a page,
// Click waits until it is loaded. What a script begins later has to be waited
// for with [Page.Wait], and a new window is not followed.
func (p *Page) Click(selector string) {
	p.t.Helper()
	what := "click on " + selector
	at := p.locate(what, selector)
	for _, step := range []input.DispatchMouseEventType{chromedp.MouseMoved, chromedp.MousePressed, chromedp.MouseReleased} {
		event := input.DispatchMouseEventParams{Type: step, X: at.X, Y: at.Y}
		if step != chromedp.MouseMoved {
			event.Button, event.ClickCount = input.MouseButtonLeft, 1
		}
		if _, err := call(p, input.DispatchMouseEvent, event); err != nil {
			p.fail(what, err)
		}
	}
	p.settle(what)
}

// Submit sends the form of the element that the CSS selector selects, a field or
// the form itself, as Enter in a field does, and waits for the page that comes.
// The browser sends no form with a field that is not valid.
func (p *Page) Submit(selector string) {
	p.t.Helper()
	what := "submit " + selector
	p.exists(what, selector)
	p.element(what, submitJS, selector)
	p.settle(what)
}

// keys are the keys that have a name.
var keys = map[string]string{
	"Tab": kb.Tab, "Enter": kb.Enter, "Escape": kb.Escape, "Space": " ",
	"Backspace": kb.Backspace, "Delete": kb.Delete, "Home": kb.Home, "End": kb.End,
	"ArrowUp": kb.ArrowUp, "ArrowDown": kb.ArrowDown, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
	"PageUp": kb.PageUp, "PageDown": kb.PageDown,
}

// modifiers are the keys that are held down while another one is pressed.
var modifiers = map[string]chromedp.Modifier{
	"Shift": chromedp.ModifierShift, "Control": chromedp.ModifierCtrl, "Alt": chromedp.ModifierAlt,
}

// Press presses keys, one after the other: "Tab", "Shift+Tab", "Enter", "Space",
// "Escape", "ArrowDown", "a". Where one leads to a page, Press waits until it is
// loaded.
func (p *Page) Press(names ...string) {
	p.t.Helper()
	for _, name := range names {
		key, held := name, chromedp.ModifierNone
		for {
			before, after, ok := strings.Cut(key, "+")
			modifier, known := modifiers[before]
			if !ok || !known {
				break
			}
			key, held = after, held|modifier
		}
		if code, ok := keys[key]; ok {
			key = code
		} else if len([]rune(key)) != 1 {
			p.t.Fatalf("browser: there is no key %q", name)
		}
		what := "press " + name
		p.await("load the page", p.loading)
		if _, err := run(p, chromedp.KeyEvent(key, chromedp.KeyModifiers(held))); err != nil {
			p.fail(what, err)
		}
		p.settle(what)
	}
}

// Focused describes the element that has the focus: "#id", else "tag[name=…]",
// else the tag and the text, "a Help", else the tag. It is "" where none has it.
func (p *Page) Focused() string {
	p.t.Helper()
	return p.text(focusedJS)
}

// locate waits until an element can be clicked on and returns where.
func (p *Page) locate(what, selector string) (at target) {
	p.t.Helper()
	return p.until(what, locateJS, selector)
}

// exists waits until there is an element.
func (p *Page) exists(what, selector string) {
	p.t.Helper()
	p.until(what, `(selector => document.querySelector(selector) ? {} : {Why: "there is no such element"})`, selector)
}

// until waits until the script of an element, which changes nothing, has no
// objection.
func (p *Page) until(what, js, selector string) (found target) {
	p.t.Helper()
	p.await(what, func() string {
		found = target{}
		p.read(what, script(js, selector), &found)
		return found.Why
	})
	return found
}

// element runs the script of an element, which must have no objection.
func (p *Page) element(what, js string, args ...string) target {
	p.t.Helper()
	var found target
	if err := p.eval(0, script(js, args...), &found); err != nil {
		p.fail(what, err)
	}
	if found.Why != "" {
		p.fail(what, errors.New(found.Why))
	}
	return found
}

// script is the call of a function with texts.
func script(js string, args ...string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		text, _ := json.Marshal(arg) // cannot fail
		quoted[i] = string(text)
	}
	return js + "(" + strings.Join(quoted, ", ") + ")"
}

// settle waits for the page that an input leads to, if it leads to one.
func (p *Page) settle(what string) {
	p.t.Helper()
	// The page says that it wants another one before it says anything else, and
	// so before it answers this. It does not answer where it is gone already.
	_ = p.eval(0, "0", nil)
	p.await(what+", and load the page that comes of it", p.loading)
}
