package cmd

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
	"github.com/spf13/cobra"
)

func sessionCommand(o *options) *cobra.Command {
	return group(&cobra.Command{Use: "session <command>", Short: "Lists and ends sessions"}, sessionList(o), sessionRevoke(o))
}

func sessionList(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "list [<user>]", Short: "Lists the sessions of a user, or of all"}
	return runs(cmd, 0, 1, func(cmd *cobra.Command, args []string) error {
		return o.with(cmd, func(ctx context.Context, a *api) error {
			query := make(url.Values)
			if len(args) > 0 {
				if err := a.mustExist(ctx, args[0]); err != nil {
					return err
				}
				query.Set("user", args[0])
			}
			sessions, err := pages(ctx, a, "sessions", query, func(s adminapi.Session) string { return s.ID })
			if err != nil {
				return err
			}
			// The API shows those too that have expired and wait to be removed.
			now := time.Now()
			sessions = slices.DeleteFunc(sessions, func(s adminapi.Session) bool { return !now.Before(s.ExpiresAt) })
			rows := [][]string{{"SID", "USER", "CLIENT", "CREATED", "LAST USED", "EXPIRES", "ADDRESS", "USER AGENT"}}
			for _, s := range sessions {
				rows = append(rows, []string{
					s.ID, s.User, orDash(s.Client), timeText(s.CreatedAt), timeText(s.LastUsedAt), timeText(s.ExpiresAt),
					orDash(s.IP), orDash(s.UserAgent),
				})
			}
			return o.show(cmd, sessions, rows)
		})
	})
}

func sessionRevoke(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke <sid> | --user <name>",
		Short: "Ends one session, or all sessions of a user",
		Long:  "Ends one session, or all sessions of a user. Their tokens are refused at once.",
	}
	var name string
	cmd.Flags().StringVar(&name, "user", "", "End all sessions of this user")
	return runs(cmd, 0, 1, func(cmd *cobra.Command, args []string) error {
		if (len(args) == 1) == cmd.Flags().Changed("user") {
			return usage(cmd)
		}
		return o.with(cmd, func(ctx context.Context, a *api) error {
			var result struct {
				Ended int `json:"ended"`
			}
			if len(args) == 0 {
				if err := a.mustExist(ctx, name); err != nil {
					return err
				}
				if err := a.call(ctx, http.MethodDelete, "sessions", url.Values{"user": {name}}, nil, &result); err != nil {
					return err
				}
				return o.say(cmd, result, "sessions of %s ended: %d", name, result.Ended)
			}
			err := a.call(ctx, http.MethodDelete, "session", url.Values{"id": {args[0]}}, nil, &result)
			if hasStatus(err, http.StatusNotFound) {
				return fmt.Errorf("realm %s has no session %s: `caddy jwtauth session list` shows those there are", a.realm, args[0])
			} else if err != nil {
				return err
			}
			return o.say(cmd, result, "session %s ended", args[0])
		})
	})
}

// mustExist is an error for a name that no user has, which a typing error makes.
func (a *api) mustExist(ctx context.Context, name string) error {
	_, err := a.user(ctx, name)
	if hasStatus(err, http.StatusConflict) {
		return nil // in two sources: its sessions are to be seen and ended still
	}
	return a.explainUser(ctx, err, name, false)
}
