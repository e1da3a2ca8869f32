package caddyfile

import (
	"cmp"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

func init() {
	httpcaddyfile.RegisterDirective("jwt_auth", parseJWTAuth)
	httpcaddyfile.RegisterDirectiveOrder("jwt_auth", httpcaddyfile.Before, "basic_auth")
}

// parseJWTAuth sets up a guard from Caddyfile tokens. Syntax:
//
//	jwt_auth [<matcher>] [<roles...>] {
//	    realm           <name>
//	    roles           any|all <roles...>
//	    roles           *
//	    scope           <scopes...>
//	    claim           <name> <values...>
//	    source          header | cookie | query <name>
//	    optional
//	    set_header      <Header> <value>
//	    errors          site
//	    login           redirect | off | <url>
//	    trusted_origins <origins...>
//	    paths           as_matched
//	    preflight       pass
//	}
//
// Roles after the directive are the same as `roles any`. `roles *` says that every
// signed-in user may pass, as without roles. All lines have to hold. `roles`, `scope`, `claim`, `source`, `set_header` and `trusted_origins`
// may be repeated.
//
// A matcher that asks who is signed in is an error. The guard carries it itself: the
// guard's headers and the session cookie are kept out of every request of the block.
// Guards run in the order of the file.
func parseJWTAuth(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // consume directive name
	if err := cmp.Or(checkOrder(h), checkKept(h), checkDropped(h)); err != nil {
		return nil, err
	}
	word, lines := lostOf(h)
	warnExactPath(h)
	matcher, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, h.WrapErr(err)
	}
	h.Next()
	config := new(jwtauth.JWTAuth)
	if len(matcher) > 0 {
		config.MatcherSetsRaw = caddyhttp.RawMatcherSets{matcher}
	}
	if err := config.CheckMatch(); err != nil {
		return nil, h.WrapErr(err)
	}
	if err := parseGuard(h, config); err != nil {
		return nil, err
	}
	if !config.HasRules() {
		word = cmp.Or(word, lines)
	}
	if word != "" && (config.Roles == nil || !slices.Equal(config.Roles.Any, anyone)) {
		return nil, h.Errf("%s stands for nothing, so that this guard asks for less than it says: give it a value, or write `roles *` in the block if every signed-in user may pass", word)
	}
	return route(h, config), nil
}

// parseGuard reads what follows the matcher.
func parseGuard(h httpcaddyfile.Helper, config *jwtauth.JWTAuth) error {
	words := h.RemainingArgs()
	if err := checkDisguised(h, words); err != nil {
		return err
	}
	roles, err := parseRoles(h, words)
	if err != nil {
		return err
	}
	addRoles(config, "any", roles)

	b := newBlock(h.Dispenser)
	for h.NextBlock(0) {
		option := h.Val()
		if err := parseGuardOption(h, b, config); err != nil {
			return err
		}
		if err := b.flat(option, 1); err != nil {
			return err
		}
	}
	if err := config.Validate(); err != nil {
		return h.WrapErr(err)
	}
	return nil
}

var guardOptions = []string{
	"realm", "roles", "scope", "claim", "source", "optional", "set_header", "errors", "login", "trusted_origins", "paths", "preflight",
}

// checkDisguised refuses words after the directive that would be taken for roles, and are
// meant as something else.
func checkDisguised(h httpcaddyfile.Helper, words []string) error {
	for _, word := range words {
		switch {
		case slices.Contains(guardOptions, word):
			return h.Errf("%s is an option, not a role: write it on a line of its own in the block, as in `jwt_auth { %s … }`; `roles any %s` there names a role", word, word, word)
		case word == "any" || word == "all":
			return h.Errf("%s belongs to the option roles: write `roles %s` and the roles in the block; `roles any %s` there names a role", word, word, word)
		case strings.Contains(word, "*") && !strings.ContainsAny(word[:1], "/@*"):
			return h.Errf("%s is a path, not a role: it begins with a slash and comes first, as in `jwt_auth /%s admin`", word, word)
		}
	}
	return nil
}

// warnExactPath tells of a path after the directive that is one path and nothing below. In
// a named matcher it is on purpose.
func warnExactPath(h httpcaddyfile.Helper) {
	defer func() {
		h.Reset()
		h.Next()
	}()
	if !h.NextArg() {
		return
	}
	path := strings.TrimSuffix(h.Val(), "/")
	last := path[strings.LastIndex(path, "/")+1:]
	if !strings.HasPrefix(h.Val(), "/") || strings.ContainsAny(path, "*{") || strings.Contains(last, ".") {
		return
	}
	below := path + "/*"
	caddy.Log().Named("caddyfile").Warn("jwt_auth "+h.Val()+" guards that path alone, and nothing below it, such as "+path+"/x: write "+below+", which is both, or, if this is on purpose, a matcher of its own, as in `@name path "+h.Val()+"`",
		zap.String("file", h.File()), zap.Int("line", h.Line()))
}

func parseGuardOption(h httpcaddyfile.Helper, b block, config *jwtauth.JWTAuth) (err error) {
	switch b.Val() {
	case "realm":
		config.Realm, err = parseRealm(h, b)
	case "roles":
		err = parseRolesOption(h, b, config)
	case "scope":
		var scopes []string
		if scopes, err = b.some("the scopes that a token needs"); err == nil {
			for _, scope := range scopes {
				if err := policy.CheckScope(scope); err != nil {
					return b.Errf("scope %q: %v", scope, err)
				}
			}
			config.Scope = append(config.Scope, scopes...)
		}
	case "claim":
		args := b.RemainingArgs()
		if len(args) < 2 || args[0] == "" {
			return b.Err("claim takes the name of a claim and the values of which it needs one")
		}
		config.Claims = append(config.Claims, jwtauth.ClaimRule{Name: args[0], Values: args[1:]})
	case "source":
		err = parseSource(b, config)
	case "optional":
		err = b.none()
		config.Optional = true
	case "set_header":
		args := b.RemainingArgs()
		if len(args) != 2 {
			return b.Err("set_header takes the name of a header and its value, such as X-User {http.auth.user.id}")
		}
		config.SetHeaders = append(config.SetHeaders, jwtauth.IdentityHeader{Name: args[0], Value: args[1]})
	case "errors":
		config.Errors, err = b.one("the word site")
	case "login":
		config.Login, err = b.one("redirect, off, or where to sign in, such as https://example.com/login")
	case "trusted_origins":
		config.TrustedOrigins, err = b.origins(config.TrustedOrigins)
	case "paths":
		config.Paths, err = b.one("the word as_matched")
	case "preflight":
		config.Preflight, err = b.one("the word pass")
	default:
		err = b.unknown("jwt_auth", strings.Join(guardOptions, ", "))
	}
	return err
}

func parseSource(b block, config *jwtauth.JWTAuth) error {
	const takes = "source takes header, cookie, or query and the name of a parameter"
	args := b.RemainingArgs()
	if len(args) == 0 || len(args) > 2 {
		return b.Err(takes)
	}
	source := jwtauth.CredentialSource{From: args[0]}
	if len(args) == 2 {
		source.Name = args[1]
	}
	config.Sources = append(config.Sources, source)
	return nil
}

func parseRolesOption(h httpcaddyfile.Helper, b block, config *jwtauth.JWTAuth) error {
	const takes = "roles takes any or all, and then the roles; or * for every signed-in user"
	args := b.RemainingArgs()
	if slices.Equal(args, anyone) {
		if config.Roles != nil {
			return b.Err("roles * lets every signed-in user pass, so it cannot stand next to other roles: remove one or the other")
		}
		config.Roles = &jwtauth.RoleRule{Any: anyone}
		return nil
	}
	if len(args) < 2 || (args[0] != "any" && args[0] != "all") {
		return b.Err(takes)
	}
	roles, err := parseRoles(h, args[1:])
	if err != nil {
		return err
	}
	if args[0] == "any" && config.Roles != nil && len(config.Roles.Any) > 0 {
		return b.Err("roles any is written twice; all lines of a guard have to hold, so write one list of roles of which any is enough")
	}
	addRoles(config, args[0], roles)
	return nil
}

// anyone is what stands for every signed-in user. It must not be changed.
var anyone = []string{jwtauth.AnyRole}

func addRoles(config *jwtauth.JWTAuth, quantifier string, roles []string) {
	if len(roles) == 0 {
		return
	}
	if config.Roles == nil {
		config.Roles = new(jwtauth.RoleRule)
	}
	if quantifier == "any" {
		config.Roles.Any = append(config.Roles.Any, roles...)
	} else {
		config.Roles.All = append(config.Roles.All, roles...)
	}
}

// parseRoles checks role names. What looks like a matcher is one in the wrong place.
func parseRoles(h httpcaddyfile.Helper, roles []string) ([]string, error) {
	for _, role := range roles {
		if strings.HasPrefix(role, "/") || strings.HasPrefix(role, "@") || strings.HasPrefix(role, "*") {
			return nil, h.Errf("%s is a matcher, not a role: the matcher comes first, as in `jwt_auth %s admin`", role, role)
		}
		if err := policy.CheckRole(role); err != nil {
			return nil, h.Errf("role %q: %v", role, err)
		}
	}
	return roles, nil
}

// Interface guards
var (
	_ httpcaddyfile.UnmarshalFunc = parseJWTAuth
	_ caddyhttp.MiddlewareHandler = (*jwtauth.JWTAuth)(nil)
)
