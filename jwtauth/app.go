package jwtauth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/explain"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

// AppName is the name of the app in Caddy's config.
const AppName = "jwtauth"

// DefaultRealm is the realm that exists without being written.
const DefaultRealm = cookie.DefaultRealm

func init() {
	caddy.RegisterModule(App{})
}

// App holds the realms of a server: users, keys, sessions, clients and
// lifetimes that belong together. A server that names no realm has one,
// `default`, whose signing key is made at the first start and whose users and
// sessions are kept in a file below Caddy's data folder.
type App struct {
	// The realms by name. A name is at most 32 lower-case letters, digits,
	// `-` and `_`. The realm `default` need not be written.
	Realms map[string]*Realm `json:"realms,omitempty"`

	logger *zap.Logger
	// identity are the identity headers of all guards of the config. They are
	// collected while handlers are provisioned.
	identity guard.HeaderNames
	// tokenParameters are the parameters of URLs in which guards look for tokens,
	// collected likewise.
	tokenParameters []string
	ctx             caddy.Context
	events          *eventSender
	// sites are known from Start on.
	sites    sites
	includes *includes
	// asked are the routes as Explain asks them, made at the first question.
	asked func() (*explain.Routes, error)
}

// CaddyModule returns the Caddy module information.
func (App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  AppName,
		New: func() caddy.Module { return new(App) },
	}
}

// Provision checks the config of every realm. It opens nothing and makes
// nothing: `caddy validate` runs it too.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.logger = ctx, ctx.Logger()
	a.includes = &includes{of: make(map[string]including)}
	a.asked = sync.OnceValues(a.routesToAsk)
	if err := registerMetrics(ctx); err != nil {
		return fmt.Errorf("registering the metrics: %w", err)
	}
	var err error
	if a.events, err = newEventSender(ctx); err != nil {
		return err
	}
	if a.Realms == nil {
		a.Realms = make(map[string]*Realm)
	}
	for _, realm := range a.Realms {
		if realm != nil {
			realm.written = true
		}
	}
	if a.Realms[DefaultRealm] == nil {
		a.Realms[DefaultRealm] = new(Realm)
	}
	for _, name := range a.names() {
		if err := realm.CheckName(name); err != nil {
			return err
		}
		if a.Realms[name] == nil {
			a.Realms[name] = new(Realm)
		}
		a.Realms[name].app = a
		if err := a.Realms[name].provision(ctx, name, a.logger); err != nil {
			return fmt.Errorf("realm %s: %w", name, err)
		}
	}
	return a.checkStores()
}

// checkStores refuses two realms with one store: a session that one of them ends would
// go on in the other.
func (a *App) checkStores() error {
	stores := make(map[string]string)
	for _, name := range a.names() {
		key := a.Realms[name].store.StoreKey(name)
		if other, taken := stores[key]; taken {
			return fmt.Errorf("realm %s: store: the realm %s has the same one (%s): give each realm its own", name, other, key)
		}
		stores[key] = name
	}
	return nil
}

// Start opens the keys and the store of every realm that is in use. Requests
// that come before it are waiting for it.
func (a *App) Start() error {
	warnOutdated(a.logger)
	if err := a.checkRoutes(); err != nil {
		return err
	}
	for _, name := range a.names() {
		if err := a.Realms[name].start(context.Background(), false); err != nil {
			return fmt.Errorf("realm %s: %w", name, err)
		}
	}
	return nil
}

// Stop does nothing: requests of this config may still be running, so what
// Start took is released in Cleanup.
func (a *App) Stop() error { return nil }

// Cleanup releases what Start took, also when a Start failed half-way.
func (a *App) Cleanup() error {
	for _, name := range a.names() {
		if realm := a.Realms[name]; realm != nil {
			realm.close()
		}
	}
	return nil
}

// Realm returns a realm by name, the default one for "". Handlers call it while
// they are provisioned; the realm serves requests from Start on.
func (a *App) Realm(name string) (*Realm, error) {
	if name == "" {
		name = DefaultRealm
	}
	realm, ok := a.Realms[name]
	if !ok {
		return nil, fmt.Errorf("unknown realm %q: the realms of this config are %v; define it in the global option `jwtauth %s { … }`", name, a.names(), name)
	}
	realm.used = true
	return realm, nil
}

// addIdentityHeaders adds the names of identity headers of a guard.
func (a *App) addIdentityHeaders(headers guard.HeaderNames) {
	for _, name := range headers {
		if !slices.Contains(a.identity, name) {
			a.identity = append(a.identity, name)
		}
	}
}

// names are the realms in a fixed order, so that the same mistake is always
// reported first.
func (a *App) names() []string {
	return slices.Sorted(maps.Keys(a.Realms))
}

// realmOf returns the realm that a handler, matcher or provider of the config
// in ctx names.
func realmOf(ctx caddy.Context, name string) (*Realm, error) {
	app, err := ctx.App(AppName)
	if err != nil {
		return nil, err
	}
	return app.(*App).Realm(name)
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
