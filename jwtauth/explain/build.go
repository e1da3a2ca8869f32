package explain

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/lint"
)

// Routes are those of an http app, made for asking. They are safe for concurrent use.
type Routes struct {
	servers []*server
	sites   []lint.Site
	// roles are those that matchers ask for.
	roles []string
}

// server is one of Caddy's servers. original is the one that was provisioned, and routed
// the one whose handlers are recorders.
type server struct {
	name             string
	original, routed *caddyhttp.Server
	primary, errors  caddyhttp.Handler
	ports            []string
}

// New makes the routes of a provisioned http app for asking.
func New(ctx caddy.Context, app *caddyhttp.App) (*Routes, error) {
	routes := &Routes{sites: lint.Check(app).Sites}
	for _, name := range slices.Sorted(maps.Keys(app.Servers)) {
		original := app.Servers[name]
		b := &builder{ctx: ctx, routes: routes}
		s := &server{name: name, original: original, ports: lint.Ports(original.Listen), routed: &caddyhttp.Server{
			Listen: original.Listen, NamedRoutes: make(map[string]*caddyhttp.Route),
		}}
		s.routed.Routes = b.list(original.Routes, nil)
		s.primary = s.routed.Routes.Compile(unanswered)
		if original.Errors != nil {
			s.routed.Errors = b.errors(original.Errors, nil)
			s.errors = s.routed.Errors.Routes.Compile(endOfErrors)
		}
		for name, route := range original.NamedRoutes {
			s.routed.NamedRoutes[name] = &b.list(caddyhttp.RouteList{*route}, []string{"invoke " + name})[0]
		}
		if b.err != nil {
			return nil, fmt.Errorf("server %s: %w", name, b.err)
		}
		routes.servers = append(routes.servers, s)
	}
	slices.Sort(routes.roles)
	routes.roles = slices.Compact(routes.roles)
	return routes, nil
}

// builder makes the routes of a server for asking.
type builder struct {
	ctx    caddy.Context
	routes *Routes
	err    error // the first one
}

// list are routes with the same matchers and other handlers. Caddy's own ProvisionHandlers
// makes a chain of those that stand in Handlers.
func (b *builder) list(routes caddyhttp.RouteList, trail []string) caddyhttp.RouteList {
	list := make(caddyhttp.RouteList, len(routes))
	for i, route := range routes {
		b.matchers(route.MatcherSets)
		list[i] = caddyhttp.Route{Group: route.Group, Terminal: route.Terminal, MatcherSets: route.MatcherSets}
		for _, handler := range route.Handlers {
			list[i].Handlers = append(list[i].Handlers, b.handler(route, handler, trail))
		}
		if err := list[i].ProvisionHandlers(b.ctx, nil); err != nil && b.err == nil {
			b.err = err
		}
	}
	return list
}

func (b *builder) errors(config *caddyhttp.HTTPErrorConfig, trail []string) *caddyhttp.HTTPErrorConfig {
	return &caddyhttp.HTTPErrorConfig{Routes: b.list(config.Routes, append(slices.Clip(trail), "handle_errors"))}
}

// responses are routes that run for some answers.
func (b *builder) responses(handlers []caddyhttp.ResponseHandler, trail []string) []caddyhttp.ResponseHandler {
	built := slices.Clone(handlers)
	for i := range built {
		if built[i].Routes != nil { // nil ones only replace the status
			built[i].Routes = b.list(built[i].Routes, append(slices.Clip(trail), "handle_response"))
		}
	}
	return built
}

// roled is a matcher of this module that asks for roles.
type roled interface{ Roles() []string }

// quoted finds the texts in an expression.
var quoted = regexp.MustCompile("'([^']*)'|\"([^\"]*)\"|`([^`]*)`")

// matchers notes the roles that matchers ask for. In an expression every text may be one.
func (b *builder) matchers(sets caddyhttp.MatcherSets) {
	for _, set := range sets {
		for _, matcher := range set {
			switch m := matcher.(type) {
			case roled:
				b.routes.roles = append(b.routes.roles, m.Roles()...)
			case *caddyhttp.MatchNot:
				b.matchers(m.MatcherSets)
			case *caddyhttp.MatchExpression:
				if !strings.Contains(m.Expr, "jwt_role") {
					continue
				}
				for _, text := range quoted.FindAllStringSubmatch(m.Expr, -1) {
					b.routes.roles = append(b.routes.roles, text[1]+text[2]+text[3])
				}
			}
		}
	}
}
