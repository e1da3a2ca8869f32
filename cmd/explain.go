package cmd

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/explain"
)

func explainCommand(o *options) *cobra.Command {
	var (
		user   string
		roles  []string
		nobody bool
	)
	cmd := &cobra.Command{
		Use:   "explain <method> <url> [--user <name> | --role <role> | --nobody]",
		Short: "Tells who gets what a URL asks for, and why",
		Long: `Tells what a config does with a request, by Caddy's own routes: which guards are
for it, through which rewrites it goes, which handler answers, and for whom. Nothing
is served, and no upstream is asked.

Without a flag it tells what each kind of visitor gets. A user is one of the config
or its users files; with --address, of the Caddy that runs there, also one of its
store.`,
		Example: "  $ caddy jwtauth explain GET https://example.com/admin/users",
	}
	cmd.Flags().StringVar(&user, "user", "", "A user of the realm, who is signed in")
	cmd.Flags().StringArrayVar(&roles, "role", nil, "A signed-in user with this role; give it again for more")
	cmd.Flags().BoolVar(&nobody, "nobody", false, "A visitor who is not signed in")
	return runs(cmd, 2, 2, func(cmd *cobra.Command, args []string) error {
		if _, _, err := explain.Parse(args[0], args[1]); err != nil {
			return err
		}
		query := url.Values{"method": {args[0]}, "url": {args[1]}, "realm": {o.realm}, "role": roles}
		if user != "" {
			query.Set("user", user)
		}
		if nobody {
			query.Set("nobody", "true")
		}
		var answer explain.Answer
		if err := o.ask(cmd.Context(), "explain", query, &answer); err != nil {
			return err
		}
		if o.json {
			return writeJSON(cmd.OutOrStdout(), answer)
		}
		return writeAnswer(cmd.OutOrStdout(), answer)
	})
}

// writeAnswer writes the way of the visitor who comes farthest, and then what each gets.
func writeAnswer(w io.Writer, answer explain.Answer) error {
	_, _ = fmt.Fprintf(w, "%s %s\n", answer.Method, clean(answer.URL))
	var farthest explain.Case
	for _, c := range answer.Cases {
		if len(c.Steps) > len(farthest.Steps) {
			farthest = c
		}
	}
	var rows [][]string
	for _, step := range farthest.Steps {
		rows = append(rows, []string{"  " + step.Where, step.Text})
	}
	if err := writeTable(w, rows); err != nil {
		return err
	}
	for _, c := range answer.Cases {
		_, _ = fmt.Fprintf(w, "\n%s:\n  %s\n", clean(c.Who), clean(c.Outcome.String()))
		if len(c.Conditions) > 0 {
			_, _ = fmt.Fprintf(w, "  if there is %s\n", clean(strings.Join(c.Conditions, ", and ")))
		}
	}
	return nil
}
