package bolt

import (
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// Counters that versions without reservations wrote are read, and written in the
// form of today.
func TestAttemptsOfOlderVersions(t *testing.T) {
	path := newPath(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	moment := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	expires := moment.Add(time.Hour)
	editFile(t, path, func(btx *bbolt.Tx) error {
		record := `{"failures":7,"blocked_until":"2026-01-02T03:05:05.678Z","expires":"2026-01-02T04:04:05.678Z"}`
		if err := btx.Bucket([]byte(bucketAttempts)).Put([]byte("key"), []byte(record)); err != nil {
			return err
		}
		return btx.Bucket([]byte(bucketAttemptsByExpiry)).Put(dueKey(expires, []byte("key")), nil)
	})

	s = open(t, path)
	old := throttle.Counter{Failures: 7, BlockedUntil: moment.Add(time.Minute), Expires: expires}
	later := old
	later.FadesFrom, later.Pending = moment, []throttle.Reservation{{ID: "one", At: moment}}
	for _, step := range []struct{ want, put throttle.Counter }{{old, later}, {later, old}, {old, old}} {
		var seen []throttle.Counter
		err := s.UpdateAttempts(t.Context(), moment, []string{"key"}, func(c []throttle.Counter) error {
			seen = slices.Clone(c)
			c[0] = step.put
			return nil
		})
		if err != nil || !seen[0].Equal(step.want) {
			t.Errorf("read %+v, %v; want %+v", seen, err, step.want)
		}
	}
}
