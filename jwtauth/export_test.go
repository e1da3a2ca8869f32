package jwtauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// SignedIn is a session of the running Caddy, and what can be presented for it.
type SignedIn struct {
	SID, Access, Refresh string
	// CookieName is without a prefix, CookieValue what a browser would hold.
	CookieName, CookieValue string
}

// SignIn makes a session as a sign-in does, without a password.
func SignIn(name, username string, scopes ...string) (SignedIn, error) {
	return SignInThrough(name, "", username, scopes...)
}

// SignInThrough is SignIn by a client of that name.
func SignInThrough(name, client, username string, scopes ...string) (SignedIn, error) {
	o, err := running(name)
	if err != nil {
		return SignedIn{}, err
	}
	ctx := context.Background()
	epoch, err := o.Manager().Epoch(ctx, username)
	if err != nil {
		return SignedIn{}, err
	}
	entry, err := o.Directory().Lookup(ctx, username)
	if err != nil {
		return SignedIn{}, err
	}
	grant, err := o.Manager().Create(ctx, o.Lifetimes, session.NewSession{User: username, Client: client, Epoch: epoch, Scopes: scopes})
	if err != nil {
		return SignedIn{}, err
	}
	access, err := o.Issuer.Issue(oauth2.TokenContent{
		User: entry.User, Client: client, Session: grant.Session.ID, Scopes: scopes, IssuedAt: time.Now(), ExpiresAt: grant.AccessExpiresAt,
	})
	if err != nil {
		return SignedIn{}, err
	}
	value, err := o.Manager().Cookie(grant.Session)
	return SignedIn{
		SID: grant.Session.ID, Access: access, Refresh: grant.RefreshToken,
		CookieName: cookie.Jar{Realm: name}.Name(), CookieValue: value,
	}, err
}

// Issue signs claims with the running realm's key, after change has had its way
// with those that a token of the realm needs.
func Issue(name string, change func(*accesstoken.Claims)) (string, error) {
	o, err := running(name)
	if err != nil {
		return "", err
	}
	now := time.Now()
	c := &accesstoken.Claims{
		Issuer: o.Issuer.ID, Audience: o.Issuer.Audience, Subject: "alice", ClientID: oauth2.FirstParty,
		IssuedAt: now, ExpiresAt: now.Add(time.Minute), ID: o.Issuer.StoreID + rand.Text()[:22],
	}
	change(c)
	return o.Keys.Signing().Sign(c)
}

// SessionCount returns how many sessions a user has in the store.
func SessionCount(name, username string) (int, error) {
	o, err := running(name)
	if err != nil {
		return 0, err
	}
	sessions, err := o.Manager().List(context.Background(), username)
	return len(sessions), err
}

// HoldSlot takes a hashing slot of the running realm.
func HoldSlot(ctx context.Context, name string) (release func(), err error) {
	o, err := running(name)
	if err != nil {
		return nil, err
	}
	return o.Slots.Acquire(ctx, password.Caller{})
}

func running(name string) (*realm.Realm, error) {
	app, err := caddy.ActiveContext().AppIfConfigured(AppName)
	if err != nil {
		return nil, err
	}
	r, err := app.(*App).Realm(name)
	if err != nil {
		return nil, err
	}
	o := r.future.Opened()
	if o == nil {
		return nil, errors.New("the realm is not open")
	}
	return o, nil
}

// Denials returns what the running realm's store has revoked.
func Denials(name string) ([]revocation.Entry, error) {
	o, err := running(name)
	if err != nil {
		return nil, err
	}
	entries, _, err := o.Store().Since(context.Background(), 0, 1000)
	return entries, err
}

// WaitingForSlots returns how many sign-ins wait for a hashing slot.
func WaitingForSlots(name string) int {
	o, err := running(name)
	if err != nil {
		return 0
	}
	return o.Slots.Waiting()
}

// Deny denies a session of the running realm, and leaves its record as it is.
func Deny(name, sid string) error {
	o, err := running(name)
	if err != nil {
		return err
	}
	return o.Store().Deny(context.Background(), revocation.Entry{Kind: revocation.Session, ID: sid, Until: time.Now().Add(time.Hour)})
}

// FillRevocations has a session of the running realm make so many revocations that
// there is room for left more of its user, where there were none.
func FillRevocations(name, sid string, left int) error {
	o, err := running(name)
	if err != nil {
		return err
	}
	until := time.Now().Add(time.Hour)
	return o.Store().UpdateSession(context.Background(), sid, func(session.Session, uint64) (session.Change, error) {
		c := session.Change{Deny: make([]revocation.Entry, session.MaxRevocations-left)}
		for i := range c.Deny {
			c.Deny[i] = revocation.Entry{Kind: revocation.Token, ID: fmt.Sprint("filler ", i), Until: until}
		}
		return c, nil
	})
}

// Age takes a session of the running realm back to another epoch, and leaves it
// alive.
func Age(name, sid string) error {
	o, err := running(name)
	if err != nil {
		return err
	}
	return o.Store().UpdateSession(context.Background(), sid, func(s session.Session, epoch uint64) (session.Change, error) {
		s.Epoch = epoch + 1
		return session.Change{Session: &s}, nil
	})
}

// Known returns how many verified tokens and cookies the running realm remembers.
func Known(name string) (tokens, cookies int) {
	o, err := running(name)
	if err != nil {
		return -1, -1
	}
	t, c := o.Known()
	return t.Entries, c.Entries
}

// EventNames are those of Caddy's events.
func EventNames() []string {
	names := make([]string, len(audit.Names))
	for i, name := range audit.Names {
		names[i] = eventPrefix + name
	}
	return names
}

// AskAdmin sends a request to the admin API of the running app.
func AskAdmin(method, path, body string) (status int, text string) {
	app, err := caddy.ActiveContext().AppIfConfigured(AppName)
	if err != nil {
		return 0, err.Error()
	}
	w := httptest.NewRecorder()
	app.(*App).AdminHandler().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

// Watchable returns the names of all metrics, and the values of their labels.
func Watchable() (names, words []string) {
	descs := make(chan *prometheus.Desc, 100)
	metrics.Describe(descs)
	close(descs)
	for desc := range descs {
		_, name, _ := strings.Cut(desc.String(), `fqName: "`)
		name, _, _ = strings.Cut(name, `"`)
		names = append(names, name)
	}
	return names, slices.Concat(audit.Names, guard.Reasons, audit.Results, []string{audit.Token.String(), audit.Cookie.String(), "hit", "miss"})
}
