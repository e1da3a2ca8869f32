package realm

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/keyring"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// Config is what a realm is opened with. Everything in it has been checked.
type Config struct {
	Name string
	// Issuer is the `iss` of tokens. Default: urn:uuid: and the realm's random id.
	Issuer string
	// Audience is the `aud` of tokens. Default: the issuer.
	Audience     []string
	CookieDomain string
	Lifetimes    session.Lifetimes

	// Keys say which keys the realm has.
	Keys keyring.Options

	// Users are those of the config; UsersFiles are the paths of users files.
	Users      []user.User
	UsersFiles []string
	Clients    map[string]oauth2.Client

	Hasher   *password.Hasher
	Slots    *password.Slots
	Throttle throttle.Config

	// Home is where the store is, if it is in a file and a server opens it.
	Home *Home
	// KeepSessions leaves the sessions of users alone that the config, or a users
	// file, has removed, disabled or given another password. It is for a command:
	// its config need not be the one of the server.
	KeepSessions bool

	Recorder audit.Recorder
	Logger   *zap.Logger
}

// Realm is an open realm: a config, joined with the realm's keys and with the state
// that outlives the config. Its fields are set by [Open] and do not change. Methods may
// be called concurrently.
type Realm struct {
	Name      string
	Lifetimes session.Lifetimes
	Keys      *keyring.Keys
	Verifier  *accesstoken.Verifier
	Issuer    oauth2.Issuer
	Jar       cookie.Jar
	SignIn    *signin.Service
	Slots     *password.Slots
	Hasher    *password.Hasher
	Limiter   *throttle.Limiter
	Recorder  audit.Recorder

	sessions *session.Manager
	shared   *Shared
	storeID  string
	clients  map[string]oauth2.Client
	logger   *zap.Logger

	known     atomic.Pointer[verified]
	replacing sync.Mutex

	// changed are the users whose sessions ended as the realm was opened.
	changed []string
	// undo is what Close does, the last first.
	undo []func()
}

// Open opens a realm over the state that it shares with the config before it. The
// caller closes the realm first and shared afterwards.
func Open(ctx context.Context, c Config, shared *Shared) (*Realm, error) {
	r := &Realm{
		Name: c.Name, Lifetimes: c.Lifetimes, Slots: c.Slots, Hasher: c.Hasher, Recorder: c.Recorder,
		Jar:    cookie.Jar{Realm: c.Name, Domain: c.CookieDomain},
		shared: shared, storeID: shared.store.ID(), clients: c.Clients, logger: c.Logger,
	}
	if c.Home != nil {
		r.hintAtCopy(ctx, *c.Home)
	}
	var err error
	if r.Keys, err = keyring.Open(ctx, c.Keys); err != nil {
		return nil, err
	}
	r.Verifier = verifier(c, r.Keys)
	directory, err := r.openDirectory(ctx, c)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.wire(c)
	r.inBackground(r.dropExpired)
	r.inBackground(func(ctx context.Context) {
		inForce := func() bool { return shared.users() == directory }
		r.Keys.Follow(ctx, inForce, func() { r.announceKey(ctx) })
	})
	return r, nil
}

// Close ends what the realm does in the background and takes its users out of force.
// Requests may still be using it; what they use stays open until shared is closed.
func (r *Realm) Close() error {
	for i := len(r.undo) - 1; i >= 0; i-- {
		r.undo[i]()
	}
	r.undo = nil
	return nil
}

// verifier verifies access tokens of the realm.
func verifier(c Config, keys *keyring.Keys) *accesstoken.Verifier {
	issuer := c.Issuer
	if issuer == "" {
		issuer = "urn:uuid:" + keys.View().RealmID
	}
	audience := c.Audience
	if len(audience) == 0 {
		audience = []string{issuer}
	}
	return &accesstoken.Verifier{Issuer: issuer, Audience: audience, Leeway: c.Lifetimes.Leeway, Keys: keys.Signing}
}

// wire joins the parts.
func (r *Realm) wire(c Config) {
	kept := r.shared.store
	r.sessions = session.New(kept, kept.ID(), r.Keys, kept)
	r.Issuer = oauth2.Issuer{
		ID: r.Verifier.Issuer, Audience: r.Verifier.Audience, StoreID: kept.ID(),
		Sign: func(c *accesstoken.Claims) (string, error) {
			token, err := r.Keys.Signing().Sign(c)
			if err == nil {
				r.Recorder.Issued(audit.Token)
			}
			return token, err
		},
	}
	r.Limiter = throttle.New(kept, c.Throttle)
	decoys := password.NewDecoys(r.Keys.View().DecoyKey, r.Hasher.Profile())
	r.SignIn = &signin.Service{
		Users: r.Users(), Epochs: kept, Throttle: r.Limiter, Slots: r.Slots, Hasher: r.Hasher, Decoys: decoys,
		Report: func(name string, err error) {
			fields := []zap.Field{zap.Error(err)}
			if name != "" {
				fields = append(fields, zap.String("username", name))
			}
			r.logger.Warn("sign-in", fields...)
		},
		Recorder: r.Recorder,
	}
	r.inBackground(func(ctx context.Context) { r.countProfiles(ctx, decoys) })
}

// Announce records what opening the realm has changed. It is called when requests are
// no longer waiting for the realm.
func (r *Realm) Announce(ctx context.Context) {
	r.announceKey(ctx)
	r.recordChanged(ctx, r.changed)
}

// announceKey records that another key signs than before. It does not say who changed
// it: the config, a command, or a waiting key whose time has come.
func (r *Realm) announceKey(ctx context.Context) {
	key := r.Keys.Signing().SigningKey().ID
	if before := r.shared.signs(key); before != "" {
		r.Recorder.Event(ctx, audit.Event{Name: audit.KeyChanged, Key: key})
	}
}

// inBackground runs a loop until the realm is closed, which waits for its end.
func (r *Realm) inBackground(loop func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { loop(ctx) })
	r.undo = append(r.undo, func() {
		cancel()
		running.Wait()
	})
}

// Hold keeps the realm's store open until release is called. A caller that holds it
// already may hold it once more. It fails when the realm has been closed by a reload.
func (r *Realm) Hold() (release func(), err error) { return r.shared.hold() }

// Client is the client of the config with that id.
func (r *Realm) Client(id string) (oauth2.Client, bool) {
	client, ok := r.clients[id]
	return client, ok
}
