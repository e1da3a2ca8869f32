package memory

import (
	"context"
	"slices"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// Deny implements [revocation.Log].
func (s *Store) Deny(ctx context.Context, e revocation.Entry) error {
	return s.write(ctx, func() error {
		if err := engine.CheckEntry(e); err != nil {
			return err
		}
		s.deny(e)
		return nil
	})
}

// Since implements [revocation.Log].
func (s *Store) Since(ctx context.Context, after uint64, limit int) (entries []revocation.Entry, position uint64, err error) {
	err = s.read(ctx, func() error {
		if after > s.position {
			return revocation.ErrPositionLost
		}
		if limit < 1 {
			position = after
			return nil
		}
		from, _ := slices.BinarySearchFunc(s.log, after+1, func(e revocation.Entry, p uint64) int {
			if e.Position < p {
				return -1
			}
			return 1
		})
		entries = slices.Clone(s.log[from:min(from+limit, len(s.log))])
		position = s.position
		if len(entries) == limit {
			position = entries[limit-1].Position
		}
		return nil
	})
	return entries, position, err
}

// Watch implements [revocation.Log].
func (s *Store) Watch(ctx context.Context) <-chan struct{} { return s.changed.Watch(ctx) }

// deny appends a checked entry.
func (s *Store) deny(e revocation.Entry) {
	s.position++
	e.Position = s.position
	s.log = append(s.log, e)
}

var _ revocation.Log = (*Store)(nil)
