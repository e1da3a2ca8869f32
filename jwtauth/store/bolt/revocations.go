package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// Deny implements [revocation.Log].
func (s *Store) Deny(ctx context.Context, e revocation.Entry) error {
	return s.write(ctx, func(t *tx) error { return t.deny(e) })
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
func (t *tx) deny(e revocation.Entry) error {
	if err := engine.CheckEntry(e); err != nil {
		return err
	}
	t.wrote, t.appended = true, true
	position, err := t.bucket(bucketRevocations).NextSequence()
	if err != nil {
		return fmt.Errorf("extend the revocation log: %w", err)
	}
	e.Position = position
	b, err := engine.EncodeEntry(e)
	if err != nil {
		return err
	}
	if err := t.put(bucketRevocations, positionKey(position), b); err != nil {
		return err
	}
	return t.put(bucketRevocationsByUntil, dueKey(e.Until, positionKey(position)), nil)
}

var _ revocation.Log = (*Store)(nil)
