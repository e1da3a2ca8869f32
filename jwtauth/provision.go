package jwtauth

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/keyring"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// defaultSigningAlgorithm lets any upstream verify tokens by JWKS, without a shared
// secret.
const defaultSigningAlgorithm = "ES256"

// parsed is what provision makes of a realm's config.
type parsed struct {
	realm    realm.Config // but for what start adds
	readOnly []user.User  // users of the config, and of the users files as they were
	slots    slotsKey
	upgrade  []string // in lower case
}

// provision checks the config. It makes nothing, and opens only the users files, to see
// that they can be read. Errors name the option.
func (r *Realm) provision(ctx caddy.Context, name string, logger *zap.Logger) error {
	r.name = name
	r.logger = logger.With(zap.String("realm", name))
	r.storage = ctx.Storage()
	r.future.Init()
	r.metrics = metrics.of(name)
	r.parsed.realm.Name = name

	repl := caddy.NewReplacer()
	for _, step := range []func(*caddy.Replacer) error{
		r.provisionTokens, r.provisionUsers, r.provisionClients, r.provisionPasswords,
	} {
		if err := step(repl); err != nil {
			return err
		}
	}
	if r.StoreRaw == nil {
		r.store = new(BoltStore)
		return nil
	}
	module, err := ctx.LoadModule(r, "StoreRaw")
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	r.store = module.(StoreModule)
	return nil
}

// provisionTokens replaces the placeholders of what tokens and cookies say, and checks
// it again.
func (r *Realm) provisionTokens(repl *caddy.Replacer) (err error) {
	if r.Issuer, err = expand(repl, r.Issuer); err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	for i, audience := range r.Audience {
		if r.Audience[i], err = expand(repl, audience); err != nil {
			return fmt.Errorf("audience: %w", err)
		}
	}
	if r.CookieDomain, err = expand(repl, r.CookieDomain); err != nil {
		return fmt.Errorf("cookie_domain: %w", err)
	}
	keys := slices.Clone(r.SigningKeys) // the config keeps the placeholders
	for i, given := range r.SigningKeys {
		if keys[i].Key, err = expand(repl, given.Key); err != nil {
			return fmt.Errorf("%s: %w", keyOption(keys, i), err)
		}
	}
	if err := r.check(everyValue); err != nil {
		return err
	}
	c := &r.parsed.realm
	c.Issuer, c.Audience, c.CookieDomain = r.Issuer, r.Audience, r.CookieDomain
	c.Lifetimes = r.lifetimes()
	c.Keys = keyring.Options{Storage: r.storage, Realm: r.name, Algorithm: r.SigningAlgorithm, Lifetimes: c.Lifetimes}
	if c.Keys.Algorithm == "" {
		c.Keys.Algorithm = defaultSigningAlgorithm
	}
	for _, protocol := range r.Upgrade {
		r.parsed.upgrade = append(r.parsed.upgrade, guard.ASCIILower(protocol))
	}
	c.Keys.Configured, err = parseKeys(keys, everyValue)
	return err
}

func (r *Realm) provisionUsers(repl *caddy.Replacer) error {
	for _, given := range r.Users {
		hash, err := expand(repl, given.PasswordHash)
		if err != nil {
			return fmt.Errorf("user %s: %w", given.Username, err)
		}
		if hash == "" {
			return fmt.Errorf("user %s: the password hash is missing: make one with `caddy hash-password --algorithm argon2id`", given.Username)
		}
		r.parsed.realm.Users = append(r.parsed.realm.Users, user.User{
			Username: given.Username, FullName: given.FullName, Email: given.Email, Disabled: given.Disabled,
			Roles: given.Roles, Scopes: given.Scopes, Claims: given.Claims, PasswordHash: hash,
		})
	}
	for i, path := range r.UsersFiles {
		var err error
		if r.UsersFiles[i], err = expand(repl, path); err != nil {
			return fmt.Errorf("users_file: %w", err)
		}
		if r.UsersFiles[i] == "" {
			return errors.New("users_file: it takes the path of a JSON file of users, and this one is empty")
		}
	}
	// Opening the realm makes the directory that is used; this one only shows that it
	// can be made.
	directory, err := user.NewDirectory(r.parsed.realm.Users, realm.Files(r.UsersFiles), nil)
	if err != nil {
		return err
	}
	if err := directory.Load(); err != nil {
		return err
	}
	r.parsed.readOnly = directory.ReadOnly()
	r.parsed.realm.UsersFiles = r.UsersFiles
	return nil
}

func (r *Realm) provisionClients(repl *caddy.Replacer) error {
	r.parsed.realm.Clients = make(map[string]oauth2.Client, len(r.Clients))
	for _, given := range r.Clients {
		if err := given.Validate(); err != nil {
			return err
		}
		if _, twice := r.parsed.realm.Clients[given.ID]; twice {
			return fmt.Errorf("client %s is defined twice", given.ID)
		}
		if slices.ContainsFunc(r.parsed.readOnly, func(u user.User) bool { return u.Username == given.ID }) {
			return realm.ClientIsUserError(given.ID)
		}
		client := oauth2.Client{ID: given.ID, Grants: given.Grants, Scopes: given.Scopes}
		if client.Scopes == nil {
			client.Scopes = []string{} // no scope, rather than every scope of the user
		}
		secretHash, err := expand(repl, given.SecretHash)
		if err != nil {
			return fmt.Errorf("client %s: %w", given.ID, err)
		}
		if secretHash != "" {
			if client.SecretHash, err = password.Parse(secretHash); err != nil {
				return fmt.Errorf("client %s: %w", given.ID, err)
			}
		}
		r.parsed.realm.Clients[given.ID] = client
	}
	return nil
}

func (r *Realm) provisionPasswords(*caddy.Replacer) (err error) {
	given := PasswordHash{}
	if r.PasswordHash != nil {
		given = *r.PasswordHash
	}
	if r.parsed.realm.Hasher, err = given.hasher(); err != nil {
		return fmt.Errorf("password_hash: %w", err)
	}
	slots, queue := given.slots()
	r.parsed.slots = slotsKey{realm: r.name, slots: slots, queue: queue}
	if r.Throttle != nil {
		r.parsed.realm.Throttle = r.Throttle.config()
	}
	if err := r.parsed.realm.Throttle.Validate(); err != nil {
		return fmt.Errorf("throttle: %w", err)
	}
	return nil
}

// expand replaces the placeholders of a config value, such as {env.*} and {file.*}. An
// empty placeholder is an error: an unset variable must not become an empty secret.
// Braces that are no placeholder stay as they are.
func expand(repl *caddy.Replacer, value string) (string, error) {
	if !strings.Contains(value, "{") || !slices.ContainsFunc(loadPlaceholders, func(p string) bool { return strings.Contains(value, p) }) {
		return value, nil // also where a secret has braces, or backslashes before them
	}
	return repl.ReplaceOrErr(value, true, false)
}

// loadPlaceholders begin the placeholders that are known when a config is loaded.
var loadPlaceholders = []string{"{env.", "{file.", "{system.", "{time."}
