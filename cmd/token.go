package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func tokenCommand(o *options) *cobra.Command {
	return group(&cobra.Command{Use: "token <command>", Short: "Inspects tokens"}, tokenInspect(o))
}

func tokenInspect(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect [<token>]",
		Short: "Tells whether a token is valid, and what it says",
		Long: `Tells whether an access token or a refresh token is valid, why not, and what an
access token says. The exit code is 1 for one that is not valid. The token is read from standard input; as an argument it can
be seen by other users of the machine. The claims of a token that is not signed
by the realm are not shown: anyone could have written them.`,
		Example: "  $ caddy jwtauth token inspect < token.txt",
	}
	return runs(cmd, 0, 1, func(cmd *cobra.Command, args []string) error {
		var body struct {
			Token string `json:"token"`
		}
		if len(args) == 1 && args[0] != "-" {
			warn(cmd, "other users of this machine can see the arguments of a command; standard input is safer")
			body.Token = strings.TrimSpace(args[0])
		} else {
			if file, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(file.Fd())) {
				_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "paste the token, then press Enter and Ctrl-D")
			}
			line, err := o.readLine(cmd, "token")
			if err != nil {
				return err
			}
			body.Token = strings.TrimSpace(line)
		}
		if body.Token == "" {
			return errors.New("the token is empty: write it to standard input")
		}
		return o.with(cmd, func(ctx context.Context, a *api) error {
			var token adminapi.Token
			if err := a.call(ctx, http.MethodPost, "inspect", nil, body, &token); err != nil {
				return err
			}
			if err := o.show(cmd, token, tokenRows(token)); err != nil {
				return err
			}
			if !token.Valid {
				return errors.New("the token is not valid: " + token.Reason)
			}
			return nil
		})
	})
}

func tokenRows(token adminapi.Token) [][]string {
	valid := "yes"
	if !token.Valid {
		valid = "no: " + token.Reason
	}
	rows := [][]string{{"kind", strings.ReplaceAll(token.Kind, "_", " ")}, {"valid", valid}}
	if token.SID != "" {
		rows = append(rows, []string{"session", token.SID})
	}
	for _, row := range claimRows("", token.Claims) {
		if name := row[0]; name == "exp" || name == "iat" || name == "nbf" {
			if seconds, ok := token.Claims[name].(float64); ok {
				row[1] = fmt.Sprintf("%.0f (%s)", seconds, timeText(time.Unix(int64(seconds), 0)))
			}
		}
		rows = append(rows, row)
	}
	return rows
}
