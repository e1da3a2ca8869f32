package cmd

import (
	"context"
	"net/http"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
	"github.com/spf13/cobra"
)

func keyCommand(o *options) *cobra.Command {
	return group(&cobra.Command{Use: "key <command>", Short: "Lists and rotates keys"}, keyList(o), keyRotate(o))
}

func keyList(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "Lists the keys of a realm, without their material"}
	return runs(cmd, 0, 0, func(cmd *cobra.Command, _ []string) error {
		return o.with(cmd, func(ctx context.Context, a *api) error {
			var keys []adminapi.Key
			if err := a.call(ctx, http.MethodGet, "keys", nil, nil, &keys); err != nil {
				return err
			}
			return o.show(cmd, keys, keyRows(keys))
		})
	})
}

// revokeTimeout is for a store of very many users, whose sessions all end.
const revokeTimeout = 10 * time.Minute

func keyRotate(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate [--now] [--revoke]",
		Short: "Makes new keys",
		Long: `Makes a new signing key and a new refresh key. They are published at once and
used as soon as all programs that verify tokens know them; with --now, at once.
The old ones verify what they signed until it has expired, so no user is signed
out, and nothing that is signed with them later.

--revoke is for a key that leaked. The new keys are used at once, with or
without --now, and all former keys of the realm are removed: nothing made with
one of them is accepted from then on, be it an access token, a refresh token or
a session cookie. All sessions end, and all users sign in again. Other machines
that share the keys follow within a minute. Other verifiers may hold their copy
of the JWKS for ten minutes.`,
	}
	var body struct {
		Now bool `json:"now"`
	}
	revoke := false
	cmd.Flags().BoolVar(&body.Now, "now", false, "Use the new keys at once")
	cmd.Flags().BoolVar(&revoke, "revoke", false, "Accept nothing more that was made with the old keys, and end all sessions")
	return runs(cmd, 0, 0, func(cmd *cobra.Command, _ []string) error {
		return o.with(cmd, func(ctx context.Context, a *api) error {
			if revoke {
				return o.revokeKeys(ctx, cmd, a)
			}
			var keys []adminapi.Key
			if err := a.call(ctx, http.MethodPost, "keys/rotate", nil, body, &keys); err != nil {
				return err
			}
			if err := o.showKeys(cmd, keys); err != nil {
				return err
			}
			return o.say(cmd, keys, "new keys made, %s", usedFrom(keys, body.Now))
		})
	})
}

func (o *options) revokeKeys(ctx context.Context, cmd *cobra.Command, a *api) error {
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	var revoked adminapi.RevokedKeys
	if err := a.call(ctx, http.MethodPost, "keys/revoke", nil, nil, &revoked); err != nil {
		return err
	}
	if err := o.showKeys(cmd, revoked.Keys); err != nil {
		return err
	}
	return o.say(cmd, revoked, "new keys made, in use from now on; the old ones are revoked: nothing made with them is accepted, by other machines of the realm within a minute; sessions ended: %d, of users who have to sign in again: %d",
		revoked.Ended, revoked.Users)
}

// showKeys writes the keys as rows; with --json they are part of what is said.
func (o *options) showKeys(cmd *cobra.Command, keys []adminapi.Key) error {
	if o.json {
		return nil
	}
	return writeTable(cmd.OutOrStdout(), keyRows(keys))
}

// usedFrom says when the keys just made come into use.
func usedFrom(keys []adminapi.Key, now bool) string {
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

func keyRows(keys []adminapi.Key) [][]string {
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
