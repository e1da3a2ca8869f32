package session_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
)

// node is a realm on disk with the deny set that its guard asks.
type node struct {
	*realm
	t     *testing.T
	path  string
	store *bolt.Store
	set   *revocation.Set
	feed  *revocation.Feed
	// revoked is what must stay denied, until when.
	revoked []revokedToken
	jti     int
}

type revokedToken struct {
	sid, jti string
	exp      time.Time
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, path: filepath.Join(t.TempDir(), "realm.db")}
	n.realm = &realm{lt: session.DefaultLifetimes(), keys: newKeys(t, newKey(t)), now: time.Date(2030, 1, 2, 3, 4, 5, 600, time.UTC)}
	n.start()
	t.Cleanup(func() { _ = n.store.Close() })
	return n
}

// start opens the store and reads the log from its beginning, as a process does
// that has just begun.
func (n *node) start() {
	n.t.Helper()
	var err error
	if n.store, err = bolt.Open(n.path, bolt.Options{NoSync: true}); err != nil {
		n.t.Fatal(err)
	}
	n.Manager = session.New(n.store, n.store.ID(), n.keys, n.store)
	session.SetClock(n.Manager, func() time.Time { return n.now })
	n.set = revocation.NewSet()
	n.feed = revocation.NewFeed(n.store, n.set)
	n.sync()
}

func (n *node) sync() {
	n.t.Helper()
	if err := n.feed.Sync(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

// signIn begins a session of mallory, who gives up none of her tokens.
func (n *node) signIn() session.Issued {
	n.t.Helper()
	epoch, err := n.Epoch(n.t.Context(), "mallory")
	if err != nil {
		n.t.Fatal(err)
	}
	return n.create(n.t, session.NewSession{User: "mallory", Epoch: epoch})
}

// revoke revokes one access token of a session, as it was issued with a grant.
func (n *node) revoke(g session.Issued) {
	n.t.Helper()
	n.jti++
	token := revokedToken{g.Session.ID, fmt.Sprint("jti", n.jti), g.AccessExpiresAt}
	if err := n.RevokeAccessToken(n.t.Context(), n.lt, "mallory", token.sid, token.jti, token.exp); err != nil {
		n.t.Fatal(err)
	}
	n.revoked = append(n.revoked, token)
}

// gone notes that a session has ended, with all its tokens.
func (n *node) gone(g session.Issued) {
	n.revoked = append(n.revoked, revokedToken{g.Session.ID, "", g.AccessExpiresAt})
}

// pass lets time pass, after which what has expired is thrown away as a server
// does it.
func (n *node) pass(d time.Duration) {
	n.t.Helper()
	n.now = n.now.Add(d)
	for {
		removed, err := n.store.Collect(n.t.Context(), n.now.Add(-revocation.Late), 1000)
		if err != nil {
			n.t.Fatal(err)
		}
		if removed < 1000 {
			break
		}
	}
	n.sync()
	n.set.DropExpired(n.now.Add(-revocation.Late))
}

// entries returns how many entries the log has.
func (n *node) entries() int {
	n.t.Helper()
	entries, _, err := n.store.Since(n.t.Context(), 0, 1<<20)
	if err != nil {
		n.t.Fatal(err)
	}
	return len(entries)
}

// wantDenied fails where a token that can still be valid passes.
func (n *node) wantDenied(when string) {
	n.t.Helper()
	n.sync()
	escaped := 0
	for _, token := range n.revoked {
		if n.now.Before(token.exp.Add(n.lt.Leeway)) && !n.set.Denied("mallory", token.sid, token.jti) {
			escaped++
		}
	}
	if escaped > 0 {
		n.t.Errorf("%s: %d of %d revoked tokens pass", when, escaped, len(n.revoked))
	}
}

// wantPasses fails where a session, or a token of it, is refused.
func (n *node) wantPasses(when string, g session.Issued) {
	n.t.Helper()
	n.sync()
	if n.set.Denied("mallory", g.Session.ID, "another jti") {
		n.t.Errorf("%s: a session that began after the others ended is denied", when)
	}
	if _, err := n.Live(n.t.Context(), g.Session.ID); err != nil {
		n.t.Errorf("%s: %v", when, err)
	}
}

// TestRevocationFlood: one user revokes, in an hour, whatever can be revoked, as
// often as a server allows. What is remembered is bounded, in the log and in
// memory, and nothing that was revoked is accepted: not then, not after a
// restart, not for the rest of its life.
func TestRevocationFlood(t *testing.T) {
	const hour, step = 1200, 3 * time.Second // 1200 steps are an hour
	for name, attack := range map[string]func(n *node){
		"access tokens one by one": func(n *node) {
			g := n.signIn()
			for range 8 {
				n.revoke(g)
				next, err := n.refresh(n.t, g.RefreshToken)
				if errors.Is(err, session.ErrNotFound) {
					return // too many: it has ended
				}
				if err != nil {
					n.t.Fatal(err)
				}
				g = next
			}
		},
		"access tokens of one session": func(n *node) {
			g := n.signIn()
			for range 40 {
				n.revoke(g)
			}
			n.gone(g) // more than 32
		},
		"sessions one by one": func(n *node) {
			g := n.signIn()
			if err := n.EndSession(n.t.Context(), g.Session.ID); err != nil {
				n.t.Fatal(err)
			}
			n.gone(g)
		},
		"more sessions than a user may have": func(n *node) { n.signIn() },
		"used refresh tokens": func(n *node) {
			n.lt.Grace = time.Second
			g := n.signIn()
			n.mustRefresh(n.t, g.RefreshToken)
			n.now = n.now.Add(n.lt.Grace)
			if _, err := n.refresh(n.t, g.RefreshToken); !errors.Is(err, session.ErrReused) {
				n.t.Fatal(err)
			}
			n.gone(g)
		},
		"all sessions but one": func(n *node) {
			own, other := n.signIn(), n.signIn()
			if _, err := n.EndAll(n.t.Context(), "mallory", own.Session.ID); err != nil {
				n.t.Fatal(err)
			}
			n.gone(other)
			n.wantPasses("the one that was kept", own)
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			most, remembered := 0, 0
			for i := range hour {
				attack(n)
				n.now = n.now.Add(step)
				if i%200 == 0 {
					n.pass(0)
					most, remembered = max(most, n.entries()), max(remembered, n.set.Len())
				}
			}
			most, remembered = max(most, n.entries()), max(remembered, n.set.Len())
			t.Logf("%d entries in the log, %d in memory at most, after %d steps in an hour", most, remembered, hour)
			if most > session.MaxRevocations+1 || remembered > session.MaxRevocations+1 {
				t.Errorf("%d entries in the log, %d in memory; want at most %d and one", most, remembered, session.MaxRevocations)
			}
			n.wantDenied("after the hour")
			fresh := n.signIn()
			n.wantPasses("a new session", fresh)
			if err := n.store.Close(); err != nil {
				t.Fatal(err)
			}
			n.start()
			n.wantDenied("after a restart")
			n.wantPasses("a new session, after a restart", fresh)
			for range 20 {
				n.pass(time.Minute)
				n.wantDenied("later")
			}
			fresh = n.mustRefresh(t, fresh.RefreshToken)
			n.wantPasses("the new session, refreshed", fresh)
			n.pass(3 * time.Hour)
			if left := n.entries(); left > 1 || n.set.Len() > 1 {
				t.Errorf("%d entries in the log, %d in memory, long after", left, n.set.Len())
			}
		})
	}
}
