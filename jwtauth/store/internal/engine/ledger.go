package engine

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// Ledger is what an engine keeps of a user name, known or not.
type Ledger struct {
	Epoch uint64
	// Entries is how many entries of the revocation log are about sessions and
	// single tokens of this user.
	Entries uint64
	// Position is that of the user's own entry in the log, 0 where there never
	// was one. It may have been collected.
	Position uint64
}

// Room reports whether the log may have n more entries of this user.
func (l Ledger) Room(n int) bool { return l.Entries+uint64(n) <= session.MaxRevocations }

// Collected takes off n entries that were collected.
func (l *Ledger) Collected(n uint64) { l.Entries -= min(n, l.Entries) }

// Encode returns the stored form.
func (l Ledger) Encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, l.Epoch)
	b = binary.BigEndian.AppendUint64(b, l.Entries)
	return binary.BigEndian.AppendUint64(b, l.Position)
}

// DecodeLedger reads a stored form, which was the epoch alone in format 1. None
// is the zero Ledger.
func DecodeLedger(b []byte) (l Ledger, err error) {
	switch len(b) {
	case 0:
	case 8:
		l.Epoch = binary.BigEndian.Uint64(b)
	case 24:
		l = Ledger{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}
	default:
		return Ledger{}, Corrupt("epoch", errors.New("it is not one number, or three, of 8 bytes"))
	}
	return l, nil
}

// Denials are the entries that a change of a session appends, and whose they
// are.
func Denials(stored session.Session, c session.Change) (entries []revocation.Entry) {
	for _, e := range c.Deny {
		e.User = stored.User
		entries = append(entries, e)
	}
	if c.End {
		if e, ok := Denial(Ended(stored, c)); ok {
			entries = append(entries, e)
		}
	}
	return entries
}

// DenialsOf are the entries that ending these sessions appends.
func DenialsOf(ended []session.Session) (entries []revocation.Entry) {
	for _, one := range ended {
		if e, ok := Denial(one); ok {
			entries = append(entries, e)
		}
	}
	return entries
}

// Latest returns the latest end of the entries, and of until.
func Latest(until time.Time, entries ...revocation.Entry) time.Time {
	for _, e := range entries {
		if e.Until.After(until) {
			until = e.Until
		}
	}
	return until
}
