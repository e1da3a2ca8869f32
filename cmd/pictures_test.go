package cmd_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestPictures: the pictures of a terminal in the docs show what the commands tell today.
func TestPictures(t *testing.T) {
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(path...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	explained, _, _ := strings.Cut(read("testdata", "explain", "quickstart.txt"), "\n\n\n")
	for name, text := range map[string]string{
		"check":   "$ caddy jwtauth check\n" + read("testdata", "check", "static-site.txt"),
		"explain": explained,
	} {
		wantGolden(t, filepath.Join("pictures", name+".svg"), terminal(text))
	}
}

// terminal draws a text as a terminal shows it.
func terminal(text string) string {
	const width, height, margin = 8.43, 20, 20 // of a character of 14 px, and around them
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	longest := 0
	for _, line := range lines {
		longest = max(longest, utf8.RuneCountInString(line))
	}
	var b strings.Builder
	w, h := int(float64(longest)*width)+2*margin, len(lines)*height+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14">`+"\n", w, h, w, h)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="10" fill="#16202b"/>`+"\n", w, h)
	for i, line := range lines {
		if line == "" {
			continue
		}
		colour := "#d7e0ea"
		switch {
		case strings.HasPrefix(line, "$"):
			colour = "#8fb8de"
		case strings.HasPrefix(line, "  answered"):
			colour = "#9bd4a5"
		case strings.HasPrefix(line, "  refused"):
			colour = "#eba99a"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s" xml:space="preserve">`, margin, margin+height*i+14, colour)
		_ = xml.EscapeText(&b, []byte(line))
		b.WriteString("</text>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}
