package cmd

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/lint"
)

// checked is what `check --json` writes.
type checked struct {
	Sites    []lint.Site    `json:"sites"`
	Findings []lint.Finding `json:"findings"`
}

func checkCommand(o *options) *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Tells what a config guards, and what it does not",
		Long: `Tells for each site of a config which guards it has, who may pass each, where
people sign in, and who gets what the site serves; and where a guard does less
than it seems to say. It starts nothing, listens nowhere and opens no store.

The exit code is 1 for a config that is refused or has an error, and 2, with
--strict, for one with a warning.`,
		Example: "  $ caddy jwtauth check --config Caddyfile --strict",
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "Fail, with exit code 2, where there is a warning")
	var findings []lint.Finding
	runs(cmd, 0, 0, func(cmd *cobra.Command, _ []string) error {
		if err := calmLogs(); err != nil {
			return err
		}
		result, err := o.check()
		if err != nil {
			return err
		}
		if o.json {
			err = writeJSON(cmd.OutOrStdout(), checked{orEmpty(result.Sites), orEmpty(result.Findings)})
		} else {
			err = writeSites(cmd.OutOrStdout(), result)
		}
		if err != nil {
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

// orEmpty is a list that JSON shows as one, also without elements.
func orEmpty[T any](list []T) []T { return append([]T{}, list...) }

// check provisions the whole config, as `caddy validate` does, and looks at its routes.
func (o *options) check() (none lint.Result, err error) {
	c, err := o.load()
	if err != nil {
		return none, err
	}
	if len(c.adapted) == 0 {
		return none, errors.New("there is no config: run this where the Caddyfile is, or name one with --config")
	}
	config := &caddy.Config{Logging: calmLogging("ERROR"), StorageRaw: c.Storage, AppsRaw: c.Apps, Admin: &caddy.AdminConfig{Disabled: true}}
	base, err := caddy.ProvisionContext(config)
	if err != nil {
		return none, c.explain(err)
	}
	ctx, cancel := caddy.NewContext(base)
	defer cancel()
	value, err := ctx.App(jwtauth.AppName)
	if err != nil {
		return none, c.explain(err)
	}
	result, ok := value.(*jwtauth.App).Lint()
	if !ok {
		return none, c.explain(errors.New("it has no sites"))
	}
	return result, nil
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
		_, _ = fmt.Fprintln(w, clean(siteName(site)))
		var rows [][]string
		for _, line := range site.Lines {
			rows = append(rows, []string{"  " + line.Where, lineText(line)})
		}
		if err := writeTable(w, rows); err != nil {
			return err
		}
	}
	for _, f := range result.Findings {
		_, _ = fmt.Fprintf(w, "\n%s: %s: %s (%s)\n  %s\n", f.Severity, clean(siteName(lint.Site{Server: f.Server, Hosts: f.Hosts})), clean(f.Where), f.Rule, clean(f.Text))
	}
	return nil
}

func siteName(site lint.Site) string {
	switch {
	case len(site.Hosts) > 0:
		return strings.Join(site.Hosts, ", ")
	case len(site.Listen) > 0:
		return strings.Join(site.Listen, ", ")
	}
	return site.Server
}

func lineText(line lint.Line) string {
	text := line.Who
	if line.Realm != "" && line.Realm != jwtauth.DefaultRealm {
		text += ", of the realm " + line.Realm
	}
	switch {
	case line.Kind == "token_server" && line.SignIn != "":
		text += "; people sign in at " + line.SignIn
	case line.Kind == "guard" && line.SignIn != "":
		text += "; others are sent to " + line.SignIn
	case line.Kind == "guard" && !strings.HasPrefix(line.Who, "everyone"):
		text += "; others get 401 or 403"
	}
	return text
}
