package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// say tells what was done, on standard error; with --json the result is data.
func (o *options) say(cmd *cobra.Command, result any, format string, args ...any) error {
	_, _ = fmt.Fprintln(cmd.ErrOrStderr(), clean(fmt.Sprintf(format, args...)))
	if o.json {
		return writeJSON(cmd.OutOrStdout(), result)
	}
	return nil
}

// warn tells what is likely not meant, on standard error.
func warn(cmd *cobra.Command, text string) {
	_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+text)
}

// show writes data: as JSON, or as rows.
func (o *options) show(cmd *cobra.Command, data any, rows [][]string) error {
	if o.json {
		return writeJSON(cmd.OutOrStdout(), data)
	}
	return writeTable(cmd.OutOrStdout(), rows)
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// writeTable writes aligned columns.
func writeTable(w io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.StripEscape)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = clean(cell)
		}
		if _, err := fmt.Fprintln(table, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return table.Flush()
}

// clean takes out what a terminal obeys: user agents and tokens are written by
// strangers.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// oneLine makes an error fit for the one line that is written about it.
func oneLine(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimSpace(err.Error())
	return errors.New(clean(strings.ReplaceAll(text, "\n", "; ")))
}

func timeText(t time.Time) string { return t.Local().Format(time.DateTime) }

// list joins words, - for none.
func list(words []string) string {
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ", ")
}

// orDash is text, - for none, so that columns stay countable.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
