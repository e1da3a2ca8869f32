// Package cmd is the command `caddy jwtauth`: users, sessions, keys and tokens
// of a realm, from a shell.
//
// While Caddy runs, the commands speak to its admin API; otherwise they open the
// realm themselves and speak to the same API without a server. Data goes to
// standard output, everything that is said about it to standard error.
package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:      "jwtauth",
		Usage:     "<user|session|key|token|store> <command> | check | explain",
		Short:     "Manages the users, sessions, keys and tokens of a realm, and tells what a config guards",
		Long:      long,
		CobraFunc: build,
	})
}

const long = `
Manages the users, sessions, keys and tokens of a realm:

	$ caddy jwtauth user add alice --role admin
	$ caddy jwtauth session list alice
	$ caddy jwtauth key rotate
	$ caddy jwtauth token inspect < token.txt
	$ caddy jwtauth check
	$ caddy jwtauth explain GET https://example.com/admin

While Caddy runs, the commands speak to its admin API, at the address that
--address or the config names. Otherwise they open the realm themselves, as
the config describes it: the one of --config, or the Caddyfile in the working
folder, or, without one, a realm with the defaults in Caddy's data folder. Run
them as the user that Caddy runs as.

A password is asked for, or read from standard input with --password-stdin.
It is never an argument, since other users of the machine see those.
`

// options are the flags that all commands have.
type options struct {
	realm   string
	config  string
	adapter string
	address string
	json    bool
}

// build adds the commands to `caddy jwtauth`.
func build(cmd *cobra.Command) {
	o := new(options)
	flags := cmd.PersistentFlags()
	flags.StringVar(&o.realm, "realm", jwtauth.DefaultRealm, "The realm")
	flags.StringVarP(&o.config, "config", "c", "", "Configuration file")
	flags.StringVarP(&o.adapter, "adapter", "a", "", "Name of config adapter to apply to --config")
	flags.StringVar(&o.address, "address", "", "Address of the administration API listener, if different from config")
	flags.BoolVar(&o.json, "json", false, "Write JSON to standard output")
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		hint := fmt.Sprintf("see `%s --help`", cmd.CommandPath())
		if strings.HasPrefix(err.Error(), "unknown shorthand") { // a name or sid that begins so, more likely
			hint = "an argument that begins with - goes after --"
		}
		return oneLine(fmt.Errorf("%w: %s", err, hint))
	})
	group(cmd, userCommand(o), sessionCommand(o), keyCommand(o), tokenCommand(o), storeCommand(o), checkCommand(o), explainCommand(o))
}

// group makes a command that only has others below it.
func group(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	var names []string
	for _, command := range commands {
		names = append(names, command.Name())
	}
	cmd.AddCommand(commands...)
	cmd.DisableFlagsInUseLine = true
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return fmt.Errorf("unknown command %q: `%s` has %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))
	}
	return cmd
}

// runs completes a command that takes at least least and at most most arguments
// (-1: any number), as its usage line says.
func runs(cmd *cobra.Command, least, most int, run func(cmd *cobra.Command, args []string) error) *cobra.Command {
	cmd.DisableFlagsInUseLine = true
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) < least || (most >= 0 && len(args) > most) {
			return usage(cmd)
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return oneLine(run(cmd, args)) }
	return cmd
}

// usage is the error for arguments that the command does not take.
func usage(cmd *cobra.Command) error {
	return fmt.Errorf("the command is used as `%s`", cmd.UseLine())
}
