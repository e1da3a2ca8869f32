package caddyfile

import (
	"bytes"
	"cmp"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

// Caddy replaces {$NAME}, {args[…]} and {block} before a directive sees them, and what
// stands for nothing is gone without a trace: `jwt_auth /admin/* {$ROLE}` would let every
// signed-in user pass. So the text of the Caddyfile is read once more.

var (
	// variable is one of the environment that Caddy replaces before it reads words.
	variable = regexp.MustCompile(`\{\$([^}:]+)(:[^}]*)?\}`)
	// variadic are arguments of an import, and block are its lines: any number of either.
	variadic   = regexp.MustCompile(`^\{args\[[^\]]*:[^\]]*\]\}$`)
	wholeLines = regexp.MustCompile(`^\{block(s\..+)?\}$`)
)

// lostOf is the first word of a directive, as it was written, that stands for nothing, ""
// if there is none; and so of words that stand for lines. What it reads is the file that
// the directive was written in: of a config that comes from none it knows nothing.
func lostOf(h httpcaddyfile.Helper) (word, lines string) {
	tokens := h.NextSegment()
	h.Reset()
	h.Next()
	written := writtenSegment(tokens[0])
	if !sameLine(written, tokens) {
		return "", ""
	}
	own := make(map[int]bool)
	for _, w := range written {
		own[w.Line] = true
	}
	isOwn := func(t caddyfile.Token) bool { return t.File == tokens[0].File && own[t.Line] }
	for _, w := range written {
		switch {
		case isEmpty(w.Text), variadic.MatchString(w.Text) && countLine(tokens, w) < countLine(written, w):
			word = cmp.Or(word, w.Text)
		case wholeLines.MatchString(w.Text) && !slices.ContainsFunc(tokens, func(t caddyfile.Token) bool { return !isOwn(t) }):
			lines = cmp.Or(lines, w.Text)
		}
	}
	return word, lines
}

// writtenSegment are the words of the directive that begins with the token, as its file
// has them. No more of the file is read than that takes: it may have a thousand guards.
func writtenSegment(directive caddyfile.Token) []caddyfile.Token {
	text, err := os.ReadFile(directive.File)
	if err != nil {
		return nil
	}
	for range directive.Line - 1 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	for lines := 2; ; lines *= 2 {
		parts := bytes.SplitAfterN(text, []byte("\n"), lines+1)
		whole := len(parts) <= lines
		words, err := caddyfile.Tokenize(bytes.Join(parts[:min(lines, len(parts))], nil), directive.File)
		begin := slices.IndexFunc(words, func(w caddyfile.Token) bool { return w.Line == 1 && w.Text == directive.Text })
		if whole && (err != nil || begin < 0) {
			return nil
		}
		if err != nil || begin < 0 {
			continue // a heredoc may go on
		}
		d := caddyfile.NewDispenser(words[begin:])
		d.Next()
		segment := d.NextSegment()
		if !whole && !d.Next() {
			continue // the block may go on
		}
		for i := range segment {
			segment[i].Line += directive.Line - 1
		}
		return segment
	}
}

// sameLine reports that the words of the first line that Caddy does not replace are those
// of the directive: a config that was sent by the admin API says that it is in a file.
func sameLine(written, tokens []caddyfile.Token) bool {
	for _, w := range written {
		if w.Line == written[0].Line && !strings.Contains(w.Text, "{") &&
			!slices.ContainsFunc(tokens, func(t caddyfile.Token) bool { return t.Text == w.Text && t.Line == w.Line }) {
			return false
		}
	}
	return len(written) > 0
}

// countLine is how many tokens there are in the line of one of them.
func countLine(tokens []caddyfile.Token, of caddyfile.Token) (n int) {
	for _, t := range tokens {
		if t.File == of.File && t.Line == of.Line {
			n++
		}
	}
	return n
}

// isEmpty reports a word that is one variable without a value.
func isEmpty(word string) bool {
	m := variable.FindStringSubmatch(word)
	if m == nil || m[0] != word {
		return false
	}
	value, ok := os.LookupEnv(m[1])
	if !ok {
		value = strings.TrimPrefix(m[2], ":")
	}
	return strings.TrimSpace(value) == ""
}
