package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
)

// config is what the commands take from Caddy's config.
type config struct {
	file    string // "" without one
	adapted []byte

	Admin struct {
		Disabled bool   `json:"disabled"`
		Listen   string `json:"listen"`
	} `json:"admin"`
	Storage json.RawMessage            `json:"storage"`
	Apps    map[string]json.RawMessage `json:"apps"`
}

// with opens the realm, lets do speak to it, and closes it.
func (o *options) with(cmd *cobra.Command, do func(ctx context.Context, a *api) error) error {
	if err := realm.CheckName(o.realm); err != nil {
		return err
	}
	if err := calmLogs(); err != nil {
		return err
	}
	a, err := o.open(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer a.close()
	return do(cmd.Context(), a)
}

// open finds the running Caddy, or opens the realm itself where none runs.
func (o *options) open(ctx context.Context, talk io.Writer) (*api, error) {
	c, err := o.load()
	if err != nil {
		return nil, err
	}
	var absent error // why the Caddy that runs, if one does, is not asked
	if o.address != "" || !c.Admin.Disabled {
		a, err := o.openAdmin(ctx, c, talk)
		if a != nil || err != nil && !hasStatus(err, http.StatusNotFound) {
			return a, err
		}
		absent = err
	}
	return o.openHere(c, absent, talk)
}

// load reads the config. With --address alone none is needed.
func (o *options) load() (*config, error) {
	c := new(config)
	if o.address != "" && o.config == "" && o.adapter == "" {
		return c, nil
	}
	var err error
	if c.adapted, c.file, _, err = caddycmd.LoadConfig(o.config, o.adapter); err != nil {
		return nil, err
	}
	if len(c.adapted) > 0 {
		if err := json.Unmarshal(c.adapted, c); err != nil {
			return nil, fmt.Errorf("config %s: %w", c.file, err)
		}
	}
	return c, nil
}

// openAdmin returns the admin API of the Caddy that runs, nil where none runs.
// An *apiError of status 404 means that it runs without this realm.
func (o *options) openAdmin(ctx context.Context, c *config, talk io.Writer) (*api, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(o.address, c.adapted, c.file, o.adapter)
	if err != nil {
		return nil, err
	}
	address = caddy.NewReplacer().ReplaceAll(address, "")
	a, err := newAdminAPI(address, o.realm)
	if err != nil {
		return nil, err
	}
	var keys []adminapi.Key
	err = a.call(ctx, http.MethodGet, "keys", nil, nil, &keys)
	switch {
	case err == nil:
		_, _ = fmt.Fprintf(talk, "realm %s, through the admin API at %s\n", o.realm, address)
		return a, nil
	case hasStatus(err, http.StatusNotFound):
		return nil, &apiError{http.StatusNotFound, fmt.Sprintf("the Caddy at %s does not have the realm %s: %v", address, o.realm, err)}
	case !noServer(err):
		return nil, fmt.Errorf("the admin API at %s: %w: nothing was done; make it answer, name another one with --address, or stop that Caddy", address, err)
	case o.address != "" && o.config == "":
		return nil, o.noServer()
	}
	return nil, nil
}

func (o *options) noServer() error {
	return fmt.Errorf("no server answers at %s: start Caddy, or leave --address out to work without it", o.address)
}

// openHere opens the realm in this process. absent is why the Caddy that runs, if
// one does, was not asked.
func (o *options) openHere(c *config, absent error, talk io.Writer) (*api, error) {
	if absent != nil {
		if !c.has(o.realm) {
			return nil, absent
		}
		_, _ = fmt.Fprintln(talk, oneLine(absent))
	}
	if c.place(o.realm).Module == "memory" {
		return nil, fmt.Errorf("realm %s is kept in memory, so it exists only in a Caddy that runs: start Caddy with this config first, or give the realm another store", o.realm)
	}
	o.announce(c, talk)
	app, ctx, closeApp, err := c.provision()
	if err != nil {
		return nil, err
	}
	if err := app.OpenRealm(ctx, o.realm); err != nil {
		closeApp()
		if errors.Is(err, bolt.ErrLocked) {
			err = locked(err, c)
		}
		return nil, err
	}
	return &api{
		realm: o.realm, origin: "http://jwtauth", transport: handlerTransport{app.AdminHandler()}, close: closeApp,
	}, nil
}

// announce says which realm is opened in this process.
func (o *options) announce(c *config, talk io.Writer) {
	data := caddy.AppDataDir()
	from := "no config"
	if c.file != "" {
		from = "config " + c.file
	}
	_, _ = fmt.Fprintf(talk, "realm %s, without a running Caddy; data folder %s; %s\n", o.realm, data, from)
	if c.place(o.realm).Path == "" || c.Storage == nil {
		warnOfOwner(talk, data)
	}
}

// locked says how to reach a store that another process has open.
func locked(err error, c *config) error {
	what, _, _ := strings.Cut(err.Error(), bolt.ErrLocked.Error())
	advice := "if that is a Caddy that runs, name its config with --config or its admin API with --address"
	if c.Admin.Disabled {
		advice = "the admin API is off in this config, so a Caddy that runs cannot be asked: switch it on, or stop Caddy, run this again and start it"
	}
	return fmt.Errorf("%s%w; %s", what, bolt.ErrLocked, advice)
}

// place is the store of a realm as the config has it.
type place struct {
	Module string `json:"module"`
	Path   string `json:"path"`
}

type realms map[string]struct {
	Store place `json:"store"`
}

func (c *config) realms() realms {
	var app struct {
		Realms realms `json:"realms"`
	}
	_ = json.Unmarshal(c.Apps[jwtauth.AppName], &app) // an error comes up again in provision
	return app.Realms
}

func (c *config) place(realm string) place { return c.realms()[realm].Store }

// has reports a realm that the config defines, or that needs no definition.
func (c *config) has(realm string) bool {
	_, ok := c.realms()[realm]
	return ok || realm == jwtauth.DefaultRealm
}

// provision makes the app, with the storage, and nothing else of the config.
// What is opened of it is closed by closeApp alone.
func (c *config) provision() (app *jwtauth.App, ctx caddy.Context, closeApp func(), err error) {
	caddyConfig := &caddy.Config{Logging: calmLogging("WARN"), StorageRaw: c.Storage}
	base, err := caddy.ProvisionContext(caddyConfig)
	if err != nil {
		return nil, ctx, nil, c.explain(err)
	}
	if raw := c.Apps[jwtauth.AppName]; raw != nil {
		caddyConfig.AppsRaw = caddy.ModuleMap{jwtauth.AppName: raw}
	}
	// The context that the app is loaded in is the one that can be cancelled.
	ctx, cancel := caddy.NewContext(base)
	value, err := ctx.App(jwtauth.AppName)
	if err != nil {
		cancel()
		return nil, ctx, nil, c.explain(err)
	}
	return value.(*jwtauth.App), ctx, cancel, nil
}

func (c *config) explain(err error) error {
	if c.file == "" {
		return err
	}
	return fmt.Errorf("config %s: %w", c.file, err)
}

// warnOfOwner speaks up before root makes files that the service cannot read.
func warnOfOwner(talk io.Writer, data string) {
	if os.Getuid() != 0 {
		return
	}
	info, err := os.Stat(data)
	if err == nil {
		if uid, ok := owner(info); ok && uid != 0 {
			_, _ = fmt.Fprintf(talk, "warning: %s belongs to another user, who may not be able to read what root makes in it: run this as that user, with `sudo -H -u`\n", data)
		}
		return
	}
	const service = "/var/lib/caddy"
	hint := "run this as the user that Caddy runs as, with `sudo -H -u`"
	if _, err := os.Stat(service); err == nil {
		hint = fmt.Sprintf("the service's is %s: run this with `sudo -H -u caddy`", filepath.Join(service, ".local", "share", "caddy"))
	}
	_, _ = fmt.Fprintf(talk, "warning: root makes a new data folder, %s, which a Caddy that runs as another user never reads; %s\n", data, hint)
}
