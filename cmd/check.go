package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/lint"
)

func checkCommand(o *options) *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Tells what a config guards, and what it does not",
		Long: `Tells for each site of a config which guards it has, who may pass each, where
people sign in, and who gets what the site serves; and where a guard does less
than it seems to say. It starts nothing, listens nowhere and opens no store. With
--address it is about the config of the Caddy that runs there.

The exit code is 1 for a config that is refused or has an error, and 2, with
--strict, for one with a warning.`,
		Example: "  $ caddy jwtauth check --config Caddyfile --strict",
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "Fail, with exit code 2, where there is a warning")
	var findings []lint.Finding
	runs(cmd, 0, 0, func(cmd *cobra.Command, _ []string) error {
		var result lint.Result
		if err := o.ask(cmd.Context(), "check", nil, &result); err != nil {
			return err
		}
		write := writeSites
		if o.json {
			write = func(w io.Writer, result lint.Result) error { return writeJSON(w, result) }
		}
		if err := write(cmd.OutOrStdout(), result); err != nil {
			return err
		}
		findings = result.Findings
		return nil
	})
	show := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := show(cmd, args); err != nil {
			return err
		}
		return caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return verdict(findings, strict) })(cmd, args)
	}
	return cmd
}

// verdict is the exit code.
func verdict(findings []lint.Finding, strict bool) (code int, err error) {
	errs, warnings := 0, 0
	for _, f := range findings {
		if f.Severity == lint.Error {
			errs++
		} else {
			warnings++
		}
	}
	switch {
	case errs > 0:
		return 1, fmt.Errorf("%s: Caddy would not start with this config", count(errs, "error"))
	case warnings > 0 && strict:
		return 2, fmt.Errorf("%s, and --strict takes none", count(warnings, "warning"))
	}
	return 0, nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// writeSites writes a small table for each site, and then what was found.
func writeSites(w io.Writer, result lint.Result) error {
	for i, site := range result.Sites {
		if i > 0 {
			_, _ = fmt.Fprintln(w)
		}
		_, _ = fmt.Fprintln(w, clean(site.String()))
		var rows [][]string
		for _, line := range site.Lines {
			rows = append(rows, []string{"  " + line.Where, lineText(line)})
		}
		if err := writeTable(w, rows); err != nil {
			return err
		}
	}
	for _, f := range result.Findings {
		_, _ = fmt.Fprintf(w, "\n%s: %s: %s (%s)\n  %s\n", f.Severity, clean(lint.Site{Server: f.Server, Hosts: f.Hosts}.String()), clean(f.Where), f.Rule, clean(f.Text))
	}
	return nil
}

func lineText(line lint.Line) string {
	text := line.Who
	if line.Realm != "" && line.Realm != jwtauth.DefaultRealm {
		text += ", of the realm " + line.Realm
	}
	switch {
	case line.Kind == lint.KindTokenServer && line.SignIn != "":
		text += "; people sign in at " + line.SignIn
	case line.Kind == lint.KindGuard && line.SignIn != "":
		text += "; others are sent to " + line.SignIn
	case line.Kind == lint.KindGuard && !strings.HasPrefix(line.Who, "everyone"):
		text += "; others get 401 or 403"
	}
	return text
}
