package cmd

import (
	"context"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

func keyCommand(o *options) *cobra.Command {
	return group(&cobra.Command{Use: "key <command>", Short: "Lists and rotates keys"}, keyList(o), keyRotate(o))
}

func keyList(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "Lists the keys of a realm, without their material"}
	return runs(cmd, 0, 0, func(cmd *cobra.Command, _ []string) error {
		return o.with(cmd, func(ctx context.Context, a *api) error {
			var keys []jwtauth.AdminKey
			if err := a.call(ctx, http.MethodGet, "keys", nil, nil, &keys); err != nil {
				return err
			}
			return o.show(cmd, keys, keyRows(keys))
		})
	})
}

func keyRotate(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate [--now]",
		Short: "Makes new keys",
		Long: `Makes a new signing key and a new refresh key. They are published at once and
used as soon as everybody who verifies tokens knows them; with --now, at once.
The old ones verify until their last token has expired, so nobody is signed out.`,
	}
	var body struct {
		Now bool `json:"now"`
	}
	cmd.Flags().BoolVar(&body.Now, "now", false, "Use the new keys at once")
	return runs(cmd, 0, 0, func(cmd *cobra.Command, _ []string) error {
		return o.with(cmd, func(ctx context.Context, a *api) error {
			var keys []jwtauth.AdminKey
			if err := a.call(ctx, http.MethodPost, "keys/rotate", nil, body, &keys); err != nil {
				return err
			}
			if !o.json {
				if err := writeTable(cmd.OutOrStdout(), keyRows(keys)); err != nil {
					return err
				}
			}
			return o.say(cmd, keys, "new keys made, %s", usedFrom(keys, body.Now))
		})
	})
}

// usedFrom says when the keys just made come into use.
func usedFrom(keys []jwtauth.AdminKey, now bool) string {
	if now {
		return "in use from now on"
	}
	var newest time.Time
	for _, key := range keys {
		if key.UsedFrom != nil && key.UsedFrom.After(newest) {
			newest = *key.UsedFrom
		}
	}
	return "in use from " + timeText(newest) + " on"
}

func keyRows(keys []jwtauth.AdminKey) [][]string {
	rows := [][]string{{"ID", "FOR", "ALGORITHM", "STATE", "CREATED", "USED FROM"}}
	for _, key := range keys {
		rows = append(rows, []string{key.ID, key.Use, key.Algorithm, key.State, optionalTime(key.CreatedAt), optionalTime(key.UsedFrom)})
	}
	return rows
}

func optionalTime(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return timeText(*t)
}
