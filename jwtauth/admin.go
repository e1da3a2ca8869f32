package jwtauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(new(AdminAPI))
}

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
	return []caddy.AdminRoute{{Pattern: adminapi.Path, Handler: caddy.AdminHandlerFunc(a.serve)}}
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

// AdminHandler serves the admin API of the app's realms. Commands that run without a
// server call it directly.
func (a *App) AdminHandler() http.Handler { return adminapi.Handler(adminConfig{a}, a.logger) }

// adminConfig is the config of an app, for the admin API.
type adminConfig struct{ app *App }

// Realm implements [adminapi.Config].
func (a adminConfig) Realm(ctx context.Context, name string) (*realm.Realm, error) {
	configured, ok := a.app.Realms[name]
	if !ok {
		return nil, adminapi.Error{Status: http.StatusNotFound, Err: fmt.Errorf("unknown realm %q: the realms are %v", name, a.app.names())}
	}
	if !configured.inUse() {
		return nil, adminapi.Error{Status: http.StatusNotFound, Err: fmt.Errorf("the running config does not use the realm %q", name)}
	}
	r, err := configured.future.Await(ctx)
	if err != nil {
		return nil, adminapi.Error{Status: http.StatusServiceUnavailable, Err: err}
	}
	return r, nil
}

// Check implements [adminapi.Config].
func (a adminConfig) Check() (any, error) {
	result, ok := a.app.Lint()
	if !ok {
		return nil, adminapi.Error{Status: http.StatusNotFound, Err: errNoSites}
	}
	return result, nil
}

// Explain implements [adminapi.Config].
func (a adminConfig) Explain(ctx context.Context, query url.Values) (any, error) {
	answer, err := a.app.Explain(ctx, Question{
		Method: query.Get("method"), URL: query.Get("url"), User: query.Get("user"), Realm: cmp.Or(query.Get("realm"), DefaultRealm),
		Roles: query["role"], Nobody: query.Get("nobody") == "true",
	})
	if err != nil {
		return nil, adminapi.Error{Status: http.StatusBadRequest, Err: err}
	}
	return answer, nil
}

// Interface guards
var _ caddy.AdminRouter = (*AdminAPI)(nil)
