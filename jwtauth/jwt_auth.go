package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/net/http/httpguts"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
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
	// The realm. Default: `default`.
	Realm string `json:"realm,omitempty"`

	// The roles a user needs.
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

	// Request headers that tell an upstream who is asking. They belong to the
	// guard: whatever the client sends under these names is removed.
	SetHeaders []IdentityHeader `json:"set_headers,omitempty"`

	// `site` leaves refused requests to the site's error routes, with the
	// status and headers of the refusal. Default: the guard answers.
	Errors string `json:"errors,omitempty"`

	// What becomes of a person whose browser comes without a valid credential.
	// `redirect` sends them to the sign-in page of a `token_server` that this
	// site has for the realm, and back afterwards; `off` answers as for programs,
	// with 401. A path or URL is that of another sign-in page of the realm, such
	// as `https://example.com/login`. Default: `redirect`.
	Login string `json:"login,omitempty"`

	// Origins of other front ends that may send requests with methods other
	// than GET, HEAD and OPTIONS and the session cookie, spelled as browsers spell
	// them: in lower case, without a path, without the scheme's own port.
	TrustedOrigins []string `json:"trusted_origins,omitempty"`

	realm  *Realm
	rule   policy.Rule
	origin *http.CrossOriginProtection
	owned  []string // names of SetHeaders
	vary   string   // what the answer depends on
	// secretURL is set where the URL may hold a token.
	secretURL bool
	login     *url.URL // where Login says to sign in, nil where it names no place
	logger    *zap.Logger
}

// RoleRule names the roles that a user needs. Roles are compared exactly.
type RoleRule struct {
	// The user needs one of these.
	Any []string `json:"any,omitempty"`
	// The user needs every one of these.
	All []string `json:"all,omitempty"`
}

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
	if g.realm, err = realmOf(ctx, g.Realm); err != nil {
		return err
	}
	if g.Roles != nil {
		g.rule.AnyRoles, g.rule.AllRoles = g.Roles.Any, g.Roles.All
	}
	g.rule.Scopes = g.Scope
	for _, claim := range g.Claims {
		g.rule.Claims = append(g.rule.Claims, policy.Claim{Name: claim.Name, Values: claim.Values})
	}
	if len(g.Sources) == 0 {
		g.Sources = []CredentialSource{{From: sourceHeader}, {From: sourceCookie}}
	}
	for _, header := range g.SetHeaders {
		g.owned = append(g.owned, http.CanonicalHeaderKey(header.Name))
	}
	g.realm.app.owns(g.owned)
	g.origin = http.NewCrossOriginProtection()
	for _, origin := range g.TrustedOrigins {
		if err := CheckOrigin(origin); err != nil {
			return err
		}
		if err := g.origin.AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("trusted_origins: %w", err)
		}
	}
	g.vary = varyOf(g.Sources)
	for _, source := range g.Sources {
		if source.From == sourceQuery {
			g.secretURL = true
			g.realm.app.tokenParameters = append(g.realm.app.tokenParameters, source.Name)
		}
	}
	g.login, err = parseLogin(g.Login)
	return err
}

// varyOf is what an answer depends on.
func varyOf(sources []CredentialSource) string {
	var names []string
	for _, source := range sources {
		switch source.From {
		case sourceHeader:
			names = append(names, "Authorization")
		case sourceCookie:
			names = append(names, "Cookie")
		}
	}
	return strings.Join(names, ", ")
}

const (
	sourceHeader = "header"
	sourceCookie = "cookie"
	sourceQuery  = "query"

	errorsSite = "site"

	loginRedirect = "redirect"
	loginOff      = "off"
)

// Validate refuses rules that mean something else than they look like.
func (g *JWTAuth) Validate() error {
	if g.Roles != nil && len(g.Roles.Any) == 0 && len(g.Roles.All) == 0 {
		return errors.New("roles names no role: leave it out to let every signed-in user pass")
	}
	if g.Claims != nil && len(g.Claims) == 0 {
		return errors.New("claims is empty: name at least one claim or leave it out")
	}
	if err := g.rule.Validate(); err != nil {
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
		return errors.New("optional lets everybody pass, so roles, scope and claim cannot hold beside it: remove one or the other")
	}
	seen := make(map[CredentialSource]bool)
	for _, source := range g.Sources {
		switch {
		case source.From != sourceHeader && source.From != sourceCookie && source.From != sourceQuery:
			return fmt.Errorf("source %q: it takes header, cookie, or query and a parameter", source.From)
		case (source.From == sourceQuery) != (source.Name != ""):
			return errors.New("source query takes the name of a parameter, header and cookie take none")
		case seen[source]:
			return fmt.Errorf("source %s is named twice", source.From)
		}
		seen[source] = true
	}
	if g.Errors != "" && g.Errors != errorsSite {
		return fmt.Errorf("errors %q: it takes site, or is left out", g.Errors)
	}
	if _, err := parseLogin(g.Login); err != nil {
		return err
	}
	if g.Login != "" && g.Errors == errorsSite {
		return errors.New("errors site leaves refused requests to the site, so login has nothing to do: remove one of the two")
	}
	return validateIdentityHeaders(g.SetHeaders)
}

// placeholder is what looks like one, and like nothing else.
var placeholder = regexp.MustCompile(`\{[A-Za-z$][A-Za-z0-9_.$-]*[^{}\s"]*\}`)

// refusePlaceholders refuses a rule that would wait for a text such as
// "{env.TENANT}" to come along in a token.
func refusePlaceholders(option string, values []string) error {
	for _, value := range values {
		if placeholder.MatchString(value) {
			return fmt.Errorf("%s: %s stays as it is written, since no placeholder is replaced here: write the value itself", option, value)
		}
	}
	return nil
}

// reservedHeaders are request headers that cannot be identity headers: they
// would be removed from every request of the site.
var reservedHeaders = []string{
	"Authorization", "Connection", "Content-Length", "Content-Type", "Cookie", "Host",
	"Transfer-Encoding", "Upgrade", "Te", "Trailer", "Keep-Alive", "Proxy-Authorization",
	"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest",
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
}

func validateIdentityHeaders(headers []IdentityHeader) error {
	seen := make(map[string]bool)
	for _, header := range headers {
		folded := foldHeaderName(header.Name)
		switch {
		case !httpguts.ValidHeaderFieldName(header.Name):
			return fmt.Errorf("set_header %q: it takes the name of a header, such as X-User", header.Name)
		case slices.ContainsFunc(reservedHeaders, func(name string) bool { return foldHeaderName(name) == folded }):
			return fmt.Errorf("set_header %s: this header has a meaning of its own; take another, such as X-User", header.Name)
		case header.Value == "":
			return fmt.Errorf("set_header %s: it takes a value, such as {http.auth.user.id}", header.Name)
		case seen[folded]:
			return fmt.Errorf("set_header %s: the header is set twice", header.Name)
		}
		seen[folded] = true
	}
	return nil
}

// ServeHTTP takes the credential, verifies it, holds the principal against the
// rules, and calls the next handler or answers with a refusal.
func (g *JWTAuth) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	state := stateOf(r)
	cookies := state.clean(r, g.realm, g.owned)

	realm, err := g.realm.await(r.Context())
	if err != nil {
		return g.refuse(w, r, state, verdict{refusal: oauth2.Unavailable(err)})
	}
	v := g.authenticate(r, realm, cookies)
	if v.refusal == nil && v.principal != nil {
		v.refusal = g.authorize(v.principal)
	}
	switch {
	case v.refusal != nil:
		return g.refuse(w, r, state, v)
	case v.principal == nil && !g.Optional:
		v.refusal = oauth2.NotAuthenticated()
		return g.refuse(w, r, state, v)
	}
	state.principal, state.realm = v.principal, realm
	if v.principal != nil {
		// What Caddy's own authentication handler said of a user before would
		// come first, and be mixed with what this guard says.
		state.repl.DeleteByPrefix(userPlaceholder)
	}
	g.setHeaders(r, state)
	return state.passGuarded(w, next, marks{
		request: r, vary: g.vary, private: v.principal != nil, secretURL: g.secretURL, embedders: v.embedders(r, realm),
	})
}

// authorize holds the principal against the rules.
func (g *JWTAuth) authorize(p *policy.Principal) *oauth2.Error {
	err := g.rule.Check(p)
	if err == nil {
		return nil
	}
	var scopes []string
	if errors.Is(err, policy.ErrScope) {
		scopes = g.rule.Scopes
	}
	return oauth2.Forbidden(scopes, err)
}

// setHeaders tells the upstream who is asking, and nothing where that is nobody.
// The values are expanded once.
func (g *JWTAuth) setHeaders(r *http.Request, state *requestState) {
	if state.principal == nil {
		for _, name := range g.owned {
			r.Header.Del(name)
		}
		return
	}
	for i, header := range g.SetHeaders {
		name := g.owned[i]
		value := state.repl.ReplaceAll(header.Value, "")
		if value == "" || !httpguts.ValidHeaderFieldValue(value) {
			// A name with a line break in it must not become another header.
			r.Header.Del(name)
			continue
		}
		r.Header[name] = []string{value}
		state.headers = append(state.headers, name)
	}
}

// refuse answers, or leaves the answer to the site's error routes. A refused
// visitor is an everyday event.
func (g *JWTAuth) refuse(w http.ResponseWriter, r *http.Request, state *requestState, v verdict) error {
	state.principal, state.realm = nil, nil
	own := state.answer()
	own.refusal = v.refusal.Error()
	v.embedders(r, g.realm.opened.Load()).mark(w.Header())
	g.realm.metrics.refusal(v.refusal)
	level := zapcore.DebugLevel
	if v.refusal.Status >= http.StatusInternalServerError {
		level = zapcore.ErrorLevel
	}
	if c := g.logger.Check(level, "request refused"); c != nil {
		c.Write(zap.String("realm", g.realm.name), zap.Int("status", v.refusal.Status), zap.String("reason", own.refusal))
	}
	state.takeBack(r, g.realm)
	if g.Errors == errorsSite {
		v.refusal.SetHeader(w.Header())
		return caddyhttp.Error(v.refusal.Status, errors.New(own.refusal))
	}
	own.request = r
	w = final(w)
	if v.from != sourceHeader && pages.Navigates(r) && g.refusePerson(w, r, state, v) {
		return nil
	}
	v.refusal.Write(w, r)
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*JWTAuth)(nil)
	_ caddy.Validator             = (*JWTAuth)(nil)
	_ caddyhttp.MiddlewareHandler = (*JWTAuth)(nil)
)
