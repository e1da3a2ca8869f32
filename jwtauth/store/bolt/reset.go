package bolt

import (
	"context"
	"crypto/rand"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// ResetID gives the store a new id, as a copy of one that goes on elsewhere needs
// it, and removes all sessions, whose ids begin with the old one. Users and
// everything else stay. It returns how many sessions there were. No other method
// may be running.
func (s *Store) ResetID(ctx context.Context) (sessions int, err error) {
	id, err := engine.NewID(rand.Reader)
	if err != nil {
		return 0, err
	}
	b, err := engine.Encode("format", format{Version: formatVersion, ID: id})
	if err != nil {
		return 0, err
	}
	err = s.write(ctx, func(t *tx) error {
		sessions = t.bucket(bucketSessions).Stats().KeyN
		for _, name := range []string{bucketSessions, bucketSessionsByUser, bucketSessionsByExpiry} {
			if err := t.DeleteBucket([]byte(name)); err != nil {
				return err
			}
			if _, err := t.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return t.put(bucketFormat, formatKey, b)
	})
	if err != nil {
		return 0, err
	}
	s.id = id
	return sessions, nil
}
