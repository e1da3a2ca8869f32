package jwtauth

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(new(AdminAPI))
}

// AdminPath is where the module's part of Caddy's admin API begins.
const AdminPath = "/jwtauth/"

// AdminAPI is the part of Caddy's admin API that `caddy jwtauth` speaks to while
// Caddy runs: users, sessions, keys and tokens of the realms.
type AdminAPI struct{}

// CaddyModule returns the Caddy module information.
func (*AdminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.jwtauth",
		New: func() caddy.Module { return new(AdminAPI) },
	}
}

// Routes implements [caddy.AdminRouter].
func (a *AdminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: AdminPath, Handler: caddy.AdminHandlerFunc(a.serve)}}
}

// serve asks for the live app at each request: the admin endpoint is replaced
// before the apps of a new config are loaded, and stays where they fail.
func (a *AdminAPI) serve(w http.ResponseWriter, r *http.Request) error {
	app, err := caddy.ActiveContext().AppIfConfigured(AppName)
	if err != nil {
		if errors.Is(err, caddy.ErrNotConfigured) {
			err = errors.New("the running config uses neither token_server nor jwt_auth")
		}
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: err}
	}
	app.(*App).AdminHandler().ServeHTTP(w, r)
	return nil
}

// AdminHandler serves the admin API of the app's realms. Commands that run
// without a server call it directly.
func (a *App) AdminHandler() http.Handler { return newAdminMux(a) }

// OpenRealm opens one realm of an app that is not started, for a command that
// runs without a server. Cleanup closes it.
func (a *App) OpenRealm(ctx caddy.Context, name string) error {
	realm, err := a.Realm(name)
	if err != nil {
		return err
	}
	// The users of the config that a command was given need not be those of
	// the server: nobody is signed out because of them.
	if err := realm.start(ctx, keepSessions); err != nil {
		return fmt.Errorf("realm %s: %w", realm.name, err)
	}
	return nil
}

// Interface guards
var _ caddy.AdminRouter = (*AdminAPI)(nil)
