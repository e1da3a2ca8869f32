package jwtauth

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

func init() {
	caddy.RegisterModule(JWTAuth{})
}

// JWTAuth is the guard: it lets a request pass only with a valid access token,
// or session cookie, of its realm, whose roles, scopes and claims are those it
// asks for. All of its rules have to hold; without any, every signed-in user
// passes.
//
// It answers refused requests itself: 401 with a challenge (RFC 6750 §3) where
// there is no valid credential, 403 where a role, scope or claim is missing.
//
// For requests that it lets pass it fills `{http.auth.user.id}`, `.roles`,
// `.scope`, `.session`, `.full_name`, `.email` and `.claims.<name>`.
type JWTAuth struct {
	// The requests that it guards: all, if there is none. It stands in a route without a
	// matcher, so that it can take out of every request of its block what only this
	// module may say.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// `as_matched` guards the requests that Caddy's matchers match, and no others. Left
	// out, it also guards those that an upstream may read so that they match, such as
	// `/index.php/private`, `/private;x` and `/private%5cx`, for the matchers `path`,
	// `path_regexp`, `host`, `method`, `expression` and `not` over these; and `/private`
	// next to the path `/private/*`.
	Paths string `json:"paths,omitempty"`

	// The realm. Default: `default`.
	Realm string `json:"realm,omitempty"`

	// The roles a user needs. Left out, every signed-in user passes.
	Roles *RoleRule `json:"roles,omitempty"`

	// The scopes a token needs: all of them.
	Scope []string `json:"scope,omitempty"`

	// The claims a token needs: each of them, with one of its values.
	Claims []ClaimRule `json:"claims,omitempty"`

	// Where the credential is looked for; the first place that has one counts.
	// Default: `header`, then `cookie`.
	Sources []CredentialSource `json:"sources,omitempty"`

	// Lets requests without a credential pass, with empty placeholders. A bad
	// bearer token is still refused, a dead session cookie is not.
	Optional bool `json:"optional,omitempty"`

	// Request headers that tell an upstream which user is asking. They belong to the
	// guard: what the client sends under these names is removed.
	SetHeaders []IdentityHeader `json:"set_headers,omitempty"`

	// Who answers refused requests: `site` leaves them to the site's error routes,
	// with the status and headers of the refusal. Default: the guard answers.
	Errors string `json:"errors,omitempty"`

	// What happens to a person whose browser sends no valid credential.
	// `redirect` sends them to the sign-in page of a `token_server` that this
	// site has for the realm, and back afterwards; `off` answers as for programs,
	// with 401. A path or URL is that of another sign-in page of the realm, such
	// as `https://example.com/login`. Default: `redirect`.
	Login string `json:"login,omitempty"`

	// Origins of other front ends that may send requests with methods other
	// than GET, HEAD and OPTIONS and the session cookie, spelled as browsers spell
	// them: in lower case, without a path, without the scheme's own port.
	TrustedOrigins []string `json:"trusted_origins,omitempty"`

	// `pass` lets the preflights of browsers pass (CORS), which never carry a credential,
	// so that what is behind the guard can answer them. Default: they are refused.
	Preflight string `json:"preflight,omitempty"`

	match matching
	// written is the directive with its paths, as a person wrote it.
	written string
	realm   *Realm
	guard   guard.Guard
	names   []string // those of SetHeaders, as requests have them
	owned   guard.HeaderNames
	vary    string // what the answer depends on
	// secretURL is set if the URL may hold a token.
	secretURL bool
	logger    *zap.Logger
}

// RoleRule names the roles that a user needs. Roles are compared exactly.
type RoleRule struct {
	// The user needs one of these. `*` alone says that every signed-in user passes.
	Any []string `json:"any,omitempty"`
	// The user needs every one of these.
	All []string `json:"all,omitempty"`
}

// HasRules reports that it asks for more than a signed-in user.
func (g *JWTAuth) HasRules() bool { return g.Roles != nil || len(g.Scope) > 0 || len(g.Claims) > 0 }

// AnyRole stands, alone, for every signed-in user, whatever the roles.
const AnyRole = "*"

// anyone reports that every signed-in user passes.
func (r *RoleRule) anyone() bool { return len(r.Any) == 1 && r.Any[0] == AnyRole && len(r.All) == 0 }

// ClaimRule names a claim and the values of which it needs one. A claim that is
// an array needs one of them among its elements.
type ClaimRule struct {
	// The name of the claim.
	Name string `json:"name"`
	// The values.
	Values []string `json:"values"`
}

// CredentialSource is a place where a credential is looked for.
type CredentialSource struct {
	// `header`: `Authorization: Bearer`. `cookie`: the session cookie. `query`:
	// a parameter of the URL. Mind that URLs are logged.
	From string `json:"from"`
	// The parameter, for `query`.
	Name string `json:"name,omitempty"`
}

// IdentityHeader is a request header that a guard sets.
type IdentityHeader struct {
	// The name of the header.
	Name string `json:"name"`
	// Its value, with placeholders such as `{http.auth.user.id}`.
	Value string `json:"value"`
}

// CaddyModule returns the Caddy module information.
func (JWTAuth) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.jwt_auth",
		New: func() caddy.Module { return new(JWTAuth) },
	}
}

// Provision finds the realm and prepares the rules.
func (g *JWTAuth) Provision(ctx caddy.Context) error {
	g.logger = ctx.Logger()
	var err error
	if err = cmp.Or(g.CheckMatch(), checkExpanded(g.MatcherSetsRaw)); err != nil {
		return err
	}
	g.written = writtenAs("jwt_auth", g.MatcherSetsRaw)
	if err = g.provisionMatch(ctx); err != nil {
		return fmt.Errorf("match: %w", err)
	}
	if g.realm, err = realmOf(ctx, g.Realm); err != nil {
		return err
	}
	g.guard = guard.Guard{
		Realm: g.realm.name, Rule: g.rule(), Optional: g.Optional, Origin: http.NewCrossOriginProtection(),
		LoginOff: g.Login == loginOff, PassPreflights: g.Preflight == preflightPass,
	}
	if len(g.Sources) == 0 {
		g.Sources = []CredentialSource{{From: guard.FromHeader}, {From: guard.FromCookie}}
	}
	for _, source := range g.Sources {
		g.guard.Sources = append(g.guard.Sources, guard.Source(source))
		if source.From == guard.FromQuery {
			g.secretURL = true
			g.realm.app.tokenParameters = append(g.realm.app.tokenParameters, source.Name)
		}
	}
	g.vary = g.guard.Vary()
	for _, header := range g.SetHeaders {
		g.names = append(g.names, http.CanonicalHeaderKey(header.Name))
	}
	g.owned = guard.NamesOf(g.names)
	g.realm.app.addIdentityHeaders(g.owned)
	for _, origin := range g.TrustedOrigins {
		if err := guard.CheckOrigin("trusted_origins", origin); err != nil {
			return err
		}
		if err := g.guard.Origin.AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("trusted_origins: %w", err)
		}
	}
	g.guard.Login, err = g.parseLogin()
	return err
}

// provisionMatch loads the matcher.
func (g *JWTAuth) provisionMatch(ctx caddy.Context) (err error) {
	asMatched := g.Paths == pathsAsMatched
	if g.MatcherSetsRaw, err = widen(g.MatcherSetsRaw, asMatched); err != nil {
		return err
	}
	loaded, err := ctx.LoadModule(g, "MatcherSetsRaw")
	if err != nil {
		return err
	}
	if g.match, err = newMatching(loaded); err != nil || asMatched {
		return err
	}
	return g.match.addReadings(ctx)
}

// rule is what a principal has to fulfil.
func (g *JWTAuth) rule() policy.Rule {
	rule := policy.Rule{Scopes: g.Scope}
	if g.Roles != nil && !g.Roles.anyone() {
		rule.AnyRoles, rule.AllRoles = g.Roles.Any, g.Roles.All
	}
	for _, claim := range g.Claims {
		rule.Claims = append(rule.Claims, policy.Claim{Name: claim.Name, Values: claim.Values})
	}
	return rule
}

const (
	errorsToSite = "site"

	loginRedirect = "redirect"
	loginOff      = "off"

	preflightPass = "pass"
)

// Validate refuses rules that do not mean what they seem to say.
func (g *JWTAuth) Validate() error {
	if g.Paths != "" && g.Paths != pathsAsMatched {
		return fmt.Errorf("paths %q: it takes as_matched, or is left out", g.Paths)
	}
	if g.Roles != nil && len(g.Roles.Any) == 0 && len(g.Roles.All) == 0 {
		return errors.New("roles names no role: leave it out to let every signed-in user pass")
	}
	if g.Claims != nil && len(g.Claims) == 0 {
		return errors.New("claims is empty: name at least one claim or leave it out")
	}
	if err := g.rule().Validate(); err != nil {
		return err
	}
	if g.Roles != nil {
		if err := refusePlaceholders("roles", slices.Concat(g.Roles.Any, g.Roles.All)); err != nil {
			return err
		}
	}
	if err := refusePlaceholders("scope", g.Scope); err != nil {
		return err
	}
	for _, claim := range g.Claims {
		if err := refusePlaceholders("claim "+claim.Name, claim.Values); err != nil {
			return err
		}
	}
	if g.Optional && (g.Roles != nil || len(g.Scope) > 0 || len(g.Claims) > 0) {
		return errors.New("optional lets every request pass, so it cannot stand next to roles, scope or claim: remove one or the other")
	}
	seen := make(map[CredentialSource]bool)
	for _, source := range g.Sources {
		switch {
		case source.From != guard.FromHeader && source.From != guard.FromCookie && source.From != guard.FromQuery:
			return fmt.Errorf("source %q: it takes header, cookie, or query and a parameter", source.From)
		case (source.From == guard.FromQuery) != (source.Name != ""):
			return errors.New("source query takes the name of a parameter, header and cookie take none")
		case seen[source]:
			return fmt.Errorf("source %s is named twice", source.From)
		}
		seen[source] = true
	}
	if g.Errors != "" && g.Errors != errorsToSite {
		return fmt.Errorf("errors %q: it takes site, or is left out", g.Errors)
	}
	switch {
	case g.Preflight != "" && g.Preflight != preflightPass:
		return fmt.Errorf("preflight %q: it takes pass, or is left out", g.Preflight)
	case g.Preflight != "" && g.Optional:
		return errors.New("optional lets preflights pass, too, so preflight has nothing to do: remove it")
	}
	if _, err := g.parseLogin(); err != nil {
		return err
	}
	if g.Login != "" && g.Errors == errorsToSite {
		return errors.New("errors site leaves refused requests to the site, so login has nothing to do: remove one of the two")
	}
	var names []string
	for _, header := range g.SetHeaders {
		if header.Value == "" {
			return fmt.Errorf("set_header %s: it takes a value, such as {http.auth.user.id}", header.Name)
		}
		names = append(names, header.Name)
	}
	return guard.CheckIdentityHeaders(names)
}

// parseLogin is nil if Login names no place.
func (g *JWTAuth) parseLogin() (*url.URL, error) {
	switch g.Login {
	case "", loginRedirect, loginOff:
		return nil, nil
	}
	return guard.ParseLogin(g.Login)
}

// ServeHTTP cleans the request. If the guard is for it, it decides by the credential and
// the rules, and calls the next handler or answers with a refusal.
func (g *JWTAuth) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	state, governs, err := arrive(r, &g.match, g.realm, g.owned)
	switch {
	case err != nil:
		return err
	case !governs:
		return state.pass(w, r, g.realm.app.including(next, state))
	}
	in, err := g.realm.future.Await(r.Context())
	if err != nil {
		return g.refuse(w, r, state, nil, guard.Decision{Refusal: oauth2.Unavailable(err)})
	}
	d := g.guard.Decide(r, &state.Request, in)
	if d.Refusal != nil {
		return g.refuse(w, r, state, in, d)
	}
	state.Accept(in, d)
	if d.Principal != nil {
		// What Caddy's own authentication handler said of a user before would come
		// first, and be mixed with what this guard says.
		state.repl.DeleteByPrefix(userPlaceholder)
		g.setHeaders(r, state)
	}
	marks := guard.Marks{
		Request: r, Vary: g.vary, Private: d.Principal != nil, SecretURL: g.secretURL, Embedders: d.Embedders(r, in),
	}
	state.markOuter(marks)
	return state.passGuarded(w, g.realm.app.including(next, state), marks)
}

// setHeaders sets the identity headers. The values are expanded once.
func (g *JWTAuth) setHeaders(r *http.Request, state *requestState) {
	for i, header := range g.SetHeaders {
		state.SetIdentity(r.Header, g.names[i], state.repl.ReplaceAll(header.Value, ""))
	}
}

// refuse answers, or leaves the answer to the site's error routes. in is nil if the
// realm is not open. A refused visitor is an everyday event.
func (g *JWTAuth) refuse(w http.ResponseWriter, r *http.Request, state *requestState, in *realm.Realm, d guard.Decision) error {
	d.Refusal = d.Refusal.ByGuard(g.realm.name)
	reason := d.Refusal.Error()
	state.Refused(reason)
	d.Embedders(r, in).Mark(w.Header())
	g.realm.metrics.Refused(guard.Reason(d.Refusal))
	level := zapcore.DebugLevel
	if d.Refusal.Status >= http.StatusInternalServerError {
		level = zapcore.ErrorLevel
	}
	if c := g.logger.Check(level, "request refused"); c != nil {
		c.Write(zap.String("realm", g.realm.name), zap.Int("status", d.Refusal.Status), zap.String("reason", reason))
	}
	state.TakeBack(r, g.realm.app.identity)
	if g.Errors == errorsToSite {
		d.Refusal.SetHeader(w.Header())
		return caddyhttp.Error(d.Refusal.Status, errors.New(reason))
	}
	state.Answers(r)
	visit := guard.Visit{Original: originalURL(r), TokenParameters: g.realm.app.tokenParameters}
	g.guard.Refuse(keepNoStore(w), r, &state.Request, in, visit, d)
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*JWTAuth)(nil)
	_ caddy.Validator             = (*JWTAuth)(nil)
	_ caddyhttp.MiddlewareHandler = (*JWTAuth)(nil)
)
