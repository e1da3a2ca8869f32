package caddyfile

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

func init() {
	httpcaddyfile.RegisterGlobalOption(jwtauth.AppName, parseGlobal)
}

// parseGlobal sets up a realm from Caddyfile tokens. Syntax:
//
//	jwtauth [<realm>] {
//	    issuer                 <url>
//	    audience               <values...>
//	    signing_key            <algorithm> <secret|pem>
//	    signing_algorithm      <algorithm>
//	    access_token_lifetime  <duration>
//	    refresh_token_lifetime <duration>
//	    refresh_token_idle     <duration>
//	    refresh_token_grace    <duration>
//	    streams_end_within     <duration>
//	    cookie_domain          <domain>
//	    upgrade                <protocols...>
//	    user <username> <password_hash> [<roles...>] {
//	        scope     <scopes...>
//	        full_name <text>
//	        email     <address>
//	        claim     <name> <value>
//	        disabled
//	    }
//	    users_file <path>
//	    client <id> [<secret_hash>] {
//	        grant <grants...>
//	        scope <scopes...>
//	    }
//	    store         <module> …
//	    password_hash [<scheme>] {
//	        memory|time|parallelism|cost|iterations|slots|queue <number>
//	    }
//	    throttle off
//	    throttle {
//	        account_free|address_free|account_max <number>
//	        min_wait|max_wait <duration>
//	    }
//	}
//
// `signing_key`, `user`, `users_file` and `client` may be repeated, and so may
// the whole option, once for each realm.
func parseGlobal(d *caddyfile.Dispenser, existing any) (any, error) {
	app := jwtauth.App{Realms: make(map[string]*jwtauth.Realm)}
	if before, ok := existing.(httpcaddyfile.App); ok {
		if err := json.Unmarshal(before.Value, &app); err != nil {
			return nil, err
		}
	}
	d.Next() // consume option name
	name := jwtauth.DefaultRealm
	if d.NextArg() {
		name = d.Val()
		if err := realm.CheckName(name); err != nil {
			return nil, d.WrapErr(err)
		}
	}
	if d.NextArg() {
		return nil, d.ArgErr()
	}
	if app.Realms[name] != nil {
		return nil, d.Errf("the realm %s is defined twice", name)
	}
	config := new(jwtauth.Realm)
	b := newBlock(d)
	for d.NextBlock(0) {
		if err := parseRealmOption(b, config); err != nil {
			return nil, err
		}
	}
	app.Realms[name] = config
	return httpcaddyfile.App{Name: jwtauth.AppName, Value: caddyconfig.JSON(app, nil)}, nil
}

// parseRealmOption reads one option, and checks what can be checked of it before its
// placeholders are replaced.
func parseRealmOption(b block, config *jwtauth.Realm) (err error) {
	option := b.Val()
	switch option {
	case "user":
		return parseUser(b, config)
	case "client":
		return parseClient(b, config)
	case "store":
		return parseStore(b, config)
	case "password_hash":
		return parsePasswordHash(b, config)
	case "throttle":
		return parseThrottle(b, config)
	case "issuer":
		config.Issuer, err = b.one("a URL, such as https://example.com")
	case "cookie_domain":
		config.CookieDomain, err = b.one("a domain, such as example.com")
	case "upgrade":
		if err = b.once(); err == nil {
			config.Upgrade, err = b.some("the protocols that a request may switch to, such as docker")
		}
	case "audience":
		if err = b.once(); err == nil {
			config.Audience, err = b.some("the values of the aud claim")
		}
	case "signing_key":
		err = parseSigningKey(b, config)
	case "signing_algorithm":
		config.SigningAlgorithm, err = b.one("an algorithm, such as ES256")
	case "access_token_lifetime":
		config.AccessTokenLifetime, err = b.duration(time.Second)
	case "refresh_token_lifetime":
		config.RefreshTokenLifetime, err = b.duration(time.Second)
	case "refresh_token_idle":
		config.RefreshTokenIdle, err = b.duration(time.Second)
	case "refresh_token_grace":
		var grace caddy.Duration
		grace, err = b.duration(0)
		config.RefreshTokenGrace = &grace
	case "streams_end_within":
		var within caddy.Duration
		within, err = b.duration(0)
		config.StreamsEndWithin = &within
	case "users_file":
		var path string
		if path, err = b.arg("the path of a JSON file of users"); err == nil {
			if slices.Contains(config.UsersFiles, path) {
				return b.Errf("users_file %s is named twice", path)
			}
			config.UsersFiles = append(config.UsersFiles, path)
		}
	default:
		err = b.unknown("jwtauth", "issuer, audience, signing_key, signing_algorithm, access_token_lifetime, refresh_token_lifetime, refresh_token_idle, refresh_token_grace, streams_end_within, cookie_domain, upgrade, user, users_file, client, store, password_hash, throttle")
	}
	if err != nil {
		return err
	}
	if err := config.Check(); err != nil {
		return b.WrapErr(err)
	}
	return b.flat(option, 1)
}

// parseSigningKey reads
//
//	signing_key <algorithm> <secret|pem>
func parseSigningKey(b block, config *jwtauth.Realm) error {
	args := b.RemainingArgs()
	if len(args) != 2 || args[1] == "" {
		return b.Err("signing_key takes an algorithm and a key, such as HS256 {env.JWT_SECRET}")
	}
	config.SigningKeys = append(config.SigningKeys, jwtauth.SigningKey{Algorithm: args[0], Key: args[1]})
	return nil
}

// parseStore reads
//
//	store <module> …
func parseStore(b block, config *jwtauth.Realm) error {
	if err := b.once(); err != nil {
		return err
	}
	if !b.NextArg() {
		return b.Err("store takes the name of a store module: bolt or memory")
	}
	name := b.Val()
	module, err := caddyfile.UnmarshalModule(b.Dispenser, "jwtauth.stores."+name)
	if err != nil {
		return err
	}
	config.StoreRaw = caddyconfig.JSONModuleObject(module, "module", name, nil)
	return nil
}

// parsePasswordHash reads
//
//	password_hash [<scheme>] { … }
func parsePasswordHash(b block, config *jwtauth.Realm) error {
	if err := b.once(); err != nil {
		return err
	}
	hash := new(jwtauth.PasswordHash)
	if b.NextArg() {
		hash.Scheme = b.Val()
		if !slices.Contains(password.Schemes(), hash.Scheme) {
			return b.Errf("unknown hash scheme %q: password_hash takes one of %v", hash.Scheme, password.Schemes())
		}
	}
	if b.NextArg() {
		return b.ArgErr()
	}
	options := newBlock(b.Dispenser)
	for nesting := b.Nesting(); b.NextBlock(nesting); {
		option := b.Val()
		into := map[string]*int{
			"memory": &hash.Memory, "time": &hash.Time, "parallelism": &hash.Parallelism, "cost": &hash.Cost,
			"iterations": &hash.Iterations, "slots": &hash.Slots, "queue": &hash.Queue,
		}[option]
		if into == nil {
			return options.unknown("password_hash", "memory, time, parallelism, cost, iterations, slots, queue")
		}
		var err error
		if *into, err = options.number(); err != nil {
			return err
		}
		if err := options.flat(option, nesting+1); err != nil {
			return err
		}
	}
	if err := hash.Validate(); err != nil {
		return b.WrapErr(err)
	}
	config.PasswordHash = hash
	return nil
}

// parseThrottle reads
//
//	throttle off
//	throttle { … }
func parseThrottle(b block, config *jwtauth.Realm) error {
	if err := b.once(); err != nil {
		return err
	}
	throttle := new(jwtauth.Throttle)
	if b.NextArg() {
		if b.Val() != "off" {
			return b.Errf("throttle takes the word off or a block, not %q", b.Val())
		}
		throttle.Off = true
		if b.NextArg() {
			return b.ArgErr()
		}
	}
	options := newBlock(b.Dispenser)
	for nesting := b.Nesting(); b.NextBlock(nesting); {
		if throttle.Off {
			return b.Err("throttle off takes no block")
		}
		var err error
		option := b.Val()
		switch option {
		case "account_free":
			throttle.AccountFree, err = options.number()
		case "address_free":
			throttle.AddressFree, err = options.number()
		case "account_max":
			throttle.AccountMax, err = options.number()
		case "min_wait":
			throttle.MinWait, err = options.duration(time.Second)
		case "max_wait":
			throttle.MaxWait, err = options.duration(time.Second)
		default:
			err = options.unknown("throttle", "account_free, address_free, account_max, min_wait, max_wait")
		}
		if err != nil {
			return err
		}
		if err := options.flat(option, nesting+1); err != nil {
			return err
		}
	}
	if err := throttle.Validate(); err != nil {
		return b.WrapErr(err)
	}
	config.Throttle = throttle
	return nil
}

// parseRealm reads the realm of a directive. The global options come before every
// directive, so one that they do not define is known here.
func parseRealm(h httpcaddyfile.Helper, b block) (string, error) {
	name, err := b.one("the name of a realm")
	if err != nil || name == jwtauth.DefaultRealm {
		return name, err
	}
	var app jwtauth.App
	if defined, ok := h.Option(jwtauth.AppName).(httpcaddyfile.App); ok {
		if err := json.Unmarshal(defined.Value, &app); err != nil {
			return "", err
		}
	}
	if app.Realms[name] == nil {
		return "", b.Errf("unknown realm %q: define it in the global option `jwtauth %s { … }`", name, name)
	}
	return name, nil
}

// Interface guards
var _ httpcaddyfile.UnmarshalGlobalFunc = parseGlobal
