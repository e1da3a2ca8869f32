package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// Deny implements [revocation.Log].
func (s *Store) Deny(ctx context.Context, e revocation.Entry) error {
	return s.write(ctx, func(t *tx) error {
		if err := engine.CheckEntry(e); err != nil {
			return err
		}
		if e.User == "" {
			_, err := t.deny(e)
			return err
		}
		l, err := t.ledger(e.User)
		if err != nil {
			return err
		}
		if l.Room(1) {
			return t.denyOf(e.User, l, []revocation.Entry{e})
		}
		_, err = t.endAll(e.User, "", e.Until)
		return err
	})
}

// Since implements [revocation.Log].
func (s *Store) Since(ctx context.Context, after uint64, limit int) (entries []revocation.Entry, position uint64, err error) {
	err = s.read(ctx, func(t *tx) error {
		b := t.bucket(bucketRevocations)
		last := b.Sequence()
		if after > last {
			return revocation.ErrPositionLost
		}
		if limit < 1 {
			position = after
			return nil
		}
		position = last
		if after == last {
			return nil
		}
		c := b.Cursor()
		for k, v := c.Seek(positionKey(after + 1)); k != nil && len(entries) < limit; k, v = c.Next() {
			if len(k) != 8 {
				return engine.Corrupt("revocation", errPosition)
			}
			e, err := engine.DecodeEntry(binary.BigEndian.Uint64(k), v)
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
		if len(entries) == limit {
			position = entries[limit-1].Position
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return entries, position, nil
}

var errPosition = errors.New("its position is not a number of 8 bytes")

// Watch implements [revocation.Log].
func (s *Store) Watch(ctx context.Context) <-chan struct{} { return s.changed.Watch(ctx) }

// deny appends an entry.
func (t *tx) deny(e revocation.Entry) (position uint64, err error) {
	t.wrote, t.appended = true, true
	position, err = t.bucket(bucketRevocations).NextSequence()
	if err != nil {
		return 0, fmt.Errorf("extend the revocation log: %w", err)
	}
	e.Position = position
	b, err := engine.EncodeEntry(e)
	if err != nil {
		return 0, err
	}
	if err := t.put(bucketRevocations, positionKey(position), b); err != nil {
		return 0, err
	}
	return position, t.put(bucketRevocationsByUntil, dueKey(e.Until, positionKey(position)), nil)
}

// entry returns the entry at a position, ok false where it was collected.
func (t *tx) entry(position uint64) (e revocation.Entry, ok bool, err error) {
	v := t.get(bucketRevocations, positionKey(position))
	if v == nil {
		return revocation.Entry{}, false, nil
	}
	e, err = engine.DecodeEntry(position, v)
	return e, err == nil, err
}

// dropEntry removes an entry from the log.
func (t *tx) dropEntry(e revocation.Entry) error {
	p := positionKey(e.Position)
	return errors.Join(t.remove(bucketRevocations, p), t.remove(bucketRevocationsByUntil, dueKey(e.Until, p)))
}

// denyOf appends entries about sessions and tokens of one user, for which there
// is room.
func (t *tx) denyOf(username string, l engine.Ledger, entries []revocation.Entry) error {
	for _, e := range entries {
		if _, err := t.deny(e); err != nil {
			return err
		}
	}
	l.Entries += uint64(len(entries))
	return t.putLedger(username, l)
}

// denyUser appends the entry that stands for all former sessions of a user, in
// place of the one before it. It lasts until then at least.
func (t *tx) denyUser(username string, l engine.Ledger, except string, until time.Time) error {
	former, stands, err := t.entry(l.Position)
	if err != nil {
		return err
	}
	if stands {
		until = engine.Latest(until, former)
		if err := t.dropEntry(former); err != nil {
			return err
		}
	}
	l.Position, err = t.deny(revocation.Entry{Kind: revocation.User, ID: username, Epoch: l.Epoch, Except: except, Until: until})
	if err != nil {
		return err
	}
	return t.putLedger(username, l)
}

// ledger returns what is kept of a user name.
func (t *tx) ledger(username string) (engine.Ledger, error) {
	return engine.DecodeLedger(t.get(bucketEpochs, []byte(username)))
}

func (t *tx) putLedger(username string, l engine.Ledger) error {
	return t.put(bucketEpochs, []byte(username), l.Encode())
}

var _ revocation.Log = (*Store)(nil)
