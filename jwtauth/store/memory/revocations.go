package memory

import (
	"context"
	"slices"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/revocation"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// Deny implements [revocation.Log].
func (s *Store) Deny(ctx context.Context, e revocation.Entry) error {
	return s.write(ctx, func() error {
		if err := engine.CheckEntry(e); err != nil {
			return err
		}
		if e.User == "" {
			s.deny(e)
			return nil
		}
		if l := s.ledgers[e.User]; l.Room(1) {
			s.denyOf(e.User, l, []revocation.Entry{e})
			return nil
		}
		_, err := s.endAll(e.User, "", e.Until)
		return err
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

// deny appends an entry that was checked, or made here.
func (s *Store) deny(e revocation.Entry) (position uint64) {
	s.position++
	e.Position = s.position
	s.log = append(s.log, e)
	return s.position
}

// denyOf appends entries about sessions and tokens of one user, for which there
// is room.
func (s *Store) denyOf(username string, l engine.Ledger, entries []revocation.Entry) {
	for _, e := range entries {
		s.deny(e)
	}
	l.Entries += uint64(len(entries))
	s.ledgers[username] = l
}

// denyUser appends the entry that stands for all former sessions of a user, in
// place of the one before it. It lasts until then at least.
func (s *Store) denyUser(username string, l engine.Ledger, except string, until time.Time) {
	if i := slices.IndexFunc(s.log, func(e revocation.Entry) bool { return e.Position == l.Position }); i >= 0 {
		until = engine.Latest(until, s.log[i])
		s.log = slices.Delete(s.log, i, i+1)
	}
	l.Position = s.deny(revocation.Entry{Kind: revocation.User, ID: username, Epoch: l.Epoch, Except: except, Until: until})
	s.ledgers[username] = l
}

var _ revocation.Log = (*Store)(nil)
