package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// opened is a realm from Start on: its config, joined with its keys and with
// the state that outlives the config.
type opened struct {
	name      string
	logger    *zap.Logger
	auditLog  *zap.Logger
	metrics   *realmMetrics
	emit      func(event string, data map[string]any)
	lifetimes session.Lifetimes
	clients   map[string]oauth2.Client
	state     *state
	storeID   string
	keys      *liveKeys
	sessions  *session.Manager
	verifier  *accesstoken.Verifier
	slots     *password.Slots
	signIn    *signin.Service
	limiter   *throttle.Limiter
	hasher    *password.Hasher
	issuer    oauth2.Issuer
	jar       cookie.Jar
	// changed are the users whose sessions ended as the realm was opened.
	changed []string

	// close undoes what start did, the last first.
	undo []func()
	once sync.Once
}

// start opens the realm. Whatever happens, close is called later.
func (r *Realm) start(ctx context.Context, changed changedUsers) error {
	if !r.used && !r.written {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	o := &opened{
		name: r.name, logger: r.logger, auditLog: r.logger.Named("audit"), metrics: r.metrics, emit: r.app.events.emit,
		lifetimes: r.parsed.lifetimes,
		clients:   r.parsed.clients, hasher: r.parsed.hasher,
		jar: cookie.Jar{Realm: r.name, Domain: r.CookieDomain},
	}
	if err := o.open(ctx, r, changed); err != nil {
		o.close()
		r.waiter.done(nil)
		return err
	}
	r.waiter.done(o)
	o.announceKey()
	o.auditChanged(ctx, o.changed)
	return nil
}

// close releases the realm. Requests of this config may still be running: what
// they use stays open until the last of them has ended.
func (r *Realm) close() {
	if r.waiter.ready != nil {
		r.waiter.done(nil) // where it was never opened
	}
	if o := r.waiter.opened.Load(); o != nil {
		o.close()
	}
}

func (o *opened) close() {
	o.once.Do(func() {
		for i := len(o.undo) - 1; i >= 0; i-- {
			o.undo[i]()
		}
	})
}

// changedUsers says what becomes of the sessions of users whom the config, or a
// users file, has removed, disabled or given another password.
type changedUsers bool

const (
	endSessionsOfChanged changedUsers = true
	keepSessions         changedUsers = false
)

func (o *opened) open(ctx context.Context, r *Realm, changed changedUsers) error {
	shared, stateKey, err := openState(ctx, r.name, r.store, r.logger)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	o.state, o.storeID = shared, shared.store.ID()
	o.undo = append(o.undo, func() { o.release(states, stateKey) })
	if changed == endSessionsOfChanged { // a server, and no command
		o.hintAtCopy(ctx, r.store)
	}

	keyStorage := keyringStorage{storage: r.storage, realm: r.name, now: time.Now, passed: keysClock.Now}
	o.keys, err = openKeys(ctx, keyStorage, r.parsed.algorithm, r.parsed.keys, o.lifetimes, r.logger, func(view, before *keyView) {
		if o.verifier == nil {
			o.verifier = r.verifier(view.realmID)
		}
		o.caches(view, before)
	})
	if err != nil {
		return err
	}
	o.verifier.Keys = o.keys.Signing
	o.keys.inForce = o.announceKey

	if err := o.openSlots(r.parsed.slots); err != nil {
		return err
	}
	if err := o.openDirectory(ctx, r, changed); err != nil {
		return err
	}
	o.wire(r)
	o.undo = append(o.undo, metrics.add(o), background(o.keys.run), background(o.forget))
	return nil
}

func (o *opened) release(pool *caddy.UsagePool, key any) {
	if _, err := pool.Delete(key); err != nil {
		o.logger.Error("closing the store", zap.Error(err))
	}
}

func (o *opened) openSlots(key slotsKey) error {
	value, _, err := slotPools.LoadOrNew(key, func() (caddy.Destructor, error) {
		return sharedSlots{password.NewSlots(key.slots, key.queue)}, nil
	})
	if err != nil {
		return err
	}
	o.undo = append(o.undo, func() { o.release(slotPools, key) })
	o.slots = value.(sharedSlots).Slots
	return nil
}

// openDirectory puts this config's users in force, ends the sessions of those
// who were changed by it, and follows the users files.
func (o *opened) openDirectory(ctx context.Context, r *Realm, changed changedUsers) error {
	files := userFiles(r.UsersFiles)
	directory, err := user.NewDirectory(r.parsed.users, files, o.state.store)
	if err != nil {
		return err
	}
	if err := directory.Load(); err != nil {
		return err
	}
	for id := range o.clients {
		if _, err := directory.Lookup(ctx, id); err == nil {
			return errClientIsUser(id)
		} else if !errors.Is(err, user.ErrNotFound) {
			return fmt.Errorf("client %s: %w", id, err)
		}
	}
	o.state.attach(directory)
	o.keys.ruling = func() bool { return o.state.users() == directory }
	o.undo = append(o.undo, func() { o.withdraw(directory) })
	if changed == keepSessions {
		return nil
	}
	if o.changed, _, err = o.state.reconcile(ctx, directory); err != nil {
		return err
	}
	for i := range files {
		o.undo = append(o.undo, o.watch(directory, files[i]))
	}
	return nil
}

// withdraw takes this config's users out of force. Where it did not start after
// all, those of the config before it rule again, and what the store remembers as
// the last users has to be theirs: else the same change, when it comes again,
// would be no change, and end no session made in between.
func (o *opened) withdraw(directory *user.Directory) {
	back := o.state.detach(directory)
	if back == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if _, _, err := o.state.reconcile(ctx, back); err != nil {
		o.logger.Error("returning to the users of the running config", zap.Error(err))
	}
}

// watch follows a users file. It returns what stops that.
func (o *opened) watch(directory *user.Directory, file *user.File) (stop func()) {
	return background(func(ctx context.Context) {
		file.Watch(ctx, user.DefaultInterval, func(users []user.User, err error) {
			if err != nil {
				o.logger.Error("the users file is broken; its last good version stays in force", zap.Error(err))
				return
			}
			o.usersChanged(ctx, directory, file.Path(), len(users))
		})
	})
}

// usersChanged ends the sessions of users whom a new version of a users file has
// changed. It does not give up: until then those sessions would go on.
func (o *opened) usersChanged(ctx context.Context, directory *user.Directory, path string, users int) {
	for wait := reconcileRetry; ; wait = min(2*wait, reconcileRetryMax) {
		ended, ruling, err := o.state.reconcile(ctx, directory)
		if !ruling {
			return // a newer config rules; its own watch does the rest
		}
		if err == nil {
			o.auditChanged(ctx, ended)
			o.logger.Info("users file read", zap.String("users_file", path),
				zap.Int("users", users), zap.Strings("sessions_ended_of", ended))
			return
		}
		o.logger.Error("ending the sessions of changed users; it is tried again",
			zap.String("users_file", path), zap.Error(err))
		again := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			again.Stop()
			return
		case <-again.C:
		}
	}
}

// auditChanged writes down whose sessions ended because the config, or a users
// file, has changed the user.
func (o *opened) auditChanged(ctx context.Context, ended []string) {
	for _, name := range ended {
		o.audit(ctx, eventUserChanged, record{user: name, by: byConfig})
	}
}

const (
	reconcileRetry    = time.Second
	reconcileRetryMax = time.Minute
)

// wire joins the parts.
func (o *opened) wire(r *Realm) {
	live := o.state.store
	o.sessions = session.New(live, live.ID(), o.keys, live)
	o.issuer = oauth2.Issuer{
		ID: o.verifier.Issuer, Audience: o.verifier.Audience, StoreID: live.ID(),
		Sign: func(c *accesstoken.Claims) (string, error) {
			token, err := o.keys.Signing().Sign(c)
			if err == nil {
				o.metrics.tokensIssued.Inc()
			}
			return token, err
		},
	}
	o.limiter = throttle.New(live, r.parsed.throttle)
	decoys := password.NewDecoys(o.keys.view.Load().decoyKey, o.hasher.Profile())
	o.signIn = &signin.Service{
		Users: o.liveUsers(), Epochs: live, Throttle: o.limiter, Slots: o.slots, Hasher: o.hasher, Decoys: decoys,
		Report: func(name string, err error) {
			fields := []zap.Field{zap.Error(err)}
			if name != "" {
				fields = append(fields, zap.String("username", name))
			}
			o.logger.Warn("sign-in", fields...)
		},
		Observe: o.observeSignIn,
	}
	o.undo = append(o.undo, background(func(ctx context.Context) { o.countProfiles(ctx, decoys) }))
}

// verifier is how access tokens of the realm are verified, but for the keys.
func (r *Realm) verifier(realmID string) *accesstoken.Verifier {
	issuer := r.Issuer
	if issuer == "" {
		issuer = "urn:uuid:" + realmID
	}
	audience := r.Audience
	if len(audience) == 0 {
		audience = []string{issuer}
	}
	return &accesstoken.Verifier{Issuer: issuer, Audience: audience, Leeway: r.parsed.lifetimes.Leeway}
}

// background runs a loop and returns what ends it, and waits for that.
func background(loop func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { loop(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// bearer verifies an access token: form, signature and claims, then that this
// store could have revoked it, then that it has not. The last is asked each time,
// also of a token that is known from before.
func (o *opened) bearer(token string) (*policy.Principal, *oauth2.Error) {
	known := o.keys.view.Load().tokens
	if p, ok := known.Get(token, time.Now()); ok {
		if o.state.denied.Denied(p.Username, p.Session, p.TokenID) {
			return nil, oauth2.InvalidToken(errRevoked)
		}
		o.metrics.tokenHit.Inc()
		return p, nil
	}
	claims, err := o.verifier.Verify(token)
	if err != nil {
		return nil, oauth2.InvalidToken(err)
	}
	if err := o.checkRevoked(claims); err != nil {
		return nil, oauth2.InvalidToken(err)
	}
	p := principalFromClaims(claims)
	o.metrics.tokenMiss.Inc()
	o.rememberToken(known, token, claims, p)
	return p, nil
}

// Reasons to refuse a token whose signature and claims are good.
var (
	errForeignStore = errors.New("the token is of another store, which alone knows whether it was revoked")
	errRevoked      = errors.New("the token or its session was revoked")
)

// checkRevoked refuses what this node cannot, or does, know to be revoked.
func (o *opened) checkRevoked(claims *accesstoken.Claims) error {
	switch {
	case o.foreign(claims.SessionID, claims.ID):
		return errForeignStore
	case o.state.denied.Denied(claims.Subject, claims.SessionID, claims.ID):
		return errRevoked
	}
	return nil
}

// foreign reports a session, or a token without one, that this realm's store
// did not make.
func (o *opened) foreign(sid, jti string) bool {
	id := sid
	if id == "" {
		id = jti
	}
	return len(id) <= store.IDLength || id[:store.IDLength] != o.storeID
}

// knownCookie is cookie for the guard, which believes in an answer for as long as
// in an access token, unless the session is denied.
func (o *opened) knownCookie(ctx context.Context, value string) (*policy.Principal, error) {
	known := o.keys.view.Load().cookies
	if p, ok := known.Get(value, time.Now()); ok {
		if o.state.denied.Denied(p.Username, p.Session, "") {
			return nil, errRevoked
		}
		o.metrics.cookieHit.Inc()
		return p, nil
	}
	p, s, err := o.readCookie(ctx, value)
	if err != nil {
		return nil, err
	}
	o.metrics.cookieMiss.Inc()
	o.rememberCookie(known, value, s, p)
	return p, nil
}

// cookie verifies a session cookie's value and reads the session and its user.
func (o *opened) cookie(ctx context.Context, value string) (*policy.Principal, error) {
	p, _, err := o.readCookie(ctx, value)
	return p, err
}

func (o *opened) readCookie(ctx context.Context, value string) (*policy.Principal, session.Session, error) {
	none := session.Session{}
	sid, err := o.sessions.ParseCookie(value)
	if err != nil {
		return nil, none, err
	}
	// Whose it is, and the epoch, is read with the session.
	if o.state.denied.Denied("", sid, "") {
		return nil, none, errRevoked
	}
	release, err := o.state.use()
	if err != nil {
		return nil, none, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	defer release()
	s, err := o.sessions.Live(ctx, sid)
	if errors.Is(err, session.ErrNotFound) {
		return nil, none, err
	} else if err != nil {
		return nil, none, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	if err := o.sessions.CheckCookie(value, s); err != nil {
		return nil, none, err
	}
	if s, err = o.touch(ctx, s); err != nil {
		return nil, none, err
	}
	epoch, err := o.state.store.Epoch(ctx, s.User)
	if err != nil {
		return nil, none, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	if epoch != s.Epoch {
		return nil, none, session.ErrEpoch
	}
	entry, err := o.state.users().Lookup(ctx, s.User)
	switch {
	case errors.Is(err, user.ErrNotFound), errors.Is(err, user.ErrAmbiguous):
		return nil, none, err
	case err != nil:
		return nil, none, fmt.Errorf("%w: %w", errUnavailable, err)
	case entry.Disabled:
		return nil, none, signin.ErrDisabled
	}
	// No longer than a denial of the session is sure to last.
	until := time.Now().Add(o.lifetimes.Access)
	if sure := s.DenyUntil.Add(-o.lifetimes.Leeway); sure.Before(until) {
		until = sure
	}
	p, err := o.principalFromSession(s, entry.User, until)
	return p, s, err
}

// touch keeps a session that is in use from ending by idleness. A store that
// cannot be written to right now takes nothing from who is signed in.
func (o *opened) touch(ctx context.Context, s session.Session) (session.Session, error) {
	touched, err := o.sessions.Touch(ctx, o.lifetimes, s)
	switch {
	case errors.Is(err, session.ErrNotFound), errors.Is(err, session.ErrEpoch):
		return s, err
	case err != nil:
		if ctx.Err() == nil {
			o.logger.Warn("a session in use could not be prolonged", zap.Error(err))
		}
		return s, nil
	}
	return touched, nil
}

// cookieRefusal is the answer to a session cookie that is not good.
func (o *opened) cookieRefusal(err error) *oauth2.Error {
	if errors.Is(err, errUnavailable) {
		return oauth2.Unavailable(err)
	}
	return oauth2.InvalidToken(err)
}

// lookUp returns a user as the live realm knows it.
func (o *opened) lookUp(ctx context.Context, username string) (user.User, error) {
	release, err := o.state.use()
	if err != nil {
		return user.User{}, err
	}
	defer release()
	entry, err := o.state.users().Lookup(ctx, username)
	return entry.User, err
}
