package session_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

func TestCreate(t *testing.T) {
	r := newRealm(t)
	scopes := []string{"read"}
	g := r.create(t, session.NewSession{Client: "app", Scopes: scopes, IP: "2001:db8::1", UserAgent: "Firefox"})
	scopes[0] = "admin"
	stored, err := r.Live(t.Context(), g.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(stored.ID) != 33 || !strings.HasPrefix(stored.ID, r.store.ID()) {
		t.Errorf("sid %q does not begin with the store's id %q", stored.ID, r.store.ID())
	}
	if stored.User != "alice" || stored.Client != "app" || stored.Scopes[0] != "read" || stored.IP != "2001:db8::1" || stored.UserAgent != "Firefox" {
		t.Errorf("stored %+v", stored)
	}
	if !stored.DenyUntil.Equal(g.AccessExpiresAt.Add(r.lt.Leeway)) {
		t.Errorf("durable denial until %s, want leeway beyond %s", stored.DenyUntil, g.AccessExpiresAt)
	}
	if other := r.create(t, session.NewSession{}); other.Session.ID == g.Session.ID {
		t.Error("two sessions share an id")
	}
}

func TestCreateRefuses(t *testing.T) {
	r := newRealm(t)
	if _, err := r.Create(t.Context(), r.lt, session.NewSession{}); err == nil {
		t.Error("a session without a user was made")
	}
	if _, err := r.Create(t.Context(), r.lt, session.NewSession{User: "alice", Epoch: 1}); !errors.Is(err, session.ErrEpoch) {
		t.Errorf("got %v, want ErrEpoch", err)
	}
	session.SetRand(r.Manager, strings.NewReader("dry"))
	if _, err := r.Create(t.Context(), r.lt, session.NewSession{User: "alice"}); err == nil {
		t.Error("a session was made of too little randomness")
	}
	m := session.New(r.store, "short", r.keys, r.store)
	if _, err := m.Create(t.Context(), r.lt, session.NewSession{User: "alice"}); err == nil {
		t.Error("a session was made for a store without a proper id")
	}
}

func TestAccessNeverOutlivesTheSession(t *testing.T) {
	r := newRealm(t)
	r.lt.Refresh = 5 * time.Minute
	g := r.create(t, session.NewSession{})
	if g.AccessExpiresAt.After(g.Session.Expires()) {
		t.Errorf("access tokens last until %s, the session until %s", g.AccessExpiresAt, g.Session.Expires())
	}
}

func TestOldestSessionEnds(t *testing.T) {
	r := newRealm(t)
	var grants []session.Issued
	for range session.MaxPerUser + 1 {
		grants = append(grants, r.create(t, session.NewSession{}))
		r.now = r.now.Add(time.Second)
	}
	all, err := r.List(t.Context(), "alice")
	if err != nil || len(all) != session.MaxPerUser {
		t.Fatalf("got %d sessions, %v; want %d", len(all), err, session.MaxPerUser)
	}
	if all[0].ID != grants[session.MaxPerUser].Session.ID {
		t.Error("the last used session is not the first of the list")
	}
	if _, err := r.refresh(t, grants[0].RefreshToken); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the oldest: got %v, want ErrNotFound", err)
	}
	if r.denied(t, revocation.Session, grants[0].Session.ID).IsZero() {
		t.Error("the oldest ended without being denied")
	}
}

func TestOriginIsPrintable(t *testing.T) {
	for name, text := range map[string]string{
		"control characters": "Mozilla\r\nX-Evil: 1\x00\x1b[31m",
		"bidi override":      "safe\u202eexe",
		"bad UTF-8":          "Mozilla\xff\xfe",
		"long":               strings.Repeat("x", 1000),
		"cut within a rune":  strings.Repeat("x", 255) + "€",
		"huge":               strings.Repeat("€", 1<<20),
	} {
		r := newRealm(t)
		g := r.create(t, session.NewSession{UserAgent: text, IP: text})
		for _, got := range []string{g.Session.UserAgent, g.Session.IP} {
			if len(got) > 256 || !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x00\x1b\u202e\ufffd") || got == "" {
				t.Errorf("%s: kept %q", name, got)
			}
		}
	}
}

func TestLiveIsOfThisStore(t *testing.T) {
	r := newRealm(t)
	for _, sid := range []string{"", "x", strings.Repeat("A", 33), r.store.ID() + strings.Repeat("A", 22), strings.Repeat("/", 1<<20)} {
		if _, err := r.Live(t.Context(), sid); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	}
}

func TestRevoke(t *testing.T) {
	r := newRealm(t)
	g := r.create(t, session.NewSession{})
	for range 2 {
		if err := r.EndSession(t.Context(), g.Session.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.refresh(t, g.RefreshToken); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if until := r.denied(t, revocation.Session, g.Session.ID); !until.Equal(g.AccessExpiresAt.Add(r.lt.Leeway)) {
		t.Errorf("denied until %s", until)
	}
}

func TestRevokeAccessToken(t *testing.T) {
	r := newRealm(t)
	g := r.create(t, session.NewSession{})
	exp := g.AccessExpiresAt
	revoke := func(sid, jti string, exp time.Time) {
		t.Helper()
		if err := r.RevokeAccessToken(t.Context(), r.lt, "alice", sid, jti, exp); err != nil {
			t.Fatal(err)
		}
	}
	revoke(g.Session.ID, "one", exp)
	revoke(g.Session.ID, "one", exp)
	revoke("", "two", exp)
	revoke("gone", "three", exp)
	for id, kind := range map[string]revocation.Kind{"one": revocation.Token, "two": revocation.Token, "gone": revocation.Session} {
		if until := r.denied(t, kind, id); !until.Equal(exp.Add(r.lt.Leeway)) {
			t.Errorf("%s %s is denied until %s, want leeway beyond %s", kind, id, until, exp)
		}
	}
	if _, err := r.Live(t.Context(), g.Session.ID); err != nil {
		t.Errorf("the session ended with its token: %v", err)
	}
	revoke(g.Session.ID, "passed", r.now.Add(-r.lt.Leeway))
	if until := r.denied(t, revocation.Token, "passed"); !until.IsZero() {
		t.Error("a token that is dead by itself was denied")
	}
	revoke(g.Session.ID, "in the leeway", r.now.Add(-r.lt.Leeway+1))
	if r.denied(t, revocation.Token, "in the leeway").IsZero() {
		t.Error("a token that the guard still takes was not denied")
	}
	if err := r.RevokeAccessToken(t.Context(), r.lt, "alice", g.Session.ID, "", exp); err == nil {
		t.Error("nothing was revoked, and nothing was said")
	}
}

func TestManyRevokedTokensEndTheSession(t *testing.T) {
	r := newRealm(t)
	g := r.create(t, session.NewSession{})
	revoke := func(i int) {
		t.Helper()
		if err := r.RevokeAccessToken(t.Context(), r.lt, "alice", g.Session.ID, fmt.Sprint("jti ", i), r.now.Add(r.lt.Access)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range session.MaxRevokedTokens {
		revoke(i)
	}
	// Those that have passed make room.
	r.now = r.now.Add(r.lt.Access + r.lt.Leeway)
	for i := range session.MaxRevokedTokens {
		revoke(100 + i)
	}
	if s, err := r.Live(t.Context(), g.Session.ID); err != nil || len(s.RevokedTokens) != session.MaxRevokedTokens {
		t.Fatalf("got %d entries, %v; want %d", len(s.RevokedTokens), err, session.MaxRevokedTokens)
	}
	revoke(1000)
	if _, err := r.Live(t.Context(), g.Session.ID); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("got %v, want ErrNotFound", err)
	}
	if until := r.denied(t, revocation.Session, g.Session.ID); until.Before(r.now.Add(r.lt.Access + r.lt.Leeway)) {
		t.Errorf("the session is denied until %s, before its last token is dead", until)
	}
}

func TestLifetimesCheck(t *testing.T) {
	if err := session.DefaultLifetimes().Check(); err != nil {
		t.Error(err)
	}
	for option, change := range map[string]func(*session.Lifetimes){
		"access_token_lifetime":   func(lt *session.Lifetimes) { lt.Access = 0 },
		"refresh_token_lifetime":  func(lt *session.Lifetimes) { lt.Refresh = -time.Hour },
		"refresh_token_idle":      func(lt *session.Lifetimes) { lt.Idle = -1 },
		"refresh_token_grace":     func(lt *session.Lifetimes) { lt.Grace = -1 },
		"streams_end_within":      func(lt *session.Lifetimes) { lt.Streams = -1 },
		"streams_end_within is 5": func(lt *session.Lifetimes) { lt.Streams = 500 * time.Millisecond },
		"streams_end_within is":   func(lt *session.Lifetimes) { lt.Streams = 2 * time.Hour },
		"refresh_token_grace is":  func(lt *session.Lifetimes) { lt.Grace = 6 * time.Minute },
		"10 years":                func(lt *session.Lifetimes) { lt.Refresh = 11 * 365 * 24 * time.Hour },
	} {
		lt := session.DefaultLifetimes()
		change(&lt)
		if err := lt.Check(); err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("got %v, want an error that names %s", err, option)
		}
	}
}
