package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// ask asks for what concerns a whole config, and not one realm: of the Caddy that runs, if
// --address names it, and else of the config itself.
func (o *options) ask(ctx context.Context, name string, query url.Values, out any) error {
	if err := calmLogs(); err != nil {
		return err
	}
	a, err := o.openWhole()
	if err != nil {
		return err
	}
	defer a.close()
	err = a.call(ctx, http.MethodGet, name, query, nil, out)
	if err != nil && noServer(err) {
		return o.noServer()
	}
	return err
}

func (o *options) openWhole() (*api, error) {
	if o.address != "" {
		return newAdminAPI(o.address, "")
	}
	c, err := o.load()
	if err != nil {
		return nil, err
	}
	if len(c.adapted) == 0 {
		return nil, errors.New("there is no config: run this where the Caddyfile is, or name one with --config; --address asks a Caddy that runs")
	}
	app, closeApp, err := c.provisionWhole()
	if err != nil {
		return nil, c.explain(err)
	}
	return &api{origin: "http://jwtauth", transport: handlerTransport{app.AdminHandler()}, close: closeApp}, nil
}

// provisionWhole provisions the whole config, as `caddy validate` does. It starts nothing.
func (c *config) provisionWhole() (*jwtauth.App, func(), error) {
	apps := c.Apps
	if raw := apps["http"]; raw != nil {
		var quiet any
		if err := json.Unmarshal(raw, &quiet); err != nil {
			return nil, nil, err
		}
		dropHealthChecks(quiet)
		text, err := json.Marshal(quiet)
		if err != nil {
			return nil, nil, err
		}
		apps["http"] = text
	}
	config := &caddy.Config{Logging: calmLogging("ERROR"), StorageRaw: c.Storage, AppsRaw: apps, Admin: &caddy.AdminConfig{Disabled: true}}
	base, err := caddy.ProvisionContext(config)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := caddy.NewContext(base)
	value, err := ctx.App(jwtauth.AppName)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return value.(*jwtauth.App), cancel, nil
}

// dropHealthChecks takes them out of a config: reverse_proxy asks its upstreams from the
// moment when it is provisioned.
func dropHealthChecks(config any) {
	switch v := config.(type) {
	case map[string]any:
		if v["handler"] == "reverse_proxy" {
			delete(v, "health_checks")
		}
		for _, member := range v {
			dropHealthChecks(member)
		}
	case []any:
		for _, element := range v {
			dropHealthChecks(element)
		}
	}
}
