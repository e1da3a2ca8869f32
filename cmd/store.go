package cmd

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
)

func storeCommand(o *options) *cobra.Command {
	return group(&cobra.Command{Use: "store <command>", Short: "Makes a copy of a store one of its own"}, storeResetID(o))
}

func storeResetID(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reset-id",
		Short: "Makes a copy of a realm one of its own",
		Long: `Makes a copy of a realm, such as a copy of production's data folder that is to
be staging's, a realm of its own. Without it, tokens of the copy are accepted
where the original goes on.

The store gets a new id, and its sessions end: all users sign in again. The
keys in Caddy's storage are replaced, and with them the realm's id, which is
part of the default issuer. Users, passwords and roles stay. Keys in a storage
that is no folder are left, since the original may use them, and so are those
that the config gives: the command says so.

Run it on the copy, never on the original, and before its Caddy is started.`,
	}
	return runs(cmd, 0, 0, func(cmd *cobra.Command, _ []string) error {
		if err := realm.CheckName(o.realm); err != nil {
			return err
		}
		if err := calmLogs(); err != nil {
			return err
		}
		done, err := o.resetStore(cmd)
		if err != nil {
			return err
		}
		if done.KeysKept != "" {
			warn(cmd, done.KeysKept)
		}
		keys := "new keys are made at the next start"
		if !done.NewKeys {
			keys = "the signing keys are the same"
		}
		return o.say(cmd, done, "the store %s has a new id, sessions ended: %d; %s", done.Path, done.Ended, keys)
	})
}

// resetStore works on the files, so no Caddy may use them.
func (o *options) resetStore(cmd *cobra.Command) (done adminapi.StoreReset, err error) {
	if o.address != "" {
		return done, errors.New("this works on the files of a realm, and not through an admin API: stop the Caddy that uses them, and leave --address out")
	}
	c, err := o.load()
	if err != nil {
		return done, err
	}
	if !c.Admin.Disabled {
		running, err := o.openAdmin(cmd.Context(), c, io.Discard)
		if running != nil {
			running.close()
			return done, fmt.Errorf("a Caddy runs with the realm %s: stop it, run this again and start it", o.realm)
		}
		if err != nil && !hasStatus(err, http.StatusNotFound) {
			return done, err
		}
	}
	o.announce(c, cmd.ErrOrStderr())
	app, ctx, closeApp, err := c.provision()
	if err != nil {
		return done, err
	}
	defer closeApp()
	done, err = app.ResetStore(ctx, o.realm)
	if errors.Is(err, bolt.ErrLocked) {
		err = locked(err, c)
	}
	return done, err
}
