package realm

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
	"unsafe"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/keyring"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

const (
	// tokenCacheBytes and cookieCacheBytes bound what verified credentials of a
	// realm take in memory: some 7,000 tokens and 3,500 sessions in use at a time.
	tokenCacheBytes  = 8 << 20
	cookieCacheBytes = 4 << 20

	dropExpiredEvery = time.Minute
)

// principals are the principals of credentials that were verified before.
type principals = accesstoken.Cache[*policy.Principal]

// tokenCache is the cache of verified access tokens, which outlives a config. A config
// uses it only if it would verify tokens in the same way: with the same keys, issuer,
// audience and store. Any other config gets a fresh cache, so the tokens of a key that
// was removed go with the old one.
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

// verified is what was verified with the keys of one view. A credential that is known
// to it needs no signature checked.
type verified struct {
	view            *keyring.View
	tokens, cookies *principals
}

// verified returns what was verified with the keys in force. Load it before verifying,
// and put the answer there: an answer that was found with the keys of one view is then
// never kept for a later one.
func (r *Realm) verified() *verified {
	view := r.Keys.View()
	if v := r.known.Load(); v != nil && v.view == view {
		return v
	}
	return r.newlyVerified()
}

// newlyVerified is verified where other keys have come into force.
func (r *Realm) newlyVerified() *verified {
	r.replacing.Lock()
	defer r.replacing.Unlock()
	view, before := r.Keys.View(), r.known.Load()
	if before != nil && before.view == view {
		return before
	}
	v := &verified{view: view, tokens: r.shared.tokens.of(fingerprint(r.Verifier, view.Signing, r.storeID))}
	if before != nil && before.view.Session.Same(view.Session) {
		v.cookies = before.cookies
	} else {
		// Not of the config before this one: its users may have had other roles.
		v.cookies = accesstoken.NewCache[*policy.Principal](cookieCacheBytes)
	}
	r.known.Store(v)
	return v
}

// dropExpired drops from memory what has expired, from time to time.
func (r *Realm) dropExpired(ctx context.Context) {
	tick := time.NewTicker(dropExpiredEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			v := r.verified()
			v.tokens.DropExpired(now)
			v.cookies.DropExpired(now)
		}
	}
}

// keepToken lets a token that was just verified pass for as long as it is valid.
func (r *Realm) keepToken(cache *principals, token string, claims *accesstoken.Claims, p *policy.Principal) {
	size := int64(unsafe.Sizeof(*p)) + claims.Size() + 16*int64(len(p.Scopes))
	cache.Put(token, p, size, claims.ExpiresAt)
}

// keepCookie keeps what was read of a session for as long as it says, but not until
// the session ends by idleness: the next request before that has to prolong it.
func (r *Realm) keepCookie(cache *principals, value string, s session.Session, p *policy.Principal) {
	until := p.ExpiresAt
	if ask := s.IdleExpiresAt.Add(-r.Lifetimes.Idle / 4); ask.Before(until) {
		until = ask
	}
	size := int64(unsafe.Sizeof(*p)) + int64(len(p.FullName)+len(p.Email)) + p.Claims.(sessionClaims).size()
	cache.Put(value, p, size, until)
}

// Size is how much is kept of one kind of credential.
type Size struct {
	Entries int
	Bytes   int64
}

// Known is how many tokens and session cookies are known from before, and the memory
// that they take.
func (r *Realm) Known() (tokens, cookies Size) {
	v := r.verified()
	tokens.Entries, tokens.Bytes = v.tokens.Size()
	cookies.Entries, cookies.Bytes = v.cookies.Size()
	return tokens, cookies
}
