package bolt

import (
	"bytes"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// create stores a new session, whose stored form is b. Of the user's other ones
// those that were created first end, until keep of them are left. Where the
// log has no room for that, they all end.
func (t *tx) create(n session.Session, b []byte, keep int) (ending []session.Session, err error) {
	if ending, err = t.surplus(n, keep); err != nil {
		return nil, err
	}
	if err := t.putSession(nil, n, b); err != nil || len(ending) == 0 {
		return nil, err
	}
	l, err := t.ledger(n.User)
	if err != nil {
		return nil, err
	}
	denials := engine.DenialsOf(ending)
	if !l.Room(len(denials)) {
		_, err := t.endAll(n.User, n.ID, engine.Latest(time.Time{}, denials...))
		return ending, err
	}
	for _, one := range ending {
		if err := t.dropSession(one); err != nil {
			return nil, err
		}
	}
	return ending, t.denyOf(n.User, l, denials)
}

// surplus are the sessions of the user that have to end for a new one. They are read only
// where there are as many.
func (t *tx) surplus(n session.Session, keep int) ([]session.Session, error) {
	count := 0
	prefix := ownedKey(n.User, "")
	c := t.bucket(bucketSessionsByUser).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		count++
	}
	if count <= keep {
		return nil, nil
	}
	all, err := t.sessionsOf(n.User, "", count)
	if err != nil {
		return nil, err
	}
	return engine.Surplus(all, n, keep), nil
}

// endAll raises the user's epoch and ends all sessions but one. Where the log has
// no room for an entry each, or where until is set, one entry denies them, and
// whatever else is to be denied until then.
func (t *tx) endAll(username, except string, until time.Time) (ended int, err error) {
	l, err := t.ledger(username)
	if err != nil {
		return 0, err
	}
	l.Epoch++
	all, err := t.sessionsOf(username, "", int(^uint(0)>>1))
	if err != nil {
		return 0, err
	}
	var denials []revocation.Entry
	carried := "" // only a session that lives may be excepted: one that has ended stays denied
	for _, one := range all {
		if one.ID == except {
			carried = except
			err = t.carryOver(one, l.Epoch)
		} else {
			ended++
			denials = append(denials, engine.DenialsOf([]session.Session{one})...)
			err = t.dropSession(one)
		}
		if err != nil {
			return 0, err
		}
	}
	if until.IsZero() && l.Room(len(denials)) {
		return ended, t.denyOf(username, l, denials)
	}
	return ended, t.denyUser(username, l, carried, engine.Latest(until, denials...))
}

// endAndBegin ends all sessions of a user and stores the one that begins, if any.
func (t *tx) endAndBegin(username string, begin *session.Session) error {
	if begin == nil {
		_, err := t.endAll(username, "", time.Time{})
		return err
	}
	epoch, err := t.epoch(username)
	if err != nil {
		return err
	}
	b, err := engine.EncodeBegun(*begin, username, epoch)
	if err != nil {
		return err
	}
	if t.get(bucketSessions, []byte(begin.ID)) != nil {
		return engine.ErrSessionExists
	}
	if err := t.putSession(nil, *begin, b); err != nil {
		return err
	}
	_, err = t.endAll(username, begin.ID, time.Time{})
	return err
}

// carryOver gives a session another epoch.
func (t *tx) carryOver(one session.Session, epoch uint64) error {
	carried := one
	carried.Epoch = epoch
	b, err := engine.EncodeSession(carried)
	if err != nil {
		return err
	}
	return t.putSession(&one, carried, b)
}
