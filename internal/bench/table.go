package main

import (
	"fmt"
	"os"
	"strings"
	"unicode/utf8"
)

// table is a Markdown table.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) String() string {
	var b strings.Builder
	width := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell), 3)
		}
	}
	line := func(cells []string) {
		for i, cell := range cells {
			fmt.Fprintf(&b, "| %s%s ", cell, strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString("|\n")
	}
	line(t.head)
	for i := range t.head {
		b.WriteString("| " + strings.Repeat("-", width[i]) + " ")
	}
	b.WriteString("|\n")
	for _, row := range t.rows {
		line(row)
	}
	return b.String()
}

// report is what a part has to tell.
type report struct {
	text strings.Builder
	// failures are things that did not work at all.
	failures []string
}

func (r *report) table(t *table) { r.paragraph("%s", strings.TrimSuffix(t.String(), "\n")) }

func (r *report) paragraph(format string, args ...any) {
	if r.text.Len() > 0 {
		r.text.WriteString("\n\n")
	}
	fmt.Fprintf(&r.text, format, args...)
}

func (r *report) fail(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *report) String() string { return r.text.String() }

// String is the median, and the lowest and the highest round.
func (s spread) String() string { return s.with("%.3f") }

func (s spread) with(verb string) string {
	return fmt.Sprintf(verb+" ("+verb+" – "+verb+")", s.median, s.low, s.high)
}

// reach says whether a figure is what it should be.
func reach(holds bool, what string) string {
	if holds {
		return what + ": yes"
	}
	return what + ": **no**"
}

// thousands is a number for people.
func thousands[T int | int64 | float64](n T) string {
	digits := fmt.Sprintf("%.0f", float64(n))
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// megabytes is a number of bytes in MB.
func megabytes(bytes float64) string { return fmt.Sprintf("%.1f MB", bytes/1e6) }

// writeSections replaces what stands between the markers of each section.
func writeSections(path string, sections map[string]string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed := string(text)
	for name, body := range sections {
		if changed, err = replaceSection(changed, name, body); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}

func replaceSection(text, name, body string) (string, error) {
	begin, end := "<!-- begin:"+name+" -->", "<!-- end:"+name+" -->"
	head, rest, found := strings.Cut(text, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("there is no place between %s and %s", begin, end)
	}
	return head + begin + "\n\n" + body + "\n\n" + end + tail, nil
}
