package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// OneTime is a one-time value as the engines keep it.
type OneTime struct {
	Value   []byte    `json:"value"`
	Expires time.Time `json:"expires"`
	Taken   bool      `json:"taken"`
}

// EncodeUser checks a user and returns its stored form.
func EncodeUser(r user.Record) ([]byte, error) {
	if r.Username == "" {
		return nil, errors.New("a user needs a name")
	}
	return Encode("user", r)
}

// EncodeSession checks a session and returns its stored form. A user agent is
// whatever a client sent: bytes that are no UTF-8 are replaced, not refused.
func EncodeSession(s session.Session) ([]byte, error) {
	if s.ID == "" || s.User == "" {
		return nil, errors.New("a session needs an id and a user")
	}
	s.UserAgent = strings.ToValidUTF8(s.UserAgent, "\uFFFD")
	return Encode("session", s)
}

// EncodeBegun checks a session that is about to take the place of all sessions of a
// user, whose epoch is given, and returns its stored form.
func EncodeBegun(s session.Session, username string, epoch uint64) ([]byte, error) {
	switch {
	case s.User != username:
		return nil, errors.New("a session that begins with a change of a user is of that user")
	case s.Epoch != epoch:
		return nil, session.ErrEpoch
	}
	return EncodeSession(s)
}

// EncodeEntry returns the stored form of an entry that was checked, or that the
// engine made.
func EncodeEntry(e revocation.Entry) ([]byte, error) { return Encode("revocation", e) }

// CheckEntry refuses entries that would deny nothing, and those of kind User,
// which only an engine makes. One of them among the rest is a mistake that must
// not pass for a revocation.
func CheckEntry(e revocation.Entry) error {
	switch {
	case e.Kind != revocation.Session && e.Kind != revocation.Token:
		return fmt.Errorf("revocation of unknown kind %q", e.Kind)
	case e.ID == "" || !utf8.ValidString(e.ID):
		return errors.New("revocation without a usable id")
	case e.Until.IsZero():
		return errors.New("revocation without an end")
	case e.Kind == revocation.Token && e.User != "":
		return errors.New("revocation of a user's token without its session") // one of kind User would not stand for it
	}
	return nil
}

// CheckChange refuses a change of a session that an engine cannot carry out
// whole. replacement is the stored form of what takes the session's place, nil
// where nothing does.
func CheckChange(stored session.Session, c session.Change) (replacement []byte, err error) {
	if c.Session != nil {
		if c.Session.ID != stored.ID || c.Session.User != stored.User {
			return nil, errors.New("a change may not give a session another id or user")
		}
		if replacement, err = EncodeSession(*c.Session); err != nil {
			return nil, err
		}
	}
	for _, e := range c.Deny {
		if err := CheckEntry(e); err != nil {
			return nil, err
		}
	}
	return replacement, nil
}

// Encode returns the stored form of a record. Values that JSON cannot carry
// exactly, such as names that are no UTF-8, are refused.
func Encode(what string, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", what, err)
	}
	return b, nil
}

// Decode reads a stored form into v.
func Decode(what string, b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return Corrupt(what, err)
	}
	return nil
}

// DecodeUser reads the record stored under a user name.
func DecodeUser(name string, b []byte) (user.Record, error) {
	var r user.Record
	if err := Decode("user", b, &r); err != nil {
		return user.Record{}, err
	}
	if r.Username != name {
		return user.Record{}, Corrupt("user", errors.New("it is filed under another name"))
	}
	return r, nil
}

// nobody is a record as a user's usually is.
var nobody = []byte(`{"username":"nobody","full_name":"Nobody Example","email":"nobody@example.com","roles":["user"],` +
	`"password_hash":"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",` +
	`"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","password_changed_at":"2026-01-01T00:00:00Z"}`)

// NoUser is what an engine returns for a name that no user has. It takes the time
// of reading a record: a client must not learn from it which names there are.
func NoUser() error {
	if _, err := DecodeUser("nobody", nobody); err != nil {
		return err
	}
	return user.ErrNotFound
}

// DecodeSession reads the record stored under a session id.
func DecodeSession(id string, b []byte) (session.Session, error) {
	var s session.Session
	if err := Decode("session", b, &s); err != nil {
		return session.Session{}, err
	}
	if s.ID != id || s.User == "" {
		return session.Session{}, Corrupt("session", errors.New("it is filed under another id"))
	}
	return s, nil
}

// DecodeEntry reads the revocation stored at a position.
func DecodeEntry(position uint64, b []byte) (revocation.Entry, error) {
	var e revocation.Entry
	if err := Decode("revocation", b, &e); err != nil {
		return revocation.Entry{}, err
	}
	if e.Position != position {
		return revocation.Entry{}, Corrupt("revocation", errors.New("it is filed at another position"))
	}
	return e, nil
}

// Corrupt says which kind of record cannot be read, and why. Neither names nor
// ids go into the text: they may come from a client.
func Corrupt(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, store.ErrCorrupt, err)
}

// KeepUntil is when a session may be collected. That is not before the last
// token of it has expired: until then it can still be ended, and denied.
func KeepUntil(s session.Session) time.Time {
	if end := s.Expires(); end.After(s.DenyUntil) {
		return end
	}
	return s.DenyUntil
}

// Denial is the entry that ending s appends; ok is false where no access token
// was ever issued to it.
func Denial(s session.Session) (e revocation.Entry, ok bool) {
	if s.DenyUntil.IsZero() {
		return revocation.Entry{}, false
	}
	return revocation.Entry{Kind: revocation.Session, ID: s.ID, User: s.User, Until: s.DenyUntil}, true
}

// Ended is the state of a session that change ends: DenyUntil decides how long
// it is denied.
func Ended(stored session.Session, change session.Change) session.Session {
	if change.Session != nil && !change.Session.DenyUntil.IsZero() {
		stored.DenyUntil = change.Session.DenyUntil
	}
	return stored
}
