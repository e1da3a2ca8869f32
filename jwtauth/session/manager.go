package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
)

const (
	// MaxPerUser is how many sessions a user may have by browsers, and as many by
	// programs; the one that was least recently used ends for the one above it.
	MaxPerUser = 100
	// MaxRevokedTokens is how many live access tokens of one session may be
	// revoked one by one; the one above it ends the session.
	MaxRevokedTokens = 32
	// MaxRevocations is how many revocations of sessions and single tokens of
	// one user a store keeps at a time. It drops each a while after the
	// last token that it is for has expired (see [revocation.Late]): an hour and
	// a quarter after it was made, with the default lifetimes. The one above it
	// ends all sessions of the user, as one revocation.
	MaxRevocations = 1000

	// maxOrigin bounds IP and UserAgent of a session, in bytes.
	maxOrigin = 256
	// firstCounter leaves out 0, so that a zero [Ref] is never current.
	firstCounter = 1
)

// Manager makes, renews and ends the sessions of one store. It is safe for
// concurrent use and keeps nothing itself: lifetimes come with each call, keys
// from [Keys], and everything else is in the store.
type Manager struct {
	store   Store
	storeID string
	keys    Keys
	log     revocation.Log

	now  func() time.Time
	rand io.Reader
}

// New returns a Manager for the store with the given id. log is that store's.
func New(store Store, storeID string, keys Keys, log revocation.Log) *Manager {
	return &Manager{store: store, storeID: storeID, keys: keys, log: log, now: time.Now, rand: rand.Reader}
}

// NewSession describes a sign-in.
type NewSession struct {
	// User is the name of the user, who has proved to be it.
	User string
	// Client is the OAuth2 client, "" for the first party.
	Client string
	Scopes []string
	// Kept is set where a browser is to keep the session's cookie when it is closed.
	Kept bool
	// Browser is set for a sign-in by the sign-in page.
	Browser bool
	// Epoch is the user's epoch, read (with [Manager.Epoch]) before the user
	// was looked up and the password compared.
	Epoch uint64
	// IP and UserAgent are shown to the user later. They are shortened to 256
	// bytes and stripped of what cannot be printed.
	IP        string
	UserAgent string
}

// Issued is what a sign-in or a refresh gives.
type Issued struct {
	Session Session
	// RefreshToken is the session's current one.
	RefreshToken string
	// AccessExpiresAt is the latest "exp", in whole seconds, that the access
	// token issued with this grant may have: a denial of the session is kept
	// until then. It may have come already where the session is at its end.
	AccessExpiresAt time.Time
	// Ended are the sessions that had to end for this one.
	Ended []Session
	// Replayed reports that no rotation took place: an older token came
	// within the grace.
	Replayed bool
}

// Epoch returns the user's epoch, for [NewSession].
func (m *Manager) Epoch(ctx context.Context, username string) (uint64, error) {
	return m.store.Epoch(ctx, username)
}

// Create begins a session and returns when it is durable. It returns [ErrEpoch]
// where the user's sessions were ended since n.Epoch was read.
func (m *Manager) Create(ctx context.Context, lt Lifetimes, n NewSession) (Issued, error) {
	grant, err := m.Draft(lt, n)
	if err != nil {
		return Issued{}, err
	}
	if grant.Ended, err = m.store.CreateSession(ctx, grant.Session, MaxPerUser); err != nil {
		return Issued{}, err
	}
	return grant, nil
}

// Draft is Create without storing the session: for a store that creates it in a
// larger step, before which the grant is worth nothing.
func (m *Manager) Draft(lt Lifetimes, n NewSession) (Issued, error) {
	if n.User == "" {
		return Issued{}, errors.New("a session needs a user")
	}
	key := m.keys.Current()
	sid, err := m.newSID(n.Epoch)
	if err != nil {
		return Issued{}, err
	}
	token, err := refreshToken(key, sid, firstCounter)
	if err != nil {
		return Issued{}, fmt.Errorf("making a refresh token: %w", err)
	}
	now := m.clock()
	s := Session{
		ID:            sid,
		User:          n.User,
		Client:        n.Client,
		Scopes:        slices.Clone(n.Scopes),
		Kept:          n.Kept,
		Browser:       n.Browser,
		Epoch:         n.Epoch,
		Counter:       firstCounter,
		Key:           key.ID,
		CreatedAt:     now,
		LastUsedAt:    now,
		ExpiresAt:     now.Add(lt.Refresh),
		IdleExpiresAt: now.Add(lt.Idle),
		IP:            printable(n.IP),
		UserAgent:     printable(n.UserAgent),
	}
	exp := issue(&s, lt, now)
	return Issued{Session: s, RefreshToken: token, AccessExpiresAt: exp}, nil
}

// Live returns the session with that id, or [ErrNotFound], also where it has
// expired or its id is of another store.
func (m *Manager) Live(ctx context.Context, sid string) (Session, error) {
	if !m.ofThisStore(sid) {
		return Session{}, ErrNotFound
	}
	s, err := m.store.Session(ctx, sid)
	if err != nil {
		return Session{}, err
	}
	if s.Expired(m.clock()) {
		return Session{}, ErrNotFound
	}
	return s, nil
}

// List returns the live sessions of a user, the last used first.
func (m *Manager) List(ctx context.Context, username string) ([]Session, error) {
	if username == "" {
		return nil, nil
	}
	const page = 2 * MaxPerUser
	now := m.clock()
	var live []Session
	for after := ""; ; {
		found, err := m.store.Sessions(ctx, username, after, page)
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			if !s.Expired(now) {
				live = append(live, s)
			}
		}
		if len(found) < page {
			break
		}
		after = found[len(found)-1].ID
	}
	slices.SortFunc(live, func(a, b Session) int {
		return cmp.Or(b.LastUsedAt.Compare(a.LastUsedAt), cmp.Compare(a.ID, b.ID))
	})
	return live, nil
}

// issue prepares the session for an access token made at now: it returns the
// token's expiry, never later than the session's, and sees to it that a denial
// of the session lasts as long. Both only ever move forward, also when a reload
// has shortened the lifetimes.
func issue(s *Session, lt Lifetimes, now time.Time) (exp time.Time) {
	exp = now.Add(lt.Access)
	if end := s.Expires(); end.Before(exp) {
		exp = end
	}
	exp = exp.Truncate(time.Second)
	if until := exp.Add(lt.Leeway); until.After(s.DenyUntil) {
		s.DenyUntil = until
	}
	return exp
}

// clock is the time as it is written down: without a monotonic part, which a
// store on disk would not keep.
func (m *Manager) clock() time.Time { return m.now().UTC().Round(0) }

// ofThisStore reports whether sid has the form of a session id of this store.
func (m *Manager) ofThisStore(sid string) bool {
	return validSID(sid) && sid[:storeIDLength] == m.storeID
}

func (m *Manager) newSID(epoch uint64) (string, error) {
	raw := make([]byte, 12)
	if _, err := io.ReadFull(m.rand, raw); err != nil {
		return "", fmt.Errorf("making a session id: %w", err)
	}
	stamp, err := revocation.Stamp(epoch)
	if err != nil {
		return "", fmt.Errorf("making a session id: %w", err)
	}
	sid := m.storeID + stamp + base64.RawURLEncoding.EncodeToString(raw)[:sidRandom]
	if !m.ofThisStore(sid) {
		return "", fmt.Errorf("the store's id must be %d characters of the base64url alphabet", storeIDLength)
	}
	return sid, nil
}

// printable returns what of text can be shown: printable characters and spaces,
// at most maxOrigin bytes.
func printable(text string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text[:min(len(text), 4*maxOrigin)], "") {
		if !unicode.IsPrint(r) {
			continue
		}
		if b.Len()+len(string(r)) > maxOrigin {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
