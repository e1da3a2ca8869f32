package jwtauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// Realm is users, keys, sessions, clients and lifetimes that belong together.
type Realm struct {
	// The issuer of the realm's tokens (`iss`), an https URL without query
	// and fragment. Default: `urn:uuid:` and the realm's random id.
	Issuer string `json:"issuer,omitempty"`

	// The audience of the realm's tokens (`aud`), and what a guard of the
	// realm accepts: one value in common suffices. Default: the issuer.
	Audience []string `json:"audience,omitempty"`

	// Signing keys given in the config instead of made and kept in Caddy's
	// storage. The first one signs; all of them verify, which is how a key is
	// rotated: put the new one first and drop the old one when its tokens
	// have expired.
	SigningKeys []SigningKey `json:"signing_keys,omitempty"`

	// The algorithm of signing keys that are made: `ES256` (the default),
	// `ES384`, `ES512`, `EdDSA`, `RS256`, `RS384`, `RS512`, `PS256`, `PS384`,
	// `PS512`, `HS256`, `HS384` or `HS512`.
	SigningAlgorithm string `json:"signing_algorithm,omitempty"`

	// How long an access token is valid. Default: 15m.
	AccessTokenLifetime caddy.Duration `json:"access_token_lifetime,omitempty"`

	// How long a session lasts at the most. Default: 30d.
	RefreshTokenLifetime caddy.Duration `json:"refresh_token_lifetime,omitempty"`

	// How long a session lasts without being used. Default: 7d.
	RefreshTokenIdle caddy.Duration `json:"refresh_token_idle,omitempty"`

	// How long after its use a refresh token still answers with the current
	// one, so that a lost response or a retry does not end the session; `0`
	// switches that off. Default: 10s.
	RefreshTokenGrace *caddy.Duration `json:"refresh_token_grace,omitempty"`

	// How long an upgraded connection, such as a WebSocket, or an answer that is sent bit
	// by bit, such as an event stream, may go on after its session has ended or its user
	// has lost a role; `0` lets it go on. Default: 30s.
	StreamsEndWithin *caddy.Duration `json:"streams_end_within,omitempty"`

	// The domain over whose hosts the session cookie is shared, such as
	// `example.com` for `app.example.com` and `docs.example.com`. Every host of
	// that domain receives the cookie. Default: one host's own.
	CookieDomain string `json:"cookie_domain,omitempty"`

	// The protocols, other than `websocket`, that a request may ask to switch to
	// with the header `Upgrade` (RFC 9110 §7.8), such as `docker`. Any other is
	// taken out of the request, since an upstream that switches would get
	// requests past the guards; `h2c` and its like cannot be named. It counts in
	// every block in which a handler of the realm stands. Default: none.
	Upgrade []string `json:"upgrade,omitempty"`

	// Users that are kept in the config. They cannot be changed by commands.
	Users []User `json:"users,omitempty"`

	// JSON files of users, re-read when they change.
	UsersFiles []string `json:"users_files,omitempty"`

	// OAuth2 clients. First-party sign-in needs none.
	Clients []Client `json:"clients,omitempty"`

	// Where writable users, sessions and revocations are kept. Default: `bolt`.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=jwtauth.stores inline_key=module"`

	// How new passwords are hashed, and how much hashing is done at once.
	PasswordHash *PasswordHash `json:"password_hash,omitempty"`

	// When failed sign-ins have to wait.
	Throttle *Throttle `json:"throttle,omitempty"`

	app     *App
	name    string
	used    bool // a handler, matcher or provider of this config names the realm
	written bool // the realm stands in the config
	logger  *zap.Logger
	storage certmagic.Storage
	store   StoreModule
	parsed  parsed // what provision made of the config
	metrics *realmMetrics
	future  realm.Future   // makes requests wait for start
	release []func() error // what close calls, the last first
}

// SigningKey is a key given in the config.
type SigningKey struct {
	// One of the algorithms of `signing_algorithm`. A token is accepted with
	// the algorithm of its key and no other.
	Algorithm string `json:"algorithm"`
	// For HS256, HS384 and HS512 a secret of at least 256, 384 or 512 bits,
	// taken as the bytes of the string, or decoded first where it begins with
	// `base64:`. For the others a private key in PEM; a public one can verify
	// only, so it must not stand first. Placeholders such as `{env.*}` and
	// `{file.*}` are replaced when the config is loaded.
	Key string `json:"key"`
}

// User is a user that is kept in the config.
type User struct {
	// The name that is typed to sign in. Upper and lower case are different.
	Username string `json:"username"`
	// A hash made by `caddy hash-password` or another tool: argon2id,
	// bcrypt, scrypt or PBKDF2-SHA256, in PHC, modular-crypt or passlib spelling.
	// Placeholders are replaced when the config is loaded.
	PasswordHash string `json:"password_hash"`
	// The roles of the user, compared exactly.
	Roles []string `json:"roles,omitempty"`
	// The scopes that a token of this user may carry.
	Scopes []string `json:"scopes,omitempty"`
	// The name shown to people.
	FullName string `json:"full_name,omitempty"`
	// The e-mail address.
	Email string `json:"email,omitempty"`
	// More claims for the user's access tokens.
	Claims map[string]any `json:"claims,omitempty"`
	// A disabled user can neither sign in nor refresh.
	Disabled bool `json:"disabled,omitempty"`
}

// Client is an OAuth2 client (RFC 6749 §2).
type Client struct {
	// The `client_id`. It may not be the name of a user.
	ID string `json:"id"`
	// The hash of the client's secret, as for a user's password. Without one
	// the client is public.
	SecretHash string `json:"secret_hash,omitempty"`
	// The grants the client may use: `password`, `refresh_token`. Default: both.
	Grants []string `json:"grants,omitempty"`
	// The most that a token given to this client may carry. Default: no scope.
	Scopes []string `json:"scopes,omitempty"`
}

// PasswordHash says how new passwords are hashed. If the hash of a password in the store
// is of another scheme, or weaker, the password is hashed again when its user signs in.
type PasswordHash struct {
	// `argon2id` (the default), `bcrypt`, `scrypt` or `pbkdf2-sha256`.
	Scheme string `json:"scheme,omitempty"`
	// argon2id: memory in KiB. Default: 19456 (19 MiB).
	Memory int `json:"memory,omitempty"`
	// argon2id: passes over the memory. Default: 2.
	Time int `json:"time,omitempty"`
	// argon2id and scrypt: lanes. Default: 1.
	Parallelism int `json:"parallelism,omitempty"`
	// bcrypt: cost. Default: 12. scrypt: the base-2 logarithm of N. Default: 17.
	Cost int `json:"cost,omitempty"`
	// pbkdf2-sha256: iterations. Default: 600000.
	Iterations int `json:"iterations,omitempty"`
	// How many passwords are hashed at once. Default: half the processors.
	Slots int `json:"slots,omitempty"`
	// How many sign-ins may wait for a slot; the next one is answered with
	// 503. Default: 16 for each slot.
	Queue int `json:"queue,omitempty"`
}

// Throttle says when failed sign-ins have to wait.
type Throttle struct {
	// Failed sign-ins of one account that are free. One of them stops counting in
	// each five `max_wait`. Default: 5.
	AccountFree int `json:"account_free,omitempty"`
	// Failed sign-ins from one address that are free. IPv6 is counted by /64,
	// by /56 with 4 times and by /48 with 16 times as many. One, 4 and 16 stop
	// counting in each `max_wait`, and one for each account that signs in from there, once
	// a day. It is also how many sign-ins an address may have
	// under way; more wait in line. Default: 20.
	AddressFree int `json:"address_free,omitempty"`
	// The first wait, doubled with each failure after it. Default: 30s.
	MinWait caddy.Duration `json:"min_wait,omitempty"`
	// The longest wait. An account that has reached it gives each address one
	// try in it, and all addresses together `account_free`, but 2 at least and 16
	// at most. An address or a browser that has signed in to the account before
	// has a counter of its own. Default: 1h.
	MaxWait caddy.Duration `json:"max_wait,omitempty"`
	// Failures of an account at which counting ends; from there on its wait is
	// taken for the longest. Default: 100.
	AccountMax int `json:"account_max,omitempty"`
	// Switches throttling off.
	Off bool `json:"off,omitempty"`
}

// lifetimes returns the realm's lifetimes with the defaults filled in.
func (r *Realm) lifetimes() session.Lifetimes {
	lt := session.DefaultLifetimes()
	for _, option := range []struct {
		value caddy.Duration
		into  *time.Duration
	}{{r.AccessTokenLifetime, &lt.Access}, {r.RefreshTokenLifetime, &lt.Refresh}, {r.RefreshTokenIdle, &lt.Idle}} {
		if option.value != 0 {
			*option.into = time.Duration(option.value)
		}
	}
	if r.RefreshTokenGrace != nil {
		lt.Grace = time.Duration(*r.RefreshTokenGrace)
	}
	if r.StreamsEndWithin != nil {
		lt.Streams = time.Duration(*r.StreamsEndWithin)
	}
	return lt
}

// Validate checks what can be checked before placeholders are replaced.
func (c Client) Validate() error {
	if err := user.CheckUsername(c.ID); err != nil {
		return fmt.Errorf("client %q: %w", c.ID, err)
	}
	if c.ID == oauth2.FirstParty {
		return fmt.Errorf("client %s: this id is reserved for tokens that no client asked for", c.ID)
	}
	for _, grant := range c.Grants {
		if grant != oauth2.GrantPassword && grant != oauth2.GrantRefreshToken {
			return fmt.Errorf("client %s: unknown grant %q: it takes %s, %s", c.ID, grant, oauth2.GrantPassword, oauth2.GrantRefreshToken)
		}
	}
	for _, scope := range c.Scopes {
		if err := policy.CheckScope(scope); err != nil {
			return fmt.Errorf("client %s: scope %q: %w", c.ID, scope, err)
		}
	}
	return nil
}

// Validate checks the scheme and its parameters.
func (p PasswordHash) Validate() error {
	_, err := p.hasher()
	return err
}

// hasher returns what makes new hashes.
func (p PasswordHash) hasher() (*password.Hasher, error) {
	params := password.Params{
		Memory: p.Memory, Time: p.Time, Parallelism: p.Parallelism, Cost: p.Cost, Iterations: p.Iterations,
	}
	if p.Scheme == password.Scrypt {
		params.LogN, params.P = p.Cost, p.Parallelism
		params.Cost, params.Parallelism = 0, 0
	}
	if p.Slots < 0 || p.Slots > 1024 || p.Queue < 0 || p.Queue > 1<<20 {
		return nil, errors.New("slots takes 1 to 1024, queue 1 to 1048576")
	}
	return password.NewHasher(p.Scheme, params)
}

// slots returns how many hashings may run, and how many may wait.
func (p PasswordHash) slots() (slots, queue int) {
	slots, queue = p.Slots, p.Queue
	if slots == 0 {
		slots = password.DefaultSlots()
	}
	if queue == 0 {
		queue = password.DefaultQueue(slots)
	}
	return slots, queue
}

// Validate checks the numbers.
func (t Throttle) Validate() error { return t.config().Validate() }

func (t Throttle) config() throttle.Config {
	return throttle.Config{
		AccountFree: t.AccountFree, AddressFree: t.AddressFree, AccountMax: t.AccountMax,
		MinWait: time.Duration(t.MinWait), MaxWait: time.Duration(t.MaxWait), Off: t.Off,
	}
}
