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
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
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
func SignIn(realm, username string, scopes ...string) (SignedIn, error) {
	return SignInThrough(realm, "", username, scopes...)
}

// SignInThrough is SignIn by a client of that name.
func SignInThrough(realm, client, username string, scopes ...string) (SignedIn, error) {
	o, err := running(realm)
	if err != nil {
		return SignedIn{}, err
	}
	ctx := context.Background()
	epoch, err := o.sessions.Epoch(ctx, username)
	if err != nil {
		return SignedIn{}, err
	}
	entry, err := o.state.users().Lookup(ctx, username)
	if err != nil {
		return SignedIn{}, err
	}
	grant, err := o.sessions.Create(ctx, o.lifetimes, session.NewSession{User: username, Client: client, Epoch: epoch, Scopes: scopes})
	if err != nil {
		return SignedIn{}, err
	}
	access, err := o.issuer.Issue(oauth2.TokenContent{
		User: entry.User, Client: client, Session: grant.Session.ID, Scopes: scopes, IssuedAt: time.Now(), ExpiresAt: grant.AccessExpiresAt,
	})
	if err != nil {
		return SignedIn{}, err
	}
	cookie, err := o.sessions.Cookie(grant.Session)
	return SignedIn{
		SID: grant.Session.ID, Access: access, Refresh: grant.RefreshToken,
		CookieName: cookieJar{realm: realm}.name(), CookieValue: cookie,
	}, err
}

// Issue signs claims with the running realm's key, after change has had its way
// with those that a token of the realm needs.
func Issue(realm string, change func(*accesstoken.Claims)) (string, error) {
	o, err := running(realm)
	if err != nil {
		return "", err
	}
	now := time.Now()
	c := &accesstoken.Claims{
		Issuer: o.issuer.ID, Audience: o.issuer.Audience, Subject: "alice", ClientID: oauth2.FirstParty,
		IssuedAt: now, ExpiresAt: now.Add(time.Minute), ID: o.storeID + rand.Text()[:22],
	}
	change(c)
	return o.keys.Signing().Sign(c)
}

// SessionCount returns how many sessions a user has in the store.
func SessionCount(realm, username string) (int, error) {
	o, err := running(realm)
	if err != nil {
		return 0, err
	}
	sessions, err := o.sessions.List(context.Background(), username)
	return len(sessions), err
}

// HoldSlot takes a hashing slot of the running realm.
func HoldSlot(ctx context.Context, realm string) (release func(), err error) {
	o, err := running(realm)
	if err != nil {
		return nil, err
	}
	return o.signIn.Slots.Acquire(ctx, password.Caller{})
}

func running(realm string) (*opened, error) {
	app, err := caddy.ActiveContext().AppIfConfigured(AppName)
	if err != nil {
		return nil, err
	}
	r, err := app.(*App).Realm(realm)
	if err != nil {
		return nil, err
	}
	o := r.opened.Load()
	if o == nil {
		return nil, errors.New("the realm is not open")
	}
	return o, nil
}

// Denials returns what the running realm's store has revoked.
func Denials(realm string) ([]revocation.Entry, error) {
	o, err := running(realm)
	if err != nil {
		return nil, err
	}
	entries, _, err := o.state.store.Since(context.Background(), 0, 1000)
	return entries, err
}

// WaitingForSlots returns how many sign-ins wait for a hashing slot.
func WaitingForSlots(realm string) int {
	o, err := running(realm)
	if err != nil {
		return 0
	}
	return o.signIn.Slots.(*password.Slots).Waiting()
}

// Deny puts a session into the deny set of the running realm, and nowhere else.
func Deny(realm, sid string) error {
	o, err := running(realm)
	if err != nil {
		return err
	}
	o.state.denied.Add(revocation.Entry{Kind: revocation.Session, ID: sid, Until: time.Now().Add(time.Hour)})
	return nil
}

// FillRevocations has a session of the running realm make so many revocations that
// there is room for left more of its user, where there were none.
func FillRevocations(realm, sid string, left int) error {
	o, err := running(realm)
	if err != nil {
		return err
	}
	until := time.Now().Add(time.Hour)
	return o.state.store.UpdateSession(context.Background(), sid, func(session.Session, uint64) (session.Change, error) {
		c := session.Change{Deny: make([]revocation.Entry, session.MaxRevocations-left)}
		for i := range c.Deny {
			c.Deny[i] = revocation.Entry{Kind: revocation.Token, ID: fmt.Sprint("filler ", i), Until: until}
		}
		return c, nil
	})
}

// Age takes a session of the running realm back to another epoch, and leaves it
// alive.
func Age(realm, sid string) error {
	o, err := running(realm)
	if err != nil {
		return err
	}
	return o.state.store.UpdateSession(context.Background(), sid, func(s session.Session, epoch uint64) (session.Change, error) {
		s.Epoch = epoch + 1
		return session.Change{Session: &s}, nil
	})
}

// Known returns how many verified tokens and cookies the running realm remembers.
func Known(realm string) (tokens, cookies int) {
	o, err := running(realm)
	if err != nil {
		return -1, -1
	}
	view := o.keys.view.Load()
	tokens, _ = view.tokens.Size()
	cookies, _ = view.cookies.Size()
	return tokens, cookies
}

// RememberedUntil returns until when an answer about a session cookie is believed
// in, by a realm of those lifetimes.
func RememberedUntil(lt session.Lifetimes, s session.Session, answer time.Time) time.Time {
	cache := accesstoken.NewCache[*policy.Principal](1 << 20)
	o := &opened{lifetimes: lt}
	for range 2 {
		o.rememberCookie(cache, "cookie", s, &policy.Principal{ExpiresAt: answer, Claims: sessionClaims{}})
	}
	until := answer.Add(-lt.Refresh)
	for _, ok := cache.Get("cookie", until); ok; _, ok = cache.Get("cookie", until) {
		until = until.Add(time.Second)
	}
	return until
}

// EventNames are those of Caddy's events.
func EventNames() []string {
	names := make([]string, len(auditNames))
	for i, name := range auditNames {
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
	return names, slices.Concat(auditNames, refusalReasons, signInResults, []string{credentialToken, credentialCookie, "hit", "miss"})
}
