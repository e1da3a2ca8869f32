package jwtauth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

const (
	// tokenCacheBytes and cookieCacheBytes bound what verified credentials of a
	// realm take in memory: some 7,000 tokens and 3,500 sessions in use at a time.
	tokenCacheBytes  = 8 << 20
	cookieCacheBytes = 4 << 20

	forgetEvery = time.Minute
)

// principals remembers what credentials stand for that were verified before.
type principals = accesstoken.Cache[*policy.Principal]

// tokenCache is the cache of verified access tokens, which outlives a config. It
// is of use to those only who would verify them in the same way: with the same
// keys, issuer, audience and store. Whoever would not gets a fresh one, and the
// tokens of a key that was removed go with the old one.
type tokenCache struct {
	mu          sync.Mutex
	fingerprint string
	cache       *principals
}

// of returns the cache for a way of verifying.
func (t *tokenCache) of(fingerprint string) *principals {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cache == nil || t.fingerprint != fingerprint {
		t.fingerprint, t.cache = fingerprint, accesstoken.NewCache[*policy.Principal](tokenCacheBytes)
	}
	return t.cache
}

// fingerprintKey keys fingerprints that never leave this process.
var fingerprintKey = func() []byte {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return key
}()

// fingerprint is equal for equal ways of verifying an access token.
func fingerprint(v *accesstoken.Verifier, keys *accesstoken.KeySet, storeID string) string {
	mac := hmac.New(sha256.New, fingerprintKey)
	write := func(parts ...string) {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(parts))))
		for _, part := range parts {
			mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			mac.Write([]byte(part))
		}
	}
	write(storeID, v.Issuer, v.Leeway.String(), keys.MaxLifetime().String())
	write(v.Audience...)
	write(v.Types...)
	for _, key := range keys.All() {
		write(key.ID, key.Algorithm, key.Fingerprint(fingerprintKey), key.StopTime().UTC().String())
	}
	return string(mac.Sum(nil))
}

// caches gives keys that come into force the caches of what they verify. before
// is what was in force until now, nil at first.
func (o *opened) caches(view, before *keyView) {
	view.tokens = o.state.tokens.of(fingerprint(o.verifier, view.signing, o.storeID))
	if before != nil && before.refresh.Same(view.refresh) {
		view.cookies = before.cookies
		return
	}
	// Not of the config before this one: its users may have had other roles.
	view.cookies = accesstoken.NewCache[*policy.Principal](cookieCacheBytes)
}

// announceKey tells that another key signs than before. It does not say by whom: the
// config, a command, or a key of before whose time has come.
func (o *opened) announceKey() {
	key := o.keys.Signing().SigningKey().ID
	if before := o.state.signs(key); before != "" {
		o.audit(context.Background(), eventKeyChanged, record{key: key})
	}
}

// forget drops what has expired, from time to time.
func (o *opened) forget(ctx context.Context) {
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			view := o.keys.view.Load()
			view.tokens.DropExpired(now)
			view.cookies.DropExpired(now)
		}
	}
}

// rememberToken lets a token that was just verified pass as long as it is valid.
func (o *opened) rememberToken(cache *principals, token string, claims *accesstoken.Claims, p *policy.Principal) {
	size := int64(unsafe.Sizeof(*p)) + claims.Size() + 16*int64(len(p.Scopes))
	cache.Put(token, p, size, claims.ExpiresAt.Add(o.lifetimes.Leeway))
}

// rememberCookie believes in what was read of a session for as long as it says,
// but asks again before the session ends by idleness, to prolong it.
func (o *opened) rememberCookie(cache *principals, value string, s session.Session, p *policy.Principal) {
	until := p.ExpiresAt
	if ask := s.IdleExpiresAt.Add(-o.lifetimes.Idle / 4); ask.Before(until) {
		until = ask
	}
	size := int64(unsafe.Sizeof(*p)) + int64(len(p.FullName)+len(p.Email)) + p.Claims.(sessionClaims).size()
	cache.Put(value, p, size, until)
}

// sessionClaims are the claims that a session cookie stands for.
type sessionClaims struct {
	user    map[string]any
	subject string
	sid     string
	client  string
	roles   []string
	scopes  []string
}

// Claim implements [policy.Claims].
func (c sessionClaims) Claim(name string) (value any, ok bool) {
	switch name {
	case "sub":
		return c.subject, true
	case "sid":
		return c.sid, true
	case "client_id":
		return c.client, true
	case "roles":
		roles := make([]any, len(c.roles))
		for i, role := range c.roles {
			roles[i] = role
		}
		return roles, true
	case "scope":
		return strings.Join(c.scopes, " "), len(c.scopes) > 0
	}
	value, ok = c.user[name]
	return value, ok
}

func (c sessionClaims) size() int64 {
	claims := accesstoken.Claims{
		Subject: c.subject, SessionID: c.sid, ClientID: c.client, Roles: c.roles, Audience: c.scopes, Extra: c.user,
	}
	return claims.Size()
}

// Interface guards
var _ policy.Claims = sessionClaims{}
